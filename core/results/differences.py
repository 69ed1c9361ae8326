"""Differences of two coresets."""

from collections.abc import Sequence
from dataclasses import dataclass

from coreset_studio.core.results.arrays import IntArray
from coreset_studio.core.results.coresets import Coverage
from coreset_studio.core.words import percent


@dataclass(frozen=True)
class DifferenceRow:
    """Numbers of images of one class, or of one of its clusters, in two coresets.

    Attributes
    ----------
    class_name : str
    cluster : int
        From 0, the largest first; -1 for the whole class.
    both, only_a, only_b : int
        Images in both coresets, and in one of them.
    """

    class_name: str
    cluster: int
    both: int
    only_a: int
    only_b: int


def difference_sentence(rows: Sequence[DifferenceRow], name_a: str, name_b: str) -> str:
    """Return how many images two coresets share, as a sentence.

    Parameters
    ----------
    rows : sequence of DifferenceRow
        Those of whole classes count.
    name_a, name_b : str
        Names of the coresets.
    """
    classes = [row for row in rows if row.cluster < 0]
    both, only_a, only_b = (sum(getattr(row, name) for row in classes) for name in ("both", "only_a", "only_b"))
    union = both + only_a + only_b
    share = percent(round(both / union, 2)) if union else percent(0)
    return (
        f"{both:,} {'image is' if both == 1 else 'images are'} in both coresets, {only_a:,} only in {name_a} and "
        f"{only_b:,} only in {name_b}: "
        f"they share {share} of all that are in one of them."
    )


@dataclass(frozen=True, eq=False)
class ComparedCoresets:
    """Two coresets of one pool.

    Attributes
    ----------
    name : str
        Of the other coreset; the first is the current one.
    both, only_current, only_other : ndarray of int64
        Indices of images, ascending.
    rows : tuple of DifferenceRow
        By class, each followed by its clusters.
    coverage, other_coverage : Coverage
        Of the current and of the other coreset, in the same embeddings.
    notes : tuple of str
        Sentences for the user.
    """

    name: str
    both: IntArray
    only_current: IntArray
    only_other: IntArray
    rows: tuple[DifferenceRow, ...]
    coverage: Coverage
    other_coverage: Coverage
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """How many images both have, as a sentence."""
        return difference_sentence(self.rows, "the current coreset", self.name)
