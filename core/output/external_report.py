"""The report on a network evaluated on another dataset: one page, its tables as CSV, and every answer."""

from pathlib import Path

import numpy as np

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.errors import ExportError
from coreset_studio.core.output import class_tables, curve_figures
from coreset_studio.core.output import training_figures as figures
from coreset_studio.core.output.blocks import EmbeddedImage, Numbering, Section
from coreset_studio.core.output.embedded_images import embedded
from coreset_studio.core.output.external_test import ExternalTest, write_answers
from coreset_studio.core.output.placing import disk_sentence
from coreset_studio.core.output.report import Tile, WrittenReport, render_page
from coreset_studio.core.output.tables import Cell, Column, Table, write_table
from coreset_studio.core.output.training_tables import interval_words
from coreset_studio.core.results import N_BINS
from coreset_studio.core.training.metrics import METRICS
from coreset_studio.core.words import percent

REPORT, ANSWERS = "report.html", "predictions.csv"
_CELLS, _PER_CELL = 12, 8


def write_external_report(
    out: Path, test: ExternalTest, cache_folder: Path | None = None, *, overwrite: bool = False
) -> WrittenReport:
    """Write the page, its tables and ``predictions.csv`` into a folder.

    Parameters
    ----------
    out : Path
        A new or empty folder; with `overwrite` one that holds an earlier report of this kind.
    cache_folder : Path, optional
        Thumbnails are read there.

    Raises
    ------
    ExportError
        If the folder holds something else, or cannot be written.
    """
    try:
        if out.exists() and not out.is_dir():
            raise ExportError(f"{out} is a file; expected a folder.")
        if out.is_dir() and any(out.iterdir()):
            if not (out / ANSWERS).is_file() or not (out / REPORT).is_file():
                raise ExportError(f"{out} contains files that are not an external test; use a new folder.")
            if not overwrite:
                raise ExportError(f"{out} contains an external test. Use another folder, or add --overwrite.")
        out.mkdir(parents=True, exist_ok=True)
        numbering = Numbering()
        sections = [_answer(test), _classes(test, numbering), _confusion(test, numbering, cache_folder)]
        files = [write_table(out / "tables", table) for section in sections for table in section.tables]
        title = f"{test.bundle} on {test.dataset.source.name}"
        labels = [test.run.note] if test.run.note else []
        page = render_page(title, sections, tiles=_tiles(test), labels=labels, private=False)
        write_answers(out / ANSWERS, test)
        write_atomically(out / REPORT, page.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise ExportError(disk_sentence(error, out)) from error
    return WrittenReport(out / REPORT, tuple(sorted(files)))


def headline(test: ExternalTest) -> str:
    """Return what the network is worth there, in one sentence."""
    row, run = test.row, test.run
    area = row.means["auc"]
    auc = "" if np.isnan(area) else f", mean AUC {area:.3f} ({row.lows['auc']:.3f} to {row.highs['auc']:.3f})"
    return (
        f"Accuracy {row.means['accuracy']:.3f} ({row.lows['accuracy']:.3f} to {row.highs['accuracy']:.3f}), balanced "
        f"accuracy {row.means['balanced_accuracy']:.3f}{auc} on {len(run.true):,} images of {test.dataset.source.name}."
    )


def measures_table(test: ExternalTest) -> Table:
    """Return every measure with its interval, and why one is not known."""
    row = test.row
    rows: list[tuple[Cell, ...]] = [
        (metric.title, interval_words(row, name), row.means[name], row.lows[name], row.highs[name],
         row.unknown.get(name, ""))
        for name, metric in METRICS.items()
        if "clusters" not in metric.needs
    ]  # fmt: skip
    columns = (
        Column("measure", "Measure"), Column("value", "Value (95 % interval)", "number"),
        Column("mean", "Value", "share"), Column("low", "from", "share"), Column("high", "to", "share"),
        Column("unknown", "Why it is not known"),
    )  # fmt: skip
    return Table("measures", "Measures with 95 % intervals of the test images", columns, tuple(rows))


def confusion_counts(test: ExternalTest) -> Table:
    """Return the confusion matrix as rows of true and predicted class."""
    run = test.run
    counts = run.metrics.confusion
    rows = tuple(
        (true, predicted, int(counts[i, j]))
        for i, true in enumerate(run.classes)
        for j, predicted in enumerate(run.classes)
    )
    columns = (Column("true", "True"), Column("predicted", "Predicted"), Column("images", "Images", "count"))
    return Table("confusion", "Confusion matrix", columns, rows)


def _tiles(test: ExternalTest) -> list[Tile]:
    row = test.row
    known = sum(n > 0 for n in test.run.metrics.support.values())
    tiles = [
        Tile(f"{len(test.run.true):,}", "images evaluated"),
        Tile(f"{known:,} of {len(test.run.classes):,}", "classes of the network"),
        Tile(f"{row.means['accuracy']:.3f}", "accuracy"),
    ]
    if not np.isnan(row.means["auc"]):
        tiles.append(Tile(f"{row.means['auc']:.3f}", "mean AUC"))
    if test.drift is not None:
        tiles.append(Tile(percent(round(test.drift.new.outside, 2)), "outside the training images' range"))
    return tiles


def _answer(test: ExternalTest) -> Section:
    section = Section("answer", "Summary")
    section.say(headline(test))
    for note in test.notes:
        section.say(note, "note")
    table = measures_table(test)
    shown = Table(table.name, table.title, (table.columns[0], table.columns[1], table.columns[5]),
                  tuple((row[0], row[1], row[5]) for row in table.rows))  # fmt: skip
    section.show(shown, csv=table.name)
    section.keep(table)
    return section


def _classes(test: ExternalTest, numbering: Numbering) -> Section:
    section = Section("classes", "Classes")
    matched = tuple((theirs, ours, sum(image.class_name == theirs for image in test.dataset.images))
                    for theirs, ours in test.matching.matched.items())  # fmt: skip
    left = tuple((name, "skipped", n) for name, n in test.left_out.items())
    columns = (Column("dataset", "Class of the dataset"), Column("network", "Class of the network"),
               Column("images", "Images", "count"))  # fmt: skip
    section.show(Table("matching", "Matched classes", columns, matched + left), limit=60)
    measures = class_tables.measures_of_classes(test.row, [test.run])
    section.show(measures, limit=60, csv="class_metrics")
    section.keep(class_tables.class_metrics_table(test.comparison))
    if test.row.curves is not None:
        title = test.dataset.source.name
        numbering.draw(
            section,
            curve_figures.roc_curves([(title, test.row.curves)], test.run.classes),
            "ROC curves: each class against all others; the thick line is the mean of the classes.",
        )
        numbering.draw(
            section,
            curve_figures.reliability_curves([(title, test.row.curves)]),
            f"Reliability: accuracy of the predictions by their confidence in {N_BINS} bins of equal width, with 95 % "
            "Wilson intervals; larger dots are more images.",
        )
    return section


def _confusion(test: ExternalTest, numbering: Numbering, cache_folder: Path | None) -> Section:
    section = Section("confusion", "Confusion")
    run = test.run
    if len(run.classes) <= 40:
        numbering.draw(
            section,
            figures.confusion_matrices([(test.dataset.source.name, [run])]),
            "Confusion matrix: rows are true classes; colour is the share of a row.",
        )
    section.keep(confusion_counts(test))
    wrong = np.where(np.eye(len(run.classes), dtype=bool), 0, run.metrics.confusion)
    cells = [divmod(int(cell), len(run.classes)) for cell in np.argsort(-wrong, axis=None, kind="stable")[:_CELLS]]
    rows = []
    for true, predicted in cells:
        if wrong[true, predicted] == 0:
            continue
        behind = np.flatnonzero((run.true == true) & (run.predicted == predicted))
        most_confident = behind[np.argsort(-run.confidence[behind], kind="stable")][:_PER_CELL]
        images = [
            EmbeddedImage(embedded(test.dataset, int(run.test_indices[at]), cache_folder), f"{run.confidence[at]:.2f}")
            for at in most_confident
        ]
        rows.append((f"{run.classes[true]} as {run.classes[predicted]} ({len(behind):,})", images))
    section.image_rows(
        rows,
        "Images behind the largest cells, those with the highest confidence first; the number is the confidence. All "
        f"are listed in {ANSWERS}.",
    )
    return section
