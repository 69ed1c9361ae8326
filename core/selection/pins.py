"""Images that the user pins into or out of a coreset by hand."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.results import Dataset, IntArray, Split
from coreset_studio.core.settings import SelectionSettings


@dataclass(frozen=True)
class Pins:
    """Pinned images of the pool.

    Attributes
    ----------
    pinned_in, pinned_out : ndarray of int64
        Indices, ascending.
    n_in, n_out : mapping of str to int
        How many, by class; classes without any are missing.
    """

    pinned_in: IntArray
    pinned_out: IntArray
    n_in: Mapping[str, int]
    n_out: Mapping[str, int]

    @cached_property
    def both(self) -> IntArray:
        """All pinned images."""
        return np.concatenate([self.pinned_in, self.pinned_out])

    def beside(self, kept: IntArray, members: Mapping[str, IntArray]) -> "Pins":
        """Return the pins without images that are kept anyway; `members` are the images of the pool by class."""
        if not len(kept):
            return self
        pinned_in = self.pinned_in[~np.isin(self.pinned_in, kept)]
        n_in = {name: n for name, rows in members.items() if (n := int(np.isin(pinned_in, rows).sum()))}
        return replace(self, pinned_in=pinned_in, n_in=n_in)


NO_PINS = Pins(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), {}, {})


def find_pins(dataset: Dataset, split: Split, settings: SelectionSettings) -> Pins:
    """Find the pinned images.

    Raises
    ------
    SelectionError
        If a pinned-in path is not in the dataset or not in the pool. Paths pinned out that are not there have what they
        require.
    """
    both = (*settings.pinned_in, *settings.pinned_out)
    if not both:
        return NO_PINS
    paths = set(both)
    places = {image.path: index for index, image in enumerate(dataset.images) if image.path in paths}
    pool = set(split.pool.tolist())
    for path in settings.pinned_in:
        if path not in places:
            raise SelectionError(f"{path} is pinned in, but the dataset has no such image. Unpin it.")
        if places[path] not in pool:
            raise SelectionError(
                f"{path} is pinned in, but it is not in the pool: it is excluded or set aside for validation or test. "
                "Unpin it."
            )
    inside = sorted({places[path] for path in settings.pinned_in})
    outside = sorted({places[path] for path in settings.pinned_out if places.get(path) in pool})
    return Pins(
        pinned_in=np.array(inside, dtype=np.int64),
        pinned_out=np.array(outside, dtype=np.int64),
        n_in=Counter(dataset.images[index].class_name for index in inside),
        n_out=Counter(dataset.images[index].class_name for index in outside),
    )
