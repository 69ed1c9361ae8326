"""Find masks that are next to the images that they were drawn for: by their names, and then by what they show."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

import cv2
import numpy as np

from coreset_studio.core.data.colour import RGBArray
from coreset_studio.core.data.images import read_rgb
from coreset_studio.core.data.listing import Listing
from coreset_studio.core.errors import ImageError
from coreset_studio.core.results import Skipped

_MARK = (
    "mask|masks|maske|seg|segm|segmentation|segmented|gt|groundtruth|ground[ _-]?truth|label|labels|labelled|"
    "annotation|annotations|annot|anno|contour|outline|roi|manual[0-9]?|[0-9]?st[ _-]?manual|binary"
)
_NAME = re.compile(
    rf"(?P<stem>.+?)(?:[ _.-]+(?:{_MARK})(?:[ _-]?\(?\d+\)?)?)+$|(?:{_MARK})[ _.-]+(?P<after>.+)$", re.IGNORECASE
)
_FOLDER = re.compile(rf"(?:[\w-]*[ _-])?(?:{_MARK}|segmentation\w*|masken|groundtruth\w*)$", re.IGNORECASE)
_LOOKED_AT = 24
_MOSTLY = 0.75
_SPREAD = 12
_TWO_VALUED = 0.95
_FEW_VALUES = 6


def leave_masks_out(listing: Listing, read: Callable[[str], RGBArray] | None = None) -> None:
    """Take entries that are masks of other entries out of a listing, with a note.

    Parameters
    ----------
    listing : Listing
    read : callable, optional
        Decodes the image of a path; by default it is a file below the root. May raise `ImageError`.
    """
    read = read or (lambda path: read_rgb(listing.root / path))
    pairs = masks_by_name(entry.path for entry in listing.entries)
    masks: dict[str, str] = {}
    kept: dict[str, str] = {}
    for same in _alike_named(pairs):
        (masks if _look_like_masks(read, same) else kept).update(same)
    if masks:
        listing.entries[:] = [entry for entry in listing.entries if entry.path not in masks]
        listing.skipped.extend(Skipped(path, f"It is a mask of {image}.") for path, image in masks.items())
        listing.warnings.append(
            f"{len(masks):,} images, such as {min(masks)}, are named like masks of other images, look like masks, "
            "and are excluded. To use them, turn off “Exclude masks” (--no-leave-out-masks)."
        )
    if kept and any(not _is_plain_sibling(path, image) for path, image in kept.items()):
        listing.warnings.append(
            f"{len(kept):,} images, such as {min(kept)}, are named like masks of other images, but do not look like "
            "masks; they are used."
        )


def _is_plain_sibling(path: str, image: str) -> bool:
    """Return whether two files have the same name in two folders: folders of classes often number their images."""
    return PurePosixPath(path).stem == PurePosixPath(image).stem


def masks_by_name(paths: Iterable[str]) -> dict[str, str]:
    """Return the paths that are named like masks of others, each with the path of the image.

    Parameters
    ----------
    paths : iterable of str
        With forward slashes. A mask is named as its image with a word such as ``_mask`` or ``_gt`` next to, with or
        without a number, in the same folder; or is under the image's name, or that name with such a word, in a
        folder named ``masks`` or the like next to the folder of the images; or has the image's name and folder, and
        another suffix, such as ``.png`` next to a ``.jpg``.
    """
    stems: dict[str, dict[str, str]] = defaultdict(dict)
    found = {}
    for path in sorted(paths, reverse=True):
        folder, _, name = path.rpartition("/")
        stem = name.rpartition(".")[0] or name
        other = stems[folder].get(stem, "")
        image, mask = sorted((path, other), key=_as_masks) if other else (path, "")
        stems[folder][stem] = image
        if mask:
            found[mask] = image
    # Of three files of one name, two are masks of the third.
    found = {mask: stems[image.rpartition("/")[0]][_stem(image)] for mask, image in found.items()}
    beside: dict[str, set[str]] = defaultdict(set)
    for folder in stems:
        parts = folder.split("/") if folder else []
        for depth, part in enumerate(parts):
            beside["/".join(parts[:depth])].add(part)
    begun = {folder: _by_first_word(named) for folder, named in stems.items() if len(stems) > 1}
    for folder, named in stems.items():
        for stem, path in named.items():
            image = _image_beside(stem, named) or _image_in_sibling(folder, stem, stems, beside, begun)
            if image and image != path:
                found[path] = image
    return found


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _as_masks(path: str) -> tuple[int, str]:
    """Return how usual masks are in a file of this suffix: hardly ever where pixels are stored with losses."""
    suffix = path.rpartition(".")[2].lower()
    return (0 if suffix in ("jpg", "jpeg") else 2 if suffix in ("gif", "bmp") else 1), path


def _image_beside(stem: str, named: Mapping[str, str]) -> str:
    match = _NAME.fullmatch(stem)
    return named.get(match["stem"] or match["after"], "") if match else ""


def _image_in_sibling(
    folder: str,
    stem: str,
    stems: Mapping[str, Mapping[str, str]],
    beside: Mapping[str, set[str]],
    begun: Mapping[str, Mapping[str, list[str]]],
) -> str:
    """Return the image of the same name in a folder next to that of masks, at any level of the path."""
    parts = tuple(folder.split("/")) if folder else ()
    match = _NAME.fullmatch(stem)
    for depth, name in enumerate(parts):
        if not _FOLDER.fullmatch(name):
            continue
        for other in sorted(beside["/".join(parts[:depth])] - {name}):
            there = "/".join((*parts[:depth], other, *parts[depth + 1 :]))
            if _FOLDER.fullmatch(other) or there not in stems:
                continue
            for stem_of_image in (stem, (match["stem"] or match["after"]) if match else ""):
                if stem_of_image in stems[there]:
                    return stems[there][stem_of_image]
            alike = begun[there].get(_first_word(stem), []) if match else []
            if len(alike) == 1:
                return alike[0]
    return ""


def _by_first_word(named: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for stem, path in named.items():
        found[_first_word(stem)].append(path)
    return found


def _first_word(stem: str) -> str:
    """Return what a name begins with, such as the number in ``21_training`` and ``21_manual1``."""
    return re.split(r"[ _.-]", stem, maxsplit=1)[0]


def _look_like_masks(read: Callable[[str], RGBArray], pairs: Mapping[str, str]) -> bool:
    """Return whether most of what is named like masks shows nearly two values, and the images do not.

    Parameters
    ----------
    read : callable
        Decodes the image of a path.
    pairs : mapping of str to str
        Paths: images by what may be their masks. Some of them, spread over all, are decoded.
    """
    names = sorted(pairs)
    looked = names[:: max(1, len(names) // _LOOKED_AT)][:_LOOKED_AT]
    binary = [is_two_valued(one) for path in looked if (one := _pixels(read, path)) is not None]
    images = [is_two_valued(one) for path in looked if (one := _pixels(read, pairs[path])) is not None]
    return bool(binary) and sum(binary) >= _MOSTLY * len(binary) and sum(images) < _MOSTLY * max(1, len(images))


def is_two_valued(rgb: RGBArray) -> bool:
    """Return whether nearly all pixels have one of two grey levels, or one of a few, as in a mask.

    Parameters
    ----------
    rgb : ndarray of shape (height, width, 3), uint8
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    counts = np.bincount(grey.ravel(), minlength=256)
    if np.count_nonzero(counts) <= _FEW_VALUES:
        return True
    first = int(counts.argmax())
    held = _around(counts, first)
    rest = counts.copy()
    rest[max(0, first - _SPREAD) : first + _SPREAD + 1] = 0
    second = _around(rest, int(rest.argmax()))
    # An image that is dark all over has one level, too, but no sharp one.
    return bool(held + second >= _TWO_VALUED * grey.size and counts.max() + rest.max() >= grey.size / 2)


def _around(counts: "np.ndarray[tuple[int], np.dtype[np.intp]]", level: int) -> int:
    return int(counts[max(0, level - _SPREAD) : level + _SPREAD + 1].sum())


def _pixels(read: Callable[[str], RGBArray], path: str) -> RGBArray | None:
    try:
        return read(path)
    except ImageError:
        return None


def _same(mask: PurePosixPath, image: PurePosixPath) -> str:
    return f"suffix {mask.suffix}" if mask.parent == image.parent else "folder"


def _alike_named(pairs: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """Return the pairs in sets that were named in the same way, since one way may be meant and another not."""
    sets: dict[str, dict[str, str]] = defaultdict(dict)
    for path, image in pairs.items():
        mask, other = PurePosixPath(path), PurePosixPath(image)
        mark = (
            re.sub(r"[\d()]+", "#", mask.stem.replace(other.stem, "", 1))
            if mask.stem != other.stem
            else _same(mask, other)
        )
        sets[re.sub(r"[ _-]*#$", "", mark).casefold()][path] = image
    return list(sets.values())
