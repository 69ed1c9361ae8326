"""Parsing of the settings that determine how stored values become pixels, such as `--grey-levels` and `--window`."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from coreset_studio.core.errors import SettingsError

LEVELS_RULES = ("used", "declared")
ALPHA_RULES = ("auto", "white", "ignore")
PAGE_RULES = ("first", "max", "mean", "channels", "each")
WINDOW_RULES = ("stored", "full")

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER})", re.IGNORECASE)
_CHANNEL = re.compile(r"[1-9][0-9]{0,3}")
_KIND = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LEVELS_MUST = (
    "used, declared, percentiles:0.1:99.9, a range such as 0:4095, or the range of one file kind such as "
    "16-bit-tiff=0:4095"
)
_ALPHA_MUST = "auto, white or ignore, or one of the last two for one file kind, such as alpha-png=ignore"
_WINDOW_MUST = "stored, full, or centre and width such as 40:400, the width above 0"
_CHANNELS_MUST = "auto, or one to three numbers of channels from 1 with commas between, such as 2,3,1"
_PAGES_MUST = "first, max, mean, channels, each, or a page number such as 3"


@dataclass(frozen=True)
class LevelsChoice:
    """The parsed value of `--grey-levels`.

    Attributes
    ----------
    rule : str
        ``"used"``, ``"declared"`` or ``"percentiles"``: for any file kind that has no range here.
    percentiles : (float, float)
        0 to 100, ascending; with ``"percentiles"``.
    ranges : dict of str to (float, float)
        The stored values that become 0 and 255, by file kind; that of the empty name is for every other kind.
    """

    rule: str = "used"
    percentiles: tuple[float, float] = (0.0, 100.0)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)


def parse_levels(texts: Sequence[str]) -> LevelsChoice:
    """Read the values of `--grey-levels`.

    Raises
    ------
    SettingsError
        If one is none, a range is empty, or two contradict each other.
    """
    rules: dict[str, tuple[float, float]] = {}
    ranges: dict[str, tuple[float, float]] = {}
    for text in texts:
        kind, equals, rest = text.rpartition("=")
        if not equals and text in LEVELS_RULES:
            rules[text] = (0.0, 100.0)
        elif not equals and text.startswith("percentiles:"):
            low, high = _range(text, text.removeprefix("percentiles:"))
            if low < 0 or high > 100:
                raise _wrong("grey_levels", text, "two percentiles from 0 to 100, such as percentiles:0.1:99.9")
            rules["percentiles"] = (low, high)
        elif equals and not _KIND.fullmatch(kind):
            raise _wrong("grey_levels", text, _LEVELS_MUST)
        else:
            found = _range(text, rest)
            if ranges.setdefault(kind, found) != found:
                raise SettingsError(f"grey_levels has two ranges for {kind or 'any file kind'}; give one.")
    if len(rules) > 1:
        raise SettingsError(f"grey_levels has the rules {' and '.join(rules)}; give one.")
    for rule, percentiles in rules.items():
        return LevelsChoice(rule, percentiles, ranges)
    return LevelsChoice(ranges=ranges)


def levels_rule(choice: LevelsChoice) -> str:
    """Return the rule of a setting in its text form."""
    return f"percentiles:{range_text(*choice.percentiles)}" if choice.rule == "percentiles" else choice.rule


def changed_levels(
    texts: Sequence[str], kind: str, *, rule: str = "", ends: tuple[float, float] | None = None
) -> tuple[str, ...]:
    """Return the values of `--grey-levels` changed for one file kind; ranges of other file kinds stay.

    Parameters
    ----------
    texts : sequence of str
        As they are.
    kind : str
        Such as ``"16-bit-tiff"``.
    rule : str
        A rule for all file kinds without a range; the kind then has none.
    ends : (float, float), optional
        A range of the kind; the rule stays.

    Raises
    ------
    SettingsError
        If the rule or the range is none.
    """
    before = parse_levels(texts)
    ranges = {name: each for name, each in before.ranges.items() if name != kind and (name or ends is not None)}
    if ends is not None:
        ranges[kind] = ends
    typed = [f"{name}={range_text(*each)}" if name else range_text(*each) for name, each in ranges.items()]
    changed = (rule or levels_rule(before), *sorted(typed))
    parse_levels(changed)
    return changed


def parse_alpha(texts: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Read the values of `--alpha`: the rule, and the rules of single file kinds.

    Raises
    ------
    SettingsError
        If one is none, or two contradict each other.
    """
    rules: list[str] = []
    by_kind: dict[str, str] = {}
    for text in texts:
        kind, equals, rest = text.rpartition("=")
        if not equals and text in ALPHA_RULES:
            rules.append(text)
        elif equals and _KIND.fullmatch(kind) and rest in ALPHA_RULES[1:]:
            if by_kind.setdefault(kind, rest) != rest:
                raise SettingsError(f"alpha has two values for {kind}; give one.")
        else:
            raise _wrong("alpha", text, _ALPHA_MUST)
    if len(set(rules)) > 1:
        raise SettingsError(f"alpha has the rules {' and '.join(dict.fromkeys(rules))}; give one.")
    return (rules[0] if rules else "auto"), by_kind


def check_pages(text: str) -> None:
    """Make sure that `text` is a value of `--pages`.

    Raises
    ------
    SettingsError
        If it is none.
    """
    if text not in PAGE_RULES and not (text.isascii() and text.isdigit() and int(text[:9]) >= 1 and len(text) < 9):
        raise _wrong("pages", text, _PAGES_MUST)


def parse_window(text: str) -> tuple[float, float] | None:
    """Return centre and width of a value of `--window`; None for a rule.

    Raises
    ------
    SettingsError
        If it is neither.
    """
    if text in WINDOW_RULES:
        return None
    found = _RANGE.fullmatch(text)
    if found is None:
        raise _wrong("window", text, _WINDOW_MUST)
    centre, width = float(found[1]), float(found[2])
    if not (math.isfinite(centre) and math.isfinite(width) and width > 0):
        raise _wrong("window", text, _WINDOW_MUST)
    return centre, width


def parse_channels(text: str) -> tuple[int, ...]:
    """Return the channels of a value of `--channels`, from 1; empty for ``"auto"``.

    Raises
    ------
    SettingsError
        If it is none.
    """
    if text == "auto":
        return ()
    parts = text.split(",")
    if not 1 <= len(parts) <= 3 or not all(_CHANNEL.fullmatch(part) for part in parts):
        raise _wrong("channels", text, _CHANNELS_MUST)
    return tuple(int(part) for part in parts)


def range_text(low: float, high: float) -> str:
    """Return a range in its text form, such as ``"0:4095"``; it reads back as the same numbers."""
    return f"{_number(low)}:{_number(high)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))


def _range(text: str, part: str) -> tuple[float, float]:
    found = _RANGE.fullmatch(part)
    if found is None:
        raise _wrong("grey_levels", text, _LEVELS_MUST)
    low, high = float(found[1]), float(found[2])
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise _wrong("grey_levels", text, "a range whose first number is below its second, such as 0:4095")
    return low, high


def _wrong(name: str, text: str, must: str) -> SettingsError:
    return SettingsError(f"{name} must be {must}; found {text!r}.")
