"""Description of a source of labelled images: its facts, without its code."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from coreset_studio.core.data.page_names import file_and_page
from coreset_studio.core.descriptions import Description, Registry
from coreset_studio.core.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from coreset_studio.core.data.colour import RGBArray
    from coreset_studio.core.data.listing import Listing
    from coreset_studio.core.data.reader import Loaded, SourceReader
    from coreset_studio.core.results import Reading
    from coreset_studio.core.settings import DataSettings

Holds = Literal["files", "bytes", "arrays"]


class Match(IntEnum):
    """Confidence that a path belongs to a source; the source with the highest confidence opens it."""

    NO = 0
    POSSIBLE = 1
    """It is possible."""
    NAME = 2
    """Its name matches, or it is a folder and the source accepts any."""
    CONTENT = 3
    """Its content matches."""


@dataclass(frozen=True, kw_only=True)
class Source(Description):
    """A form in which labelled images are on the disk; its name is the `kind` of a dataset.

    `does` names an object with the methods of `core.data.reader.SourceReader`.

    Attributes
    ----------
    short : str
        What one is called in a sentence, with its article: ``"a CSV"``.
    expects : str
        The expected form, with its article: ``"a CSV with path,class"``.
    is_folder : bool
        Whether it is a folder that the images are in; else it is one file.
    suffixes : tuple of str
        Of a file: the endings that it usually has, lower case with their dots. The window offers files that have one
        of them.
    holds : {"files", "bytes", "arrays"}
        What its images are. ``"files"``: image files of their own, which can be copied and linked. ``"bytes"``: whole
        image files inside of something larger, which can be copied. ``"arrays"``: pixels; exports write them as PNG.
    """

    short: str
    expects: str
    is_folder: bool = False
    suffixes: tuple[str, ...] = ()
    holds: Holds = "files"

    def holds_at(self, path: str) -> Holds:
        """Return what the image of a path is: one page of a file is pixels, as its file is not its own."""
        return "arrays" if self.holds == "files" and file_and_page(path)[1] else self.holds

    def match(self, path: Path, head: bytes, data: "DataSettings") -> Match:
        """Return how surely a path is of this source; see `core.data.reader.SourceReader.recognise`.

        A reader whose `recognise` has a parameter `data` is given the settings.
        """
        recognise: Callable[..., Match] = self.code.recognise
        return recognise(path, head, data=data) if _takes(recognise, "data") else recognise(path, head)

    def listing(
        self,
        path: Path,
        settings: Any = None,
        progress: Progress = NO_PROGRESS,
        data: "DataSettings | None" = None,
    ) -> "Listing":
        """List the images of a path, under the source's own settings where it has any (by default theirs).

        A reader whose `listing` has a parameter `progress` or `data` is given it.

        Raises
        ------
        DatasetError
            If it cannot be read or is not valid.
        """
        given: list[Any] = [path]
        if self.settings is not None:
            given.append(self.settings() if settings is None else settings)
        lists: Callable[..., Listing] = self.code.listing
        more = {"progress": progress, "data": data}
        return lists(*given, **{name: value for name, value in more.items() if _takes(lists, name)})

    def load(self, root: Path, path: str, reading: "Reading") -> "Loaded":
        """Decode one image for the scan; a reader whose `load` has a parameter `reading` is given it.

        Raises
        ------
        ImageError
            With the reason, as one sentence.
        """
        load: Callable[..., Loaded] = self.reader.load
        return load(root, path, reading=reading) if _takes(load, "reading") else load(root, path)

    def read(self, root: Path, path: str, reading: "Reading") -> "RGBArray":
        """Decode one image; a reader whose `read` has a parameter `reading` is given it.

        Raises
        ------
        ImageError
            If it cannot be read.
        """
        read: Callable[..., RGBArray] = self.reader.read
        return read(root, path, reading=reading) if _takes(read, "reading") else read(root, path)

    @property
    def reader(self) -> "SourceReader":
        """The reader that finds and reads the images; imported when first needed."""
        return cast("SourceReader", self.code)


def _takes(method: Callable[..., Any], name: str) -> bool:
    """Return whether a method of a reader has a parameter; one of an earlier version of the program may not."""
    return _has_parameter(getattr(method, "__func__", method), name)


@lru_cache(maxsize=256)
def _has_parameter(function: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


class Sources(Registry[Source]):
    """The sources, and the words in which they are offered."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The endings of the files that can be opened, each once."""
        return tuple(dict.fromkeys(suffix for source in self.values() for suffix in source.suffixes))

    @property
    def files(self) -> tuple[Source, ...]:
        """Those that are one file."""
        return tuple(source for source in self.values() if not source.is_folder)

    @property
    def folders(self) -> tuple[Source, ...]:
        """Those that are a folder."""
        return tuple(source for source in self.values() if source.is_folder)

    def likely(self, path: Path) -> tuple[str, ...]:
        """Return the names of those that a path may be of by its name alone, without looking into it."""
        if path.is_dir():
            return tuple(name for name, source in self.items() if source.is_folder)
        suffix = path.suffix.lower()
        return tuple(name for name, source in self.items() if not source.is_folder and suffix in source.suffixes)

    def expected(self) -> str:
        """Return what can be opened, each with what is expected of it."""
        words = list(dict.fromkeys(source.expects for source in self.values()))
        return ", ".join([*words[:-1], f"or {words[-1]}"]) if len(words) > 1 else words[0]

    def alternatives(self, *more: str) -> str:
        """Return what can be opened in a few words, such as ``"a folder, a CSV or an .npz"``, and `more`."""
        return either([*(source.short for source in self.values()), *more])

    def file_words(self) -> str:
        """Return what files can be opened, without articles, such as ``"CSV or .npz"``."""
        return either(source.short.partition(" ")[2] for source in self.files)

    def file_filter(self) -> str:
        """Return the files that can be opened in the form of a file dialog, such as ``"CSV or .npz (*.csv *.npz)"``."""
        return f"{self.file_words()} ({' '.join(f'*{suffix}' for suffix in self.suffixes)})"


def either(words: Iterable[str]) -> str:
    """Return `words`, each once, joined by commas and a last "or"."""
    each: Sequence[str] = list(dict.fromkeys(words))
    return each[0] if len(each) == 1 else f"{', '.join(each[:-1])} or {each[-1]}"
