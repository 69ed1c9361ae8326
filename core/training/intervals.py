"""A mean with its 95 % interval, over the repetitions of one split or over several splits (docs/method.md)."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby
from math import inf
from typing import Protocol, TypeVar

import numpy as np

from coreset_studio.core.results import IntArray, RunResult
from coreset_studio.core.training.bootstrap import (
    ImageResamples,
    corrected_interval,
    interval,
    overlap,
    repetition_weights,
)
from coreset_studio.core.training.evaluation import Measured
from coreset_studio.core.training.evidence import Values

Unit = tuple[int, int]
"""Split and repetition."""
_Value = TypeVar("_Value", float, Values)


class Drawn(Protocol):
    """Returns what a run reaches under each resample of its test images, or of those of all splits together."""

    def __call__(self, run: RunResult, *, together: bool) -> Values:
        """Return an array of shape (n_resamples,)."""


class Resampled:
    """Metrics of runs under resampled test images, each computed once and only where they are requested.

    Parameters
    ----------
    tests : mapping of int to ndarray of int64
        Test images of each split.
    folds : int
        Number of folds that the images are divided into, each of which is a split; 0 without folds.
    """

    def __init__(self, tests: Mapping[int, IntArray], folds: int = 0) -> None:
        self._tests = tests
        self.folds = folds
        self._of_split: dict[int, ImageResamples] = {}
        self._measured: dict[tuple[int, bool], Measured] = {}

    def of(self, run: RunResult, metric: str, *, together: bool = False) -> Values:
        """Return a metric under each resample of the test images of the run's split, or of all splits `together`.

        Together an image is drawn as often in every split that tests on it.
        """
        if (id(run), together) not in self._measured:
            images = self._together.of_rows(self._rows(run)) if together else self._alone(len(run.true))
            self._measured[id(run), together] = images.measured(run)
        return self._measured[id(run), together].values[metric]

    @property
    def failed(self) -> Mapping[str, str]:
        """A sentence for each metric of a plugin that failed on a run that was requested."""
        return {name: sentence for one in self._measured.values() for name, sentence in one.failed.items()}

    def _alone(self, n_test: int) -> ImageResamples:
        if n_test not in self._of_split:
            self._of_split[n_test] = ImageResamples.draw(n_test)
        return self._of_split[n_test]

    @cached_property
    def _all_tests(self) -> IntArray:
        return np.unique(np.concatenate(list(self._tests.values())))

    @cached_property
    def _together(self) -> ImageResamples:
        return ImageResamples.draw(len(self._all_tests))

    def _rows(self, run: RunResult) -> IntArray:
        return np.searchsorted(self._all_tests, self._tests[run.key.split])


def mean_and_interval(
    units: Sequence[Unit],
    values: Sequence[float],
    runs: Sequence[RunResult],
    under_resampling: Drawn,
    within: tuple[float, float] = (-inf, inf),
    level: float = 0.95,
    *,
    folds: int = 0,
) -> tuple[float, float, float]:
    """Return the mean of a value of each unit (split by split, every split counting the same) and its interval.

    Parameters
    ----------
    units : sequence of (int, int)
        Ascending.
    under_resampling : callable
        See `Drawn`.
    within : (float, float)
        Ends of the scale. Most values are shares; few repetitions alone could stretch an interval beyond that.
    level : float
        0 < level < 1.
    folds : int
        See `Resampled`.
    """
    by_split = by_split_of(units, values)
    several = len(by_split) > 1
    drawn = [under_resampling(run, together=several) for run in runs]
    if not several:
        weights = repetition_weights([repetition for _, repetition in units], level=level)
        low, high = interval(np.clip((weights * np.stack(drawn, axis=1)).sum(axis=1), *within), level)
        return float(np.mean(values)), low, high
    means = np.array([np.mean(found) for found in by_split])
    low, high = corrected_interval(means, correlation(units, runs, folds), level)
    # Few splits may agree by chance: never narrower than the chance of the test images alone.
    of_images = interval(np.mean([np.mean(found, axis=0) for found in by_split_of(units, drawn)], axis=0), level)
    low, high = np.clip([np.minimum(low, of_images[0]), np.maximum(high, of_images[1])], *within)
    return float(means.mean()), float(low), float(high)


def by_split_of(units: Sequence[Unit], values: Sequence[_Value]) -> list[list[_Value]]:
    """Return the values of each split; `units` are in order."""
    together = groupby(zip(units, values, strict=True), key=lambda pair: pair[0][0])
    return [[value for _, value in found] for _, found in together]


def correlation(units: Sequence[Unit], runs: Sequence[RunResult], folds: int = 0) -> float:
    """Return ρ of `corrected_interval`: what the values of two splits are taken to have in common.

    For splits, it is the share of test images that two of them have in common, known from the runs. Folds have none in
    common, but their trainings have all images but two folds; ρ is then 1/K, the share of the images that a fold tests
    on, so that ρ/(1 − ρ) is Nadeau and Bengio's ratio of test to training images, 1/(K − 1). That takes folds to be as
    much correlated as random splits of that size are; no unbiased estimate of their variance exists.

    References
    ----------
    Bengio and Grandvalet, No unbiased estimator of the variance of k-fold cross-validation, JMLR 5 (2004).
    """
    return 1 / folds if folds else shared_tests(units, runs)


def shared_tests(units: Sequence[Unit], runs: Sequence[RunResult]) -> float:
    """Return the share of their test images that two splits have in common, on average."""
    return overlap(list({split: run.test_indices for (split, _), run in zip(units, runs, strict=True)}.values()))
