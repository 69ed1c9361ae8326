"""Thresholds of the quality checks: from which value an image is flagged."""

from dataclasses import dataclass

from coreset_studio.core.descriptions.choice import SettingsPart, choice

_TIMES = " × median"
_DEVIATIONS = " deviations"


@dataclass(frozen=True, kw_only=True)
class QualitySettings(SettingsPart):
    """From which value each check of `core.data.quality` flags an image.

    A flag is a reason to look at an image and excludes nothing, so that no result depends on a threshold: the section
    is part of no key.

    Attributes
    ----------
    blurry, dark, bright, nearly_empty : float
        Times the median of the dataset; > 0.
    odd_size, odd_aspect_ratio, odd_colour : float
        Robust standard deviations from the median of the dataset; > 0.
    """

    blurry: float = choice(
        2.0, neutral=2.0, title="Blurry", flag="--blurry-above",
        tip="Flag an image if its edges are more than this many times as wide as those of the median image",
        above=0, offered=(1, 20), unit=_TIMES, step=0.1, decimals=2,
    )  # fmt: skip
    dark: float = choice(
        0.4, neutral=0.4, title="Dark", flag="--dark-below",
        tip="Flag an image if its brightest parts are less than this many times as bright as those of the median image",
        above=0, offered=(0.01, 1), unit=_TIMES, step=0.05, decimals=2,
    )  # fmt: skip
    bright: float = choice(
        0.1, neutral=0.1, title="Bright", flag="--bright-below",
        tip="Flag an image if its darkest parts are darker than white by less than this many times the difference in "
            "the median image",
        above=0, offered=(0.01, 1), unit=_TIMES, step=0.05, decimals=2,
    )  # fmt: skip
    nearly_empty: float = choice(
        0.5, neutral=0.5, title="Nearly empty", flag="--nearly-empty-below",
        tip="Flag an image if the entropy of its grey levels is less than this many times that of the median image",
        above=0, offered=(0.01, 1), unit=_TIMES, step=0.05, decimals=2,
    )  # fmt: skip
    odd_size: float = choice(
        3.5, neutral=3.5, title="Odd size", flag="--odd-size-above",
        tip="Flag an image if its size deviates from the median by more than this many robust standard deviations",
        above=0, offered=(0.5, 100), unit=_DEVIATIONS, step=0.5, decimals=2,
    )  # fmt: skip
    odd_aspect_ratio: float = choice(
        3.5, neutral=3.5, title="Odd aspect ratio", flag="--odd-aspect-ratio-above",
        tip="Flag an image if its aspect ratio deviates from the median by more than this many robust standard "
            "deviations",
        above=0, offered=(0.5, 100), unit=_DEVIATIONS, step=0.5, decimals=2,
    )  # fmt: skip
    odd_colour: float = choice(
        6.0, neutral=6.0, title="Odd colour", flag="--odd-colour-above",
        tip="Flag an image if its mean colour deviates from the median by more than this many robust standard "
            "deviations, as with another staining or white balance",
        above=0, offered=(0.5, 100), unit=_DEVIATIONS, step=0.5, decimals=2,
    )  # fmt: skip
