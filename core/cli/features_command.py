"""The command that writes the features of an extractor to a file."""

import argparse
import sys
from dataclasses import replace

import numpy as np

from coreset_studio.core.cli.choices import EXTRACTORS, study_of
from coreset_studio.core.cli.terminal import TerminalProgress, say
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.features.extraction import Extracted, extract
from coreset_studio.core.features.extractors import extractor_named
from coreset_studio.core.output.feature_files import check_target, list_file, write_features
from coreset_studio.core.pipeline.stages import open_dataset
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import own_settings

_SHOWN = 3


def features(options: argparse.Namespace) -> int:
    """Extract the features of every image of a dataset and write them."""
    check_target(options.out, overwrite=options.overwrite)
    study = study_of(options)
    names = study.settings.features.extractors
    if len(names) > 1 and getattr(options, EXTRACTORS, None) is not None:
        raise SettingsError(f"The features of one extractor are written at once; found {', '.join(names)}. Name one.")
    if len(names) > 1:
        print(f"note: features of {names[0]} are written; --extractor names another.", file=sys.stderr)
        study = replace(
            study, settings=replace(study.settings, features=replace(study.settings.features, extractors=names[:1]))
        )
    shown = TerminalProgress()
    shown.listen_for_interrupt()
    dataset = open_dataset(study.source, study.cache_folder, shown, settings=study.settings.data)
    extractor = extractor_named(names[0])
    extracted = extract(
        dataset,
        extractor.name,
        cache_folder=study.cache_folder,
        untrained=study.settings.features.untrained,
        weights_file=study.weights_file if extractor.weights else None,
        settings=own_settings(study.settings.features, extractor),
        progress=shown,
    )
    indices = np.setdiff1d(np.arange(len(dataset.images)), extracted.failed_indices)
    write_features(options.out, extracted, indices, shown)
    blocks = ", ".join(f"{name} {width:,}" for name, width in extracted.blocks.items())
    say(f"{len(indices):,} images, {sum(extracted.blocks.values()):,} features of {extractor.name} ({blocks})")
    _say_notes(extracted)
    listed = list_file(options.out)
    say(f"written: {options.out}{f' and {listed}' if listed is not None else ''}")
    return 0


def embed(options: argparse.Namespace) -> int:
    """Extract the features of every image of a dataset with each extractor; they stay in the cache."""
    study = study_of(options)
    shown = TerminalProgress()
    shown.listen_for_interrupt()
    dataset = open_dataset(study.source, study.cache_folder, shown, settings=study.settings.data)
    file = study.weights_file
    for name in study.settings.features.extractors:
        extractor = extractor_named(name)
        extracted = extract(
            dataset,
            name,
            cache_folder=study.cache_folder,
            untrained=study.settings.features.untrained,
            weights_file=file if extractor.weights else None,
            settings=own_settings(study.settings.features, extractor),
            progress=shown,
        )
        file = None if extractor.weights else file
        n = extracted.n_computed
        rate = f", {n / extracted.seconds_computing:.3g} images/s" if n else ""
        say(f"{name}: {n:,} images extracted, {_n_contents(dataset) - n - _n_failed(extracted):,} in the cache{rate}")
        _say_notes(extracted)
    return 0


def _n_contents(dataset: Dataset) -> int:
    return len(set(dataset.contents))


def _n_failed(extracted: Extracted) -> int:
    return len({extracted.dataset.images[index].pixels for index in extracted.failed_indices.tolist()})


def _say_notes(extracted: Extracted) -> None:
    for note in ([extracted.label] if extracted.label else []) + list(extracted.notes):
        say(f"note: {note}")
    for failed in extracted.failed[:_SHOWN]:
        say(f"note: {failed.path} is left out: {failed.reason}")
    if len(extracted.failed) > _SHOWN:
        say(f"note: {len(extracted.failed) - _SHOWN:,} more images are left out.")
