"""Commands that train, and that use what was trained: compare, run, predict, evaluate, demo."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.cli.choices import study_of
from coreset_studio.core.cli.commands import progress
from coreset_studio.core.cli.parser import READ_BY
from coreset_studio.core.cli.terminal import TerminalProgress, say, table
from coreset_studio.core.errors import ExportError, SettingsError
from coreset_studio.core.features.extractors import EXTRACTORS
from coreset_studio.core.output.class_matching import parse_match
from coreset_studio.core.output.class_tables import measures_of_classes
from coreset_studio.core.output.external_report import REPORT, headline, measures_table
from coreset_studio.core.pipeline import whole
from coreset_studio.core.pipeline.external import evaluate_external
from coreset_studio.core.pipeline.facts import recommended_but_missing, recommended_extractors
from coreset_studio.core.pipeline.planning import EVERYTHING, n_splits
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.views import StudyOutcome
from coreset_studio.core.results import Comparison, Note, Relabelled, Row, RunResult, StageTime, split_of, split_word
from coreset_studio.core.settings import STEPS, Settings
from coreset_studio.core.training.metric import Metric
from coreset_studio.core.training.metrics import shown_in
from coreset_studio.core.words import byte_size, duration, percent


def _progress(settings: Settings | None = None) -> TerminalProgress:
    """Return what shows runs, where `settings` are given each with its split or fold."""
    n, folds = (n_splits(settings), settings.data.folds or 0) if settings is not None else (1, 0)
    shown = TerminalProgress(on_part=partial(_print_run, n=n, folds=folds))
    shown.listen_for_interrupt()
    return shown


def _sampler(name: str) -> str:
    return "whole pool" if name == EVERYTHING else name


def _print_run(result: object, *, n: int = 1, folds: int = 0) -> None:
    if isinstance(result, Note):
        say(f"note: {result.sentence}", flush=True)
    if isinstance(result, RunResult):
        key = result.key
        reached = ", ".join(f"{one.in_words} {result.metrics[one.name]:.3f}" for one in shown_in("terminal"))
        which = f"repetition {key.repetition + 1}"
        which = f"{split_of(key.split, n, folds)}, {which}" if n > 1 else which
        say(
            f"{key.network}, {_sampler(key.sampler)} {percent(key.fraction)}, {which}: "
            f"test {reached}, trained in {duration(result.train_seconds)}"
            + (f", its teacher in {duration(result.teacher_seconds)}" if result.teacher_seconds else "")
            + (f" ({result.note})" if result.note else ""),
            flush=True,
        )


def _print_comparison(comparison: Comparison) -> None:
    several = comparison.n_splits > 1
    metrics = shown_in("terminal")
    relabelled = comparison.relabelled if comparison.relabelled is not None and comparison.relabelled.rows else None
    rows = [
        [
            row.network,
            _sampler(row.sampler),
            percent(row.fraction),
            f"{row.n_images:,}",
            *([str(row.n_splits)] if several else []),
            str(row.n_repetitions),
            *_reached(row, metrics),
            *([_with_original_labels(row, relabelled)] if relabelled else []),
            duration(row.select_seconds),
            duration(row.train_seconds),
            duration(row.validation_seconds),
            "–" if row.pays_after is None else f"{row.pays_after:,}",
        ]
        for row in comparison.rows
    ]
    start = ["network", "sampler", "kept", "images", *([f"{split_word(comparison.folds)}s"] if several else [])]
    first, *others = (metric.label for metric in metrics)
    labels = [f"{first}, original labels"] if relabelled else []
    header = [
        *start,
        "runs",
        first,
        "95 %",
        *others,
        *labels,
        "selecting",
        "training",
        "of it validation",
        "pays after",
    ]
    if comparison.rows:
        say(f"Test results with 95 % intervals{f', {STEPS[comparison.steps]}' if comparison.steps else ''}:")
    print(table(header, rows, set(range(2, len(header)))))
    for sentence in comparison.sentences:
        say(f"note: {sentence}" if sentence in comparison.notes else sentence)


def _with_original_labels(row: Row, relabelled: Relabelled) -> str:
    found = relabelled.row(row.network, row.sampler, row.fraction)
    return f"{found.original_accuracy:.3f}" if found is not None else "–"


def _reached(row: Row, metrics: Sequence[Metric]) -> list[str]:
    """Return the means of a row, that of the first metric with its interval."""
    first, *others = ([values.get(one.name, float("nan")) for values in (row.means, row.lows, row.highs)]
                      for one in metrics)  # fmt: skip
    return [f"{first[0]:.3f}", f"{first[1]:.3f} to {first[2]:.3f}", *(f"{mean:.3f}" for mean, *_ in others)]


def _print_times(times: tuple[StageTime, ...]) -> None:
    rows = [[t.stage, duration(t.seconds), byte_size(t.peak_bytes)] for t in times]
    print(table(["stage", "took", "peak memory"], rows, {1, 2}))


def _print_outcome(outcome: StudyOutcome) -> None:
    for note in outcome.notes:
        say(f"note: {note}")
    _print_comparison(outcome.comparison)
    _print_times(outcome.times)


def compare(options: argparse.Namespace) -> int:
    """Train and compare; the report and every table go to the folder."""
    study = study_of(options)
    outcome = whole.compare_study(study, options.out, overwrite=options.overwrite, progress=_progress(study.settings))
    _print_outcome(outcome)
    say(f"written: {outcome.report}")
    return 0


def run(options: argparse.Namespace) -> int:
    """Do everything."""
    study = study_of(options)
    outcome = whole.run_study(study, options.out, overwrite=options.overwrite, progress=_progress(study.settings))
    _print_outcome(outcome)
    say(f"written: {outcome.report}")
    return 0


def predict(options: argparse.Namespace) -> int:
    """Give every image of a folder a class."""
    if options.out.exists() and not options.overwrite:
        raise ExportError(f"{options.out} already exists. Name another file, or add --overwrite.")
    choices = {name: getattr(options, f"data.{name}", None) for name in READ_BY}
    given = {name: value for name, value in choices.items() if value is not None}
    outcome = whole.predict(options.bundle, options.folder, options.out, progress(), choices=given)
    say(f"{outcome.n_images:,} images predicted, {len(outcome.skipped):,} skipped; written: {options.out}")
    for skipped in outcome.skipped:
        say(f"  {skipped.path}: {skipped.reason}")
    for note in outcome.notes:
        say(f"note: {note}")
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Evaluate a trained network on another labelled dataset."""
    choices = {name: getattr(options, f"data.{name}", None) for name in READ_BY}
    study = study_of(options)
    test = evaluate_external(
        options.bundle,
        study.source,
        study.cache_folder,
        options.out,
        progress(),
        matches=parse_match(options.match),
        settings=study.settings.data,
        choices={name: value for name, value in choices.items() if value is not None},
        overwrite=options.overwrite,
    )
    say(headline(test))
    measures = [[str(row[0]), str(row[1] or "–"), str(row[5])] for row in measures_table(test).rows]
    print(table(["measure", "value (95 %)", ""], measures))
    classes = measures_of_classes(test.row, [test.run])
    heads = [column.title for column in classes.columns]
    print(table(heads, [["–" if cell is None else str(cell) for cell in row] for row in classes.rows], {1}))
    for note in test.notes:
        say(f"note: {note}")
    if options.out is not None:
        say(f"written: {options.out / REPORT}")
    return 0


def demo(options: argparse.Namespace) -> int:
    """Run the whole method on embedded synthetic cells."""
    shown = _progress()
    cache = Path(options.cache) if options.cache else default_cache_folder()
    if options.images is not None and options.images < 40:
        raise SettingsError(f"--images is {options.images}; the demo requires at least 40.")
    missing = recommended_but_missing()
    if missing:
        say(
            f"{EXTRACTORS[missing[0]].title}'s weights are not on this machine, so the demo uses "
            f"{' and '.join(recommended_extractors())} only; `coreset weights list` shows how to get them.",
            file=sys.stderr,
        )
    settings = whole.demo_settings(epochs=options.epochs)
    say("The demo images are synthetic: drawn by this program, not photographed.")
    folder = options.out.parent / f"{options.out.name}-images"
    whole.ensure_demo(folder, n_images=options.images, progress=shown)
    study = Study(folder, settings, cache)
    outcome = whole.run_study(study, options.out, overwrite=options.overwrite, synthetic=True, progress=shown)
    _print_outcome(outcome)
    say(f"images: {folder}")
    say(f"written: {outcome.report}")
    return 0
