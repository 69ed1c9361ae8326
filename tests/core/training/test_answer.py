"""The answer of a comparison: what a coreset costs against everything, and when two are called equal."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from coreset_studio.core.results import Answer, RunKey, RunResult
from coreset_studio.core.settings import ComparisonSettings
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.evaluation import evaluate

N_TEST = 4000
TRUE = np.random.default_rng(0).integers(2, size=N_TEST)


def a_run(
    sampler: str, repetition: int, accuracy: float, *, network: str = "custom", seconds: float = 10.0
) -> RunResult:
    predicted = TRUE.copy()
    predicted[N_TEST - round(N_TEST * (1 - accuracy)) :] ^= 1
    fraction = 1.0 if sampler == "everything" else 0.25
    return RunResult(
        key=RunKey(network, sampler, fraction, repetition, f"{network} {sampler} {repetition}"),
        n_images=2396 if sampler == "everything" else 599, classes=("a", "b"), history=(), best_epoch=0,
        metrics=evaluate(TRUE, predicted, ("a", "b"), None), test_indices=np.arange(N_TEST), true=TRUE,
        predicted=predicted, confidence=np.ones(N_TEST, dtype=np.float32), train_seconds=seconds, feature_seconds=0.0,
        select_seconds=1.0, device="CPU", clusters=None,
    )  # fmt: skip


def answers(accuracies: Mapping[str, Sequence[float]], *, margin: float = 0.01, **options: str) -> tuple[Answer, ...]:
    seconds = {"everything": 37.0}
    runs = [
        a_run(sampler, repetition, accuracy, seconds=seconds.get(sampler, 10.0), **options)
        for sampler, values in accuracies.items()
        for repetition, accuracy in enumerate(values)
    ]
    return compare(runs, replace(ComparisonSettings(), difference_of_interest=margin)).answers


@pytest.mark.slow
def test_what_is_kept_what_it_costs_what_random_costs_and_what_it_saves() -> None:
    (found,) = answers(
        {
            "even-herding": [0.892, 0.891, 0.893, 0.892],
            "random": [0.880, 0.881, 0.879, 0.880],
            "stratified": [0.874, 0.875, 0.873, 0.874],
            "everything": [0.915, 0.914, 0.916, 0.915],
        }
    )
    start, _, rest = found.sentence.partition("points, ")
    assert start == "Keeping 25 % (599 images) by even herding: 0.892 against 0.915 for the whole pool (−2.3 "
    assert rest.endswith("); stratified random: 0.874. Training takes 27 % of the time.")
    assert found.is_equal is False


def test_no_difference_shown_is_not_called_equal() -> None:
    (found,) = answers({"herding": [0.90, 0.93, 0.88], "everything": [0.92, 0.89, 0.91]})
    assert "no difference was shown, and these data allow −" in found.sentence
    assert "They are only shown to be equal within" in found.sentence
    assert "Equal" not in found.sentence
    assert found.is_equal is False


@pytest.mark.slow
def test_equal_only_where_both_one_sided_tests_reject() -> None:
    accuracies = {"herding": [0.910, 0.911, 0.909, 0.912], "everything": [0.911, 0.910, 0.910, 0.911]}
    for margin, equal in ((0.01, True), (0.0005, False)):
        (found,) = answers(accuracies, margin=margin)
        assert found.is_equal is equal
        assert ("Equal within 1 point." in found.sentence) is equal
        assert ("only shown to be equal within" in found.sentence) is not equal


@pytest.mark.slow
def test_the_smallest_margin_that_is_named_would_do_and_a_smaller_one_not() -> None:
    accuracies = {"herding": [0.90, 0.93, 0.88], "everything": [0.92, 0.89, 0.91]}
    (found,) = answers(accuracies)
    named = float(found.sentence.rpartition("equal within ")[2].partition(" point")[0]) / 100
    assert answers(accuracies, margin=named + 1e-9)[0].is_equal is True
    assert answers(accuracies, margin=named - 0.0011)[0].is_equal is False


@pytest.mark.slow
def test_a_small_difference_that_is_shown_can_be_inside_the_margin() -> None:
    (found,) = answers({"herding": [0.905] * 4, "everything": [0.910] * 4}, margin=0.02)
    assert "(−0.5 points, −0." in found.sentence
    assert found.is_equal is True
    assert found.sentence.endswith(" The difference is inside the margin: equal within 2 points.")
    (found,) = answers({"herding": [0.905] * 4, "everything": [0.910] * 4}, margin=0.004)
    assert found.is_equal is False
    assert "equal" not in found.sentence


def test_a_few_images_on_which_nothing_differs_do_not_show_equality() -> None:
    """Of 20 images without a difference up to 1 − 0.05^(1/20), 13.9 %, may differ at 5 %."""
    few = [
        replace(run, test_indices=np.arange(20), true=TRUE[:20], predicted=TRUE[:20], metrics=metrics)
        for run in (a_run(name, number, 1.0) for name in ("herding", "everything") for number in range(4))
        for metrics in [evaluate(TRUE[:20], TRUE[:20], ("a", "b"), None)]
    ]
    for margin, equal in ((0.01, False), (0.139, False), (0.14, True)):
        (found,) = compare(few, replace(ComparisonSettings(), difference_of_interest=margin)).answers
        assert found.is_equal is equal
        if not equal:
            assert "They are only shown to be equal within 14 points." in found.sentence


def test_one_repetition_says_that_it_cannot_tell() -> None:
    (found,) = answers({"herding": [0.9], "everything": [0.95]})
    assert "(−5.0 points)" in found.sentence
    assert "One repetition does not distinguish this from chance" in found.sentence
    assert found.is_equal is None


def test_without_everything_the_cost_is_not_known() -> None:
    (found,) = answers({"herding": [0.9, 0.9], "stratified": [0.8, 0.8]})
    assert found.sentence == (
        "Keeping 25 % (599 images) by herding: 0.900; stratified random: 0.800. The whole pool was not trained on, "
        "so the loss is not known."
    )


def test_random_alone_is_answered_too_and_never_beside_itself() -> None:
    (found,) = answers({"random": [0.9, 0.91], "everything": [0.95, 0.95]})
    assert found.sentence.startswith("Keeping 25 % (599 images) at random: 0.905 against 0.950")
    assert "; random" not in found.sentence


def test_intervals_stay_where_accuracies_can_differ() -> None:
    (found,) = answers({"herding": [0.3, 0.9], "everything": [0.9, 0.3]})
    assert "allow −100.0 to +100.0 points" in found.sentence


def test_each_of_several_networks_is_named() -> None:
    runs = [
        a_run(sampler, repetition, 0.9, network=network)
        for network in ("custom", "head")
        for sampler in ("herding", "everything")
        for repetition in range(2)
    ]
    found = compare(runs, ComparisonSettings())
    assert [one.network for one in found.answers] == ["custom", "head"]
    assert [one.sentence.partition(":")[0] for one in found.answers] == ["Custom network", "Linear probe"]
    assert found.sentences[:2] == tuple(one.sentence for one in found.answers)


@pytest.mark.parametrize("sampler", ["plugin sampler", "my-own"])
def test_a_sampler_that_is_not_known_here_goes_by_its_name(sampler: str) -> None:
    (found,) = answers({sampler: [0.9, 0.91], "everything": [0.95, 0.95]})
    assert f"by {sampler}: " in found.sentence


def test_an_interval_stays_inside_of_what_is_possible_and_says_that_it_tells_nothing() -> None:
    accuracies = {"herding": [0.9, 0.4], "stratified": [0.5, 0.85], "everything": [0.5, 0.9]}
    runs = [
        a_run(sampler, number, value) for sampler, values in accuracies.items() for number, value in enumerate(values)
    ]
    comparison = compare(runs, ComparisonSettings())
    (difference,) = [one for one in comparison.differences if one.metric == "accuracy"]
    assert (difference.low, difference.high) == (-1.0, 1.0)
    assert "95 % interval −100.0 to +100.0" in difference.sentence
    assert (
        "The interval reaches both ends of the possible range: these runs do not show how large the "
        "difference is." in (difference.sentence)
    )
    answer = next(one for one in comparison.answers if one.sampler == "herding")
    assert (
        "−100.0 to +100.0 points, up to the end of the possible range: the difference cannot be "
        "determined" in answer.sentence
    )
    assert "only within" not in answer.sentence
