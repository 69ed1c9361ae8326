"""Images that probably do not belong to the dataset, such as thumbnails and masks: only suggested for exclusion.

A name alone is not evidence, since a class can be called ``mask``: the images must also be of another size or shape
than those next to them, or be named after one of them.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from coreset_studio.core.data.page_names import file_and_page
from coreset_studio.core.results import Image
from coreset_studio.core.settings import DataSettings
from coreset_studio.core.settings.path_patterns import PathPatterns

_MASKS = "masks or label images"
_WORDS = {
    **dict.fromkeys(("thumb", "thumbs", "thumbnail", "thumbnails", "tn", "icon", "icons"), "thumbnails"),
    **dict.fromkeys(("preview", "previews", "lowres", "vorschau"), "previews"),
    **dict.fromkeys(("overview", "overviews", "macro", "übersicht", "uebersicht", "overlay", "overlays"), "overviews"),
    **dict.fromkeys(
        ("mask", "masks", "maske", "masken", "seg", "segmentation", "segmentations", "label", "labels", "labelmap",
         "gt", "groundtruth", "annotation", "annotations", "contour", "contours", "outline", "outlines"),
        _MASKS,
    ),
}  # fmt: skip
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_ANY = re.compile(rf"(?:^|[/ _.-])(?:{_WORD})(?:$|[/ _.-])", re.IGNORECASE)
_IN_NAME = re.compile(rf"(?P<before>^|.*[ _.-])(?P<word>{_WORD})(?P<after>$|[ _.-].*)", re.IGNORECASE | re.DOTALL)
_FOLDER = re.compile(rf"(?:.*[ _.-])?(?P<word>{_WORD})", re.IGNORECASE | re.DOTALL)
_ENDS = " _.-"
_MOSTLY = 0.75
_SMALLER = 0.5
_LARGER = 2.0
_ASPECT = 1.15
_MOST = 5
_COMPARED = 40
"""How many patterns, of those that most images give, are compared with all images."""


@dataclass(frozen=True)
class ExclusionSuggestion:
    """A pattern of images that are probably none of the dataset.

    Attributes
    ----------
    pattern : str
        For the setting `left_out_patterns`.
    n_images : int
        How many images match it.
    example : str
        Path of one of them.
    kind : str
        What they seem to be, such as ``"thumbnails"``.
    evidence : str
        What speaks for it in addition to the name, as the end of "they are …".
    """

    pattern: str
    n_images: int
    example: str
    kind: str
    evidence: str

    @property
    def sentence(self) -> str:
        """The suggestion as a sentence, with how to follow it."""
        images = "1 image" if self.n_images == 1 else f"{self.n_images:,} images"
        return (
            f"{images}, such as {self.example}, may be {self.kind}: the names match {self.pattern}, and they are "
            f'{self.evidence}. They are used; to exclude them, use --leave-out-pattern "{self.pattern}".'
        )


def suspect_patterns(images: Sequence[Image], settings: DataSettings) -> tuple[ExclusionSuggestion, ...]:
    """Return patterns of images that are probably thumbnails, previews, overviews or masks, the most images first.

    Parameters
    ----------
    images : sequence of Image
    settings : DataSettings
        Name images that are excluded already.
    """
    classes, paths = set(settings.left_out_classes), set(settings.left_out_images)
    out = PathPatterns(settings.left_out_patterns).first
    used = [i for i in images if not (i.class_name in classes or i.path in paths or out(i.path))]
    named = Counter(each for image in used if _ANY.search(image.path) for each in _candidates(image.path))
    found: list[tuple[ExclusionSuggestion, set[str]]] = []
    for (pattern, kind), _ in named.most_common(_COMPARED):
        first = PathPatterns([pattern]).first
        inside = [image for image in used if first(image.path)]
        names = {image.path for image in inside}
        evidence = _evidence(kind, inside, [image for image in used if image.path not in names])
        if evidence:
            found.append((ExclusionSuggestion(pattern, len(inside), inside[0].path, kind, evidence), names))
    found.sort(key=lambda each: (-each[0].n_images, len(each[0].pattern), each[0].pattern))
    kept: list[ExclusionSuggestion] = []
    covered: set[str] = set()
    for suggestion, names in found:
        if not names <= covered:
            kept.append(suggestion)
            covered |= names
    return tuple(kept[:_MOST])


def _candidates(path: str) -> Iterator[tuple[str, str]]:
    """Yield the patterns that a path gives, each with the paths that it would match."""
    *folders, name = file_and_page(path)[0].split("/")
    for folder in folders:
        match = _FOLDER.fullmatch(folder)
        if match:
            before, word = folder[: match.start("word")], match["word"]
            yield f"*{before[-1]}{word}/" if before else f"{word}/", _WORDS[word.lower()]
    match = _IN_NAME.fullmatch(_stem(name))
    if match:
        before, word, after = match["before"], match["word"], match["after"]
        pattern = f"*{before[-1]}{word}" if before else word
        pattern += f"{after[0]}*" if after.strip(_ENDS) else ".*" if "." in name else ""
        yield pattern, _WORDS[word.lower()]


def _evidence(kind: str, inside: Sequence[Image], rest: Sequence[Image]) -> str:
    """Return what speaks for images being none of the dataset, as the end of "they are …"; empty for nothing."""
    if len(inside) > len(rest):
        return ""
    # A class of its own, such as of segmented cells, may have smaller images and numbers that others have, too.
    is_class = not {image.class_name for image in inside} & {image.class_name for image in rest}
    if is_class and kind == _MASKS:
        return ""
    beside = list(zip(inside, _sizes_beside(inside, rest), strict=True))
    areas = [image.width * image.height / (width * height) for image, (width, height) in beside]
    aspects = [image.width * height / (image.height * width) for image, (width, height) in beside]
    enough = _MOSTLY * len(inside)
    mine, theirs = _size(inside), _size(rest)
    sizes = f" ({mine[0]}×{mine[1]} instead of {theirs[0]}×{theirs[1]} pixels)" if mine != theirs else ""
    if sum(area <= _SMALLER for area in areas) >= enough:
        return f"smaller than other images{sizes}"
    if sum(area >= _LARGER for area in areas) >= enough:
        return f"larger than other images{sizes}"
    if sum(not 1 / _ASPECT <= aspect <= _ASPECT for aspect in aspects) >= enough:
        return f"of another shape than other images{sizes}"
    if not is_class:
        stems = {_stem(image.path.rpartition("/")[2]).casefold() for image in rest}
        if sum(_without_word(image.path) in stems for image in inside) >= enough:
            return "named after other images"
    return ""


def _sizes_beside(inside: Sequence[Image], rest: Sequence[Image]) -> list[tuple[float, float]]:
    """Return the usual width and height of the other images in the folder of each image, else of all others."""
    folders: dict[str, list[Image]] = defaultdict(list)
    for image in rest:
        folders[image.path.rpartition("/")[0]].append(image)
    usual: dict[str, tuple[float, float]] = {}
    everywhere = _medians(rest)
    found = []
    for image in inside:
        folder = image.path.rpartition("/")[0]
        if folder not in usual:
            usual[folder] = _medians(folders[folder]) if folder in folders else everywhere
        found.append(usual[folder])
    return found


def _medians(images: Sequence[Image]) -> tuple[float, float]:
    width, height = np.median([(image.width, image.height) for image in images], axis=0)
    return float(width), float(height)


def _size(images: Sequence[Image]) -> tuple[int, int]:
    """Return the most frequent width and height."""
    return Counter((image.width, image.height) for image in images).most_common(1)[0][0]


def _without_word(path: str) -> str:
    """Return what the file of a path is called without the word that marks it."""
    stem = _stem(file_and_page(path)[0].rpartition("/")[2])
    match = _IN_NAME.fullmatch(stem)
    if not match:
        return stem.casefold()
    return (match["before"].rstrip(_ENDS) + match["after"]).strip(_ENDS).casefold()


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name
