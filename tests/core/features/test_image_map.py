"""The map: PCA against NumPy's SVD, t-SNE by its neighbourhoods, and the same for any number of threads."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from coreset_studio.core.errors import FeatureError, MemoryShortError
from coreset_studio.core.features.image_map import compute_map
from coreset_studio.core.memory import FreeMemory
from coreset_studio.core.results import FloatArray, PoolEmbedding


def groups(n: int, k: int = 4, d: int = 12, seed: int = 0) -> tuple[FloatArray, np.ndarray]:
    """Return rows in k distant groups, and the group of each."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(k, d)) * 20
    group = random.integers(0, k, n)
    return (centres[group] + random.normal(size=(n, d))).astype(np.float32), group


def across_of(rows: FloatArray, every: int = 3) -> PoolEmbedding:
    in_pool = np.arange(len(rows)) % every > 0
    return PoolEmbedding(np.arange(5, 5 + len(rows), dtype=np.int64), rows, in_pool)


def test_the_pca_is_that_of_the_pool_and_all_images_are_projected() -> None:
    rows, _ = groups(90)
    across = across_of(rows)
    found = compute_map(across, "pca")
    wide = rows.astype(np.float64)
    mean = wide[across.in_pool].mean(axis=0)
    _, singular, loadings = np.linalg.svd(wide[across.in_pool] - mean, full_matrices=False)
    expected = (wide - mean) @ loadings[:2].T
    for column in range(2):
        sign = np.sign(found.points[:, column] @ expected[:, column])
        np.testing.assert_allclose(found.points[:, column], sign * expected[:, column], atol=1e-3)
    np.testing.assert_allclose(found.shares, (singular**2 / (singular**2).sum())[:2], atol=1e-6)
    assert np.array_equal(found.indices, across.indices)
    assert np.array_equal(found.fitted, across.in_pool)


def test_identical_images_are_at_one_place() -> None:
    found = compute_map(across_of(np.full((12, 3), 1e3, dtype=np.float32)), "pca")
    assert not found.points.any()
    assert found.shares == (0.0, 0.0)


def test_one_feature_gives_one_component() -> None:
    rows = np.arange(20, dtype=np.float32)[:, None]
    found = compute_map(across_of(rows), "pca")
    assert not found.points[:, 1].any()
    assert np.ptp(found.points[:, 0]) == pytest.approx(19)
    assert found.shares == (1.0, 0.0)


def _is_apart(points: FloatArray, group: np.ndarray) -> float:
    """Return the share of images whose nearest other place is of their own group."""
    squares = ((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    return float((group[squares.argmin(axis=1)] == group).mean())


@pytest.mark.slow
def test_tsne_keeps_groups_apart_and_is_the_same_again_with_other_threads() -> None:
    rows, group = groups(120)
    with threadpool_limits(2):
        found = compute_map(across_of(rows), "tsne", 3)
    assert found.fitted.all()
    assert found.shares == ()
    assert _is_apart(found.points, group) == 1.0
    with threadpool_limits(1):
        assert np.array_equal(compute_map(across_of(rows), "tsne", 3).points, found.points)


def test_images_beyond_the_sample_are_placed_in_their_group() -> None:
    rows, group = groups(150)
    found = compute_map(across_of(rows), "tsne", 1, most_fitted=60)
    assert int(found.fitted.sum()) == 60
    assert _is_apart(found.points, group) == 1.0
    other = compute_map(across_of(rows), "tsne", 2, most_fitted=60)
    assert not np.array_equal(other.fitted, found.fitted)
    # Each is at the median of its five nearest images of the sample.
    row = int(np.flatnonzero(~found.fitted)[0])
    sample = np.flatnonzero(found.fitted)
    distances = np.linalg.norm(rows[sample].astype(np.float64) - rows[row], axis=1)
    near = sample[np.argsort(distances)[:5]]
    np.testing.assert_allclose(found.points[row], np.median(found.points[near], axis=0), rtol=1e-6)


def test_too_few_images_for_tsne_are_refused_in_one_sentence() -> None:
    rows, _ = groups(9)
    with pytest.raises(
        FeatureError, match=r"^A t-SNE map requires at least 10 images with features; found 9\. Use PCA"
    ):
        compute_map(across_of(rows), "tsne")


def test_a_map_that_does_not_fit_is_refused_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coreset_studio.core.memory.below_address_limit", lambda: FreeMemory(10**6))
    rows, _ = groups(2_000, d=1_000)
    with pytest.raises(MemoryShortError, match=r"^Computing the map of 2,000 images needs about "):
        compute_map(across_of(rows), "pca")
