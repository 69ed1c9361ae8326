"""Conversion of stored values to pixels: the facts of an image, and the rules of a dataset."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stored:
    """Facts on the storage of an image with more than 8 bits, several pages or transparency.

    Attributes
    ----------
    kind : str
        The file kind, such as ``"16-bit-tiff"``; empty for 8 bits.
    low, high : float
        Smallest and largest stored value of the pages that were read.
    bits : int
        Declared number of bits of a value; 0 for floating point.
    gaps : bool
        Whether some values are NaN.
    alpha : str
        The file kind of an image with transparent parts, such as ``"alpha-png"``; empty if it is opaque.
    hidden : bool
        Whether the alpha channel is 0 (or 1 of 255) everywhere.
    n_pages : int
        Number of pages of the size of the largest page.
    blank : bool
        Whether the page that was read, of several, has a single colour.
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
    """Rules by which stored values become pixels of a dataset, fixed at its first scan.

    The defaults are neutral values.

    Attributes
    ----------
    levels : {"declared", "used", "percentiles"}
        Rule for file kinds of more than 8 bits without a range. ``"declared"``: the upper 8 of the declared bits, and
        for floating point 0 to 1 or 0 to 255, for each image separately. ``"used"``: the range of the values of all
        files of the kind. ``"percentiles"``: the range between two percentiles of these values.
    percentiles : (float, float)
        0 to 100.
    ranges : mapping of str to (float, float)
        Stored values that become 0 and 255, by file kind; the empty name represents all other kinds.
    alpha : {"white", "ignore", "auto"}
        Rule for file kinds with transparent parts without a rule of their own: blend with white, or ignore the alpha
        channel. ``"auto"``: ignore it if it is 0 everywhere in most images of the kind that are not opaque.
    alphas : mapping of str to {"white", "ignore"}
        Rules by file kind.
    pages : str
        Rule for files of several pages: ``"first"``, the number of a page from 1, ``"max"``, ``"mean"``,
        ``"channels"``, or ``"each"``: every page is a separate image, see `core.data.page_names`.
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
        """Return the range of a file kind; None if none is fixed."""
        return self.ranges.get(kind, self.ranges.get(""))

    def alpha_of(self, kind: str) -> str | None:
        """Return ``"white"`` or ``"ignore"`` for a file kind; None if neither is fixed."""
        return self.alphas.get(kind, None if self.alpha == "auto" else self.alpha)

    def same_rules(self, other: "Reading") -> bool:
        """Return whether ranges and rules that were fixed under one are valid under the other."""
        mine, theirs = (replace(each, ranges={}, alphas={}) for each in (self, other))
        return mine == theirs
