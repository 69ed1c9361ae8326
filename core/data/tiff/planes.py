"""The dimensions that OME and ImageJ give the pages of a TIFF file: channels, positions in z, times."""

import re
from dataclasses import dataclass
from html import unescape

_PIXELS = re.compile(r"<(?:\w+:)?Pixels\b([^<>]{0,4000})>")
_SIZE = re.compile(r"\bSize([CZT])=\"(\d{1,9})\"")
_ORDER = re.compile(r"\bDimensionOrder=\"XY([CZT]{3})\"")
_CHANNEL = re.compile(r"<(?:\w+:)?Channel\b([^<>]{0,4000})>")
_NAME = re.compile(r"\bName=\"([^\"]{0,200})\"")
_OTHER_FILE = re.compile(r"<(?:\w+:)?UUID\b[^<>]{0,400}\bFileName=\"([^\"]{1,400})\"|<(?:\w+:)?BinaryOnly\b")
_IMAGEJ = re.compile(r"^(channels|slices|frames)=(\d{1,9})\s*$", re.MULTILINE)
_LONGEST = 4_000_000
_MOST_NAMES = 8
_LONGEST_NAME = 24


@dataclass(frozen=True)
class Planes:
    """Dimensions of the pages of a file.

    Attributes
    ----------
    form : str
        ``"OME-TIFF"`` or ``"ImageJ"``.
    channels, z, times : int
    order : str
        Which of C, Z and T varies first along the pages.
    names : tuple of str
        Of the channels; empty where they have none.
    has_other_files : bool
        Whether planes are in other files, which are never opened.
    """

    form: str
    channels: int = 1
    z: int = 1
    times: int = 1
    order: str = "CZT"
    names: tuple[str, ...] = ()
    has_other_files: bool = False

    @property
    def n(self) -> int:
        """Number of planes."""
        return self.channels * self.z * self.times

    def place(self, channel: int) -> int:
        """Return the page of a channel, from 0, at the first position and time."""
        step = 1
        for axis in self.order:
            if axis == "C":
                return channel * step
            step *= {"Z": self.z, "T": self.times}[axis]
        return channel

    @property
    def words(self) -> str:
        """The dimensions, such as ``"OME-TIFF of 3 channels (DAPI, FITC, TRITC), 4 z positions"``."""
        parts = []
        if self.channels > 1:
            named = ", ".join(name[:_LONGEST_NAME] for name in self.names[:_MOST_NAMES])
            parts.append(f"{self.channels:,} channels" + (f" ({named})" if any(self.names) else ""))
        parts += [f"{self.z:,} z positions"] if self.z > 1 else []
        parts += [f"{self.times:,} times"] if self.times > 1 else []
        return f"{self.form} of {', '.join(parts)}" if parts else ""

    def words_in(self, n_pages: int) -> str:
        """Return the dimensions, and whether all planes are in a file of so many pages."""
        if not self.words or (self.n <= n_pages and not self.has_other_files):
            return self.words
        return f"{self.words}; planes in other files are not read"


def planes_of(description: str) -> Planes | None:
    """Return the dimensions in the description of the first page; None where it has none.

    Only the attributes needed are looked for: nothing that the description refers to is opened.
    """
    text = description[:_LONGEST]
    if text.startswith("ImageJ="):
        found = {name: max(1, int(size)) for name, size in _IMAGEJ.findall(text)}
        if not found:
            return None
        return Planes("ImageJ", found.get("channels", 1), found.get("slices", 1), found.get("frames", 1))
    pixels = _PIXELS.search(text) if "OME" in text[:2000] else None
    if pixels is None:
        return None
    sizes = {axis: max(1, int(size)) for axis, size in _SIZE.findall(pixels[1])}
    order = _ORDER.search(pixels[1])
    inside = text[pixels.end() :].partition("</Pixels>")[0]
    names = tuple(_name(attributes) for attributes in _CHANNEL.findall(inside))[: sizes.get("C", 1)]
    return Planes(
        "OME-TIFF",
        sizes.get("C", 1),
        sizes.get("Z", 1),
        sizes.get("T", 1),
        order[1] if order is not None and len(set(order[1])) == 3 else "CZT",
        names,
        len(set(_OTHER_FILE.findall(text))) > 1 or "BinaryOnly" in text,
    )


def _name(attributes: str) -> str:
    found = _NAME.search(attributes)
    return "".join(c for c in unescape(found[1]) if c.isprintable()) if found else ""
