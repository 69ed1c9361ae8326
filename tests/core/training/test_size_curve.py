"""Learning curves over the size of a coreset: the fit, its intervals, and what groups change, against oracles."""

import numpy as np
import pytest
from scipy import optimize, stats

from coreset_studio.core.training.size_curve import (
    Held,
    everything_point,
    fit_power_law,
    grid_of_sizes,
    size_curve,
    unfitted_sizes,
)

SIZES = (20, 40, 80, 160, 320, 640)


def held(
    probability: np.ndarray, n_images: int = 2000, *, n_draws: int = 1, seed: int = 0, group: int = 1, top: float = 0.9
) -> Held:
    """Held-out answers that are right with a known probability for each size; the same images are hard for all."""
    rng = np.random.default_rng(seed)
    hardness = np.repeat(rng.random(n_images // group), group)
    noise = rng.random((len(probability), n_draws, n_images)) < 0.02
    right = (hardness[None, None, :] < probability[:, None, None]) ^ noise
    everything = (hardness < top) ^ (rng.random(n_images) < 0.02)
    units = np.arange(n_images) // group
    return Held(SIZES, right, everything, units % 5, units, 1000)


def power_law(m: np.ndarray) -> np.ndarray:
    return np.asarray(0.93 - 0.8 * m**-0.5)


def test_an_exact_power_law_is_found_again() -> None:
    sizes = np.array([10, 30, 100, 300, 1000])
    for exponent in (0.3, 0.5, 1.1):
        values = (0.9 - 0.7 * sizes**-exponent)[None, :]
        law = fit_power_law(sizes.tolist(), values)
        loss = law.losses(np.array([50.0, 2000.0]), 2000)
        assert loss[0, 0] == pytest.approx(0.7 * (50**-exponent - 2000**-exponent), abs=2e-3)
        assert loss[0, 1] == 0
        assert law.asymptote[0] == pytest.approx(0.9, abs=0.01)


def test_the_fit_is_the_one_of_least_squares() -> None:
    """The oracle minimises the same weighted sum numerically, from several starts and within the same bounds."""
    rng = np.random.default_rng(1)
    sizes = np.array([10, 20, 50, 100, 300, 1000], dtype=np.float64)
    weights = np.arange(1, 7) / 6
    values = 0.9 - 0.9 * sizes**-0.6 + rng.normal(0, 0.01, (4, 6))
    law = fit_power_law(sizes.astype(int).tolist(), values)
    for row in range(4):

        def wrong(given: np.ndarray, row: int = row) -> float:
            asymptote, scale, exponent = given
            return float(weights @ (values[row] - asymptote + scale * (sizes / 10) ** -exponent) ** 2)

        bounds = [(0, 1), (0, None), (0.1, 3)]
        best = min(
            float(optimize.minimize(wrong, (0.9, 0.3, start), bounds=bounds, method="L-BFGS-B").fun)
            for start in (0.2, 0.6, 1.5)
        )
        found = wrong(np.array([law.asymptote[row], law.scale[row] * 10 ** -law.exponent[row], law.exponent[row]]))
        assert best - 1e-9 <= found <= best * 1.01 + 1e-9


def test_more_images_do_no_harm_and_no_accuracy_is_above_1() -> None:
    falling = np.array([[0.9, 0.8, 0.7, 0.6]])
    law = fit_power_law([10, 20, 40, 80], falling)
    assert law.scale[0] == 0
    assert (law.losses(np.array([10.0, 80.0]), 80) == 0).all()
    steep = np.array([[0.1, 0.4, 0.7, 0.99]])
    law = fit_power_law([10, 20, 40, 80], steep)
    assert law.asymptote[0] == 1
    assert law.scale[0] > 0


def test_the_grid_ends_with_the_whole_pool_and_rises() -> None:
    grid = grid_of_sizes(7, 5000)
    assert (grid[0], grid[-1]) == (7, 5000)
    assert (np.diff(grid) > 0).all()
    assert len(grid) <= 240
    assert grid_of_sizes(3, 12).tolist() == list(range(3, 13))


@pytest.mark.slow
def test_the_interval_holds_the_known_loss_and_the_curve_passes_through_the_measured_values() -> None:
    """Of 20 simulated datasets the 90 % interval must hold the truth in at least 17."""
    probability = power_law(np.array(SIZES, dtype=np.float64))
    truth = float(power_law(np.array([1250.0]))[0] - power_law(np.array([320.0]))[0])
    inside = 0
    for seed in range(20):
        curve = size_curve("made", held(probability, seed=seed, top=float(power_law(np.array([1000.0]))[0])), 1250)
        place = int(np.argmin(np.abs(np.array(curve.sizes) - 320)))
        # Each answer is turned by chance in 2 of 100, which shrinks all differences by 4 of 100.
        inside += curve.low[place] <= 0.96 * truth <= curve.high[place]
        assert curve.loss[-1] == 0
        assert (np.diff(curve.loss) <= 0).all()
    assert inside >= 17
    assert unfitted_sizes(curve) == []


def test_a_curve_that_no_power_law_describes_is_told() -> None:
    jump = np.array([0.2, 0.2, 0.2, 0.2, 0.2, 0.9])
    curve = size_curve("made", held(jump), 1250)
    assert unfitted_sizes(curve)


def test_the_variance_is_that_of_the_paired_difference() -> None:
    probability = power_law(np.array(SIZES, dtype=np.float64))
    made = held(probability, n_draws=3)
    curve = size_curve("made", made, 1250)
    differences = made.right.astype(float) - made.everything
    only_one = (made.right != made.everything).mean(axis=2)
    expected = (only_one - differences.mean(axis=2) ** 2).mean(axis=1)
    at = [int(np.argmin(np.abs(np.array(curve.sizes) - size))) for size in SIZES]
    assert curve.variance[0] == pytest.approx(expected[0])
    assert [curve.variance[place] for place in at] == pytest.approx(expected, rel=0.03)
    half = stats.norm.ppf(0.95) * np.sqrt(np.array(curve.variance) / 2000)
    assert (np.array(curve.high) >= np.array(curve.loss) + half - 1e-12).all()
    assert (np.array(curve.low) <= np.array(curve.loss) - half + 1e-12).all()


def test_groups_of_like_images_widen_the_interval() -> None:
    """Groups of ten equal images say as much as a tenth of the images."""
    rng = np.random.default_rng(3)
    single = rng.random((len(SIZES), 1, 200)) < 0.8
    everything = rng.random(200) < 0.9
    alone = Held(SIZES, single, everything, np.arange(200) % 5, np.arange(200), 1000)
    tenfold = Held(
        SIZES,
        np.repeat(single, 10, axis=2),
        np.repeat(everything, 10),
        np.repeat(np.arange(200) % 5, 10),
        np.repeat(np.arange(200), 10),
        1000,
    )
    first, second = size_curve("made", alone, 1250), size_curve("made", tenfold, 1250)
    assert second.variance[0] == pytest.approx(10 * first.variance[0])
    assert np.array(second.high) == pytest.approx(np.array(first.high), abs=1e-9)


def test_answers_that_never_differ_still_leave_three_in_n_open() -> None:
    """The rule of three: no difference on n images excludes a loss of about 3 / n, and no less."""
    right = np.ones((len(SIZES), 1, 300), dtype=bool)
    curve = size_curve("made", Held(SIZES, right, right[0, 0], np.arange(300) % 5, np.arange(300), 1000), 1250)
    assert max(curve.loss) == 0
    assert curve.high == pytest.approx([1 - 0.05 ** (1 / 300)] * len(curve.sizes))
    assert curve.high[0] == pytest.approx(3 / 300, rel=0.01)


def test_everything_has_its_accuracy_and_interval() -> None:
    made = held(power_law(np.array(SIZES, dtype=np.float64)))
    point = everything_point(made)
    assert point.accuracy == pytest.approx(made.everything.mean())
    error = np.sqrt(point.accuracy * (1 - point.accuracy) / 2000)
    assert point.low <= point.accuracy - 1.8 * error
    assert point.accuracy + 1.8 * error <= point.high <= 1
    assert (point.n_images, point.loss) == (1000, 0)
