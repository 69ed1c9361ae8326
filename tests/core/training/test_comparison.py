"""Comparing: paired, with intervals that hold what they promise, and in words."""

import math
import time

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import recall_score

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.results import Comparison, Difference, Row, RunKey, RunResult
from coreset_studio.core.settings import ComparisonSettings
from coreset_studio.core.training.bootstrap import ImageResamples, interval, repetition_weights, small_sample_stretch
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.evaluation import evaluate

SETTINGS = ComparisonSettings()


def a_run(
    sampler: str,
    repetition: int,
    true: np.ndarray,
    predicted: np.ndarray,
    *,
    fraction: float = 0.05,
    network: str = "head",
    n_classes: int = 2,
    seconds: tuple[float, float] = (1.0, 10.0),
    clusters: np.ndarray | None = None,
) -> RunResult:
    classes = tuple("abcdefghijklmnopqrstuvwxyz"[:n_classes])
    return RunResult(
        key=RunKey(network, sampler, fraction, repetition, f"{network} {sampler} {fraction} {repetition}"),
        n_images=100,
        classes=classes,
        history=(),
        best_epoch=0,
        metrics=evaluate(true, predicted, classes, clusters),
        test_indices=np.arange(len(true)),
        true=true,
        predicted=predicted,
        confidence=np.ones(len(true), dtype=np.float32),
        train_seconds=seconds[1],
        feature_seconds=0.0,
        select_seconds=seconds[0],
        device="CPU",
        clusters=clusters,
    )


def with_accuracy(true: np.ndarray, accuracy: float) -> np.ndarray:
    """The first images right, the others wrong: how many are right is exact, and all runs agree on which."""
    predicted = true.copy()
    wrong = round(len(true) * (1 - accuracy))
    predicted[len(true) - wrong :] ^= 1
    return predicted


def runs_with(true: np.ndarray, **accuracies: list[float]) -> list[RunResult]:
    return [
        a_run(sampler.replace("_", "-"), repetition, true, with_accuracy(true, accuracy))
        for sampler, values in accuracies.items()
        for repetition, accuracy in enumerate(values)
    ]


def the(comparison: Comparison, control: str = "stratified", metric: str = "accuracy") -> Difference:
    [found] = [one for one in comparison.differences if (one.control, one.metric) == (control, metric)]
    return found


def row(comparison: Comparison, sampler: str) -> Row:
    [found] = [one for one in comparison.rows if one.sampler == sampler]
    return found


COIN = np.random.default_rng(0).integers(2, size=4000)


def test_five_repetitions_of_a_real_training_show_no_difference() -> None:
    """Custom network, 5 % of the blood cells: +1.6 points, and Student's interval is from −0.7 to +3.8."""
    stratified = [0.832, 0.804, 0.804, 0.809, 0.790]
    herding = [0.869, 0.803, 0.800, 0.835, 0.812]
    found = the(compare(runs_with(COIN, stratified=stratified, balanced_herding=herding), SETTINGS))
    assert found.difference == pytest.approx(0.016)
    # Test images are resampled too, so that the interval is a little wider.
    assert found.low == pytest.approx(-0.0065, abs=0.004)
    assert found.high == pytest.approx(0.0385, abs=0.004)
    assert not found.shown
    assert "no difference shown" in found.sentence
    s_d = np.std(np.subtract(herding, stratified), ddof=1)
    assert found.repetitions_needed == math.ceil((2.8 * s_d / 0.01) ** 2)
    assert f"About {found.repetitions_needed} repetitions would be required" in found.sentence
    assert found.n_repetitions == 5


def test_a_steady_difference_is_shown() -> None:
    runs = runs_with(COIN, stratified=[0.80, 0.81, 0.79, 0.80], facility_location=[0.84, 0.85, 0.83, 0.84])
    found = the(compare(runs, SETTINGS))
    assert found.shown
    assert 0.03 < found.low < found.difference < found.high < 0.05
    assert "no difference" not in found.sentence
    assert found.repetitions_needed == 2


def test_one_repetition_shows_nothing_however_large() -> None:
    found = the(compare(runs_with(COIN, stratified=[0.5], herding=[0.9]), SETTINGS))
    assert not found.shown
    assert found.repetitions_needed is None
    assert "One repetition does not distinguish" in found.sentence


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_without_a_difference_few_are_shown_however_few_the_repetitions(n: int) -> None:
    """In 2,000 comparisons of n pairs without any difference, about one in twenty leaves zero out."""
    draws = np.random.default_rng(n).normal(size=(2000, n))
    low, high = np.percentile(draws @ repetition_weights(range(n)).T, (2.5, 97.5), axis=1)
    assert 0.01 <= ((low > 0) | (high < 0)).mean() <= 0.07


def test_weights_of_repetitions_are_the_plain_bootstrap_where_they_are_many() -> None:
    assert small_sample_stretch(1) == 1
    assert small_sample_stretch(5) == pytest.approx(math.sqrt(5 / 4) * stats.t.ppf(0.975, 4) / 1.96, rel=1e-4)
    assert small_sample_stretch(1000) == pytest.approx(1, abs=0.003)
    weights = repetition_weights(range(4))
    assert weights.shape == (2000, 4)
    np.testing.assert_allclose(weights.sum(1), 1)
    np.testing.assert_allclose(weights.mean(0), 0.25, atol=0.03)
    assert repetition_weights([7]).tolist() == [[1.0]] * 2000


def test_test_images_widen_the_interval_too() -> None:
    few = COIN[:100]
    accuracies = {"stratified": [0.80, 0.81, 0.80], "herding": [0.90, 0.91, 0.90]}
    large, small = (the(compare(runs_with(true, **accuracies), SETTINGS)) for true in (COIN, few))
    assert small.high - small.low > 4 * (large.high - large.low)
    # As wide as the binomial has it: a tenth of 100 images differ.
    assert small.high - small.low == pytest.approx(2 * 1.96 * math.sqrt(0.1 * 0.9 / 100), rel=0.25)


@pytest.mark.slow
def test_differences_are_paired_by_repetition_and_image() -> None:
    accuracies = [0.60, 0.70, 0.80, 0.90, 0.75, 0.65]
    better = [value + 0.02 for value in accuracies]
    paired = the(compare(runs_with(COIN, stratified=accuracies, herding=better), SETTINGS))
    crossed = the(compare(runs_with(COIN, stratified=accuracies, herding=better[::-1]), SETTINGS))
    assert paired.shown
    assert not crossed.shown
    assert paired.difference == pytest.approx(crossed.difference)
    assert paired.repetitions_needed is not None
    assert crossed.repetitions_needed is not None
    assert paired.repetitions_needed < crossed.repetitions_needed


def test_only_shared_repetitions_are_paired() -> None:
    runs = runs_with(COIN, stratified=[0.5, 0.6], herding=[0.6, 0.7, 0.2])
    found = the(compare(runs, SETTINGS))
    assert found.n_repetitions == 2
    assert found.difference == pytest.approx(0.1)
    assert compare([run for run in runs if run.key.sampler == "herding"], SETTINGS).differences == ()


def test_matched_random_is_a_control_and_controls_are_not_compared() -> None:
    runs = [
        a_run(sampler, repetition, COIN, with_accuracy(COIN, accuracy))
        for sampler, accuracy in (("balanced-herding", 0.9), ("stratified", 0.8), ("matched:balanced-herding", 0.85))
        for repetition in range(2)
    ]
    found = compare(runs, SETTINGS)
    assert {(one.sampler, one.control) for one in found.differences} == {
        ("balanced-herding", "stratified"),
        ("balanced-herding", "matched:balanced-herding"),
    }
    assert the(found, "matched:balanced-herding").difference == pytest.approx(0.05)
    assert "random with the class budgets of balanced-herding" in the(found, "matched:balanced-herding").sentence


def test_every_metric_under_resampling_equals_its_definition() -> None:
    rng = np.random.default_rng(2)
    true = rng.integers(3, size=90)
    predicted = np.where(rng.random(90) < 0.6, true, rng.integers(3, size=90))
    clusters = rng.integers(2, size=90)
    run = a_run("x", 0, true, predicted, n_classes=3, clusters=clusters)
    images = ImageResamples.draw(90, n_resamples=25)
    found = images.measured(run).values
    for resample in range(25):
        rows = np.repeat(np.arange(90), images.counts[resample].astype(int))
        expected = evaluate(true[rows], predicted[rows], "abc")
        for metric in ("accuracy", "precision", "recall", "f1", "balanced_accuracy", "worst_class_recall"):
            assert found[metric][resample] == pytest.approx(expected[metric], rel=1e-6), metric
        recalls = [
            recall_score(true[rows][inside] == c, predicted[rows][inside] == c)
            for c in range(3)
            for cluster in range(2)
            if (inside := (true[rows] == c) & (clusters[rows] == cluster)).any()
        ]
        assert found["worst_cluster_recall"][resample] == pytest.approx(min(recalls), rel=1e-6)


def test_intervals_of_rows_hold_their_means_and_stay_shares() -> None:
    found = compare(runs_with(COIN, stratified=[0.99, 0.80], everything=[0.97, 0.98]), SETTINGS)
    for one in found.rows:
        for metric in ("accuracy", "f1", "worst_class_recall"):
            assert 0 <= one.lows[metric] <= one.means[metric] <= one.highs[metric] <= 1
        assert math.isnan(one.means["worst_cluster_recall"])
        assert math.isnan(one.lows["worst_cluster_recall"])
    assert row(found, "stratified").means["accuracy"] == pytest.approx(0.895)
    assert row(found, "stratified").n_repetitions == 2


def test_interval_of_nothing_is_nothing() -> None:
    assert all(math.isnan(end) for end in interval(np.full(5, np.nan)))


@pytest.mark.parametrize(
    ("select", "train", "expected"), [(25.0, 10.0, 3), (0.0, 10.0, 1), (25.0, 20.0, None), (25.0, 30.0, None)]
)
def test_after_how_many_trainings_a_selection_has_paid(select: float, train: float, expected: int | None) -> None:
    answers = with_accuracy(COIN, 0.9)
    runs = [
        a_run("everything", 0, COIN, answers, fraction=1.0, seconds=(0.0, 20.0)),
        a_run("herding", 0, COIN, answers, seconds=(select, train)),
    ]
    assert row(compare(runs, SETTINGS), "herding").pays_after == expected
    assert row(compare(runs[1:], SETTINGS), "herding").pays_after is None
    assert row(compare(runs, SETTINGS), "everything").pays_after is None


def test_runs_on_other_test_images_are_refused() -> None:
    runs = [*runs_with(COIN, stratified=[0.8]), *runs_with(COIN[:100], herding=[0.8])]
    with pytest.raises(TrainingError, match="different images"):
        compare(runs, SETTINGS)


def test_nothing_compares_to_nothing() -> None:
    assert compare([], SETTINGS) == Comparison((), (), (), ())


@pytest.mark.slow
def test_the_words_say_whose_features_the_head_saw() -> None:
    runs = runs_with(COIN, stratified=[0.8, 0.8], herding=[0.9, 0.9])
    same = compare(runs, SETTINGS, chosen_by=("vgg16", "colour-texture"), probe_extractors={"head": "vgg16"}).sentences
    other = compare(runs, SETTINGS, chosen_by=("colour-texture",), probe_extractors={"head": "vgg16"}).sentences
    network = compare(
        runs, SETTINGS, chosen_by=("colour-texture", "vgg16-avg"), probe_extractors={"head": "vgg16"}
    ).sentences
    second = compare(
        runs, SETTINGS, chosen_by=("vgg16", "vgg16-avg"), probe_extractors={"head": "efficientnet-lite0"}
    ).sentences
    unknown = compare(runs, SETTINGS, probe_extractors={"head": "vgg16"}).sentences

    assert any("same features (vgg16)" in sentence for sentence in same)
    assert other[-1] == "The linear probe uses features (vgg16) that the selection did not use (colour-texture)."
    assert network[-1] == (
        "The linear probe uses features (vgg16) of the same network as the selection (vgg16-avg). Its gains may be "
        "smaller for a network with other features; also evaluate with another extractor."
    )
    assert second[-1] == (
        "The linear probe uses features (efficientnet-lite0) that the selection did not use (vgg16, vgg16-avg)."
    )
    assert not any("features (" in sentence for sentence in unknown)


def test_comparing_twice_gives_the_same() -> None:
    runs = runs_with(COIN[:500], stratified=[0.8, 0.7], herding=[0.9, 0.8])
    one, two = compare(runs, SETTINGS), compare(runs, SETTINGS)
    np.testing.assert_equal([vars(d) for d in one.differences], [vars(d) for d in two.differences])
    np.testing.assert_equal([vars(r) for r in one.rows], [vars(r) for r in two.rows])


@pytest.mark.slow
def test_twenty_runs_of_five_thousand_test_images_are_quick() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(8, size=5000)
    clusters = rng.integers(3, size=5000)
    runs = [
        a_run(
            sampler, repetition, true, np.where(rng.random(5000) < 0.8, true, rng.integers(8, size=5000)),
            n_classes=8, clusters=clusters,
        )
        for sampler in ("stratified", "herding", "intelligent", "random")
        for repetition in range(5)
    ]  # fmt: skip
    started = time.process_time()
    found = compare(runs, SETTINGS)
    seconds = time.process_time() - started
    assert len(found.rows) == 4
    # Two seconds on an idle machine, in processor time; other workers' load may double it.
    assert seconds < 4, seconds
    print(f"compare: {seconds:.2f} s of processor time")
