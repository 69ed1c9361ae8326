"""From the words on the command line to `Settings`: a settings file first, then what was said beside it."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.cache import default_cache_folder
from core.errors import SettingsError
from core.pipeline.facts import recommended_extractors
from core.pipeline.study import Study
from core.settings import Settings, read_settings

# Which word of the command line is which field of which part of the settings.
FIELDS: dict[str, dict[str, str]] = {
    "data": {
        "test_fraction": "test_fraction",
        "validation_fraction": "validation_fraction",
        "split_seed": "split_seed",
        "group_pattern": "group_pattern",
    },
    "features": {"untrained": "untrained"},
    "selection": {
        "sampler": "sampler",
        "fraction": "fraction",
        "images": "images",
        "seed": "seed",
        "budget_over_classes": "budget_over_classes",
        "budget_over_clusters": "budget_over_clusters",
        "beta": "beta",
        "mu": "mu",
    },
    "training": {
        "epochs": "epochs",
        "min_steps": "min_steps",
        "image_size": "image_size",
        "backbone": "backbone",
        "untrained_backbone": "untrained_backbone",
        "judge_extractor": "judge_extractor",
    },
    "comparison": {"seeds": "repetitions", "splits": "splits"},
    "export": {"files": "files", "with_split": "with_split", "remainder": "remainder", "private": "private"},
}


def study_of(options: argparse.Namespace) -> Study:
    """Return the study that a command line asks for.

    Raises
    ------
    SettingsError
        On a value that is not valid, naming it.
    """
    cache = getattr(options, "cache", None) or default_cache_folder()
    weights = getattr(options, "weights", None)
    return Study(options.dataset, settings_of(options), Path(cache), weights)


def settings_of(options: argparse.Namespace) -> Settings:
    """Return defaults, changed by the settings file, changed by what was said on the command line."""
    file = getattr(options, "settings", None)
    settings = read_settings(file) if file is not None else Settings()
    if file is None:
        settings = replace(settings, features=replace(settings.features, extractors=recommended_extractors()))
        validation = getattr(options, "validation_default", None)
        if validation is not None:
            settings = replace(settings, data=replace(settings.data, validation_fraction=validation))
    for part, names in FIELDS.items():
        said = {
            field: getattr(options, word) for word, field in names.items() if getattr(options, word, None) is not None
        }
        settings = _changed(settings, part, said)
    if getattr(options, "extractor", None):
        settings = _changed(settings, "features", {"extractors": words(options.extractor)})
    comparison: dict[str, Any] = {}
    for name in ("samplers", "networks"):
        if getattr(options, name, None):
            comparison[name] = words(getattr(options, name))
    if getattr(options, "fractions", None):
        comparison["fractions"] = numbers(options.fractions, "--fractions")
    if getattr(options, "no_controls", False):
        comparison["controls"] = False
    unknown = set(comparison.get("networks", ())) - {"custom", "transfer", "head"}
    if unknown:
        raise SettingsError(f"There is no network named {min(unknown)!r}; choose from custom, transfer, head.")
    return _changed(settings, "comparison", comparison)


def words(text: str) -> tuple[str, ...]:
    """Split at commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def numbers(text: str, flag: str) -> tuple[float, ...]:
    """Split at commas into numbers.

    Raises
    ------
    SettingsError
        If one is no number.
    """
    try:
        return tuple(float(word) for word in words(text))
    except ValueError as error:
        raise SettingsError(f"{flag} is {text!r}; expected numbers between commas, such as 0.05,0.25,1.") from error


def _changed(settings: Settings, part: str, said: dict[str, Any]) -> Settings:
    if not said:
        return settings
    return replace(settings, **{part: replace(getattr(settings, part), **said)})
