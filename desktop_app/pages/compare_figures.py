"""From the rows and runs of a comparison to the paper's figures: lines, levels, bars."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from coreset_studio.core.results import Comparison, Row, RunResult
from coreset_studio.core.words import percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.metrics import bars
from coreset_studio.desktop_app.widgets.line_with_intervals import Level, Line
from coreset_studio.desktop_app.widgets.metric_bars import Configuration

EVERYTHING = "everything"
NAN = float("nan")


def accuracy_lines(comparison: Comparison, network: str) -> tuple[list[Line], Level | None]:
    """Return test accuracy by fraction, a line a sampler, and the level of everything."""
    rows = [row for row in comparison.rows if row.network == network]
    lines = []
    for sampler, found in _by_sampler(rows).items():
        lines.append(
            Line(
                sampler,
                [row.fraction for row in found],
                [row.means["accuracy"] for row in found],
                [row.lows["accuracy"] for row in found],
                [row.highs["accuracy"] for row in found],
            )
        )
    whole = next((row for row in rows if row.sampler == EVERYTHING), None)
    if whole is None:
        return lines, None
    return lines, Level(whole.means["accuracy"], whole.lows["accuracy"], whole.highs["accuracy"])


def time_lines(comparison: Comparison, network: str, *, per_epoch: bool) -> list[Line]:
    """Return training time by fraction (Fig. 7, 8), in total or per epoch; everything is the last point of each."""

    def seconds(run: RunResult) -> float:
        return run.train_seconds / len(run.history) if per_epoch and run.history else run.train_seconds

    return _run_lines(comparison, network, seconds)


def training_lines(comparison: Comparison, network: str, *, validation: bool) -> list[Line]:
    """Return training or validation accuracy of the kept epoch by fraction (Fig. 9 a-d)."""

    def accuracy(run: RunResult) -> float:
        kept = next((epoch for epoch in run.history if epoch.number == run.best_epoch), None)
        if kept is None:
            return NAN
        return kept.validation_accuracy if validation else kept.accuracy

    return _run_lines(comparison, network, accuracy)


def metric_configurations(comparison: Comparison, network: str) -> list[Configuration]:
    """Return everything and every coreset with the metrics shown as bars (Fig. 10, 11)."""
    rows = sorted(
        (row for row in comparison.rows if row.network == network),
        key=lambda row: (row.sampler != EVERYTHING, row.fraction, row.sampler),
    )
    return [
        Configuration(_title(row), row.sampler, row.means, row.lows, row.highs)
        for row in rows
        if all(metric in row.means for metric in bars())
    ]


def summed_confusion(runs: Iterable[RunResult], row: Row) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the classes and the confusion counts of a row, summed over its splits and repetitions."""
    found = runs_of(runs, row)
    if not found:
        return (), np.zeros((0, 0), dtype=np.int64)
    return found[0].classes, np.sum([run.metrics.confusion for run in found], axis=0)


def runs_of(runs: Iterable[RunResult], row: Row) -> list[RunResult]:
    """Return the runs behind a row."""
    key = (row.network, row.sampler, row.fraction)
    return [run for run in runs if (run.key.network, run.key.sampler, run.key.fraction) == key]


def images_behind(runs: Iterable[RunResult], row: Row, true: str, predicted: str) -> dict[int, int]:
    """Return the test images of a cell, of all splits, and in how many of the row's runs each fell into it."""
    counts: dict[int, int] = {}
    for run in runs_of(runs, row):
        at = (run.true == run.classes.index(true)) & (run.predicted == run.classes.index(predicted))
        for index in run.test_indices[at].tolist():
            counts[index] = counts.get(index, 0) + 1
    return counts


def provisional(runs: Sequence[RunResult], folds: int = 0, steps: str = "") -> Comparison:
    """Return rows of plain means while trainings are still going on; intervals come with the comparison.

    `folds` and `steps` are those of `Comparison`.
    """
    grouped: dict[tuple[str, str, float], list[RunResult]] = {}
    for run in runs:
        grouped.setdefault((run.key.network, run.key.sampler, run.key.fraction), []).append(run)
    rows = []
    for (network, sampler, fraction), found in grouped.items():
        names = found[0].metrics.values
        means = {name: float(np.mean([run.metrics[name] for run in found])) for name in names}
        rows.append(
            Row(
                network=network,
                sampler=sampler,
                fraction=fraction,
                n_images=round(float(np.mean([run.n_images for run in found]))),
                n_repetitions=len(found),
                means=means,
                lows=dict.fromkeys(names, NAN),
                highs=dict.fromkeys(names, NAN),
                select_seconds=float(np.mean([run.select_seconds for run in found])),
                train_seconds=float(np.mean([run.train_seconds for run in found])),
                pays_after=None,
                n_splits=len({run.key.split for run in found}),
                teacher_seconds=float(np.mean([run.teacher_seconds for run in found])),
                validation_seconds=float(np.mean([run.validation_seconds for run in found])),
                feature_seconds=float(np.sum([run.feature_seconds for run in found])),
            )
        )
    return Comparison(tuple(runs), tuple(rows), (), (), folds=folds, steps=steps)


def _run_lines(comparison: Comparison, network: str, value: Callable[[RunResult], float]) -> list[Line]:
    """Return the mean of a value of runs by fraction, a line a sampler, ending at everything."""
    runs = [run for run in comparison.runs if run.key.network == network]
    points: dict[str, dict[float, list[float]]] = {}
    for run in runs:
        points.setdefault(run.key.sampler, {}).setdefault(run.key.fraction, []).append(value(run))
    whole = points.pop(EVERYTHING, {})
    lines = []
    for sampler, by_fraction in points.items():
        merged = {**by_fraction, **whole}
        fractions = sorted(merged)
        means = [float(np.mean(merged[fraction])) for fraction in fractions]
        blank = [NAN] * len(fractions)
        lines.append(Line(sampler, fractions, means, blank, blank))
    return lines


def _by_sampler(rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.fraction):
        if row.sampler != EVERYTHING:
            found.setdefault(row.sampler, []).append(row)
    return found


def _title(row: Row) -> str:
    if row.sampler == EVERYTHING:
        return "Whole pool"
    return f"{percent(row.fraction)} {theme.sampler_title(row.sampler)}"
