"""Fix which stored values become black and white: one range for each file kind, from all files together.

A range belongs to a file kind (format, bits, sign), never to an image: equal values in two files become equal
pixels. Whole numbers get the fewest bits that hold them, 0 to 2^b − 1, as a camera has them; floating-point values
0 to 1 or such a range; values below 0 the range from the least to the largest. A few values outside, at most one in
10,000 (of small images one each), such as those of a dead pixel, do not widen a range; they are clipped, and the images
that hold them are named.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.data.headers import HeaderFacts
from coreset_studio.core.results import Range, Reading, Stored

Values = NDArray[Any]
RGBArray = NDArray[np.uint8]

OUTSIDE_SHARE = 1e-4
"""Share of the values of all files together that a range may leave outside."""

FEW_SHARE = 1e-3
"""The same of small images, of which it may leave one value each outside."""

OVERSHOOT = 1.05
"""How far floating-point values may pass the end of a range such as 0 to 1, as interpolation makes them do."""

_WHOLE = np.array([2.0**bits - 1 for bits in range(1, 65)])
_FLOAT = np.concatenate([2.0 ** np.arange(-40, -1), _WHOLE])
_N_QUANTILES = 257
_MAX_8_BIT = 255


@dataclass(frozen=True)
class Survey:
    """Statistics of the values of one image, or of several, to determine the range of their kind.

    Attributes
    ----------
    n : int
        How many values.
    n_negative : int
    counts : ndarray of int64
        How many values that are not negative end in each of the ranges that may be selected.
    quantiles : ndarray of float64
        Of the values, evenly spaced; empty unless percentiles are requested.
    """

    n: int
    n_negative: int
    counts: NDArray[np.int64]
    quantiles: NDArray[np.float64]


@dataclass(frozen=True)
class Decoded:
    """One decoded image.

    Attributes
    ----------
    rgb : ndarray of shape (height, width, 3), uint8
        Not to be used where `survey` is given or `open_alpha` is true: then the missing range or rule must be
        determined first.
    stored : Stored or None
        How it is stored, where that is not plainly 8 bits, one page and no transparency.
    survey : Survey or None
        Of a file kind that has no range yet.
    open_alpha : bool
        Whether it is not fixed what becomes of its transparent parts.
    header : HeaderFacts or None
        What the header says of patient and series, of a DICOM file.
    """

    rgb: RGBArray
    stored: Stored | None = None
    survey: Survey | None = None
    open_alpha: bool = False
    header: HeaderFacts | None = None

    @property
    def is_open(self) -> bool:
        """Whether its pixels require a range or rule that is determined from all files."""
        return self.survey is not None or self.open_alpha


def survey_of(values: Values, reading: Reading) -> Survey:
    """Look at the values of one image; they are finite."""
    whole = not np.issubdtype(values.dtype, np.floating)
    flat = values.ravel()
    negative = 0
    if np.issubdtype(flat.dtype, np.signedinteger) or not whole:
        below = flat < 0
        negative = int(np.count_nonzero(below))
        flat = flat[~below] if negative else flat
    ends = _WHOLE if whole else _FLOAT * OVERSHOOT
    counts = np.bincount(np.searchsorted(ends, flat.astype(np.float64)), minlength=len(ends) + 1)[: len(ends)]
    quantiles = np.empty(0)
    if reading.levels == "percentiles":
        quantiles = np.quantile(values, np.linspace(0, 1, _N_QUANTILES))
    return Survey(int(values.size), negative, counts.astype(np.int64), quantiles)


def together(surveys: Sequence[Survey]) -> Survey:
    """Return the combination of several surveys of one kind."""
    return Survey(
        sum(each.n for each in surveys),
        sum(each.n_negative for each in surveys),
        np.sum([each.counts for each in surveys], axis=0),
        np.concatenate([each.quantiles for each in surveys]),
    )


def fixed(reading: Reading, found: Iterable[tuple[Stored, Survey | None, bool]]) -> Reading:
    """Return `reading` with a range or rule for every file kind that has been waiting for one.

    Parameters
    ----------
    reading : Reading
    found : iterable of (Stored, Survey or None, bool)
        Of each image that waits: how it is stored, its survey, and whether its transparency is open.
    """
    by_kind: dict[str, list[tuple[Stored, Survey]]] = {}
    by_alpha: dict[str, list[bool]] = {}
    for stored, survey, open_alpha in found:
        if survey is not None:
            by_kind.setdefault(stored.kind, []).append((stored, survey))
        if open_alpha:
            by_alpha.setdefault(stored.alpha, []).append(stored.hidden)
    ranges = {kind: _range(reading, each) for kind, each in sorted(by_kind.items())}
    alphas = {kind: "ignore" if 2 * sum(each) >= len(each) else "white" for kind, each in sorted(by_alpha.items())}
    return replace(reading, ranges={**reading.ranges, **ranges}, alphas={**reading.alphas, **alphas})


def _range(reading: Reading, images: Sequence[tuple[Stored, Survey]]) -> Range:
    low, high = min(each.low for each, _ in images), max(each.high for each, _ in images)
    survey = together([each for _, each in images])
    if reading.levels == "percentiles":
        least, most = (float(np.percentile(survey.quantiles, each)) for each in reading.percentiles)
        return (least, most) if most > least else (least, least + 1)
    allowed = max(OUTSIDE_SHARE * survey.n, min(len(images), FEW_SHARE * survey.n))
    if survey.n_negative > allowed:
        return (low, high) if high > low else (low, low + 1)
    ends = _WHOLE if len(survey.counts) == len(_WHOLE) else _FLOAT
    # The values above the end of each range.
    above = survey.n - survey.n_negative - np.cumsum(survey.counts)
    enough = np.flatnonzero(above <= allowed)
    end = float(ends[enough[0]]) if len(enough) else high
    if high <= 0:  # nothing but zeros: black
        end = 1.0
    if ends is _FLOAT and 1 / 4 <= end < 1:
        end = 1.0  # by far the most usual range of floating-point images
    return 0.0, end


def to_bytes(values: Values, ends: Range) -> NDArray[np.uint8]:
    """Map values to 0 to 255; what is outside of the range is clipped.

    Parameters
    ----------
    values : ndarray
        Finite.
    ends : (float, float)
        The values that become 0 and 255. Of integers from 0 to 2^b − 1 the upper 8 bits are kept.
    """
    low, high = ends
    bits = float(np.log2(high + 1)) if high > -1 else 0.0
    if low == 0 and bits == int(bits) and 8 <= bits <= 62 and np.issubdtype(values.dtype, np.integer):
        inside = np.clip(values, 0, int(high))
        shifted: NDArray[np.uint8] = (inside >> inside.dtype.type(int(bits) - 8)).astype(np.uint8)
        return shifted
    scaled = (values.astype(np.float64) - low) * (_MAX_8_BIT / (high - low))
    mapped: NDArray[np.uint8] = np.rint(np.clip(scaled, 0, _MAX_8_BIT)).astype(np.uint8)
    return mapped


def merged(stored: Sequence[Stored | None]) -> Stored | None:
    """Return how several pages of one file are stored."""
    known = [each for each in stored if each is not None]
    if not known:
        return None
    kinds = [each for each in known if each.kind]
    return replace(
        known[0],
        kind=kinds[0].kind if kinds else "",
        low=min((each.low for each in kinds), default=0.0),
        high=max((each.high for each in kinds), default=0.0),
        bits=kinds[0].bits if kinds else 0,
        gaps=any(each.gaps for each in known),
        alpha=next((each.alpha for each in known if each.alpha), ""),
        hidden=all(each.hidden for each in known if each.alpha) and any(each.alpha for each in known),
    )
