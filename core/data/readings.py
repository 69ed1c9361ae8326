"""Conversion between settings and the rules by which stored values become pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from coreset_studio.core.errors import SettingsError
from coreset_studio.core.results import Reading
from coreset_studio.core.settings import DataSettings, settings_from_dict, settings_to_dict
from coreset_studio.core.settings.levels import ALPHA_RULES, LEVELS_RULES, parse_alpha, parse_levels, range_text

_FIELDS = ("grey_levels", "alpha", "pages", "window", "channels")


def reading_of(settings: DataSettings) -> Reading:
    """Return how stored values become pixels under settings; what they do not name is fixed by a scan."""
    levels = parse_levels(settings.grey_levels)
    alpha, alphas = parse_alpha(settings.alpha)
    return Reading(
        levels.rule,
        levels.percentiles,
        levels.ranges,
        alpha,
        alphas,
        settings.pages,
        settings.window,
        settings.channels,
    )


def with_reading(settings: DataSettings, reading: Reading) -> DataSettings:
    """Return settings that name what was fixed for each file kind, so that any scan under them reads the same."""
    ranges = [f"{kind}={range_text(*ends)}" if kind else range_text(*ends) for kind, ends in reading.ranges.items()]
    alphas = [f"{kind}={rule}" for kind, rule in reading.alphas.items()]
    return replace(
        settings,
        grey_levels=(_rule_text(reading), *sorted(ranges)),
        alpha=(reading.alpha, *sorted(alphas)),
        pages=reading.pages,
        window=reading.window,
        channels=reading.channels,
    )


def stored_choices(settings: DataSettings) -> dict[str, Any]:
    """Return the stored form of the choices that decide how images are read; empty where they are neutral."""
    return {name: value for name, value in settings_to_dict(settings).items() if name in _FIELDS}


def rules_alone(settings: DataSettings) -> DataSettings:
    """Return settings without what is fixed for single kinds of file."""
    reading = reading_of(settings)
    everywhere = {"": reading.ranges[""]} if "" in reading.ranges else {}
    return with_reading(settings, replace(reading, ranges=everywhere, alphas={}))


def fixed_choices(settings: DataSettings, reading: Reading) -> dict[str, Any]:
    """Return the stored form of what a scan fixed; empty where it fixed nothing."""
    return stored_choices(with_reading(settings, reading)) if reading.ranges or reading.alphas else {}


def choices_from(stored: Mapping[str, Any]) -> DataSettings:
    """Return settings that read images according to their stored form; an empty one is neutral.

    Raises
    ------
    SettingsError
        If it names anything else, or a value that is none.
    """
    unknown = set(stored) - set(_FIELDS)
    if unknown:
        raise SettingsError(f"The setting {min(unknown)!r} is not one of {', '.join(_FIELDS)}.")
    return settings_from_dict({"data": dict(stored)}).data


def with_fixed(settings: DataSettings, stored: Mapping[str, Any]) -> DataSettings:
    """Return settings with what an earlier scan under the same rules fixed; the settings take precedence."""
    try:
        before, mine = reading_of(choices_from(stored)), reading_of(settings)
    except SettingsError:
        return settings
    if not stored or not before.same_rules(mine) or "" in mine.ranges:
        return settings
    ranges, alphas = {**before.ranges, **mine.ranges}, {**before.alphas, **mine.alphas}
    return with_reading(settings, replace(mine, ranges=ranges, alphas=alphas))


def changed_choices(
    settings: DataSettings,
    *,
    grey_levels: Sequence[str] | None = None,
    alpha: Sequence[str] | None = None,
    pages: str | None = None,
    window: str | None = None,
    channels: str | None = None,
) -> DataSettings:
    """Return settings with these changes; a range or rule of one file kind leaves those of others.

    Raises
    ------
    SettingsError
        If a value is none.
    """
    reading = reading_of(settings)
    if grey_levels:
        parsed = parse_levels(grey_levels)
        if any(text in LEVELS_RULES or text.startswith("percentiles:") for text in grey_levels) or "" in parsed.ranges:
            reading = replace(reading, levels=parsed.rule, percentiles=parsed.percentiles, ranges=parsed.ranges)
        else:
            reading = replace(reading, ranges={**reading.ranges, **parsed.ranges})
    if alpha:
        rule, alphas = parse_alpha(alpha)
        if any(text in ALPHA_RULES for text in alpha):
            reading = replace(reading, alpha=rule, alphas=alphas)
        else:
            reading = replace(reading, alphas={**reading.alphas, **alphas})
    reading = replace(
        reading,
        pages=reading.pages if pages is None else pages,
        window=reading.window if window is None else window,
        channels=reading.channels if channels is None else channels,
    )
    return with_reading(settings, reading)


def _rule_text(reading: Reading) -> str:
    if reading.levels != "percentiles":
        return reading.levels
    return f"percentiles:{range_text(*reading.percentiles)}"
