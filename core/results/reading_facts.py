"""The results of different readings of a source: columns, layouts, grey levels, pages."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from coreset_studio.core.results.reading import Range

Role = Literal["image", "class", "split", "group", "ignore"]
Counts = tuple[tuple[str, int], ...]


def counts_of(names: Iterable[str]) -> Counts:
    """Return the number of occurrences of each nonempty name, the most frequent first."""
    return tuple(sorted(Counter(filter(None, names)).items(), key=lambda each: (-each[1], each[0])))


@dataclass(frozen=True)
class SmallImage:
    """A small image for display.

    Attributes
    ----------
    width, height : int
        In pixels.
    rgb : bytes
        8-bit RGB values, row by row without padding.
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
        First rows, each as long as the header.
    roles : tuple of str
        Role of each column; empty if it is not known because of `problem`.
    n_images : int
        Number of files that were found; they were not decoded.
    classes, splits : tuple of (str, int)
        Names and numbers of images, the largest number first.
    n_groups, n_skipped : int
    skipped : str
        First skipped row, with the reason.
    notes : tuple of str
    problem : str
        Reason why the table cannot be read with these settings; empty if it can.
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
        Value of the setting; ``"auto"`` for the most likely layout.
    levels : str
        Meaning of the levels of the tree, such as ``"any/groups/classes"``.
    n_images : int
        Number of files that are named like images; they were not decoded.
    classes, splits : tuple of (str, int)
        Names and numbers of images, the largest number first.
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
        Number of files that the values are from.
    low, high : float
        Smallest and largest stored value in these files.
    counts : tuple of float
        Histogram: shares of the values in intervals of equal width between `low` and `high`.
    percentiles : tuple of (float, float)
        Percentiles, 0 to 100, and their values.
    range_before, range_after : (float, float) or None
        Stored values that become black and white; None if each file has its own.
    clipped : float
        Share of the values outside `range_after`, 0 to 1.
    window : str
        Of DICOM: the window by which the first image is converted, such as ``"40:400"``; then `range_after` is its
        range, if it has one.
    before, after : SmallImage or None
        The image with each range.
    problem : str
        Reason why there is no image, as a sentence.
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
    """The pages of one file, and the image that a rule makes of them.

    Attributes
    ----------
    file : str
    n_pages : int
        Number of pages of the size of the largest page.
    pages : tuple of SmallImage or None
        First pages; None for a page that cannot be read.
    result : SmallImage or None
        The image under the rule; None if every page is a separate image.
    problem : str
        Reason why the file cannot be read under the rule; empty if it can.
    """

    file: str
    n_pages: int = 0
    pages: tuple[SmallImage | None, ...] = ()
    result: SmallImage | None = None
    problem: str = ""
