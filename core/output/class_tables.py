"""The tables of a report on single classes, and on the measures beyond those of the paper."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from coreset_studio.core.output.tables import Cell, Column, Table
from coreset_studio.core.output.training_figures import paper_rows
from coreset_studio.core.output.training_tables import (
    interval_words,
    row_columns,
    row_facts,
    runs_of,
    share_words,
    steps_words,
    tested_images,
)
from coreset_studio.core.palette import sampler_mark
from coreset_studio.core.results import Comparison, Row, RunResult
from coreset_studio.core.training.metric import Metric
from coreset_studio.core.training.metrics import shown_in, with_classes
from coreset_studio.core.words import percent

INTERVALS = "95 % intervals: of shares Wilson's, of AUC Newcombe's; variation of the test images alone"


def further_table(comparison: Comparison, network: str) -> Table:
    """Return a network's rows with the measures beyond the paper's, each with its interval, as the report prints them.

    Those that are NaN in every row are excluded; `unknown_sentences` says why.
    """
    rows = [row for row in comparison.rows if row.network == network]
    metrics = [metric for metric in shown_in("further") if any(_is_known(row.means, metric.name) for row in rows)]
    cells = tuple(
        (sampler_mark(row.sampler).title, percent(row.fraction), row.n_images,
         *(interval_words(row, metric.name) for metric in metrics))
        for row in rows
    )  # fmt: skip
    columns = (
        Column("sampler", "Sampler"), Column("kept", "Kept", "number"), Column("images", "Images", "count"),
        *(Column(metric.name, metric.title, "number") for metric in metrics),
    )  # fmt: skip
    title = f"{network}: further measures with 95 % intervals{steps_words(comparison, network)}"
    return Table(f"further_{network}", title, columns, cells if metrics else ())


def unknown_sentences(comparison: Comparison, network: str) -> list[str]:
    """Return why measures of a network's rows are not known, a sentence for each reason."""
    rows = [row for row in comparison.rows if row.network == network]
    reasons: dict[str, dict[str, None]] = {}
    for row in rows:
        for metric in shown_in("further"):
            if metric.name in row.unknown:
                reasons.setdefault(row.unknown[metric.name], {})[metric.label] = None
    start = f"Not known for every row of {network}"
    return [f"{start}: {', '.join(titles)} ({why})." for why, titles in reasons.items()]


def class_measures_table(comparison: Comparison, network: str) -> Table:
    """Return the measures of every class with their intervals, of the rows that Table 1 compares, as printed."""
    found = [(row, runs_of(comparison, row)) for row in paper_rows(comparison, network)]
    rows = tuple(
        (sampler_mark(row.sampler).title, percent(row.fraction), *cells)
        for row, runs in found
        for cells in _class_cells(row, runs)
    )
    columns = (Column("sampler", "Sampler"), Column("kept", "Kept", "number"), *_class_columns())
    return Table(f"classes_{network}", f"{network}: each class against all others ({INTERVALS})", columns, rows)


def measures_of_classes(row: Row, runs: Sequence[RunResult]) -> Table:
    """Return the measures of every class of one row with their intervals, as printed."""
    title = f"Each class against all others ({INTERVALS})"
    return Table("classes", title, _class_columns(), tuple(_class_cells(row, runs)))


def _class_columns() -> tuple[Column, ...]:
    return (
        Column("class", "Class"), Column("test_images", "Test images", "count"),
        *(Column(metric.class_key, metric.class_title or metric.title, "number") for metric in with_classes()),
    )  # fmt: skip


def _class_cells(row: Row, runs: Sequence[RunResult]) -> Iterator[tuple[Cell, ...]]:
    for name in runs[0].classes if runs and row.class_measures else ():
        measured = (row.class_measures.get(each.name, {}).get(name, (np.nan,) * 3) for each in with_classes())
        yield (name, tested_images(runs, name), *(share_words(*each) for each in measured))


def class_metrics_table(comparison: Comparison) -> Table:
    """Return the measures of every class, means over splits and repetitions, with intervals where there are, as CSV."""
    metrics = with_classes()
    rows: list[tuple[Cell, ...]] = []
    for row in comparison.rows:
        runs = runs_of(comparison, row)
        for name in runs[0].classes if runs else ():
            values = [
                [run.metrics.class_precision[name], run.metrics.class_recall[name], run.metrics.class_f1[name]]
                for run in runs
            ]
            means = [float(value) for value in np.mean(values, axis=0)]
            measured = (row.class_measures.get(each.name, {}).get(name, (None,) * 3) for each in metrics)
            rows.append((*row_facts(row), name, tested_images(runs, name), *means,
                         *(value for three in measured for value in three)))  # fmt: skip
    columns = (
        *row_columns(comparison), Column("class", "Class"), Column("test_images", "Test images", "count"),
        Column("precision", "Precision", "share"), Column("recall", "Recall", "share"), Column("f1", "F1", "share"),
        *(column for metric in metrics for column in _with_ends(metric)),
    )  # fmt: skip
    return Table("class_metrics", "Results by class", columns, tuple(rows))


def _with_ends(metric: Metric) -> tuple[Column, ...]:
    key = metric.class_key
    return (Column(key, metric.class_title or metric.title, "share"), Column(f"{key}_low", "from", "share"),
            Column(f"{key}_high", "to", "share"))  # fmt: skip


def _is_known(means: Mapping[str, float], name: str) -> bool:
    return not np.isnan(means.get(name, np.nan))
