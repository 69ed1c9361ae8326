"""PCA of a class and of the pool, against scikit-learn."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist
from sklearn.decomposition import PCA

from coreset_studio.core.errors import CancelledError, FeatureError
from coreset_studio.core.features.pca import ClassPca, n_components_for
from coreset_studio.core.features.pool_pca import PoolPca
from coreset_studio.core.progress import NoProgress
from coreset_studio.core.results import FloatArray

MakeRows = Callable[[int, int, int], FloatArray]


@pytest.mark.parametrize(("n", "d"), [(60, 900), (200, 40), (50, 50), (3, 4000)])
@pytest.mark.parametrize("variance", [0.5, 0.95, 0.999])
def test_class_pca_is_that_of_scikit_learn(realistic_rows: MakeRows, n: int, d: int, variance: float) -> None:
    rows, others = realistic_rows(n, d, 0), realistic_rows(20, d, 1)
    ours = ClassPca(rows.copy(), variance)
    theirs = PCA(variance, svd_solver="full").fit(rows.astype(np.float64))
    assert ours.scores.shape == (n, theirs.n_components_)
    assert ours.scores.dtype == np.float32
    assert np.abs(ours.explained[: theirs.n_components_] - theirs.explained_variance_ratio_).max() < 1e-4
    assert len(ours.explained) == min(n - 1, d)
    assert ours.explained.sum() == pytest.approx(1)
    theirs_rows, theirs_others = theirs.transform(rows), theirs.transform(others)
    np.testing.assert_allclose(pdist(ours.scores), pdist(theirs_rows), rtol=1e-3)
    np.testing.assert_allclose(cdist(ours.project(others), ours.scores), cdist(theirs_others, theirs_rows), rtol=1e-3)


def test_fewest_components_that_reach_the_variance(realistic_rows: MakeRows) -> None:
    pca = ClassPca(realistic_rows(80, 500, 2), 0.9)
    k = pca.scores.shape[1]
    assert pca.explained[:k].sum() >= 0.9 > pca.explained[: k - 1].sum()


def test_reaching_the_variance_exactly_is_enough() -> None:
    assert n_components_for(np.array([0.5, 0.45, 0.05]), 0.95) == 2
    assert n_components_for(np.array([0.1] * 10), 0.3) == 3
    assert n_components_for(np.array([0.96, 0.04]), 0.95) == 1


def test_all_the_variance_keeps_the_rank_and_no_rounding() -> None:
    random = np.random.default_rng(3)
    rows = (random.standard_normal((40, 3)) @ random.standard_normal((3, 600))).astype(np.float32)
    assert ClassPca(rows.copy(), 1.0).scores.shape == (40, 3)


@pytest.mark.parametrize(("n", "d"), [(30, 300), (300, 30)])
def test_largest_loading_of_every_component_is_positive(realistic_rows: MakeRows, n: int, d: int) -> None:
    rows = realistic_rows(n, d, 4)
    scores = ClassPca(rows.copy(), 0.9).scores.astype(np.float64)
    loadings = (rows - rows.mean(axis=0)).T @ scores / (scores**2).sum(axis=0)
    largest = np.take_along_axis(loadings, np.abs(loadings).argmax(axis=0)[None], axis=0)
    assert (largest > 0).all()


def test_projecting_the_rows_themselves_gives_their_scores(realistic_rows: MakeRows) -> None:
    rows = realistic_rows(30, 300, 5)
    pca = ClassPca(rows.copy(), 0.9)
    np.testing.assert_allclose(pca.project(rows), pca.scores, atol=1e-3)


@pytest.mark.parametrize("n", [1, 4])
def test_without_variance_there_is_one_component_of_zeros(n: int) -> None:
    rows = np.repeat(np.random.default_rng(6).random((1, 50), dtype=np.float32) * 100, n, axis=0)
    pca = ClassPca(rows.copy(), 0.95)
    assert not pca.has_variance
    assert pca.scores.shape == (n, 1)
    assert not pca.scores.any()
    assert pca.project(rows + 1).shape == (n, 1)
    assert not pca.project(rows + 1).any()
    assert pca.explained.tolist() == [0]


def test_features_that_are_not_finite_are_refused() -> None:
    rows = np.ones((5, 10), dtype=np.float32)
    rows[2, 3] = np.nan
    with pytest.raises(FeatureError, match="not finite"):
        ClassPca(rows, 0.95)
    with pytest.raises(FeatureError, match="not finite"):
        PoolPca(lambda indices: np.full((len(indices), 10), np.inf, dtype=np.float32), np.arange(3), 10, 2)


@pytest.mark.parametrize("limit", [4096, 150, 10], ids=["covariance", "gram", "krylov"])
def test_pool_pca_is_that_of_scikit_learn(realistic_rows: MakeRows, limit: int) -> None:
    rows = realistic_rows(150, 400, 7)
    fitted = np.arange(0, 150, 2)
    pca = PoolPca(lambda indices: rows[indices], fitted, 400, 12, exact_limit=limit)
    theirs = PCA(12, svd_solver="full").fit(rows[fitted])
    np.testing.assert_allclose(pdist(pca.project(np.arange(150))), pdist(theirs.transform(rows)), rtol=1e-3)
    assert (pca.loadings[np.abs(pca.loadings).argmax(axis=0), np.arange(12)] > 0).all()


def test_pool_pca_has_no_more_components_than_there_are(realistic_rows: MakeRows) -> None:
    rows = realistic_rows(5, 400, 8)
    assert PoolPca(lambda indices: rows[indices], np.arange(5), 400, 50).loadings.shape == (400, 4)


def test_pool_without_variance_has_one_component_of_zeros() -> None:
    rows = np.repeat(np.random.default_rng(9).random((1, 30), dtype=np.float32) * 1000, 6, axis=0)
    pca = PoolPca(lambda indices: rows[indices], np.arange(6), 30, 5)
    assert not pca.has_variance
    assert pca.project(np.arange(6)).tolist() == [[0.0]] * 6


def test_components_beyond_the_rank_of_the_pool_are_zero() -> None:
    random = np.random.default_rng(10)
    rows = (random.standard_normal((40, 2)) @ random.standard_normal((2, 100))).astype(np.float32)
    for limit in (4096, 50):
        scores = PoolPca(lambda indices: rows[indices], np.arange(40), 100, 5, exact_limit=limit).project(np.arange(40))
        assert np.abs(scores[:, 2:]).max() < 1e-3 * np.abs(scores).max()
        np.testing.assert_allclose(pdist(scores), pdist(rows), rtol=1e-3)


@pytest.mark.parametrize("limit", [4096, 50, 10], ids=["covariance", "gram", "krylov"])
def test_copies_of_few_images_give_no_noise_and_no_warning(limit: int) -> None:
    """Values of nothing but rounding, some below zero: a length to divide by would overflow."""
    distinct = np.random.default_rng(12).integers(0, 256, (4, 400)).astype(np.float32)
    rows = np.repeat(distinct, 10, axis=0)
    scores = PoolPca(lambda indices: rows[indices], np.arange(40), 400, 30, exact_limit=limit).project(np.arange(40))
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(pdist(scores), pdist(rows), rtol=1e-3, atol=0.1)


def test_reading_the_pool_can_be_cancelled(realistic_rows: MakeRows) -> None:
    class Stop(NoProgress):
        def report(self, done: int, total: int, message: str = "") -> None:
            raise CancelledError

    rows = realistic_rows(20, 30, 11)
    with pytest.raises(CancelledError):
        PoolPca(lambda indices: rows[indices], np.arange(20), 30, 5, progress=Stop())
