"""How many images a margin needs: the fixed sequence of tests, the labels of a check, and the sentences."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from coreset_studio.core.results.sizes import SizeCurve, SizePoint, Sizes
from coreset_studio.core.size_answer import answer_of, labels_needed, points, smallest_margin

GRID = (100, 200, 383, 500, 800, 1000)


def curve(loss: tuple[float, ...], half: float = 0.005, sampler: str = "even-herding") -> SizeCurve:
    return SizeCurve(
        sampler, (), 0.9, 1.0, 0.5, GRID, loss, tuple(one - half for one in loss), tuple(one + half for one in loss),
        (0.04,) * len(GRID),
    )  # fmt: skip


CHOSEN = curve((0.05, 0.02, 0.01, 0.008, 0.004, 0.0))
RANDOM = curve((0.2, 0.1, 0.05, 0.03, 0.01, 0.0), sampler="stratified")
SIZES = Sizes(
    CHOSEN, RANDOM, SizePoint(800, 0.9, 0.88, 0.92, 0, 0, 0), 1000, 5, 100, "custom network",
    (10.0, 20.0, 38.3, 50.0, 80.0, 100.0),
)  # fmt: skip


def test_the_answer_is_the_smallest_size_whose_interval_is_inside_the_margin() -> None:
    found = answer_of(SIZES, 0.02)
    assert (found.images, found.random_images) == (390, 800)
    n = labels_needed(0.01, 0.04, 0.02)
    assert found.labels == n
    assert found.sentence == (
        "390 images selected, or about 800 at random; checking it requires 2,500 validation labels; training the "
        "custom network takes about 38 s instead of 1 min 40 s (62 % less)."
    )
    assert not found.is_refused


def test_the_point_alone_is_not_enough() -> None:
    assert answer_of(SIZES, 0.0149).images == 500
    assert answer_of(SIZES, 0.0151).images == 390


def test_no_smaller_size_counts_once_a_larger_one_has_failed() -> None:
    odd = curve((0.05, 0.001, 0.03, 0.008, 0.004, 0.0))
    assert answer_of(replace(SIZES, chosen=odd), 0.02).images == 500


def test_both_ends_of_the_interval_have_to_lie_inside() -> None:
    """A gain above the margin is no equality either."""
    gain = replace(CHOSEN, low=(-0.1,) * 6)
    assert answer_of(replace(SIZES, chosen=gain), 0.02).images is None


def test_where_random_needs_nearly_all_or_training_saves_nothing_the_sentence_says_so() -> None:
    worse = curve((0.5, 0.4, 0.3, 0.2, 0.1, 0.0))
    sentence = answer_of(replace(SIZES, random=worse, seconds=(9.0,) * 6), 0.02).sentence
    assert sentence == (
        "390 images selected, and at random nearly the whole pool; checking it requires 2,500 validation labels; "
        "training the custom network takes about as long as on the whole pool (9 s)."
    )


def test_a_margin_below_the_smallest_is_refused_in_one_sentence() -> None:
    assert smallest_margin(CHOSEN) == 0.005
    found = answer_of(SIZES, 0.004)
    assert found.is_refused
    assert found.images is None
    assert found.sentence == (
        "A margin of 0.4 points cannot be shown with the 1,000 images of this pool: the smallest margin that they can "
        "show is 0.5 points. Use a margin of at least 0.5 points (0.005), or add labelled images."
    )


def test_where_every_coreset_loses_more_it_is_said() -> None:
    found = answer_of(replace(SIZES, chosen=curve((0.5, 0.4, 0.3, 0.2, 0.1, 0.0))), 0.02)
    assert (found.images, found.labels, found.is_refused) == (None, None, False)
    assert found.sentence == (
        "No coreset of this pool of 1,000 images was shown to lose less than 2 points: train on all of them, or use a "
        "larger margin."
    )


def test_labels_for_no_expected_loss_are_those_of_the_closed_formula() -> None:
    z = stats.norm.ppf(0.95) + stats.norm.ppf(0.9)
    assert labels_needed(0.0, 0.05, 0.02) == int(np.ceil(z**2 * 0.05 / 0.02**2))


def test_labels_for_a_loss_near_the_margin_are_those_of_one_test() -> None:
    """The other of the two tests then succeeds nearly always (Liu et al. 2002, formula of non-inferiority)."""
    z = stats.norm.ppf(0.95) + stats.norm.ppf(0.8)
    assert labels_needed(0.015, 0.05, 0.02) == int(np.ceil(z**2 * 0.05 / 0.005**2))


def test_labels_have_the_power_in_a_simulation() -> None:
    """Paired answers with 4 % of disagreement: as many images as are named show it in about 80 of 100 studies."""
    rng = np.random.default_rng(0)
    better, worse = 0.015, 0.025
    loss, variance = worse - better, worse + better - (worse - better) ** 2
    n = labels_needed(loss, variance, 0.03)
    assert n is not None
    counts = rng.multinomial(n, (worse, better, 1 - worse - better), size=4000)
    mean = (counts[:, 0] - counts[:, 1]) / n
    error = np.sqrt(((counts[:, 0] + counts[:, 1]) / n - mean**2) / n)
    shown = (mean + 1.645 * error < 0.03) & (mean - 1.645 * error > -0.03)
    assert shown.mean() == pytest.approx(0.8, abs=0.03)


def test_labels_where_nothing_differs_follow_the_rule_of_three() -> None:
    assert labels_needed(0.0, 0.0, 0.02) == int(np.ceil(np.log(0.05) / np.log(0.98))) == 149
    assert labels_needed(0.03, 0.05, 0.02) is None


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.02, "2 points"), (0.01, "1 point"), (0.005, "0.5 points"), (0.124, "12.4 points"), (0.0075, "0.75 points")],
)
def test_points_are_as_short_as_they_can_be(share: float, words: str) -> None:
    assert points(share) == words


def test_where_no_useful_margin_can_be_shown_none_is_recommended() -> None:
    vague = curve((0.05, 0.02, 0.01, 0.008, 0.004, 0.0), half=0.6)
    sentence = answer_of(replace(SIZES, chosen=vague), 0.02).sentence
    assert sentence.endswith("the smallest margin that they can show is 60 points. Add labelled images.")
