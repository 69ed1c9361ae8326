"""The named colours of the window in light and dark, and whether they can be distinguished (WCAG 2.2)."""

from dataclasses import dataclass
from functools import cache

READABLE = 3.0
"""Least contrast of graphics and of the edges of controls (WCAG 1.4.11); words want 4.5."""


@dataclass(frozen=True)
class Colours:
    """The named colours of one mode, as ``#rrggbb``.

    Attributes
    ----------
    dark : bool
    background, surface, sunken, field : str
        The window, cards on it, wells inside cards, text fields.
    text, muted, disabled : str
        Words, words that matter less (both WCAG AA on every ground), words of disabled controls.
    line, outline : str
        Quiet separators; edges by which a control is recognised (3:1 on every ground).
    hover : str
    accent, accent_hover, accent_pressed, on_accent, accent_soft : str
        The one colour of the frame, words on it, and its pale ground for what is selected.
    good, warning, bad : str
        As words; their pale grounds are `good_soft`, `warning_soft`, `bad_soft`.
    medoid : str
        Black in light, white in dark.
    """

    dark: bool
    background: str
    surface: str
    sunken: str
    field: str
    text: str
    muted: str
    disabled: str
    line: str
    outline: str
    hover: str
    accent: str
    accent_hover: str
    accent_pressed: str
    on_accent: str
    accent_soft: str
    good: str
    good_soft: str
    warning: str
    warning_soft: str
    bad: str
    bad_soft: str
    medoid: str


LIGHT = Colours(
    dark=False,
    background="#f4f5f7",
    surface="#ffffff",
    sunken="#e9ebee",
    field="#ffffff",
    text="#1b1f24",
    muted="#545d68",
    disabled="#8a929b",
    line="#d6dae0",
    outline="#7f8893",
    hover="#eef1f5",
    accent="#0a5cad",
    accent_hover="#0c6bc8",
    accent_pressed="#084a8b",
    on_accent="#ffffff",
    accent_soft="#dbe9f8",
    good="#17693f",
    good_soft="#dff3e6",
    warning="#7a4f00",
    warning_soft="#fdf0d0",
    bad="#a81e17",
    bad_soft="#fde4e1",
    medoid="#000000",
)

DARK = Colours(
    dark=True,
    background="#17191c",
    surface="#1f2226",
    sunken="#121416",
    field="#17191c",
    text="#e7e9ec",
    muted="#a6aeb8",
    disabled="#6d757f",
    line="#363b42",
    outline="#7d8691",
    hover="#2a2e34",
    accent="#6fb3f8",
    accent_hover="#8cc3fa",
    accent_pressed="#5a9fe6",
    on_accent="#0b1b2c",
    accent_soft="#1d3b5c",
    good="#6fd19a",
    good_soft="#16352a",
    warning="#f2bd57",
    warning_soft="#3b2d10",
    bad="#ff9489",
    bad_soft="#452220",
    medoid="#ffffff",
)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def words_on(colour: str) -> str:
    """Return black or white, whichever reads better on `colour`."""
    return max("#000000", "#ffffff", key=lambda word: contrast(word, colour))


@cache
def lifted(colour: str, ground: str) -> str:
    """Return `colour`, moved away from `ground` until graphics in it can be seen (3:1, WCAG 1.4.11)."""
    goal = 255 if _luminance(ground) < 0.18 else 0
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    for step in range(21):
        mixed = "#" + "".join(f"{round(c + (goal - c) * step / 20):02x}" for c in channels)
        if contrast(mixed, ground) >= READABLE:
            return mixed
    return "#ffffff" if goal else "#000000"
