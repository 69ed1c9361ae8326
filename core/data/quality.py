"""Quality checks: which images are blurry, dark, bright, nearly empty, or unlike the others in size or colour.

The scan measures every image once (`core.data.quality_measures`). What is flagged follows from these measures, the
thresholds and the distribution over the dataset, immediately. A flag excludes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.descriptions import choices_of
from coreset_studio.core.descriptions.choice import Choice
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import QualitySettings

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

MEASURES = ("edge_width", "darkest", "brightest", "entropy", "lightness", "green_red", "blue_yellow")
"""The measures of the scan, in the sequence of `core.results.Image.quality`.

edge_width : per cent of the shorter side, 0 to 100
darkest, brightest : 5th and 99th percentile of the grey levels of the thumbnail, 0 (black) to 1 (white)
entropy : of the grey levels of the thumbnail, 0 to 8 bits
lightness, green_red, blue_yellow : L* (0 to 100), a* and b* of the mean colour of the thumbnail
"""

# Deviations below these, divided by a threshold of 3.5, are no reason to inspect an image: a side of 1.5 times the
# median, an aspect ratio of 1.3 times it. A difference of one in CIELAB can hardly be seen.
_LEAST_SIZE_DEVIATION = float(np.log2(1.5)) / 3.5
_LEAST_RATIO_DEVIATION = float(np.log2(1.3)) / 3.5
_LEAST_COLOUR_DEVIATION = 1.0
# A robust estimate of the standard deviation of normally distributed values from their median absolute deviation.
_NORMAL = 1.4826


@dataclass(frozen=True)
class QualityCheck:
    """One check. Title, tip, unit and default threshold are those of the setting of the same name.

    Attributes
    ----------
    name : str
        Of the check, and of its threshold in `core.settings.QualitySettings`.
    axis : str
        What its values are, as the label of an axis.
    is_above : bool
        Whether values above the threshold are flagged; otherwise those below it.
    finds : str
        One sentence: what a flagged image looks like.
    remedy : str
        One sentence: what can be done about it.
    compute : callable
        Its values from a dataset's measures by name and from width and height, each of shape (n_images,).
    """

    name: str
    axis: str
    is_above: bool
    finds: str
    remedy: str
    compute: Callable[[Mapping[str, Values]], Values]

    @property
    def facts(self) -> Choice:
        """Title, tip, unit and range of its threshold."""
        return dict(choices_of(QualitySettings))[self.name]

    @property
    def title(self) -> str:
        """Its name as the user reads it."""
        return self.facts.title

    def threshold(self, settings: QualitySettings) -> float:
        """Return its threshold in `settings`."""
        return float(getattr(settings, self.name))

    def flagged(self, values: Values, threshold: float) -> Flags:
        """Return which of its values are flagged; NaN, of an image that was not measured, is not."""
        return values > threshold if self.is_above else values < threshold


def _times_median(values: Values) -> Values:
    """Return values as multiples of their median; if that is 0, no value deviates from it."""
    median = _median(values)
    return values / median if median > 0 else np.where(np.isnan(values), np.nan, 1.0)


def _deviations(values: Values, least: float) -> Values:
    """Return how far values are from their median, in robust standard deviations of at least `least`."""
    distance = np.abs(values - _median(values))
    return distance / max(_NORMAL * _median(distance), least)


def _median(values: Values) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _size(facts: Mapping[str, Values]) -> Values:
    return _deviations(0.5 * np.log2(facts["width"] * facts["height"]), _LEAST_SIZE_DEVIATION)


def _aspect_ratio(facts: Mapping[str, Values]) -> Values:
    # Portrait and landscape images of one shape are equivalent.
    return _deviations(np.abs(np.log2(facts["width"] / facts["height"])), _LEAST_RATIO_DEVIATION)


def _colour(facts: Mapping[str, Values]) -> Values:
    parts = [_deviations(facts[name], _LEAST_COLOUR_DEVIATION) for name in ("lightness", "green_red", "blue_yellow")]
    return np.asarray(np.sqrt(sum(part**2 for part in parts)))


CHECKS: tuple[QualityCheck, ...] = (
    QualityCheck(
        "blurry", "edge width, times the median", True,
        "The image is out of focus, was moved during exposure, or is enlarged from a smaller one.",
        "Replace it with a sharp image of the same object, or exclude it.",
        lambda facts: _times_median(facts["edge_width"]),
    ),
    QualityCheck(
        "dark", "brightest parts, times the median", False,
        "The image is underexposed or almost black.",
        "Correct the exposure of all images equally, or exclude it.",
        lambda facts: _times_median(facts["brightest"]),
    ),
    QualityCheck(
        "bright", "darkest parts, times the median", False,
        "The image is overexposed or almost white.",
        "Correct the exposure of all images equally, or exclude it.",
        lambda facts: _times_median(1 - facts["darkest"]),
    ),
    QualityCheck(
        "nearly_empty", "entropy, times the median", False,
        "The image has few different grey levels: background without an object.",
        "Check whether the object is in the image, and exclude it if not.",
        lambda facts: _times_median(facts["entropy"]),
    ),
    QualityCheck(
        "odd_size", "deviation of the size", True,
        "The image is much smaller or larger than the others.",
        "Check whether it has the same magnification as the others; if not, rescale or exclude it.",
        _size,
    ),
    QualityCheck(
        "odd_aspect_ratio", "deviation of the aspect ratio", True,
        "The image is much wider or narrower than the others, so that resizing distorts it more.",
        "Crop it like the others, or exclude it.",
        _aspect_ratio,
    ),
    QualityCheck(
        "odd_colour", "deviation of the mean colour", True,
        "The image has another staining, white balance or background than the others.",
        "Check whether these images are of one class or group only: a network could learn the colour instead.",
        _colour,
    ),
)  # fmt: skip
"""All checks, in the sequence in which they are listed."""


def check_named(name: str) -> QualityCheck:
    """Return the check of this name; KeyError if there is none."""
    return {check.name: check for check in CHECKS}[name]


def quality_values(dataset: Dataset) -> dict[str, Values]:
    """Return the value of every image by check.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    dict of str to ndarray of shape (n_images,), float64
        By name of the check, in the unit of its threshold. NaN where an image was not measured; sizes are always known.
    """
    measured = dataset.quality
    facts: dict[str, Values] = {
        name: measured[:, column] if measured.shape[1] else np.full(len(measured), np.nan)
        for column, name in enumerate(MEASURES)
    }
    facts["width"], facts["height"] = dataset.sizes.T.astype(np.float64)
    return {check.name: check.compute(facts) for check in CHECKS}


def flags_of(values: Mapping[str, Values], settings: QualitySettings | None = None) -> dict[str, Flags]:
    """Return which images each check flags, from what `quality_values` returned.

    Parameters
    ----------
    values : mapping of str to ndarray of shape (n_images,)
    settings : QualitySettings, optional
        Thresholds; the defaults if not given.

    Returns
    -------
    dict of str to ndarray of shape (n_images,), bool
    """
    settings = settings or QualitySettings()
    return {check.name: check.flagged(values[check.name], check.threshold(settings)) for check in CHECKS}


def quality_flags(dataset: Dataset, settings: QualitySettings | None = None) -> dict[str, Flags]:
    """Return which images of a dataset each check flags; see `flags_of`."""
    return flags_of(quality_values(dataset), settings)


def n_unmeasured(dataset: Dataset) -> int:
    """Return how many images were not measured: those of a scan by a version without quality checks."""
    return sum(image.quality is None for image in dataset.images)


def quality_notes(dataset: Dataset, flags: Mapping[str, Flags]) -> list[str]:
    """Return notes on flags: images that were not measured, checks that flag more than half of the images."""
    notes = []
    if missing := n_unmeasured(dataset):
        noun = "image" if missing == 1 else "images"
        notes.append(
            f"The quality of {missing:,} {noun} was not measured, because an earlier version scanned them; for these, "
            "only size and aspect ratio are checked. Scan again to measure it."
        )
    often = (check for check in CHECKS if 2 * np.count_nonzero(flags[check.name]) > len(flags[check.name]))
    notes += [
        f"More than half of the images are flagged as {check.title.lower()}; change the threshold ({check.facts.flag})."
        for check in often
    ]
    return notes
