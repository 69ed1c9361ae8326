"""The tables of a report about trained networks (the paper's Table 1, and the data of the figures)."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from coreset_studio.core.output.content import Labels
from coreset_studio.core.output.tables import Cell, Column, Table
from coreset_studio.core.output.training_figures import networks_of, paper_rows
from coreset_studio.core.palette import sampler_mark
from coreset_studio.core.results import Comparison, Difference, Row, RunResult, split_word, splits_words
from coreset_studio.core.settings import STEPS
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.metric import Metric
from coreset_studio.core.training.metrics import METRICS, shown_in
from coreset_studio.core.words import percent

_COUNT: Final = "count"
_SHARE: Final = "share"
_ROW = (
    Column("network", "Network"), Column("sampler", "Sampler"), Column("fraction", "Fraction", "number"),
    Column("images", "Images", _COUNT), Column("repetitions", "Repetitions", _COUNT),
)  # fmt: skip
_ORIGINAL = Column("accuracy_original_labels", "Accuracy, original labels", _SHARE)
_TEACHER = (Column("teacher_seconds", "Teacher", "seconds"),)
_RUN = (*_ROW[:4], Column("split", "Split", _COUNT), Column("repetition", "Repetition", _COUNT))


def table_one(comparison: Comparison) -> Table:
    """Return the paper's Table 1 for the user's own data, every network, with what was kept."""
    rows = tuple(
        (row.network, sampler_mark(row.sampler).title, *row_facts(row)[2:4],
         *(row.means.get(metric.name) for metric in shown_in("table-1")))
        for network in networks_of(comparison)
        for row in paper_rows(comparison, network)
    )  # fmt: skip
    columns = (*_ROW[:4], *(_column(metric) for metric in shown_in("table-1")))
    title = f"Test accuracy, precision, recall and F1 (paper, Table 1){steps_words(comparison)}"
    return Table("table_1", title, columns, rows)


def comparison_table(comparison: Comparison) -> Table:
    """Return every row with every metric and its interval, for the CSV."""
    rows = tuple(
        (*row_facts(row), *(value for name in METRICS for value in _with_interval(row, name)))
        for row in comparison.rows
    )
    metrics = tuple(
        column
        for name, metric in METRICS.items()
        for column in (_column(metric), Column(f"{name}_low", "from", _SHARE), Column(f"{name}_high", "to", _SHARE))
    )  # fmt: skip
    columns = (*row_columns(comparison), *metrics)
    relabelled = comparison.relabelled
    if relabelled is not None and relabelled.rows:
        found = [relabelled.row(row.network, row.sampler, row.fraction) for row in comparison.rows]
        rows = tuple((*row, each.original_accuracy if each else None) for row, each in zip(rows, found, strict=True))
        columns = (*columns, _ORIGINAL)
    return Table("comparison", "All rows with 95 % intervals", columns, rows)


def relabelled_table(comparison: Comparison) -> Table:
    """Return the test accuracy with the corrected labels and with those of the dataset; empty if none was corrected."""
    found = comparison.relabelled.rows if comparison.relabelled is not None else ()
    rows = tuple(
        (each.network, sampler_mark(each.sampler).title, each.fraction, each.n_images, each.accuracy,
         each.original_accuracy, each.accuracy - each.original_accuracy)
        for each in found
    )  # fmt: skip
    columns = (
        *_ROW[:3], Column("relabelled_test_images", "Relabelled test images", _COUNT),
        Column("accuracy", "Accuracy, corrected labels", _SHARE), _ORIGINAL, Column("difference", "Difference", _SHARE),
    )  # fmt: skip
    return Table("relabelled", "Test accuracy with corrected and with original labels", columns, rows)


def accuracy_table(comparison: Comparison, network: str) -> Table:
    """Return a network's rows as the report prints them: each metric with its interval."""
    rows = tuple(
        (sampler_mark(row.sampler).title, percent(row.fraction), row.n_images, row.n_repetitions,
         *(interval_words(row, metric.name) for metric in shown_in("intervals")),
         *(row.means.get(metric.name) for metric in shown_in("means")))
        for row in comparison.rows
        if row.network == network
    )  # fmt: skip
    columns = (
        _ROW[1], Column("kept", "Kept", "number"), _ROW[3], Column("repetitions", "Runs", _COUNT),
        *(Column(metric.name, metric.head, "number") for metric in shown_in("intervals")),
        *(Column(metric.name, metric.head, _SHARE) for metric in shown_in("means")),
    )  # fmt: skip
    title = f"{network}: test results with 95 % intervals{_over_splits(comparison)}{steps_words(comparison, network)}"
    return Table(f"accuracy_{network}", title, columns, rows)


def difference_table(comparison: Comparison) -> Table:
    """Return every paired difference, for the CSV."""
    rows = tuple(
        (each.network, each.sampler, each.control, each.fraction, each.metric, each.difference, each.low, each.high,
         each.n_repetitions, each.n_splits, each.shown, each.repetitions_needed)
        for each in comparison.differences
    )  # fmt: skip
    columns = (
        _ROW[0], _ROW[1], Column("control", "Against"), _ROW[2], Column("metric", "Metric"),
        Column("difference", "Difference", _SHARE), Column("low", "from", _SHARE), Column("high", "to", _SHARE),
        Column("repetitions", "Pairs", _COUNT), _splits_column(comparison), Column("shown", "Shown"),
        Column("repetitions_needed", "Splits or repetitions needed", _COUNT),
    )  # fmt: skip
    return Table("differences", "Paired differences with 95 % intervals", columns, rows)


def verdict_table(comparison: Comparison, network: str) -> Table:
    """Return a network's paired differences as the report prints them: in points, and what is shown."""
    metrics = shown_in("verdicts")
    by_pair: dict[tuple[float, str, str], dict[str, Difference]] = {}
    for each in (each for each in comparison.differences if each.network == network):
        by_pair.setdefault((each.fraction, each.sampler, each.control), {})[each.metric] = each
    rows: list[tuple[Cell, ...]] = []
    for (fraction, sampler, control), found in by_pair.items():
        accuracy = found.get("accuracy")
        needed = accuracy.repetitions_needed if accuracy is not None and not accuracy.shown else None
        if accuracy is not None and needed is not None and needed <= _units(accuracy):
            needed = None  # enough of them; what widens the interval is the size of the test set
        beside = sampler_mark("matched" if control.startswith("matched") else control).title
        rows.append((sampler_mark(sampler).title, percent(fraction), beside,
                     *(_points_words(found.get(metric.name), metric) for metric in metrics), needed))  # fmt: skip
    several = split_word(comparison.folds)
    columns = (
        _ROW[1], Column("kept", "Kept", "number"), Column("control", "Against"),
        *(Column(metric.name, metric.head, "number") for metric in metrics),
        Column("needed", f"{several.capitalize()}s needed" if comparison.n_splits > 1 else "Runs needed", _COUNT),
    )  # fmt: skip
    title = (
        f"{network}: paired differences in points with 95 % intervals{_over_splits(comparison)}"
        f"{steps_words(comparison, network)} "
        "(* interval excludes zero)"
    )
    return Table(f"verdicts_{network}", title, columns, tuple(rows))


def cost_table(comparison: Comparison) -> Table:
    """Return the cost of each part, measured separately, and when selection and a teacher break even."""
    taught = any(row.teacher_seconds for row in comparison.rows)
    rows = tuple(
        (row.network, sampler_mark(row.sampler).title, *row_facts(row)[2:4], row.select_seconds,
         *((row.teacher_seconds,) if taught else ()), row.feature_seconds, row.train_seconds,
         _known(row.validation_seconds), row.pays_after)
        for row in comparison.rows
    )  # fmt: skip
    columns = (
        *_ROW[:4], Column("select_seconds", "Selecting", "seconds"), *(_TEACHER if taught else ()),
        Column("feature_seconds", "Backbone features, once", "seconds"), Column("train_seconds", "Training", "seconds"),
        Column("validation_seconds", "of which validation", "seconds"),
        Column("pays_after", "Break-even after trainings", _COUNT),
    )  # fmt: skip
    return Table("cost", f"Costs{steps_words(comparison)}", columns, rows)


def recall_table(comparison: Comparison, network: str) -> Table:
    """Return recall by class, a column for each row that Table 1 compares."""
    shown = [(row, runs_of(comparison, row)) for row in paper_rows(comparison, network)]
    shown = [(row, runs) for row, runs in shown if runs]
    classes = shown[0][1][0].classes if shown else ()
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (name, tested_images(shown[0][1], name),
         *(float(np.mean([run.metrics.class_recall[name] for run in runs])) for _, runs in shown))
        for name in classes
    )  # fmt: skip
    titles = [sampler_mark(row.sampler).title for row, _ in shown]
    columns = (Column("class", "Class"), Column("test_images", "Test images", _COUNT),
               *(Column(title, title, _SHARE) for title in titles))  # fmt: skip
    kept = next((f" at {percent(row.fraction)}" for row, _ in shown if row.fraction < 1), "")
    return Table(f"recall_{network}", f"{network}: recall by class{kept}", columns, rows)


def confusion_table(comparison: Comparison) -> Table:
    """Return every confusion matrix, summed over splits and repetitions, as rows for the CSV."""
    rows: list[tuple[Cell, ...]] = []
    for row in comparison.rows:
        runs = runs_of(comparison, row)
        if not runs:
            continue
        counts = np.sum([run.metrics.confusion for run in runs], axis=0)
        rows += [
            (*row_facts(row), true, predicted, int(counts[i, j]))
            for i, true in enumerate(runs[0].classes)
            for j, predicted in enumerate(runs[0].classes)
        ]
    columns = (
        *row_columns(comparison), Column("true", "True"), Column("predicted", "Predicted"),
        Column("images", "Images", _COUNT),
    )  # fmt: skip
    return Table("confusion", "Confusion matrices", columns, tuple(rows))


def run_table(comparison: Comparison, labels: Labels) -> Table:
    """Return every single run, for the CSV; what a teacher took where there is one."""
    taught = any(run.teacher_seconds for run in comparison.runs)
    rows = tuple(
        (
            *_run_facts(run), run.best_epoch,
            *(run.metrics.values.get(name) for name in METRICS), run.metrics.worst_class,
            run.metrics.worst_cluster, run.train_seconds, _known(run.validation_seconds), run.feature_seconds,
            run.select_seconds, *((run.teacher_seconds,) if taught else ()), run.device,
            run.weights.extractor if run.weights else "", run.weights.state if run.weights else "",
            labels.text(run.note),
        )
        for run in comparison.runs
    )  # fmt: skip
    columns = (
        *_run_columns(comparison), Column("best_epoch", "Best epoch", _COUNT),
        *(_column(metric) for metric in METRICS.values()), Column("worst_class", "Worst class"),
        Column("worst_cluster", "Worst cluster"), Column("train_seconds", "Training", "seconds"),
        Column("validation_seconds", "of which validation", "seconds"),
        Column("feature_seconds", "Features", "seconds"),
        Column("select_seconds", "Selecting", "seconds"), *(_TEACHER if taught else ()),
        Column("device", "Device"), Column("backbone", "Backbone"), Column("weights", "Weights"),
        Column("note", "Note"),
    )  # fmt: skip
    return Table("runs", "All runs", columns, rows)


def epoch_table(comparison: Comparison) -> Table:
    """Return every epoch of every run, for the CSV."""
    rows = tuple(
        (*_run_facts(run), e.number, e.loss, e.accuracy, e.validation_loss, e.validation_accuracy, e.learning_rate,
         e.seconds, e.validation_seconds)
        for run in comparison.runs
        for e in run.history
    )  # fmt: skip
    heads = ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate", "seconds",
             "validation_seconds")  # fmt: skip
    columns = (*_run_columns(comparison), Column("epoch", "Epoch", _COUNT),
               *(Column(head, head.replace("_", " "), "number") for head in heads))  # fmt: skip
    return Table("epochs", "All epochs", columns, rows)


def runs_of(comparison: Comparison, row: Row) -> list[RunResult]:
    """Return the runs behind a row, by split and repetition."""
    key = (row.network, row.sampler, row.fraction)
    found = [run for run in comparison.runs if (run.key.network, run.key.sampler, run.key.fraction) == key]
    return sorted(found, key=lambda run: (run.key.split, run.key.repetition))


def tested_images(runs: Sequence[RunResult], name: str) -> int:
    """Return the test images of a class, those of all splits together."""
    return sum({run.key.split: run.metrics.support[name] for run in runs}.values())


def _splits_column(comparison: Comparison) -> Column:
    word = split_word(comparison.folds)
    return Column(f"{word}s", f"{word.capitalize()}s", _COUNT)


def row_columns(comparison: Comparison) -> tuple[Column, ...]:
    """Return the columns of `row_facts`."""
    return (*_ROW, _splits_column(comparison))


def _run_columns(comparison: Comparison) -> tuple[Column, ...]:
    word = split_word(comparison.folds)
    return (*_ROW[:4], Column(word, word.capitalize(), _COUNT), Column("repetition", "Repetition", _COUNT))


def steps_words(comparison: Comparison, network: str = "") -> str:
    """Return the words of a caption on the steps of smaller coresets: ``", equal steps at every fraction"``.

    Parameters
    ----------
    network : str
        Of a table of one network: empty for one that is not trained by steps.
    """
    if comparison.steps not in STEPS or (network in NETWORKS and not NETWORKS[network].has_steps):
        return ""
    return f", {STEPS[comparison.steps]}"


def _over_splits(comparison: Comparison) -> str:
    several = comparison.n_splits > 1
    return f" over {splits_words(comparison.n_splits, comparison.folds)}" if several else ""


def _units(difference: Difference) -> int:
    return difference.n_splits if difference.n_splits > 1 else difference.n_repetitions


def _run_facts(run: RunResult) -> tuple[Cell, ...]:
    key = run.key
    return (key.network, key.sampler, key.fraction, run.n_images, key.split, key.repetition)


def row_facts(row: Row) -> tuple[Cell, ...]:
    """Return what names a row, and over how many repetitions and splits it is."""
    return (row.network, row.sampler, row.fraction, row.n_images, row.n_repetitions, row.n_splits)


def _with_interval(row: Row, key: str) -> tuple[Cell, ...]:
    return (row.means.get(key), row.lows.get(key), row.highs.get(key))


def interval_words(row: Row, key: str) -> Cell:
    """Return a mean with its interval, such as ``"0.924 (0.917–0.931)"``; the mean alone where there is none."""
    return share_words(*(each.get(key, float("nan")) for each in (row.means, row.lows, row.highs)))


def share_words(mean: float, low: float, high: float) -> Cell:
    """Return a value with the ends of its interval; the value alone where there is none, None for NaN."""
    if np.isnan(mean):
        return None
    found = f"{mean:.3f}" if np.isnan(low) or np.isnan(high) else f"{mean:.3f} ({low:.3f}–{high:.3f})"
    return found.replace("-", "−")


def _known(value: float) -> float | None:
    """Return a value, or None for NaN, so that the cell is empty."""
    return None if np.isnan(value) else value


def _column(metric: Metric) -> Column:
    return Column(metric.name, metric.title, _SHARE)


def _points_words(difference: Difference | None, metric: Metric) -> Cell:
    """Return a difference in points, such as ``"+2.2 (−0.3 to +4.8)"``, with a star if the interval excludes zero.

    One that is not reported in points has its own unit.
    """
    if difference is None or np.isnan(difference.difference):
        return None
    ends = (difference.difference, difference.low, difference.high)
    numbers = [f"{100 * value:+.1f}" if metric.in_points else f"{value:+.3g}" for value in ends]
    star = " *" if difference.shown else ""
    return "{} ({} to {}){}".format(*(number.replace("-", "−") for number in numbers), star)
