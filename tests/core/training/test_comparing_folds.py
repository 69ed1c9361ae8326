"""Comparing over folds: the interval by hand, how often it holds the truth, and what is said of it."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from coreset_studio.core.results import Comparison, Difference, Epoch, RunKey, RunResult, splits_words
from coreset_studio.core.settings import ComparisonSettings
from coreset_studio.core.training.bootstrap import corrected_interval
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.evaluation import evaluate

N_IMAGES = 400
TRUE = np.random.default_rng(0).integers(2, size=N_IMAGES)


def a_run(sampler: str, fold: int, n_folds: int, accuracy: float, repetition: int = 0) -> RunResult:
    """A run that is tested on one fold, whose first images are right."""
    test = np.arange(fold, N_IMAGES, n_folds)
    true = TRUE[test]
    predicted = true.copy()
    predicted[round(accuracy * len(test)) :] ^= 1
    return RunResult(
        key=RunKey("head", sampler, 0.05, repetition, f"{sampler} {fold} {repetition}", fold),
        n_images=100,
        classes=("a", "b"),
        history=(),
        best_epoch=0,
        metrics=evaluate(true, predicted, ("a", "b")),
        test_indices=test,
        true=true,
        predicted=predicted,
        confidence=np.ones(len(test), dtype=np.float32),
        train_seconds=1.0,
        feature_seconds=0.0,
        select_seconds=0.0,
        device="CPU",
    )


def compared(
    ours: Sequence[float], control: Sequence[float], *, folds: int, n_done: int | None = None, of_interest: float = 0.01
) -> Comparison:
    done = range(folds if n_done is None else n_done)
    runs = [a_run("herding", fold, folds, ours[fold]) for fold in done]
    runs += [a_run("stratified", fold, folds, control[fold]) for fold in done]
    return compare(runs, ComparisonSettings(difference_of_interest=of_interest), folds=folds)


def accuracy_of(comparison: Comparison) -> Difference:
    [found] = [one for one in comparison.differences if one.metric == "accuracy"]
    return found


def test_the_interval_of_five_folds_by_hand() -> None:
    """Differences of 0.30, 0.05, 0.20, 0.40 and 0.10: mean 0.21, s_d 0.1432, t(4) 2.776, √(1/5 + 1/4) 0.6708."""
    found = compared([0.9, 0.65, 0.8, 1.0, 0.7], [0.6] * 5, folds=5)
    difference = accuracy_of(found)
    half = 2.776445 * 0.143178 * 0.670820
    assert difference.difference == pytest.approx(0.21)
    assert (difference.low, difference.high) == pytest.approx((0.21 - half, 0.21 + half), abs=1e-4)
    assert (difference.low, difference.high) == pytest.approx((-0.0567, 0.4767), abs=1e-4)
    assert not difference.shown
    plain = stats.t.interval(0.95, 4, loc=0.21, scale=0.143178 / math.sqrt(5))
    assert plain[0] > 0, "that of independent values would have shown a difference"


@pytest.mark.parametrize("folds", [2, 3, 10])
def test_its_ratio_of_test_to_training_images_is_one_to_k_less_one(folds: int) -> None:
    rng = np.random.default_rng(folds)
    ours = np.round(rng.uniform(0.5, 1, folds), 1)
    found = accuracy_of(compared(ours.tolist(), [0.5] * folds, folds=folds))
    runs = [a_run("herding", fold, folds, ours[fold]) for fold in range(folds)]
    control = [a_run("stratified", fold, folds, 0.5) for fold in range(folds)]
    paired = np.array([a.metrics["accuracy"] - b.metrics["accuracy"] for a, b in zip(runs, control, strict=True)])
    half = stats.t.ppf(0.975, folds - 1) * paired.std(ddof=1) * math.sqrt(1 / folds + 1 / (folds - 1))
    low, high = max(-1, paired.mean() - half), min(1, paired.mean() + half)
    assert found.low <= low + 1e-9
    assert found.high >= high - 1e-9
    if folds > 2:
        assert (found.low, found.high) == pytest.approx((low, high))


def test_folds_that_are_not_done_yet_keep_the_ratio_of_all() -> None:
    found = compared([0.9, 0.65, 0.8, 1.0, 0.7], [0.6] * 5, folds=5, n_done=3)
    paired = np.array([0.3, 0.05, 0.2])
    half = stats.t.ppf(0.975, 2) * paired.std(ddof=1) * math.sqrt(1 / 3 + 1 / 4)
    assert accuracy_of(found).high == pytest.approx(paired.mean() + half, abs=1e-6)
    assert "3 of 5 folds, 1 paired repetition each" in accuracy_of(found).sentence
    assert "Measured over 3 of 5 folds, 1 repetition each" in found.sentences[-1]


def test_sentences_say_folds() -> None:
    found = compared([0.9, 0.65, 0.8, 1.0, 0.7], [0.6] * 5, folds=5)
    assert (found.folds, found.n_splits) == (5, 5)
    assert "5 folds, 1 paired repetition each" in accuracy_of(found).sentence
    assert found.sentences[-1] == (
        "Measured over 5 folds, 1 repetition each: intervals include the variation between splits; folds share "
        "their training images; their variation is taken to be that of random splits that test on 1/5 of the "
        "images."
    )
    assert not any("splits," in sentence for sentence in found.sentences[:-1])
    assert splits_words(5, 5) == "5 folds"
    assert splits_words(5) == "5 splits"


def test_no_number_of_folds_is_asked_for_to_show_a_difference() -> None:
    """All folds together test on every image once: more of them bring no image more."""
    ours, control = [0.9, 0.65, 0.8, 1.0, 0.7], [0.6] * 5
    small, large = (accuracy_of(compared(ours, control, folds=5, of_interest=value)) for value in (0.01, 0.9))
    assert small.repetitions_needed is None
    assert "More folds of the same images would probably not show a difference of 1 point" in small.sentence
    # 2.8 · 0.1432 · 0.6708 = 0.269 is the least difference that five folds would show in 80 of 100 cases.
    assert large.repetitions_needed is None
    assert "More folds" not in large.sentence
    edges = [accuracy_of(compared(ours, control, folds=5, of_interest=value)).sentence for value in (0.268, 0.270)]
    assert ["More folds" in sentence for sentence in edges] == [True, False]


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_intervals_over_folds_hold_the_truth_as_often_as_they_say(folds: int) -> None:
    """1,500 datasets without any difference; the chance that an image and a training bring."""
    rng = np.random.default_rng(folds)
    held = 0
    for _ in range(1500):
        gains = rng.permutation(rng.normal(0, 1, 200))
        values = gains.reshape(folds, -1).mean(axis=1) + rng.normal(0, 0.05, folds)
        low, high = corrected_interval(values, 1 / folds)
        held += low <= 0 <= high
    assert held / 1500 >= 0.95


def test_seconds_of_validation_are_told_by_themselves_where_they_were_measured() -> None:
    run = a_run("herding", 0, 5, 0.8)
    assert run.validation_seconds == 0, "of a network that is not trained by epochs"
    measured = Epoch(1, 1.0, 0.5, 1.0, 0.5, 0.001, 3.0, 0.75)
    assert replace(run, history=(measured, measured)).validation_seconds == 1.5
    # Of runs stored before it was measured it is not known, and without validation images there is none.
    before = replace(measured, validation_seconds=0.0)
    assert math.isnan(replace(run, history=(before,)).validation_seconds)
    without = replace(before, validation_accuracy=math.nan, validation_loss=math.nan)
    assert replace(run, history=(without,)).validation_seconds == 0
