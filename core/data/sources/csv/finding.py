"""Find the image files that a table names: as written, with another case or folder, or by their name without suffix."""

# Paths of millions of rows are texts here: making objects of them takes longer than all the rest.
# ruff: noqa: PTH118, PTH120, PTH122

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from coreset_studio.core.data.folder_names import has_image_suffix, leftover
from coreset_studio.core.data.page_names import file_and_page, page_path
from coreset_studio.core.data.sources.csv.rows import Files, file_fault
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.spellings import composed

_MOST_FILES = 3_000_000
_FILES_PER_REPORT = 5000


@dataclass
class Found:
    """How images were found that are not at the paths of the table.

    Attributes
    ----------
    counts : Counter
        How many by ``"stem"``, ``"case"``, ``"spelling"`` or ``"elsewhere"``.
    examples : dict
        The name of the first file of each.
    """

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def notes(self, name: str) -> list[str]:
        """Return a sentence for each way."""
        words = {
            "stem": "by their names without suffix",
            "case": "with different capitalisation",
            "spelling": "with accents that are stored differently (Unicode NFC and NFD)",
            "elsewhere": "in another folder",
        }
        return [
            f"{count:,} images of {name} were found {words[how]}, such as {self.examples[how]}."
            for how, count in self.counts.items()
        ]


class FileFinder:
    """Find files by the values of a table.

    Parameters
    ----------
    folders : sequence of str
        Absolute; where the files are looked for, the most likely first.
    progress : Progress
    """

    def __init__(self, folders: Sequence[str], progress: Progress = NO_PROGRESS) -> None:
        self.folders = tuple(dict.fromkeys(folders))
        self.found = Found()
        self._progress = progress
        self._files = Files(Counter(), self._still)
        self._by_name: dict[str, list[str]] | None = None
        self._by_stem: dict[str, list[str]] = {}

    def expect(self, texts: Iterable[str]) -> None:
        """Announce which files will be requested, so that folders with many of them are listed once."""
        n_by_folder = Counter(os.path.dirname(text) for text in texts)
        folder = self.folders[0]
        self._files = Files(
            Counter({os.path.normpath(os.path.join(folder, at)): n for at, n in n_by_folder.items()}), self._still
        )

    def _still(self) -> None:
        self._progress.report(0, 0, "Looking for the files of the table: files")

    def find(self, text: str) -> tuple[str, str]:
        """Return the absolute path of a file, and why there is none: one of the two is empty.

        Where there is none, the path is the one that was written.
        """
        file, page = file_and_page(text)
        if page:
            found_file, fault = self.find(file)
            return page_path(found_file, page), fault
        path, fault = self.as_written(text)
        if not fault:
            return path, ""
        found, how = self._look_up(text)
        if len(found) == 1:
            self.found.counts[how] += 1
            self.found.examples.setdefault(how, os.path.split(found[0])[1])
            return found[0], ""
        if found:
            return path, f"it matches {len(found)} files; specify the folder of the images (--image-folder)"
        return path, fault

    def as_written(self, text: str) -> tuple[str, str]:
        """Return a path as the table has it, and what is wrong with it; one of Windows may have backslashes."""
        path = os.path.normpath(os.path.join(self.folders[0], text))
        first = (path, self._files.fault(path))
        if not first[1]:
            return first
        for folder in self.folders:
            for written in dict.fromkeys((text, text.replace("\\", "/"))):
                path = os.path.normpath(os.path.join(folder, written))
                fault = self._files.fault(path)
                if not fault:
                    return path, ""
        return first

    def _look_up(self, text: str) -> tuple[list[str], str]:
        """Return the files whose path ends most like `text`, and how they were found."""
        self._index()
        parts = [part for part in _folded(text.replace("\\", "/")).split("/") if part not in ("", ".", "..")]
        if not parts or self._by_name is None:
            return [], ""
        named, how = self._by_name.get(parts[-1], []), "elsewhere"
        if not named and not has_image_suffix(parts[-1]):
            named, how = self._by_stem.get(parts[-1], []), "stem"
        if not named and has_image_suffix(parts[-1]):
            # The same name with another suffix is another file; only its spelling may differ, such as .jpeg and .jpg.
            stem, suffix = os.path.splitext(parts[-1])
            alike = {".jpg": ".jpeg", ".jpeg": ".jpg", ".tif": ".tiff", ".tiff": ".tif"}.get(suffix, "")
            named, how = (self._by_name.get(stem + alike, []) if alike else []), "elsewhere"
        ends = {path: _common_end(_folded(path), parts[:-1]) for path in named}
        most = max(ends.values(), default=0)
        best = [path for path, length in ends.items() if length == most]
        if how == "elsewhere" and len(best) == 1:
            how = self._difference(best[0], text)
        return best, how

    def _difference(self, path: str, text: str) -> str:
        """Return in what a path differs from the text of the table."""
        written = [os.path.normpath(os.path.join(folder, text.replace("\\", "/"))) for folder in self.folders]
        if composed(path) in map(composed, written):
            return "spelling"
        return "case" if _folded(path) in map(_folded, written) else "elsewhere"

    def _index(self) -> None:
        """List all files below the folders, once."""
        if self._by_name is not None:
            return
        by_name: dict[str, list[str]] = defaultdict(list)
        by_stem: dict[str, list[str]] = defaultdict(list)
        n_files = 0
        for root in self.folders[:1]:
            for folder, inner, files in os.walk(root):
                inner[:] = sorted(one for one in inner if not one.startswith(".") and not leftover(one, is_folder=True))
                for name in files:
                    if n_files % _FILES_PER_REPORT == 0:
                        self._progress.report(n_files, 0, "Looking for the files of the table: files")
                    n_files += 1
                    if n_files > _MOST_FILES or name.startswith("."):
                        continue
                    path = os.path.join(folder, name)
                    by_name[_folded(name)].append(path)
                    if has_image_suffix(name):
                        by_stem[_folded(os.path.splitext(name)[0])].append(path)
        self._by_name, self._by_stem = dict(by_name), dict(by_stem)


def _folded(name: str) -> str:
    """Return a name in which neither case nor the form of its accents counts."""
    return composed(composed(name).casefold())


def _common_end(path: str, parts: Sequence[str]) -> int:
    """Return how many of the folders of a path, from the file upwards, are those of `parts`."""
    folders = path.replace(os.sep, "/").split("/")[:-1]
    length = 0
    while length < min(len(folders), len(parts)) and folders[-1 - length] == parts[-1 - length]:
        length += 1
    return length


def exists(file: str) -> bool:
    """Return whether a path is a file that can be opened."""
    return not file_fault(file)
