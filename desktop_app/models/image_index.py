"""The index by which the images of a dataset are filtered, searched and sorted, built step by step."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.results import ClassClusters, Coreset, IntArray
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.quality import CHECKS, quality_flags
from coreset_studio.core.settings import QualitySettings
from coreset_studio.desktop_app.models import facets as made
from coreset_studio.desktop_app.models.facets import Facet, Mask

AT_ONCE = 10_000
"""Images whose texts are made in one piece."""
ORDERS = {"": "Path", "class": "Class", "pixels": "Number of pixels", "bytes": "File size"}
"""Orders of every dataset, by name; a table adds its columns."""


class ImageIndex:
    """Facets, search texts and sort keys of all images.

    Attributes
    ----------
    facets : mapping of str to Facet
        By name; empty while they are being made.
    """

    def __init__(self) -> None:
        self.facets: Mapping[str, Facet] = {}
        self._texts: list[str] = []
        self._keys: dict[str, NDArray[np.float64]] = {}

    def make(
        self,
        summary: DatasetSummary,
        coreset: Coreset | None,
        clusters: Sequence[ClassClusters],
        quality: QualitySettings,
        marks: Mapping[str, Sequence[int]],
        extra: Sequence[tuple[Facet, NDArray[np.float64] | None]] = (),
    ) -> Iterator[None]:
        """Make everything again; yields after every few milliseconds of work.

        Parameters
        ----------
        summary : DatasetSummary
        coreset : Coreset or None
        clusters : sequence of ClassClusters
            Empty where nothing is clustered.
        quality : QualitySettings
            Thresholds of the flags.
        marks : mapping of str to sequence of int
            Images with a finding, by its title.
        extra : sequence of (Facet, ndarray of shape (n_images,) or None)
            More facets, each with what images are sorted by, NaN for those that come last; None: it is no order.
        """
        self.facets = {}
        dataset, split = summary.dataset, summary.split
        n = len(dataset.images)
        _ = dataset.classes
        yield
        found: dict[str, Facet] = {"class": made.by_class(dataset)}
        yield
        found["set"] = made.by_set(split, n)
        if coreset is not None:
            found["coreset"] = made.by_selection(coreset, split, n)
        if clusters:
            found["cluster"] = made.by_cluster(clusters, n)
        yield
        _ = dataset.sizes
        yield
        _ = dataset.quality
        yield
        flags = quality_flags(dataset, quality)
        yield
        flagged = {check.title: np.flatnonzero(flags[check.name]) for check in CHECKS}
        for facet in (
            made.by_marks("finding", "Findings", marks, n), made.by_marks("quality", "Quality", flagged, n)
        ):  # fmt: skip
            if facet.values:
                found[facet.name] = facet
        yield
        keys: dict[str, NDArray[np.float64]] = {"class": dataset.labels.astype(float)}
        for column, title in enumerate(dataset.columns):
            texts = made.column_texts(dataset, column)
            yield
            of_column = made.by_column(title, texts)
            yield
            if of_column is not None:
                found[of_column.name] = of_column
                keys[of_column.name] = made.sort_key(texts)
            yield
        for more, key in extra:
            found[more.name] = more
            if key is not None:
                keys[more.name] = key
        keys["pixels"] = np.array([image.width * image.height for image in dataset.images], dtype=float)
        yield
        keys["bytes"] = np.array([image.n_bytes for image in dataset.images], dtype=float)
        yield
        searched: list[str] = []
        for start in range(0, n, AT_ONCE):
            part = dataset.images[start : start + AT_ONCE]
            searched += ["\n".join((image.path, *image.more)).lower() for image in part]
            yield
        self._texts, self._keys, self.facets = searched, keys, found

    def orders(self) -> dict[str, str]:
        """Return the titles of the orders, by name."""
        return {**ORDERS, **{name: facet.title for name, facet in self.facets.items() if name in self._keys}}

    def searched(self, words: str) -> Mask:
        """Return which images have `words` in their path or in a value of the table; all with an empty text."""
        words = words.strip().lower()
        if not words:
            return np.ones(len(self._texts), dtype=bool)
        return np.fromiter((words in text for text in self._texts), dtype=bool, count=len(self._texts))

    def sort_key(self, name: str) -> NDArray[np.float64] | None:
        """Return what images are sorted by, NaN for those that come last; None for the order of paths."""
        return self._keys.get(name)


def in_order(shown: IntArray, key: NDArray[np.float64] | None, *, descending: bool) -> IntArray:
    """Return images in the order of a key; what has no value comes last, either way.

    Parameters
    ----------
    shown : ndarray of shape (n,), int64
        Images, ascending.
    key : ndarray of shape (n_images,) or None
        None: the order of paths, in which they are.
    descending : bool
    """
    if key is None:
        return shown[::-1] if descending else shown
    values = -key[shown] if descending else key[shown]
    return shown[np.argsort(np.where(np.isnan(values), np.inf, values), kind="stable")]
