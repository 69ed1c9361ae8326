"""How stored values become pixels: the facts of an image, and the rules of a dataset."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stored:
    """How an image is stored, where it is more than 8 bits, one page and no transparency.

    Attributes
    ----------
    kind : str
        The file kind, such as ``"16-bit-tiff"``; empty for 8 bits.
    low, high : float
        Least and largest stored value, over the pages that were read.
    bits : int
        Bits of a value that the format declares; 0 for floating point.
    gaps : bool
        Whether there are values that are not numbers.
    alpha : str
        The file kind that has transparent parts, such as ``"alpha-png"``; empty where all is opaque.
    hidden : bool
        Whether the alpha channel is 0 (or 1 of 255) everywhere.
    n_pages : int
        Pages of the size of the largest.
    blank : bool
        Of several pages: the one that was read is of a single colour.
    form : str
        Format of a file whose header may identify a person, ``"dicom"``, so that exports write its pixels instead of
        the file; empty for any other.
    window : str
        Of a DICOM image that was converted by a window: centre and width such as ``"40:400"``, or ``"table"``.
    n_windows : int
        How many windows the file offers, of which the first was used; 0 where a window of the settings was.
    n_channels : int
        Channels of an image that are not red, green and blue and an alpha channel; 0 for any other.
    planes : str
        What OME or ImageJ say of the pages of a file, such as ``"OME-TIFF of 3 channels (DAPI, FITC, TRITC)"``.
    """

    kind: str = ""
    low: float = 0.0
    high: float = 0.0
    bits: int = 0
    gaps: bool = False
    alpha: str = ""
    hidden: bool = False
    n_pages: int = 1
    blank: bool = False
    form: str = ""
    window: str = ""
    n_windows: int = 0
    n_channels: int = 0
    planes: str = ""


@dataclass(frozen=True)
class Reading:
    """How stored values become pixels of a dataset, fixed at its first scan.

    The defaults are what the program did before there was a choice.

    Attributes
    ----------
    levels : {"declared", "used", "percentiles"}
        For a file kind of more than 8 bits that has no range: ``"declared"``: the upper 8 of the bits that the file
        declares, and each floating-point image 0 to 1 or 0 to 255 separately. ``"used"``: the range that all files of
        the kind use together. ``"percentiles"``: from one percentile of their values to another.
    percentiles : (float, float)
    ranges : mapping of str to (float, float)
        The stored values that become 0 and 255, by file kind; that of the empty name is for every other kind.
    alpha : {"white", "ignore", "auto"}
        For a file kind with transparent parts that has no rule of its own: put on white, or the alpha channel is
        ignored. ``"auto"``: ignored where it is 0 everywhere in most images of the kind that are not opaque.
    alphas : mapping of str to {"white", "ignore"}
        By file kind.
    pages : str
        Of files of several pages: ``"first"``, the number of a page from 1, ``"max"``, ``"mean"`` or ``"channels"``;
        ``"each"``: every page is an image of its own, see `core.data.page_names`.
    window : str
        Of greyscale DICOM images: ``"stored"``, by the first window in the file, ``"full"``, by the range of the file
        kind, or centre and width such as ``"40:400"``.
    channels : str
        Of images with other channels than red, green and blue: which become these, numbers from 1 with commas between;
        ``"auto"``: the first three.
    """

    levels: str = "declared"
    percentiles: Range = (0.0, 100.0)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    alpha: str = "white"
    alphas: Mapping[str, str] = field(default_factory=dict)
    pages: str = "first"
    window: str = "stored"
    channels: str = "auto"

    def range_of(self, kind: str) -> Range | None:
        """Return the range of a file kind; None where none is fixed."""
        return self.ranges.get(kind, self.ranges.get(""))

    def alpha_of(self, kind: str) -> str | None:
        """Return ``"white"`` or ``"ignore"`` for a file kind; None where it is not fixed."""
        return self.alphas.get(kind, None if self.alpha == "auto" else self.alpha)

    def same_rules(self, other: "Reading") -> bool:
        """Return whether what was fixed under one holds under the other."""
        mine, theirs = (replace(each, ranges={}, alphas={}) for each in (self, other))
        return mine == theirs
