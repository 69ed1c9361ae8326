"""The images of a folder that a trained network gives classes: found, and read as those of its training were."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from coreset_studio.core.data.images import decode, decode_page, read_file
from coreset_studio.core.data.levels import Decoded, fixed
from coreset_studio.core.data.listing import Entry, Listing
from coreset_studio.core.data.page_names import file_and_page
from coreset_studio.core.data.paged import with_each_page
from coreset_studio.core.data.reading_notes import notes_on
from coreset_studio.core.errors import ExportError, ImageError
from coreset_studio.core.files import reason_of
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.reading import Identity, identity_of
from coreset_studio.core.results import Reading, Skipped, Stored
from coreset_studio.core.threads import n_processors
from coreset_studio.core.training.pixels import Pixels, resize

BATCH = 32


@dataclass(frozen=True)
class NewBatch:
    """Images that could be read, shape (image_size, image_size, 3) each, and how many files were dealt with."""

    paths: list[str]
    squares: list[Pixels]
    n_done: int


class NewImages:
    """The images below a folder.

    Parameters
    ----------
    folder : Path
    size : int
        Side of the squares that they become, in pixels.
    reading : Reading
        That of the training.

    Attributes
    ----------
    files : list of str
        Relative to the folder, sorted; where the training read every page as an image of its own, pages by name.
    skipped : list of Skipped
        What cannot be opened or read, so far.
    rank : dict of str to int
        The place of each path in `files`.

    Raises
    ------
    ExportError
        If `folder` is not a folder, or cannot be opened.
    """

    def __init__(self, folder: Path, size: int, reading: Reading) -> None:
        found = _Found(folder)
        self.skipped = found.skipped
        self.files = sorted(file.relative_to(folder).as_posix() for file in found.files)
        if reading.pages == "each":
            listing = Listing(folder, [Entry(name, "") for name in self.files])
            self.files = [entry.path for entry in with_each_page(listing, NO_PROGRESS).entries]
        self.rank = {name: place for place, name in enumerate(self.files)}
        self._folder, self._size = folder, size
        self._trained, self._reading = reading, reading
        self._stored: dict[str, Stored] = {}
        self._waiting: list[tuple[str, Decoded]] = []

    def batches(self) -> Iterator[NewBatch]:
        """Yield all images; those of kinds of file that the training had none of come last."""
        yield from self._pass(self.files)
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._reading = fixed(
                self._reading, ((each.stored or Stored(), each.survey, each.open_alpha) for _, each in waiting)
            )
            yield from self._pass([name for name, _ in waiting])

    def notes(self) -> list[str]:
        """Return what stored values became, as sentences."""
        new = [kind for kind in self._reading.ranges if kind not in self._trained.ranges]
        new += [kind for kind in self._reading.alphas if kind not in self._trained.alphas]
        notes = [
            f"The network was trained without images of the kind {kind}; their range was determined from these images "
            "together."
            for kind in new
        ]
        return notes + notes_on(self._stored, self._reading)

    def _pass(self, names: Sequence[str]) -> Iterator[NewBatch]:
        for batch, answers in _read_ahead(self._folder, names, self._size, self._reading):
            paths, squares = [], []
            waiting = 0
            for name, answer in zip(batch, answers, strict=True):
                if isinstance(answer, str):
                    self.skipped.append(Skipped(name, answer))
                elif answer.is_open:
                    self._waiting.append((name, answer))
                    waiting += 1
                else:
                    paths.append(name)
                    squares.append(answer.rgb)
                    if answer.stored is not None:
                        self._stored[name] = answer.stored
            yield NewBatch(paths, squares, len(batch) - waiting)


class _Found:
    """The files below a folder, and what of it cannot be opened."""

    def __init__(self, folder: Path) -> None:
        self.files: list[Path] = []
        self.skipped: list[Skipped] = []
        self._top = folder
        if not folder.is_dir():
            raise ExportError(f"{folder} is not a folder; expected the folder of the new images.")
        pending: list[tuple[Path, tuple[Identity, ...]]] = [(folder, ())]
        while pending:
            place, above = pending.pop()
            try:
                identity = identity_of(place)
                if identity in above:
                    self._skip(place, "The folder is a link to a folder above it.")
                    continue
                children = sorted(place.iterdir())
            except OSError as error:
                if place == folder:
                    raise ExportError(f"The folder {folder} cannot be opened ({reason_of(error)}).") from error
                self._skip(place, f"The folder cannot be opened ({reason_of(error)}).")
                continue
            for child in children:
                if child.name.startswith("."):
                    continue
                if child.is_dir():
                    pending.append((child, (*above, identity)))
                else:
                    self.files.append(child)

    def _skip(self, place: Path, reason: str) -> None:
        self.skipped.append(Skipped(f"{place.relative_to(self._top).as_posix()}/", reason))


def _read_ahead(
    folder: Path, names: Sequence[str], size: int, reading: Reading
) -> Iterator[tuple[Sequence[str], list[Decoded | str]]]:
    """Yield the files in batches with what each holds; the next batch is read while the network is at work."""
    batches = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
    with ThreadPoolExecutor(max_workers=n_processors()) as threads:
        waiting: deque[list[Future[Decoded | str]]] = deque()
        for number, batch in enumerate(batches):
            for later in batches[number + len(waiting) : number + 2]:
                waiting.append([threads.submit(_read, folder, name, size, reading) for name in later])
            yield batch, [one.result() for one in waiting.popleft()]


def _read(folder: Path, name: str, size: int, reading: Reading) -> Decoded | str:
    """Return what a file, or a page of one, holds, as a square, or the reason why it is no image."""
    file, page = file_and_page(name)
    try:
        data = read_file(folder / file)
        decoded = decode_page(data, page, reading) if page else decode(data, reading)
        return decoded if decoded.is_open else replace(decoded, rgb=resize(decoded.rgb, size))
    except (ImageError, OSError) as error:
        return str(error)
