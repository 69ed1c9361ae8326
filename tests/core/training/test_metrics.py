"""Metrics: each told once, computed once, and from any package; nothing else knows one by name."""

import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from coreset_studio.core.descriptions import resolve
from coreset_studio.core.output.content import Labels
from coreset_studio.core.output.tables import csv_text
from coreset_studio.core.output.training_tables import (
    accuracy_table,
    comparison_table,
    difference_table,
    run_table,
    table_one,
    verdict_table,
)
from coreset_studio.core.resources import resource_folder
from coreset_studio.core.results import Comparison, Dataset, RunKey, RunResult
from coreset_studio.core.settings import ComparisonSettings
from coreset_studio.core.training.bootstrap import ImageResamples
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.evaluation import evaluate, measure
from coreset_studio.core.training.evidence import Evidence, Values
from coreset_studio.core.training.metric import LISTS, Metric
from coreset_studio.core.training.metrics import METRICS, shown_in
from coreset_studio.core.training.runs import load_runs, save_run

pytestmark = pytest.mark.slow

Install = Callable[..., None]
N_CLASSES, N_TEST = 4, 150
CLASSES = ("a", "b", "c", "d")
# Those of the first version, in their order; others stand behind them.
FIRST = ["accuracy", "precision", "recall", "f1", "balanced_accuracy", "worst_class_recall", "worst_cluster_recall"]
PAIRED = dict.fromkeys(("differences", "intervals", "verdicts", "table-1"), 100)


def a_run(sampler: str, repetition: int, *, probabilities: bool = True, fraction: float = 0.1) -> RunResult:
    """A run over classes and clusters; all runs have the same test images."""
    true = np.random.default_rng(0).integers(N_CLASSES, size=N_TEST)
    clusters = np.random.default_rng(1).integers(-1, 3, size=N_TEST)
    rng = np.random.default_rng(100 * repetition + len(sampler))
    scores = rng.random((N_TEST, N_CLASSES)).astype(np.float32)
    scores[np.arange(N_TEST), true] += 0.4
    of_classes = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    predicted = of_classes.argmax(axis=1)
    known = of_classes if probabilities else None
    return RunResult(
        key=RunKey("head", sampler, fraction, repetition, f"{sampler} {repetition}"),
        n_images=100,
        classes=CLASSES,
        history=(),
        best_epoch=0,
        metrics=evaluate(true, predicted, CLASSES, clusters, known),
        test_indices=np.arange(N_TEST),
        true=true,
        predicted=predicted,
        confidence=of_classes.max(axis=1),
        train_seconds=1.0,
        feature_seconds=0.0,
        select_seconds=0.0,
        device="CPU",
        clusters=clusters,
        probabilities=known,
    )


def compared(**which: bool) -> Comparison:
    runs = [a_run(sampler, repetition, **which) for sampler in ("stratified", "herding") for repetition in range(3)]
    return compare(runs, ComparisonSettings())


def kappa(evidence: Evidence) -> Values:
    """Agreement beyond chance, from confusion counts."""
    n = evidence.support.sum(axis=1)
    by_chance = (evidence.support * evidence.answered).sum(axis=1) / n**2
    return (evidence.hits.sum(axis=1) / n - by_chance) / (1 - by_chance)


def log_loss(evidence: Evidence) -> Values:
    """Mean surprise, from the probabilities and weights of images."""
    assert evidence.probabilities is not None
    surprise = -np.log(evidence.probabilities[np.arange(len(evidence.true)), evidence.true].astype(np.float64))
    return evidence.weights @ surprise / evidence.weights.sum(axis=1)


# --- one formula for evaluation and resampling ------------------------------------------------------------------


@pytest.mark.parametrize("name", list(METRICS))
def test_each_image_once_is_the_evaluation(name: str) -> None:
    run = a_run("x", 0)
    found = ImageResamples(np.ones((3, N_TEST), dtype=np.float32)).measured(run).values[name]
    assert found.shape == (3,)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, run.metrics[name], rtol=1e-14)
    assert 0 < run.metrics[name] < 1
    once = ImageResamples(np.ones((1, N_TEST), dtype=np.float32)).measured(run).values[name]
    assert once.tolist() == [run.metrics[name]], "to the digit"


@pytest.mark.parametrize("name", [name for name in METRICS if "clusters" not in METRICS[name].needs])
def test_a_resample_is_the_evaluation_of_the_images_that_it_holds(name: str) -> None:
    run = a_run("x", 1)
    images = ImageResamples.draw(N_TEST, n_resamples=30)
    found = images.measured(run).values[name]
    for resample in range(30):
        rows = np.repeat(np.arange(N_TEST), images.counts[resample].astype(int))
        assert run.probabilities is not None
        one = evaluate(run.true[rows], run.predicted[rows], CLASSES, None, run.probabilities[rows])
        assert found[resample] == pytest.approx(one[name], rel=1e-12)


def test_counts_and_shares_are_those_of_the_definition() -> None:
    run = a_run("x", 2)
    evidence = Evidence(run.true, run.predicted, N_CLASSES, clusters=run.clusters)
    assert evidence.confusion[0].tolist() == sk.confusion_matrix(run.true, run.predicted).tolist()
    assert run.clusters is not None
    pairs = np.stack([run.true, run.clusters], axis=1)[run.clusters >= 0]
    found, sizes = np.unique(pairs, axis=0, return_counts=True)
    assert evidence.clusters == tuple((int(c), int(k)) for c, k in found[sizes >= 10])
    assert 2 < len(evidence.clusters) < len(found)
    for place, (position, cluster) in enumerate(evidence.clusters):
        inside = (run.true == position) & (run.clusters == cluster)
        assert evidence.cluster_sizes[0, place] == inside.sum()
        assert evidence.cluster_hits[0, place] == (inside & (run.predicted == position)).sum()


def test_a_resample_without_a_class_or_a_cluster_leaves_it_out() -> None:
    run = a_run("x", 0)
    first = np.stack([np.ones(N_TEST), run.true == 0, np.zeros(N_TEST)]).astype(np.float32)
    values = ImageResamples(first).measured(run).values
    for name in ("accuracy", "recall", "balanced_accuracy", "worst_class_recall"):
        assert values[name][1] == run.metrics.class_recall["a"]
    assert all(np.isnan(found[2]) for found in values.values())


def test_the_code_of_a_metric_cannot_write_to_the_run() -> None:
    run = a_run("x", 0)
    evidence = Evidence(run.true, run.predicted, N_CLASSES, probabilities=run.probabilities)
    for array in (evidence.true, evidence.predicted, evidence.probabilities, evidence.weights):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0
    assert run.true.flags.writeable


# --- a metric of a plugin ----------------------------------------------------------------------------------------


def test_a_metric_of_a_plugin_is_everywhere(metric_plugin: Install) -> None:
    metric_plugin(
        kappa, name="kappa", title="Cohen's kappa", words="Cohen's kappa", short="Kappa", least=-1.0, shown=PAIRED
    )
    found = compared()
    for run in found.runs:
        assert run.metrics["kappa"] == pytest.approx(sk.cohen_kappa_score(run.true, run.predicted))
    for row in found.rows:
        mine = [run.metrics["kappa"] for run in found.runs if run.key.sampler == row.sampler]
        assert row.means["kappa"] == pytest.approx(np.mean(mine))
        assert row.lows["kappa"] < row.means["kappa"] < row.highs["kappa"]
    [difference] = [each for each in found.differences if each.metric == "kappa"]
    assert difference.low < difference.difference < difference.high
    assert difference.sentence.startswith("Linear probe, 10 %: Cohen's kappa of herding against stratified random: ")
    for table, column in (
        (comparison_table(found), "kappa"), (comparison_table(found), "kappa_low"), (table_one(found), "kappa"),
        (accuracy_table(found, "head"), "kappa"), (verdict_table(found, "head"), "kappa"),
    ):  # fmt: skip
        place = [each.name for each in table.columns].index(column)
        assert all(len(each) == len(table.columns) for each in table.rows)
        assert table.rows[0][place] not in (None, "")
    assert "kappa" in csv_text(comparison_table(found)).splitlines()[0].split(",")
    assert any(row[4] == "kappa" for row in difference_table(found).rows)


def test_it_stands_in_the_table_of_runs(metric_plugin: Install) -> None:
    metric_plugin(kappa, name="kappa", title="Kappa")
    found = compared()
    table = run_table(found, Labels(Dataset(Path(), Path(), "folder", ())))
    place = [each.name for each in table.columns].index("kappa")
    assert [row[place] for row in table.rows] == [run.metrics["kappa"] for run in found.runs]
    assert not any(each.metric == "kappa" for each in found.differences), "it does not say that it is compared"


def test_a_stored_run_gets_its_value_when_it_is_read(metric_plugin: Install, tmp_path: Path) -> None:
    run = a_run("herding", 0)
    save_run(run, tmp_path)
    assert "log-loss" not in run.metrics.values
    metric_plugin(log_loss, name="log-loss", title="Log loss", needs=frozenset({"probabilities"}))
    [read] = load_runs(tmp_path).runs
    assert read.metrics["log-loss"] == pytest.approx(sk.log_loss(run.true, run.probabilities), rel=1e-6)


def test_one_that_is_no_share_has_its_own_range_unit_and_direction(metric_plugin: Install) -> None:
    metric_plugin(
        log_loss, name="log-loss", title="Log loss", unit="nats", most=math.inf, in_points=False,
        higher_is_better=False, needs=frozenset({"probabilities"}), shown=PAIRED,
    )  # fmt: skip
    found = compared()
    for row in found.rows:
        mine = [run for run in found.runs if run.key.sampler == row.sampler]
        expected = np.mean([sk.log_loss(run.true, run.probabilities) for run in mine])
        assert row.means["log-loss"] == pytest.approx(expected, rel=1e-6)
        assert row.lows["log-loss"] < row.means["log-loss"] < row.highs["log-loss"]
        assert row.highs["log-loss"] > 1, "it is not cut at 1"
    [difference] = [each for each in found.differences if each.metric == "log-loss"]
    assert " nats, 95 % interval " in difference.sentence
    assert "lower is better" in difference.sentence
    assert "point" not in difference.sentence
    assert difference.repetitions_needed is None, "the difference of interest is set in points"


def test_without_probabilities_it_is_not_known(metric_plugin: Install) -> None:
    metric_plugin(log_loss, name="log-loss", title="Log loss", needs=frozenset({"probabilities"}), shown=PAIRED)
    found = compared(probabilities=False)
    assert all(math.isnan(run.metrics["log-loss"]) for run in found.runs)
    assert all(math.isnan(row.means["log-loss"]) and math.isnan(row.lows["log-loss"]) for row in found.rows)
    [difference] = [each for each in found.differences if each.metric == "log-loss"]
    assert difference.sentence == (
        "The log loss of herding cannot be compared: it requires the probabilities of all classes, which a stored "
        "run does not contain."
    )
    assert found.notes == ()
    assert all(row.means["accuracy"] > 0 for row in found.rows)


def _raises(evidence: Evidence) -> Values:
    raise ZeroDivisionError("nothing to divide\nby")


def _raises_when_resampled(evidence: Evidence) -> Values:
    if evidence.n_resamples > 1:
        raise ZeroDivisionError("nothing to divide by")
    return evidence.hits.sum(axis=1)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (_raises, "ZeroDivisionError: nothing to divide by"),
        (_raises_when_resampled, "ZeroDivisionError: nothing to divide by"),
        (lambda evidence: evidence.recall, "ValueError: it returns an array of shape"),
        (lambda evidence: "much", "ValueError: could not convert string to float"),
        (lambda evidence: evidence.true.fill(0), "ValueError: assignment destination is read-only"),
    ],
)
def test_one_that_fails_is_named_once_and_stops_nothing(metric_plugin: Install, code: object, why: str) -> None:
    without = compared()
    metric_plugin(code, name="odd", title="Odd", shown=PAIRED)
    found = compared()
    [note] = found.notes
    assert note.startswith("The metric odd of the plugin coreset-test-plugin 1.2 failed and is omitted there (")
    assert why in note
    assert note.endswith("). Update or remove the plugin.")
    assert found.sentences == (*without.sentences, note)
    assert all(math.isnan(row.lows["odd"]) for row in found.rows)
    [difference] = [each for each in found.differences if each.metric == "odd"]
    assert difference.sentence == "The odd of herding cannot be compared: the plugin's metric failed."
    for one, other in zip(found.rows, without.rows, strict=True):
        assert {name: one.means[name] for name in other.means} == other.means


def test_the_programs_own_hide_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coreset_studio.core.training.metrics.f1.f1", _raises)
    resolve.cache_clear()
    try:
        with pytest.raises(ZeroDivisionError):
            measure(Evidence(np.array([0]), np.array([0]), 1))
    finally:
        monkeypatch.undo()
        resolve.cache_clear()


# --- facts -------------------------------------------------------------------------------------------------------


def test_each_list_is_in_the_order_that_it_had() -> None:
    assert list(METRICS)[: len(FIRST)] == FIRST
    names = {where: [metric.name for metric in shown_in(where) if metric.name in FIRST] for where in LISTS}
    assert names == {
        "differences": ["accuracy", "balanced_accuracy", "f1", "worst_class_recall", "worst_cluster_recall"],
        "table-1": ["accuracy", "precision", "recall", "f1"],
        "intervals": ["accuracy", "balanced_accuracy", "worst_class_recall"],
        "means": ["worst_cluster_recall"],
        "further": [],
        "verdicts": ["accuracy", "balanced_accuracy", "worst_class_recall"],
        "sizes": ["balanced_accuracy", "worst_class_recall"],
        "bars": ["precision", "recall", "f1"],
        "terminal": ["accuracy", "f1"],
    }


def test_a_list_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'everywhere'; it is one of differences, "):
        Metric(name="x", title="X", tip="", does="", shown={"everywhere": 1})


def test_words_follow_from_the_title() -> None:
    assert (METRICS["f1"].label, METRICS["f1"].in_words) == ("F1", "macro F1")
    assert (METRICS["precision"].label, METRICS["precision"].in_words) == ("precision", "precision")
    assert METRICS["worst_class_recall"].label == "worst-class recall"
    matthews = Metric(name="x", title="Matthews correlation", tip="", does="", is_proper=True)
    assert (matthews.label, matthews.in_words) == ("Matthews correlation", "Matthews correlation")
    assert METRICS["balanced_accuracy"].head == "Balanced"
    assert METRICS["recall"].head == "Recall"
    assert [name for name in FIRST if METRICS[name].compared] == [
        "accuracy", "f1", "balanced_accuracy", "worst_class_recall", "worst_cluster_recall",
    ]  # fmt: skip


def test_descriptions_are_light() -> None:
    code = (
        "import sys\n"
        "from coreset_studio.core.descriptions import registry\n"
        "from coreset_studio.core.training.metrics import METRICS, shown_in\n"
        "assert registry('metric') is METRICS and len(METRICS) >= 7 and shown_in('differences')\n"
        "heavy = {'numpy', 'scipy', 'PySide6', 'tensorflow', 'cv2', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# --- Help --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(METRICS))
def test_each_has_a_page_that_says_what_it_hides(name: str) -> None:
    metric = METRICS[name]
    assert metric.help == f"coreset_studio.resources:help/metrics/{name}.html"
    page = (resource_folder() / "help" / "metrics" / f"{name}.html").read_text(encoding="utf-8")
    parts = re.split(r"<h2>(.*?)</h2>", page)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert list(sections) == ["What it measures", "What it does not show", "Formula", "At a glance", "Source"]
    assert f"<h1>{metric.title}</h1>" in parts[0]
    formula, _, symbols = sections["Formula"].partition("</p>")
    assert 'class="formula"' in formula
    assert 'class="symbol"' in symbols
    assert f"{metric.least:g} to {metric.most:g}" in sections["At a glance"]
    assert ("clusters" in sections["At a glance"]) == ("clusters" in metric.needs)
    if name in FIRST:
        assert "section 1.8" in sections["Source"]


def test_no_page_is_left_over() -> None:
    assert {file.stem for file in (resource_folder() / "help" / "metrics").iterdir()} == set(METRICS)
