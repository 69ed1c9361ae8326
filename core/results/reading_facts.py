"""The results of different readings of a source: columns, layouts, grey levels, pages."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from core.results.reading import Range

Role = Literal["image", "class", "split", "group", "ignore"]
Counts = tuple[tuple[str, int], ...]


def counts_of(names: Iterable[str]) -> Counts:
    """Return how often each name that is not empty occurs, the most frequent first."""
    return tuple(sorted(Counter(filter(None, names)).items(), key=lambda each: (-each[1], each[0])))


@dataclass(frozen=True)
class SmallImage:
    """A small image for display.

    Attributes
    ----------
    width, height : int
        Pixels.
    rgb : bytes
        8-bit RGB, row by row without padding.
    """

    width: int
    height: int
    rgb: bytes


@dataclass(frozen=True)
class TableFacts:
    """The reading of a table under given settings.

    Attributes
    ----------
    header : tuple of str
    rows : tuple of tuple of str
        The first ones, each as long as the header.
    roles : tuple of str
        What each column is read as; empty where that is not known because of `problem`.
    n_images : int
        Files that were found; whether they can be decoded is not known.
    classes, splits : tuple of (str, int)
        Names with their numbers of images, the largest first.
    n_groups, n_skipped : int
    skipped : str
        The first row that is skipped, and the reason.
    notes : tuple of str
    problem : str
        Why the table cannot be read like this; empty where it can.
    """

    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    roles: tuple[Role, ...] = ()
    n_images: int = 0
    classes: Counts = ()
    splits: Counts = ()
    n_groups: int = 0
    n_skipped: int = 0
    skipped: str = ""
    notes: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class LayoutFacts:
    """The reading of a folder under one layout.

    Attributes
    ----------
    layout : str
        Of the setting; ``"auto"`` for the most likely one.
    levels : str
        What the levels of the tree are read as, such as ``"any/groups/classes"``.
    n_images : int
        Files that are named like images; whether they can be decoded is not known.
    classes, splits : tuple of (str, int)
        Names with their numbers of images, the largest first.
    n_groups, n_skipped : int
    examples : tuple of (str, str, str, str)
        Path, class, group and set of some images.
    assumed : str
        The assumption of the most likely layout, as a sentence; empty if there is none.
    """

    layout: str
    levels: str
    n_images: int
    classes: Counts = ()
    splits: Counts = ()
    n_groups: int = 0
    n_skipped: int = 0
    examples: tuple[tuple[str, str, str, str], ...] = ()
    assumed: str = ""


@dataclass(frozen=True)
class LevelsFacts:
    """The stored values of one file kind, and one image of it before and after a change of the range.

    Attributes
    ----------
    kind : str
    n_files : int
        From how many files the values are.
    low, high : float
        Least and largest stored value in these files.
    counts : tuple of float
        Shares of the values between `low` and `high`, in intervals of equal width.
    percentiles : tuple of (float, float)
        Percentile and value.
    range_before, range_after : (float, float) or None
        The values that become black and white; None where each file has its own.
    clipped : float
        Share of the values outside of `range_after`.
    window : str
        Of DICOM: the window by which the first image is converted, such as ``"40:400"``; then `range_after` is its
        range, if it has one.
    before, after : SmallImage or None
    problem : str
        Why there is no image, as a sentence.
    """

    kind: str
    n_files: int = 0
    low: float = 0.0
    high: float = 0.0
    counts: tuple[float, ...] = ()
    percentiles: tuple[tuple[float, float], ...] = ()
    range_before: Range | None = None
    range_after: Range | None = None
    clipped: float = 0.0
    window: str = ""
    before: SmallImage | None = None
    after: SmallImage | None = None
    problem: str = ""


@dataclass(frozen=True)
class PagesFacts:
    """The pages of one file, and what a rule makes of them.

    Attributes
    ----------
    file : str
    n_pages : int
        Of the size of the largest.
    pages : tuple of SmallImage or None
        The first ones; None for a page that cannot be read.
    result : SmallImage or None
        What is read under the rule; None where every page is an image of its own.
    problem : str
        Why the file cannot be read under the rule; empty where it can.
    """

    file: str
    n_pages: int = 0
    pages: tuple[SmallImage | None, ...] = ()
    result: SmallImage | None = None
    problem: str = ""
