"""An external test: evaluate a saved network on another dataset, read like its training images."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from coreset_studio.core.data.readings import changed_choices, choices_from
from coreset_studio.core.data.split import named_out
from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.class_matching import match_classes
from coreset_studio.core.output.external_report import REPORT, headline, write_external_report
from coreset_studio.core.output.external_test import ExternalTest, evaluate_bundle
from coreset_studio.core.output.model_bundle import load_bundle, read_facts
from coreset_studio.core.pipeline.stages import open_dataset
from coreset_studio.core.progress import NO_PROGRESS, PartProgress, Progress
from coreset_studio.core.results import Dataset, MatchedClasses
from coreset_studio.core.settings import DataSettings

__all__ = ["evaluate_external", "external_classes", "headline", "report_in"]


def external_classes(
    bundle: Path, source: Path, cache_folder: Path, progress: Progress = NO_PROGRESS
) -> MatchedClasses:
    """Scan a dataset with the reading of a network, and match the classes by name.

    Raises
    ------
    ExportError
        If the bundle cannot be read.
    DatasetError
        If the dataset cannot be read.
    """
    facts = read_facts(bundle)
    dataset = _opened(source, cache_folder, facts.reading, None, None, progress)
    counts = dict.fromkeys(dataset.classes, 0)
    for image in dataset.images:
        counts[image.class_name] += 1
    try:
        matching = match_classes(dataset.classes, facts.classes)
    except ExportError:  # no class has the name of another
        return MatchedClasses(counts, tuple(facts.classes), {}, is_certain=False)
    return MatchedClasses(counts, tuple(facts.classes), matching.matched, matching.is_certain)


def evaluate_external(
    bundle: Path,
    source: Path,
    cache_folder: Path,
    out: Path | None = None,
    progress: Progress = NO_PROGRESS,
    *,
    matches: Mapping[str, str] | None = None,
    settings: DataSettings | None = None,
    choices: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> ExternalTest:
    """Evaluate a saved network on another dataset and, on request, write the report.

    Parameters
    ----------
    bundle : Path
        Folder of the network.
    source : Path
        The other dataset, of any source.
    out : Path, optional
        Folder of the report; by default none is written.
    matches : mapping of str to str, optional
        See `core.output.class_matching.match_classes`.
    settings : DataSettings, optional
        Settings to read the dataset with, other than those of pixels.
    choices : mapping, optional
        Values of ``grey_levels``, ``alpha``, ``pages``, ``window`` and ``channels`` that differ from those of the
        training.

    Raises
    ------
    ExportError
        If the bundle is damaged, no class is matched, no image is left, or the report cannot be written.
    DatasetError
        If the dataset cannot be read.
    """
    facts = read_facts(bundle)
    dataset = _opened(source, cache_folder, facts.reading, settings, choices, PartProgress(progress, 0.0, 0.4))
    match_classes(dataset.classes, facts.classes, matches)  # reports a wrong class before the model is loaded
    loaded = load_bundle(bundle)
    excluded = named_out(dataset, settings) if settings is not None else {}
    test = evaluate_bundle(loaded, dataset, matches, PartProgress(progress, 0.4, 0.97), excluded=excluded)
    if out is not None:
        write_external_report(out, test, cache_folder, overwrite=overwrite)
    return test


def report_in(out: Path) -> Path:
    """Return the path of the report in a folder."""
    return out / REPORT


def _opened(
    source: Path,
    cache_folder: Path,
    reading: Mapping[str, Any],
    settings: DataSettings | None,
    choices: Mapping[str, Any] | None,
    progress: Progress,
) -> Dataset:
    read = choices_from(reading)
    if choices:
        read = changed_choices(read, **choices)
    changed = replace(
        settings or DataSettings(),
        grey_levels=read.grey_levels, alpha=read.alpha, pages=read.pages, window=read.window, channels=read.channels,
    )  # fmt: skip
    return open_dataset(source, cache_folder, progress, settings=changed)
