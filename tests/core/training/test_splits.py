"""Comparing over several splits: what an interval over them holds, checked by hand and by drawing often."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.results import Comparison, Difference, RunKey, RunResult
from coreset_studio.core.settings import ComparisonSettings
from coreset_studio.core.training.bootstrap import RESAMPLES, ImageResamples, corrected_interval, interval, overlap
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.comparison_words import basis_words
from coreset_studio.core.training.evaluation import evaluate

pytestmark = pytest.mark.slow

N_IMAGES, N_TEST = 400, 120
TRUE = np.random.default_rng(0).integers(2, size=N_IMAGES)


def images_of(split: int) -> np.ndarray:
    return np.sort(np.random.default_rng(split).permutation(N_IMAGES)[:N_TEST])


def a_run(sampler: str, split: int, repetition: int, accuracy: float, *, fraction: float = 0.05) -> RunResult:
    """A run of a split whose first images are right."""
    test = images_of(split)
    true = TRUE[test]
    predicted = true.copy()
    predicted[round(accuracy * N_TEST) :] ^= 1
    return RunResult(
        key=RunKey("head", sampler, fraction, repetition, f"{sampler} {split} {repetition}", split),
        n_images=100 + split,
        classes=("a", "b"),
        history=(),
        best_epoch=0,
        metrics=evaluate(true, predicted, ("a", "b")),
        test_indices=test,
        true=true,
        predicted=predicted,
        confidence=np.ones(N_TEST, dtype=np.float32),
        train_seconds=1.0,
        feature_seconds=0.0,
        select_seconds=0.0,
        device="CPU",
    )


def runs_of(sampler: str, accuracies: Sequence[Sequence[float]]) -> list[RunResult]:
    """One row: accuracies by split and repetition."""
    return [
        a_run(sampler, split, repetition, value)
        for split, values in enumerate(accuracies)
        for repetition, value in enumerate(values)
    ]


def accuracy_of(comparison: Comparison) -> Difference:
    [found] = [one for one in comparison.differences if one.metric == "accuracy"]
    return found


def test_of_independent_values_the_interval_is_students() -> None:
    values = np.array([0.81, 0.84, 0.80, 0.86])
    low, high = corrected_interval(values, 0.0)
    expected = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    assert (low, high) == pytest.approx(expected)


def test_shared_test_images_widen_it_as_nadeau_and_bengio_have_it() -> None:
    values = np.array([0.02, 0.03, -0.01, 0.04, 0.02])
    low, high = corrected_interval(values, 0.3)
    half = stats.t.ppf(0.975, 4) * values.std(ddof=1) * math.sqrt(1 / 5 + 0.3 / 0.7)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half))
    assert all(math.isnan(end) for end in corrected_interval(values, 1.0))
    assert all(math.isnan(end) for end in corrected_interval(np.array([0.1, np.nan]), 0.3))


def test_overlap_is_the_share_of_images_in_common() -> None:
    sets = [np.array([0, 1, 2, 3]), np.array([2, 3, 4, 5]), np.array([6, 7, 8, 9])]
    assert overlap(sets[:2]) == pytest.approx(0.5)
    assert overlap(sets) == pytest.approx(0.5 / 3)
    assert overlap([sets[0], sets[0]]) == 1
    assert overlap([images_of(split) for split in range(6)]) == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("n_splits", [2, 3, 5, 10])
@pytest.mark.parametrize("chance", ["of the images", "of the trainings", "of both"])
def test_intervals_over_splits_hold_the_truth_as_often_as_they_say(n_splits: int, chance: str) -> None:
    """1,500 datasets without any difference; the chance that an image, or a training, brings."""
    rng = np.random.default_rng(n_splits)
    images, training = {"of the images": (1.0, 0.0), "of the trainings": (0.0, 0.1), "of both": (1.0, 0.05)}[chance]
    held, plain = 0, 0
    for _ in range(1500):
        gains = rng.normal(0, images, 200)
        tests = [rng.permutation(200)[:60] for _ in range(n_splits)]
        values = np.array([gains[test].mean() for test in tests]) + rng.normal(0, training, n_splits)
        low, high = corrected_interval(values, overlap(tests) if n_splits == 2 else 0.3)
        held += low <= 0 <= high
        low, high = corrected_interval(values, 0.0)
        plain += low <= 0 <= high
    assert held / 1500 >= 0.92
    if chance == "of the images" and n_splits == 10:
        assert plain / 1500 < 0.7
        assert held / 1500 <= 0.98


def test_one_split_is_told_as_before_whatever_its_number() -> None:
    accuracies = {"stratified": [[0.80, 0.81, 0.79]], "herding": [[0.84, 0.80, 0.83]]}
    runs = [run for name, values in accuracies.items() for run in runs_of(name, values)]
    later = [replace(run, key=replace(run.key, split=4)) for run in runs]
    one, other = compare(runs, ComparisonSettings()), compare(later, ComparisonSettings())
    np.testing.assert_equal([vars(row) for row in other.rows], [vars(row) for row in one.rows])
    np.testing.assert_equal([vars(d) for d in other.differences], [vars(d) for d in one.differences])
    assert one.n_splits == 1
    assert not any("splits" in sentence for sentence in one.sentences)


def test_every_split_counts_the_same_and_the_interval_is_over_them() -> None:
    stratified = [[0.70, 0.72], [0.80], [0.75, 0.75, 0.75]]
    herding = [[0.75, 0.75], [0.85], [0.78, 0.79, 0.80]]
    found = compare(runs_of("stratified", stratified) + runs_of("herding", herding), ComparisonSettings())
    exact = [[round(value * N_TEST) / N_TEST for value in values] for values in herding]
    control = [[round(value * N_TEST) / N_TEST for value in values] for values in stratified]
    means = np.array([np.mean(values) for values in exact])
    [row] = [row for row in found.rows if row.sampler == "herding"]
    assert row.means["accuracy"] == pytest.approx(means.mean())
    assert (row.n_splits, row.n_repetitions, row.n_images) == (3, 6, 101)
    difference = accuracy_of(found)
    paired = means - [np.mean(values) for values in control]
    shared = overlap([images_of(split) for split in range(3)])
    assert difference.difference == pytest.approx(paired.mean())
    assert (difference.n_splits, difference.n_repetitions) == (3, 6)
    low, high = corrected_interval(paired, shared)
    assert difference.low <= low
    assert difference.high >= high
    assert difference.shown == (difference.low > 0 or difference.high < 0)
    assert "3 splits, 6 paired repetitions in all" in difference.sentence
    assert found.n_splits == 3
    assert "Measured over 3 splits, 6 repetitions in all" in found.sentences[-1]


def test_splits_that_agree_by_chance_keep_the_chance_of_their_test_images() -> None:
    """All splits show the same gain: Student's interval is a point, that of the images is not."""
    runs = runs_of("stratified", [[0.80]] * 4) + runs_of("herding", [[0.90]] * 4)
    found = accuracy_of(compare(runs, ComparisonSettings()))
    tests = [images_of(split) for split in range(4)]
    everything = np.unique(np.concatenate(tests))
    counts = ImageResamples.draw(len(everything)).counts
    gains = np.zeros((RESAMPLES, 4))
    better = np.zeros(N_TEST)
    better[round(0.8 * N_TEST) : round(0.9 * N_TEST)] = 1
    for split, test in enumerate(tests):
        drawn = counts[:, np.searchsorted(everything, test)].astype(float)
        gains[:, split] = (drawn @ better) / drawn.sum(axis=1)
    assert (found.low, found.high) == pytest.approx(interval(gains.mean(axis=1)), rel=1e-6)
    assert found.low < found.difference < found.high
    assert found.shown


def test_an_image_is_drawn_as_often_in_every_split_that_tests_on_it() -> None:
    images = ImageResamples.draw(50, n_resamples=20)
    one, other = images.of_rows(np.array([1, 4, 9])), images.of_rows(np.array([4, 9, 20]))
    np.testing.assert_array_equal(one.counts[:, 1:], other.counts[:, :2])
    assert one.counts.shape == (20, 3)


def needed_by_trying(paired: np.ndarray, of_interest: float, shared: float) -> int | None:
    for n in range(2, 3000):
        spread = (1.96 + 0.84) * paired.std(ddof=1) * math.sqrt(1 / n + shared / (1 - shared))
        if spread <= of_interest:
            return n
    return None


@pytest.mark.parametrize("of_interest", [0.005, 0.03, 0.05, 0.1])
def test_how_many_splits_it_takes_is_what_trying_finds(of_interest: float) -> None:
    runs = runs_of("stratified", [[0.80], [0.81], [0.79]]) + runs_of("herding", [[0.80], [0.84], [0.80]])
    found = accuracy_of(compare(runs, ComparisonSettings(difference_of_interest=of_interest)))
    shared = overlap([images_of(split) for split in range(3)])
    paired = np.array([round(a * N_TEST) - round(b * N_TEST) for a, b in ((0.80, 0.80), (0.84, 0.81), (0.80, 0.79))])
    expected = needed_by_trying(paired / N_TEST, of_interest, shared)
    assert found.repetitions_needed == expected
    if expected is None:
        assert (
            f"More splits of the same images would probably not show a difference of {100 * of_interest:.3g} points"
            in found.sentence
        )
    elif expected > 3:
        assert f"About {expected} splits would be required" in found.sentence


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.lists(st.floats(0.55, 0.9), min_size=1, max_size=3), min_size=2, max_size=4),
    st.permutations(range(4)),
)
def test_the_order_of_splits_changes_nothing(accuracies: list[list[float]], order: list[int]) -> None:
    better = [[min(1.0, value + 0.05) for value in values] for values in accuracies]
    runs = runs_of("stratified", accuracies) + runs_of("herding", better)
    shuffled = [replace(run, key=replace(run.key, split=order[run.key.split])) for run in reversed(runs)]
    one, other = (accuracy_of(compare(each, ComparisonSettings())) for each in (runs, shuffled))
    assert (one.difference, one.low, one.high) == pytest.approx((other.difference, other.low, other.high), abs=1e-9)
    assert one.low - 1e-9 <= one.difference <= one.high + 1e-9


def test_a_second_split_begun_is_told() -> None:
    runs = runs_of("stratified", [[0.80, 0.81], [0.79]]) + runs_of("herding", [[0.84, 0.83]])
    found = compare(runs, ComparisonSettings())
    by_name = {row.sampler: row for row in found.rows}
    assert (by_name["herding"].n_splits, by_name["stratified"].n_splits) == (1, 2)
    assert accuracy_of(found).n_splits == 1
    assert "Some rows are based on fewer" in found.sentences[-1]


def test_what_a_figure_rests_on_in_words() -> None:
    assert basis_words([1]) == "1 repetition"
    assert basis_words([3]) == "3 repetitions"
    assert basis_words([3] * 5) == "5 splits, 3 repetitions each"
    assert basis_words([1] * 5, what="paired repetition") == "5 splits, 1 paired repetition each"
    assert basis_words([2, 1, 3]) == "3 splits, 6 repetitions in all"


def test_inside_a_split_all_are_tested_on_the_same_images_and_over_all_on_the_same_classes() -> None:
    runs = [a_run("stratified", 0, 0, 0.8), a_run("herding", 1, 0, 0.8)]
    moved = replace(runs[1], key=replace(runs[1].key, split=0))
    with pytest.raises(TrainingError, match="different images"):
        compare([runs[0], moved], ComparisonSettings())
    assert len(compare(runs, ComparisonSettings()).rows) == 2
    other = replace(runs[1], classes=("a", "b", "c"))
    with pytest.raises(TrainingError, match="have different classes"):
        compare([runs[0], other], ComparisonSettings())


def test_splits_with_the_same_test_images_tell_nothing() -> None:
    runs = runs_of("stratified", [[0.8]]) + runs_of("herding", [[0.9]])
    runs += [replace(run, key=replace(run.key, split=1)) for run in runs]
    found = accuracy_of(compare(runs, ComparisonSettings()))
    assert math.isnan(found.low)
    assert not found.shown
    assert "too few test images" in found.sentence


def test_everything_of_a_split_is_compared_with_the_same_splits_runs() -> None:
    pairs = list(itertools.product(range(2), range(2)))
    runs = [a_run(name, s, r, 0.7 + 0.1 * s) for name in ("stratified", "herding") for s, r in pairs]
    runs += [a_run("everything", s, r, 0.9, fraction=1.0) for s, r in pairs]
    found = compare(runs, ComparisonSettings())
    assert accuracy_of(found).difference == 0
    assert "reaches an accuracy of 0.750, the whole pool 0.900 (−15.0 points)" in found.sentences[len(found.answers)]
