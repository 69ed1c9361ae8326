"""Convert command-line arguments to `Settings`: first the settings file, then flags."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.cli.flags import Flag, flags_of_files, flags_of_images, given_settings
from coreset_studio.core.cli.terminal import TerminalProgress
from coreset_studio.core.descriptions import inside_sentence, resolve
from coreset_studio.core.output.reproducing import unnamed_note
from coreset_studio.core.pipeline.facts import recommended_extractors
from coreset_studio.core.pipeline.stages import open_dataset
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.settings import Settings, check_names, read_settings

# Where the parsed options hold them.
EXTRACTORS = "features.extractors"
BY_CLASS, CLASS_RULE = "selection.fraction_by_class", "selection.budget_over_classes"

BY_HAND = "note: fractions of classes were given, so budgets are set by hand; --budget-over-classes sets another rule."


def study_of(options: argparse.Namespace) -> Study:
    """Return the study that a command line requests.

    Raises
    ------
    SettingsError
        On a value that is not valid, naming it.
    """
    cache = getattr(options, "cache", None) or default_cache_folder()
    weights = getattr(options, "weights", None)
    study = Study(options.dataset, settings_of(options), Path(cache), weights)
    return _with_values_of_images(_with_values_of_files(study, options), options)


def _with_values_of_files(study: Study, options: argparse.Namespace) -> Study:
    """Return the study with the values that files are to give; what was assumed is reported in notes."""
    settings = study.settings
    asked = flags_of_files(options)
    for flag, file in asked:
        progress = TerminalProgress()
        progress.listen_for_interrupt()
        value, notes = resolve(flag.setting.facts.from_file)(file, study.source, settings.data, progress)
        settings = flag.setting.put(settings, value)
        for note in notes:
            print(f"note: {note}", file=sys.stderr)
    settings = _with_extractors_of(settings, [flag for flag, _ in asked], options)
    return replace(study, settings=settings)


def _with_extractors_of(settings: Settings, flags: Sequence[Flag], options: argparse.Namespace) -> Settings:
    """Return settings that use the extractor a file was given for; if others were named, a note says that it is not."""
    for flag in flags:
        owner, features = flag.setting.owner, settings.features
        if flag.setting.section != "features" or not owner or owner in features.extractors:
            continue
        if getattr(options, EXTRACTORS, None) is None and getattr(options, "settings", None) is None:
            settings = replace(settings, features=replace(features, extractors=(owner,)))
            words = (
                f"{flag.words} was given, so features are taken from the file alone; --extractor "
                f"{owner},colour-texture combines them with those of another extractor."
            )
        else:
            words = f"{flag.words} has no effect, since {owner} is not among the extractors (--extractor)."
        print(f"note: {words}", file=sys.stderr)
    return settings


def _with_values_of_images(study: Study, options: argparse.Namespace) -> Study:
    """Return the study with the values determined from its images, each with a note."""
    of_images = flags_of_images(options)
    if not of_images:
        return study
    progress = TerminalProgress()
    progress.listen_for_interrupt()
    dataset = open_dataset(study.source, study.cache_folder, progress, settings=study.settings.data)
    settings = study.settings
    for flag in of_images:
        facts = flag.setting.facts
        value = resolve(facts.from_dataset)(dataset)
        settings = flag.setting.put(settings, value)
        print(
            f"note: {inside_sentence(facts.title)}, determined from the images: {flag.words} {value}.", file=sys.stderr
        )
    return replace(study, settings=settings)


def settings_of(options: argparse.Namespace) -> Settings:
    """Return defaults, changed by the settings file, changed by the command line."""
    file = getattr(options, "settings", None)
    settings = read_settings(file) if file is not None else Settings()
    note = unnamed_note(file) if file is not None else ""
    if note:
        print(f"note: {note}", file=sys.stderr)
    if file is None:
        settings = replace(settings, features=replace(settings.features, extractors=recommended_extractors()))
        validation = getattr(options, "validation_default", None)
        if validation is not None:
            settings = replace(settings, data=replace(settings.data, validation_fraction=validation))
    settings = given_settings(options, settings)
    by_class, rule = (getattr(options, name, None) for name in (BY_CLASS, CLASS_RULE))
    if by_class and rule is None and settings.selection.budget_over_classes != "by-hand":
        print(BY_HAND, file=sys.stderr)
        settings = replace(settings, selection=replace(settings.selection, budget_over_classes="by-hand"))
    check_names(settings)
    return settings
