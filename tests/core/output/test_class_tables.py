"""What the report shows of single classes and of the measures beyond the paper's."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.output.class_tables import (
    class_measures_table,
    class_metrics_table,
    further_table,
    unknown_sentences,
)
from coreset_studio.core.output.content import ReportContent
from coreset_studio.core.output.report import write_report
from coreset_studio.core.results import Comparison, RunKey, RunResult
from coreset_studio.core.settings import ComparisonSettings
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.metrics import shown_in

CLASSES = ("blue", "red")


def runs(*, probabilities: bool = True) -> list[RunResult]:
    """Two samplers at a quarter, two repetitions each, of two classes; no image is ever called red by the second."""
    found = []
    true = np.array([0] * 8 + [1] * 4)
    for sampler, shift in (("herding", 0.2), ("stratified", -1.0)):
        for repetition in range(2):
            rng = np.random.default_rng(repetition)
            of_red = np.clip(0.3 + 0.4 * true + shift * 0.5 + rng.uniform(-0.2, 0.2, 12), 0.01, 0.99)
            of_red = of_red if shift > 0 else np.minimum(of_red, 0.4)
            both = np.stack([1 - of_red, of_red], axis=1).astype(np.float32)
            predicted = both.argmax(axis=1)
            known = both if probabilities else None
            found.append(
                RunResult(
                    key=RunKey("head", sampler, 0.25, repetition, f"{sampler} {repetition}"),
                    n_images=10,
                    classes=CLASSES,
                    history=(),
                    best_epoch=0,
                    metrics=evaluate(true, predicted, CLASSES, None, known),
                    test_indices=np.arange(12),
                    true=true,
                    predicted=predicted,
                    confidence=both.max(axis=1),
                    train_seconds=1.0,
                    feature_seconds=0.0,
                    select_seconds=0.0,
                    device="CPU",
                    probabilities=known,
                )
            )
    return found


def compared(*, probabilities: bool = True) -> Comparison:
    return compare(runs(probabilities=probabilities), ComparisonSettings())


def test_each_class_has_its_measures_with_intervals() -> None:
    found = compared()
    table = class_measures_table(found, "head")
    assert [column.title for column in table.columns] == [
        "Sampler", "Kept", "Class", "Test images", "Sensitivity", "Specificity", "Positive predictive value",
        "Negative predictive value", "AUC",
    ]  # fmt: skip
    by_row = {(row[0], row[2]): row[3:] for row in table.rows}
    assert by_row["Stratified random", "red"][:4] == (
        4, "0.000 (0.000–0.490)", "1.000 (0.676–1.000)", None,
    ), "never answered"  # fmt: skip
    assert by_row["Stratified random", "blue"][1] == "1.000 (0.676–1.000)", "Wilson, 8 of 8"
    herding = next(row for row in found.rows if row.sampler == "herding")
    mean, low, high = herding.class_measures["auc"]["red"]
    assert by_row["Herding", "red"][5] == f"{mean:.3f} ({low:.3f}–{high:.3f})"


def test_the_csv_has_them_with_their_ends_behind_what_it_had() -> None:
    found = compared()
    table = class_metrics_table(found)
    names = [column.name for column in table.columns]
    start = names.index("class")
    assert names[start : start + 5] == ["class", "test_images", "precision", "recall", "f1"]
    assert names[start + 5 : start + 8] == [
        "sensitivity", "sensitivity_low", "sensitivity_high",
    ]  # fmt: skip
    assert names[-3:] == ["auc", "auc_low", "auc_high"]
    [row] = [row for row in table.rows if row[1] == "herding" and row[start] == "blue"]
    assert row[names.index("sensitivity")] == row[names.index("recall")]
    assert (
        row[names.index("auc")]
        == next(r for r in found.rows if r.sampler == "herding").class_measures["auc"]["blue"][0]
    )


def test_further_measures_stand_in_a_table_of_their_own() -> None:
    found = compared()
    table = further_table(found, "head")
    assert [column.name for column in table.columns[3:]] == [metric.name for metric in shown_in("further")]
    place = [column.name for column in table.columns].index("cohen_kappa")
    row = next(r for r in found.rows if r.sampler == "herding")
    assert table.rows[[r[0] for r in table.rows].index("Herding")][place].startswith(
        f"{row.means['cohen_kappa']:.3f} ("
    )
    assert unknown_sentences(found, "head") == []


def test_runs_without_probabilities_say_why_columns_are_missing() -> None:
    found = compared(probabilities=False)
    names = [column.name for column in further_table(found, "head").columns]
    assert "auc" not in names
    assert "specificity" in names
    [sentence] = unknown_sentences(found, "head")
    assert sentence == (
        "Not known for every row of head: AUC, expected calibration error (the probabilities of all classes were not "
        "stored)."
    )


@pytest.mark.slow
@pytest.mark.parametrize("probabilities", [True, False])
def test_the_report_has_them_all(content: ReportContent, tmp_path: Path, probabilities: bool) -> None:
    mine = replace(content, comparison=compared(probabilities=probabilities))
    page = write_report(tmp_path / "report.html", mine).page.read_text(encoding="utf-8")
    assert "each class against all others (95 % intervals" in page
    assert ("ROC curves of head" in page) == probabilities
    assert ("Reliability of head" in page) == probabilities
    assert ("the probabilities of all classes were not stored" in page) != probabilities
    with (tmp_path / "tables" / "class_metrics.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 4
    assert all((row["auc"] != "") == probabilities for row in rows)
    with (tmp_path / "tables" / "comparison.csv").open(encoding="utf-8", newline="") as stream:
        heads = next(csv.reader(stream))
    assert {"auc", "auc_low", "matthews_correlation_high", "calibration_error"} <= set(heads)
