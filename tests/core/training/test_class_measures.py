"""The measures that journals ask for, against scikit-learn and SciPy, also where a class or an answer is missing."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from coreset_studio.core.results import N_BINS, ROC_RATES, Metrics, RunKey, RunResult
from coreset_studio.core.settings import ComparisonSettings
from coreset_studio.core.training.class_measures import class_measures, curves_of
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.metrics import METRICS
from coreset_studio.core.training.score_intervals import area_interval, wilson

CLASSES = ("a", "b", "c", "d")


def answers(n: int = 200, n_classes: int = 4, seed: int = 0, levels: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities that know something of them; with `levels` only so many different scores, so ties."""
    rng = np.random.default_rng(seed)
    true = rng.integers(n_classes, size=n)
    scores = rng.random((n, n_classes))
    scores[np.arange(n), true] += 0.5
    if levels:
        scores = np.round(scores * levels) + 1
    return true, (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)


def found(true: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...] = CLASSES) -> Metrics:
    return evaluate(true, probabilities.argmax(axis=1), classes, None, probabilities)


def expected_by_class(true: np.ndarray, probabilities: np.ndarray) -> Mapping[str, list[float]]:
    predicted = probabilities.argmax(axis=1)
    n_classes = probabilities.shape[1]
    values: dict[str, list[float]] = {"recall": [], "precision": [], "specificity": [], "negative_predictive_value": [],
                                      "auc": []}  # fmt: skip
    for position in range(n_classes):
        is_class, called = true == position, predicted == position
        nan = math.nan
        values["recall"].append(sk.recall_score(is_class, called, zero_division=nan))
        values["precision"].append(sk.precision_score(is_class, called, zero_division=nan))
        values["specificity"].append(sk.recall_score(~is_class, ~called, zero_division=nan))
        values["negative_predictive_value"].append(sk.precision_score(~is_class, ~called, zero_division=nan))
        both = 0 < is_class.sum() < len(true)
        values["auc"].append(sk.roc_auc_score(is_class, probabilities[:, position]) if both else nan)
    return values


@pytest.mark.parametrize("levels", [0, 3])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_each_class_is_measured_as_by_scikit_learn(n_classes: int, levels: int) -> None:
    true, probabilities = answers(n_classes=n_classes, levels=levels)
    classes = CLASSES[:n_classes]
    mine = found(true, probabilities, classes)
    for name, values in expected_by_class(true, probabilities).items():
        assert list(mine.class_values[name]) == list(classes)
        assert list(mine.class_values[name].values()) == pytest.approx(values, rel=1e-12), name
    if n_classes == 2:
        assert mine["auc"] == pytest.approx(sk.roc_auc_score(true, probabilities[:, 1]), abs=1e-3)
    elif levels:  # to have rows add up to 1, scikit-learn would need other ties
        assert mine["auc"] == pytest.approx(np.mean(list(mine.class_values["auc"].values())))
    else:
        rows = probabilities.astype(np.float64)
        rows /= rows.sum(axis=1, keepdims=True)
        oracle = sk.roc_auc_score(true, rows, multi_class="ovr", average="macro")
        assert mine["auc"] == pytest.approx(oracle, abs=1e-9)
    assert mine["specificity"] == pytest.approx(np.mean(list(mine.class_values["specificity"].values())))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(0, 4), min_size=4, max_size=4)), min_size=1, max_size=25)
)
def test_few_images_missing_classes_and_ties_are_as_by_scikit_learn(pairs: list[tuple[int, list[int]]]) -> None:
    true = np.array([position for position, _ in pairs], dtype=np.int64)
    scores = np.array([row for _, row in pairs], dtype=np.float64) + 1
    probabilities = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    predicted = probabilities.argmax(axis=1)
    mine = found(true, probabilities)
    for name, values in expected_by_class(true, probabilities).items():
        assert list(mine.class_values[name].values()) == pytest.approx(values, nan_ok=True, rel=1e-12), name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kappa = sk.cohen_kappa_score(true, predicted, labels=range(4))
        matthews = sk.matthews_corrcoef(true, predicted)
    one_answer = len(set(true)) == len(set(predicted)) == 1 and true[0] == predicted[0]
    assert mine["cohen_kappa"] == pytest.approx(math.nan if one_answer else kappa, nan_ok=True)
    # Of one class alone scikit-learn says 0; here nothing is said.
    assert mine["matthews_correlation"] == pytest.approx(matthews if len(set(true)) > 1 else math.nan, nan_ok=True)
    assert set(mine.unknown) == {name for name, value in mine.values.items() if math.isnan(value)}


def test_one_class_predicted_only() -> None:
    true = np.array([0, 0, 1, 2])
    probabilities = np.tile(np.array([0.7, 0.2, 0.1], dtype=np.float32), (4, 1))
    mine = found(true, probabilities, ("a", "b", "c"))
    assert mine.class_values["precision"]["a"] == 0.5
    assert math.isnan(mine.class_values["precision"]["b"])
    assert mine["precision"] == pytest.approx(0.5 / 3), "0 for a class never answered, as in the paper"
    assert math.isnan(mine.class_values["negative_predictive_value"]["a"])
    assert mine.class_values["negative_predictive_value"]["b"] == 0.75
    assert mine.class_values["specificity"] == {"a": 0.0, "b": 1.0, "c": 1.0}
    assert (mine["matthews_correlation"], mine["cohen_kappa"], mine["auc"]) == (0.0, 0.0, 0.5)
    assert mine["calibration_error"] == pytest.approx(0.2)


def test_test_images_of_one_class_say_why_nothing_is_known() -> None:
    mine = found(np.zeros(5, dtype=np.int64), np.tile(np.array([0.9, 0.1], dtype=np.float32), (5, 1)), ("a", "b"))
    assert mine.unknown["auc"] == "test images of at least two classes are needed"
    assert mine.unknown["matthews_correlation"] == "all test images are of one class"
    assert mine.unknown["cohen_kappa"] == "all test images are of one class and were classified as it"
    assert mine.unknown["specificity"] == "test images of at least two classes are needed"
    assert mine.unknown["negative_predictive_value"] == "images must be classified as at least two classes"
    assert mine.class_values["recall"] == pytest.approx({"a": 1.0, "b": math.nan}, nan_ok=True)
    assert mine.class_sizes["recall"] == {"a": 5, "b": 0}


def test_without_probabilities_they_are_not_stored() -> None:
    true, probabilities = answers()
    mine = evaluate(true, probabilities.argmax(axis=1), CLASSES)
    assert (
        mine.unknown["auc"] == mine.unknown["calibration_error"] == "the probabilities of all classes were not stored"
    )
    assert mine.curves is None
    assert "auc" not in mine.class_values
    assert mine.class_values["specificity"] == found(true, probabilities).class_values["specificity"]


def test_probabilities_that_are_no_numbers_stop_nothing() -> None:
    true, probabilities = answers()
    probabilities[3] = np.nan
    mine = found(true, probabilities)
    assert math.isnan(mine["auc"])
    assert mine.unknown["calibration_error"] == mine.unknown["auc"] == "the probabilities are not numbers"
    assert mine.curves is not None
    assert np.isnan(mine.curves.roc).all()
    assert 0 < mine["accuracy"] < 1


# --- calibration and curves --------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [0, 4])
def test_calibration_is_that_of_scikit_learns_curve(levels: int) -> None:
    true, probabilities = answers(n=500, levels=levels)
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1).astype(np.float64)
    accuracy, mean_confidence = calibration_curve(true == predicted, confidence, n_bins=N_BINS)
    mine = found(true, probabilities)
    assert mine.curves is not None
    my_confidence, my_accuracy, images = mine.curves.bins()
    assert my_accuracy == pytest.approx(accuracy)
    assert my_confidence == pytest.approx(mean_confidence)
    assert images.sum() == 500
    expected = (np.abs(accuracy - mean_confidence) * images).sum() / 500
    assert mine["calibration_error"] == pytest.approx(expected)


def test_full_confidence_stands_in_the_last_bin() -> None:
    mine = found(np.array([0, 1]), np.array([[1, 0], [1, 0]], dtype=np.float32), ("a", "b"))
    assert mine.curves is not None
    assert mine.curves.reliability[-1].tolist() == [2.0, 1.0, 2.0]
    assert mine["calibration_error"] == 0.5


def test_roc_curves_pass_through_scikit_learns_points() -> None:
    true, probabilities = answers(n=2001, levels=5)
    mine = found(true, probabilities).curves
    assert mine is not None
    for position in range(4):
        false, hit, _ = sk.roc_curve(true == position, probabilities[:, position])
        assert mine.roc[position] == pytest.approx(np.interp(ROC_RATES, false, hit), abs=1e-6)
        assert sk.auc(ROC_RATES, mine.roc[position]) == pytest.approx(sk.auc(false, hit), abs=2e-3)
    assert mine.macro == pytest.approx(mine.roc.mean(axis=0))


def test_a_curve_begins_with_what_is_found_without_a_false_positive() -> None:
    true = np.array([0, 0, 0, 0, 1, 1])
    first = np.array([0.9, 0.8, 0.7, 0.2, 0.3, 0.1])
    mine = found(true, np.stack([first, 1 - first], axis=1).astype(np.float32), ("a", "b")).curves
    assert mine is not None
    assert mine.roc[0, 0] == 0.75
    assert mine.roc[0, -1] == 1.0


# --- intervals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (3, 7), (7, 7), (81, 263), (1, 1)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_is_scipys(hits: int, n: int, level: float) -> None:
    oracle = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    assert wilson(hits / n, n, level) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
    low, high = wilson(hits / n, n, level)
    assert 0 <= low <= hits / n <= high <= 1


def test_nothing_has_no_interval() -> None:
    assert all(map(math.isnan, (*wilson(math.nan, 0), *area_interval(math.nan, 0, 5), *area_interval(0.5, 3, 0))))


def test_an_area_of_1_has_a_width_and_the_middle_is_that_of_hanley_and_mcneil() -> None:
    low, high = area_interval(1.0, 10, 30)
    assert (low, high) == pytest.approx((0.862, 1.0), abs=0.005)
    assert high == 1.0
    assert area_interval(0.0, 10, 30) == pytest.approx((0.0, 1 - low), abs=1e-6)
    # With equal, large numbers of images it is Hanley and McNeil's symmetrical interval.
    area, n = 0.8, 20_000
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    error = math.sqrt((area * (1 - area) + (n - 1) * (q1 - area**2 + q2 - area**2)) / n**2)
    assert area_interval(area, n, n) == pytest.approx((area - 1.96 * error, area + 1.96 * error), abs=1e-4)


def test_the_interval_of_an_area_covers_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    shift, n_inside, n_outside = 1.5, 15, 60
    truth = stats.norm.cdf(shift / math.sqrt(2))
    covered = 0
    for _ in range(400):
        inside, outside = rng.normal(shift, 1, n_inside), rng.normal(0, 1, n_outside)
        area = float((inside[:, None] > outside).mean())
        low, high = area_interval(area, n_inside, n_outside)
        covered += low <= truth <= high
    assert 0.92 <= covered / 400 <= 0.99


# --- rows of a comparison ----------------------------------------------------------------------------------------


def a_run(repetition: int = 0, *, split: int = 0, tests: np.ndarray | None = None, known: bool = True) -> RunResult:
    true, _ = answers(seed=split)
    _, probabilities = answers(seed=split)
    rng = np.random.default_rng(100 + repetition + 10 * split)
    probabilities = (probabilities + 0.2 * rng.random(probabilities.shape)).astype(np.float32)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    predicted = probabilities.argmax(axis=1)
    return RunResult(
        key=RunKey("head", "herding", 0.1, repetition, f"{split} {repetition}", split),
        n_images=50,
        classes=CLASSES,
        history=(),
        best_epoch=0,
        metrics=evaluate(true, predicted, CLASSES, None, probabilities if known else None),
        test_indices=np.arange(200) if tests is None else tests,
        true=true,
        predicted=predicted,
        confidence=probabilities.max(axis=1),
        train_seconds=1.0,
        feature_seconds=0.0,
        select_seconds=0.0,
        device="CPU",
        probabilities=probabilities if known else None,
    )


def test_repetitions_do_not_narrow_the_interval_of_the_same_images() -> None:
    one = class_measures([a_run()])["recall"]["a"]
    run = a_run()
    support = run.metrics.support["a"]
    assert one[1:] == pytest.approx(wilson(run.metrics.class_recall["a"], support))
    assert class_measures([a_run(), a_run()])["recall"]["a"] == pytest.approx(one)
    mean, low, high = class_measures([a_run(0), a_run(1)])["recall"]["a"]
    assert mean == pytest.approx(np.mean([a_run(n).metrics.class_recall["a"] for n in (0, 1)]))
    assert (low, high) == pytest.approx(wilson(mean, support))


def test_folds_together_test_on_more_images() -> None:
    runs = [a_run(split=fold, tests=np.arange(200) + 200 * fold) for fold in range(3)]
    mean, low, high = class_measures(runs)["specificity"]["b"]
    size = 3 * np.mean([run.metrics.class_sizes["specificity"]["b"] for run in runs])
    assert (low, high) == pytest.approx(wilson(mean, size))
    area = class_measures(runs)["auc"]["b"]
    inside = sum(run.metrics.support["b"] for run in runs)
    assert area[1:] == pytest.approx(area_interval(area[0], inside, 600 - inside))


def test_a_row_has_all_measures_their_intervals_and_curves() -> None:
    [row] = compare([a_run(0), a_run(1), a_run(2)], ComparisonSettings()).rows
    for name in ("auc", "specificity", "negative_predictive_value", "cohen_kappa", "matthews_correlation"):
        assert row.lows[name] < row.means[name] < row.highs[name] <= METRICS[name].most
    assert 0 <= row.lows["calibration_error"] < row.highs["calibration_error"] < 1
    assert set(row.class_measures) == {"auc", "recall", "precision", "specificity", "negative_predictive_value"}
    assert row.unknown == {"worst_cluster_recall": "no cluster has at least 10 test images"}
    assert row.curves is not None
    assert row.curves.reliability[:, 0].sum() == pytest.approx(200)
    assert row.means["auc"] == pytest.approx(np.mean([a_run(n).metrics["auc"] for n in range(3)]))


def test_a_row_with_a_run_without_probabilities_says_so() -> None:
    runs = [a_run(0), a_run(1, known=False)]
    [row] = compare(runs, ComparisonSettings()).rows
    assert math.isnan(row.means["auc"])
    assert row.unknown["auc"] == "the probabilities of all classes were not stored"
    assert row.curves is None
    assert curves_of([replace(runs[0])]) is not None
