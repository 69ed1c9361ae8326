"""Facets of images: what they can be filtered, coloured and counted by, as arrays over all images of a dataset."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results import ClassClusters, Coreset, Dataset, IntArray, Split

Mask = NDArray[np.bool_]

NO_VALUE = -1
MOST_VALUES = 30
"""Values of a table's column that are listed; the others are one more value."""
N_RANGES = 5
OTHER = "Other values"
EMPTY = "(empty)"
SETS = ("Pool", "Validation", "Test", "Excluded")


class Facet(Protocol):
    """Something that images are filtered and coloured by."""

    @property
    def name(self) -> str:
        """How the code calls it."""

    @property
    def title(self) -> str:
        """How the window calls it."""

    @property
    def values(self) -> Sequence[str]:
        """Titles of its values."""

    def matches(self, chosen: Collection[int]) -> Mask:
        """Return which images have one of the values, by position in `values`."""

    def counts(self, among: Mask) -> IntArray:
        """Return how many of the images in `among` have each value."""

    def codes(self) -> IntArray:
        """Return a value of each image, the first of several; -1 for none."""


@dataclass(frozen=True, eq=False)
class Division:
    """A facet of which each image has at most one value.

    Attributes
    ----------
    of : ndarray of shape (n_images,), int64
        Position of the image's value in `values`; -1 for none.
    """

    name: str
    title: str
    values: Sequence[str]
    of: IntArray

    def matches(self, chosen: Collection[int]) -> Mask:
        """See `Facet`."""
        is_chosen = np.zeros(len(self.values) + 1, dtype=bool)
        is_chosen[list(chosen)] = True
        return np.asarray(is_chosen[self.of], dtype=bool)  # -1 reads the last, which no value has

    def counts(self, among: Mask) -> IntArray:
        """See `Facet`."""
        return np.bincount(self.of[among] + 1, minlength=len(self.values) + 1)[1:].astype(np.int64)

    def codes(self) -> IntArray:
        """See `Facet`."""
        return self.of


@dataclass(frozen=True, eq=False)
class Marks:
    """A facet of which an image may have several values.

    Attributes
    ----------
    masks : tuple of ndarray of shape (n_images,), bool
        By value: which images have it.
    """

    name: str
    title: str
    values: Sequence[str]
    masks: tuple[Mask, ...]

    def matches(self, chosen: Collection[int]) -> Mask:
        """See `Facet`."""
        return np.asarray(np.logical_or.reduce([self.masks[value] for value in chosen]), dtype=bool)

    def counts(self, among: Mask) -> IntArray:
        """See `Facet`."""
        return np.array([np.count_nonzero(mask & among) for mask in self.masks], dtype=np.int64)

    def codes(self) -> IntArray:
        """See `Facet`."""
        found = np.full(len(self.masks[0]) if self.masks else 0, NO_VALUE, dtype=np.int64)
        for value in reversed(range(len(self.masks))):
            found[self.masks[value]] = value
        return found


def filtered(facets: Mapping[str, Facet], chosen: Mapping[str, Collection[int]], n_images: int) -> dict[str, Mask]:
    """Return which images pass the filters of all facets but one, by that one's name; ``""`` leaves none out.

    Parameters
    ----------
    facets : mapping of str to Facet
    chosen : mapping of str to collection of int
        By facet, the values that are let through; a facet without any lets all images through.
    n_images : int
    """
    passed = {name: facets[name].matches(values) for name, values in chosen.items() if values and name in facets}
    everything: Mask = np.ones(n_images, dtype=bool)
    for mask in passed.values():
        everything &= mask
    found = {"": everything}
    for name in facets:
        if name not in passed:
            found[name] = everything
            continue
        others: Mask = np.ones(n_images, dtype=bool)
        for other, mask in passed.items():
            if other != name:
                others &= mask
        found[name] = others
    return found


def by_class(dataset: Dataset) -> Division:
    """Return the facet of classes."""
    return Division("class", "Class", dataset.classes, dataset.labels)


def by_set(split: Split, n_images: int) -> Division:
    """Return the facet of pool, validation, test and excluded images."""
    of = np.full(n_images, SETS.index("Excluded"), dtype=np.int64)
    for position, indices in enumerate((split.pool, split.validation, split.test)):
        of[indices] = position
    return Division("set", "Set", SETS, of)


def by_cluster(clusters: Iterable[ClassClusters], n_images: int) -> Division:
    """Return the facet of clusters, numbered within each class."""
    of = np.full(n_images, NO_VALUE, dtype=np.int64)
    most = 0
    for found in clusters:
        of[found.indices] = found.labels
        most = max(most, found.k)
    return Division("cluster", "Cluster", tuple(f"Cluster {k + 1}" for k in range(most)), of)


def by_selection(coreset: Coreset, split: Split, n_images: int) -> Division:
    """Return the facet of images of the pool that are in the coreset, and that are not."""
    of = np.full(n_images, NO_VALUE, dtype=np.int64)
    of[split.pool] = 1
    of[coreset.indices] = 0
    return Division("coreset", "Coreset", ("Selected", "Not selected"), of)


def by_marks(name: str, title: str, marked: Mapping[str, Iterable[int]], n_images: int) -> Marks:
    """Return a facet of images that are marked, by the title of each mark; marks of no image are left out."""
    masks: dict[str, Mask] = {}
    for words, indices in marked.items():
        mask = np.zeros(n_images, dtype=bool)
        mask[np.fromiter(indices, dtype=np.int64)] = True
        if mask.any():
            masks[words] = mask
    return Marks(name, title, tuple(masks), tuple(masks.values()))


def column_texts(dataset: Dataset, column: int) -> list[str]:
    """Return what a column of the table says of each image; an empty text where it says nothing."""
    return [image.more[column].strip() if column < len(image.more) else "" for image in dataset.images]


def by_column(title: str, texts: Sequence[str]) -> Division | None:
    """Return the facet of a column of the table, or None if it does not distinguish images.

    A column of few values has them, the most frequent first; one of numbers has ranges that hold about as many images
    each; of a column of many texts, the most frequent are listed and the others are one value.

    Parameters
    ----------
    title : str
    texts : sequence of str
        See `column_texts`.
    """
    counted = Counter(texts)
    name = f"column {title}"
    if len(counted) < 2:
        return None
    if len(counted) > MOST_VALUES:
        numbers = _numbers(counted)
        if numbers is not None:
            return _ranges(name, title, np.array([numbers[text] for text in texts]))
        if len(counted) > len(texts) // 2:  # an identifier, which the search finds
            return None
    listed = [text for text, _ in counted.most_common(MOST_VALUES)]
    place = {text: position for position, text in enumerate(listed)}
    values = [text or EMPTY for text in listed]
    if len(counted) > len(listed):
        values.append(OTHER)
    of = np.array([place.get(text, len(listed)) for text in texts], dtype=np.int64)
    return Division(name, title, tuple(values), of)


def sort_key(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return what images are sorted by for a column: its numbers, or the places of its texts; NaN where it is empty."""
    values = set(texts)
    numbers = _numbers(values) or {text: float(place) for place, text in enumerate(sorted(values, key=str.lower))}
    numbers[""] = float("nan")
    return np.array([numbers[text] for text in texts])


def _numbers(texts: Iterable[str]) -> dict[str, float] | None:
    try:
        return {text: float(text.replace(",", ".")) if text else float("nan") for text in texts}
    except ValueError:
        return None


def _ranges(name: str, title: str, numbers: NDArray[np.float64]) -> Division | None:
    known = np.isfinite(numbers)
    if not known.any():
        return None
    limits = np.unique(np.quantile(numbers[known], np.linspace(0, 1, N_RANGES + 1)))
    if len(limits) < 2:
        return None
    of = np.clip(np.searchsorted(limits, numbers, side="right") - 1, 0, len(limits) - 2).astype(np.int64)
    values = [f"{low:g} to {high:g}" for low, high in pairwise(limits.tolist())]
    of[~known] = len(values)
    return Division(name, title, (*values, EMPTY) if not known.all() else tuple(values), of)
