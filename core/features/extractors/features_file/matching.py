"""Which row of a features file is of which image of a dataset."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.results import Image

NO_ROW = "The features file has no row for it."
NOT_FINITE = "Its row in the features file has values that are missing, not finite or too large."

_SHA256 = re.compile(r"(?:sha-?256:)?([0-9a-f]{64})", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """The facts known about one row of a features file.

    Attributes
    ----------
    number : int
        From 0, over the whole file.
    name : int
        What it is called in sentences; see `core.features.extractors.features_file.forms.Part.numbers`.
    key : str
        Of the image, as written.
    check : int
        CRC-32 of its numbers: rows that differ in it differ.
    is_finite : bool
        Whether all of its numbers can be used.
    """

    number: int
    name: int
    key: str
    check: int
    is_finite: bool


@dataclass(frozen=True)
class Matched:
    """Rows of images.

    Attributes
    ----------
    rows : mapping of str to int
        Number of the row by `Image.pixels`, for the contents that have one.
    reasons : mapping of str to str
        Why a content has none, by `Image.pixels`.
    notes : tuple of str
        What was assumed.
    """

    rows: Mapping[str, int]
    reasons: Mapping[str, str]
    notes: tuple[str, ...]


Find = Callable[[Image], "list[Row]"]
"""Returns the rows that are of an image."""


def match(name: str, rows: Sequence[Row], images: Sequence[Image]) -> Matched:
    """Find the row of each image: by SHA-256 where the keys are digests, else by path, else by file name.

    Parameters
    ----------
    name : str
        Of the features file, for what is raised; what is kept does not name it, since it may be read in a private
        export.
    rows : sequence of Row
    images : sequence of Image
        Of the dataset, at least one.

    Raises
    ------
    FeatureError
        If no row is of any image, or no such row can be used.
    """
    if _SHA256.fullmatch(rows[0].key.strip()):
        find, words = _best(_by_digest(rows, images), images)
    else:
        find, words = _best(_by_path(rows, images), images)
        if find is None:
            find, words = _best(_by_name(rows, images), images)
    if find is None:
        raise FeatureError(
            f"No row of {name} is of an image of this dataset: it has {_example(row.key for row in rows)}, the dataset "
            f"{_example(image.path for image in images)}. Expected paths in the dataset, or the SHA-256 of the image "
            "files."
        )
    found: dict[str, Row] = {}
    reasons: dict[str, str] = {}
    used: set[int] = set()
    n_unequal = 0
    for image in images:
        candidates = find(image)
        used.update(row.number for row in candidates)
        why = _why_not(candidates)
        if why:
            reasons.setdefault(image.pixels, why)
            continue
        first = found.setdefault(image.pixels, candidates[0])
        n_unequal += first.check != candidates[0].check
    if not found:
        raise FeatureError(f"No row of {name} can be used. {_first_reason(images, reasons)}")
    notes = [words] if words else []
    if n_unequal:
        notes.append(
            f"{_counted(n_unequal, 'image has', 'images have')} the same pixels as another image and a different row "
            "in the features file; the row of the first in the sequence of paths was used."
        )
    if len(found) > 1 and len({row.check for row in found.values()}) == 1:
        notes.append("All rows of the features file are the same, so that they do not distinguish any images.")
    n_unused = len(rows) - len(used)
    if n_unused:
        notes.append(
            f"{_counted(n_unused, 'row', 'rows')} of the features file {'is' if n_unused == 1 else 'are'} of no image "
            f"of this dataset, such as {_example(row.key for row in rows if row.number not in used)}."
        )
    kept = {pixels: why for pixels, why in reasons.items() if pixels not in found}
    return Matched({pixels: row.number for pixels, row in found.items()}, kept, tuple(notes))


def normal_path(text: str) -> str:
    """Return a path as paths of a dataset are written: forward slashes, no ``./``, composed characters."""
    forward = unicodedata.normalize("NFC", text.strip().replace("\\", "/"))
    return "/".join(part for part in forward.split("/") if part not in ("", "."))


def _best(ways: Iterable[tuple[Find, str]], images: Sequence[Image]) -> tuple[Find | None, str]:
    """Return the way that finds most images, the first of those that find as many, and its note."""
    best: tuple[Find | None, str] = (None, "")
    most = 0
    for find, words in ways:
        n = sum(bool(find(image)) for image in images)
        if n > most:
            best, most = (find, words), n
        if most == len(images):
            break
    return best


def _why_not(candidates: Sequence[Row]) -> str:
    """Return why an image has no usable row among these; empty if it has one."""
    if not candidates:
        return NO_ROW
    if any(row.check != candidates[0].check for row in candidates):
        names = " and ".join(str(row.name) for row in candidates[:2])
        return f"The features file has different rows for it ({names})."
    return "" if candidates[0].is_finite else f"{NOT_FINITE[:-1]} ({candidates[0].name})."


def _first_reason(images: Sequence[Image], reasons: Mapping[str, str]) -> str:
    image = next(image for image in images if image.pixels in reasons)
    return f"{image.path}: {reasons[image.pixels]}"


# --- by content ---------------------------------------------------------------------------------------------------


def _by_digest(rows: Sequence[Row], images: Sequence[Image]) -> Iterable[tuple[Find, str]]:
    # Pages of a file that are images of their own share its digest.
    n_contents = Counter(file for file, _ in {(image.file, image.pixels) for image in images})
    index: dict[str, list[Row]] = {}
    for row in rows:
        if digest := _SHA256.fullmatch(row.key.strip()):
            index.setdefault(digest[1].lower(), []).append(row)
    yield (lambda image: index.get(image.file, []) if n_contents[image.file] == 1 else []), ""
    yield (lambda image: index.get(image.pixels, [])), "The SHA-256 in the features file are those of decoded pixels."


# --- by path ------------------------------------------------------------------------------------------------------


def _by_path(rows: Sequence[Row], images: Sequence[Image]) -> Iterable[tuple[Find, str]]:
    """Yield ways to find rows by path, the strictest first."""
    index = _indexed(rows, normal_path)
    paths = {image.path: normal_path(image.path) for image in images}
    yield _in_folder(index, paths, images)
    before = _prefix(index, set(paths.values()))
    if before:
        short = {key.removeprefix(f"{before}/"): value for key, value in index.items() if key.startswith(f"{before}/")}
        words = f"Paths in the features file begin with “{before}/”, which was ignored."
        yield _in_folder(short, paths, images, words)
    above = _prefix(paths.values(), index)
    if above and all(path.startswith(f"{above}/") for path in paths.values()):
        inside = {path: normal.removeprefix(f"{above}/") for path, normal in paths.items()}
        yield _in_folder(index, inside, images, f"Paths in the features file lack the folder “{above}/”.")
    yield _loosely(rows, images, _without_suffix, "Paths in the features file were compared without their endings.")


def _by_name(rows: Sequence[Row], images: Sequence[Image]) -> Iterable[tuple[Find, str]]:
    """Yield ways to find rows by file names alone: where folders match for some images, they count for all."""
    words = "Rows of the features file were matched by file names alone, without folders"
    yield _loosely(rows, images, _file_name, f"{words}.")
    yield _loosely(rows, images, lambda path: _without_suffix(_file_name(path)), f"{words} and endings.")


def _in_folder(
    index: Mapping[str, list[Row]], paths: Mapping[str, str], images: Sequence[Image], words: str = ""
) -> tuple[Find, str]:
    """Return what finds exact paths, and those that differ in upper and lower case if only one image can be meant."""
    folded: dict[str, list[Row]] = {}
    for key, rows in index.items():
        folded.setdefault(key.casefold(), []).extend(rows)
    spellings = {fold: {normal_path(row.key) for row in rows} for fold, rows in folded.items()}
    n_images = Counter(normal.casefold() for normal in paths.values())

    def find(image: Image) -> list[Row]:
        normal = paths[image.path]
        if normal in index:
            return index[normal]
        fold = normal.casefold()
        return folded[fold] if n_images[fold] == 1 and len(spellings.get(fold, ())) == 1 else []

    n_cases = sum(1 for image in images if paths[image.path] not in index and find(image))
    more = ""
    if n_cases:
        more = f"{_counted(n_cases, 'path differs', 'paths differ')} from the dataset in upper and lower case."
    return find, " ".join(each for each in (words, more) if each)


def _loosely(rows: Sequence[Row], images: Sequence[Image], part: Callable[[str], str], words: str) -> tuple[Find, str]:
    """Return what finds rows by a part of their paths, where no two images and no two paths of rows share that."""
    index = _indexed(rows, lambda key: part(normal_path(key)))
    n_images = Counter(part(normal_path(image.path)) for image in images)

    def find(image: Image) -> list[Row]:
        name = part(normal_path(image.path))
        found = index.get(name, [])
        return found if n_images[name] == 1 and len({normal_path(row.key) for row in found}) == 1 else []

    return find, words


def _indexed(rows: Sequence[Row], part: Callable[[str], str]) -> dict[str, list[Row]]:
    index: dict[str, list[Row]] = {}
    for row in rows:
        index.setdefault(part(row.key), []).append(row)
    return index


def _prefix(longer: Iterable[str], shorter: Collection[str]) -> str:
    """Return the folders that paths of `longer` have before a path of `shorter`; empty without, or if they differ."""
    found: set[str] = set()
    for path in longer:
        parts = path.split("/")
        cut = next((at for at in range(1, len(parts)) if "/".join(parts[at:]) in shorter), 0)
        if cut:
            found.add("/".join(parts[:cut]))
        if len(found) > 1:
            return ""  # such as train/ and test/: a row could be of several images
    return found.pop() if found else ""


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]


def _without_suffix(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{PurePosixPath(name).stem}"


def _example(texts: Iterable[str]) -> str:
    return f"“{next(iter(texts))[:80]}”"


def _counted(n: int, one: str, several: str) -> str:
    return f"{n:,} {one if n == 1 else several}"
