"""K-Medoids per class: silhouettes, the choice of k, numbering, faults."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_samples, silhouette_score

from coreset_studio.core.errors import CancelledError, SelectionError
from coreset_studio.core.progress import NoProgress
from coreset_studio.core.results import ClassClusters, ClassEmbedding, FloatArray
from coreset_studio.core.selection.clustering import (
    best_k,
    cluster_class,
    distance_matrix,
    partition,
    silhouettes_of,
    structure_words,
)
from coreset_studio.core.settings import ClusterSettings

SETTINGS = ClusterSettings()


def embedded(rows: object, name: str = "a", first_index: int = 100) -> ClassEmbedding:
    values = np.asarray(rows, dtype=np.float32)
    nothing = np.zeros((0, values.shape[1]), dtype=np.float32)
    indices = np.arange(first_index, first_index + 2 * len(values), 2)
    return ClassEmbedding(name, indices, values, np.zeros(0, dtype=np.int64), nothing, ())


def blobs(sizes: tuple[int, ...], seed: int = 0, apart: float = 20) -> FloatArray:
    random = np.random.default_rng(seed)
    parts = [random.standard_normal((n, 5)) + apart * position for position, n in enumerate(sizes)]
    return np.concatenate(parts).astype(np.float32)


def test_distances_are_euclidean_and_zero_between_identical_images() -> None:
    rows = blobs((20, 9), 1)
    rows[7] = rows[3]
    distances = distance_matrix(rows)
    assert distances.dtype == np.float32
    np.testing.assert_allclose(distances, cdist(rows, rows), rtol=1e-4, atol=1e-6)
    assert distances[7, 3] == distances[3, 7] == 0
    assert not np.diag(distances).any()


@pytest.mark.parametrize("k", [2, 3, 7])
def test_silhouettes_are_those_of_scikit_learn(k: int) -> None:
    random = np.random.default_rng(k)
    rows = random.standard_normal((90, 4)).astype(np.float32)
    labels = random.integers(0, k, 90)
    labels[:k] = np.arange(k)
    labels[labels == k - 1] = 0
    labels[k - 1] = k - 1
    distances = distance_matrix(rows)
    expected = silhouette_samples(distances, labels, metric="precomputed")
    found = silhouettes_of(distances, labels, k)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found[k - 1] == 0


def test_silhouette_of_images_at_distance_zero_is_zero() -> None:
    distances = np.zeros((4, 4), dtype=np.float32)
    assert silhouettes_of(distances, np.array([0, 0, 1, 1]), 2).tolist() == [0, 0, 0, 0]


def test_planted_groups_are_found_and_numbered_by_size() -> None:
    rows = blobs((10, 30, 20))
    found = cluster_class(embedded(rows), SETTINGS)
    assert found.k == 3
    assert found.sizes.tolist() == [30, 20, 10]
    assert found.labels.tolist() == [2] * 10 + [0] * 30 + [1] * 20
    assert found.chosen_by == "silhouette"
    assert list(found.curve) == list(range(2, 11))
    assert found.mean_silhouette == pytest.approx(silhouette_score(rows, found.labels), abs=1e-4)
    assert found.curve[3] == found.mean_silhouette == max(found.curve.values())
    for cluster, medoid in enumerate(found.medoids):
        members = np.flatnonzero(found.labels == cluster)
        sums = cdist(rows[members], rows[members]).sum(axis=1)
        assert found.indices[members[sums.argmin()]] == medoid


def test_equal_sizes_are_numbered_by_the_medoid_that_comes_first() -> None:
    found = cluster_class(embedded(blobs((12, 12))), SETTINGS)
    assert found.labels.tolist() == [0] * 12 + [1] * 12
    assert found.medoids[0] < found.medoids[1]


def test_of_equal_silhouettes_the_smaller_k_is_chosen() -> None:
    assert best_k({2: 0.5, 3: 0.5 + 1e-12, 4: 0.3}) == 2
    assert best_k({2: 0.1, 3: 0.2, 4: 0.2}) == 3
    assert best_k({2: -0.2, 3: -0.1}) == 3
    assert best_k({}) == 1


def test_same_seed_same_clusters_and_the_class_name_is_part_of_the_seed() -> None:
    rows = np.random.default_rng(3).standard_normal((120, 6)).astype(np.float32)
    one, two = (cluster_class(embedded(rows), SETTINGS) for _ in range(2))
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.medoids, two.medoids)
    assert one.curve == two.curve
    other_name = cluster_class(embedded(rows, "b"), SETTINGS)
    other_seed = cluster_class(embedded(rows), ClusterSettings(seed=1))
    assert other_name.curve != one.curve
    assert other_seed.curve != one.curve


def test_partition_costs_no_more_than_any_single_swap() -> None:
    rows = np.random.default_rng(4).standard_normal((25, 2)).astype(np.float32)
    distances = distance_matrix(rows).astype(np.float64)
    labels, medoids = partition(distance_matrix(rows), 3, np.random.default_rng(0))
    cost = distances[:, medoids].min(axis=1).sum()
    assert cost == pytest.approx(distances[np.arange(25), medoids[labels]].sum())
    for position in range(3):
        for candidate in range(25):
            swapped = medoids.copy()
            swapped[position] = candidate
            assert distances[:, swapped].min(axis=1).sum() >= cost - 1e-5


@pytest.mark.parametrize(("n", "ks"), [(1, []), (2, []), (3, [2]), (5, [2, 3, 4])])
def test_small_classes(n: int, ks: list[int]) -> None:
    rows = np.random.default_rng(n).standard_normal((n, 3)).astype(np.float32)
    found = cluster_class(embedded(rows), SETTINGS)
    assert list(found.curve) == ks
    if not ks:
        assert found.k == 1
        assert found.chosen_by == "only"
        assert found.mean_silhouette is None
        assert not found.silhouettes.any()


def test_identical_images_are_one_cluster() -> None:
    found = cluster_class(embedded(np.zeros((6, 1))), SETTINGS)
    assert (found.k, found.chosen_by, dict(found.curve)) == (1, "only", {})
    assert found.medoids.tolist() == [100]


def test_more_clusters_than_different_images() -> None:
    rows = np.repeat(blobs((1, 1, 1), 5), 4, axis=0)
    found = cluster_class(embedded(rows), SETTINGS)
    assert found.k == 3
    assert found.sizes.tolist() == [4, 4, 4]
    assert len(found.curve) == 9
    eight = cluster_class(embedded(rows), ClusterSettings(k_by_class={"a": 8}))
    assert (eight.sizes >= 1).all()
    assert eight.sizes.sum() == 12


def test_single_cluster_is_around_the_most_central_image() -> None:
    rows = np.array([[0.0], [1], [2], [3], [10]])
    found = cluster_class(embedded(rows), ClusterSettings(k_by_class={"a": 1}))
    assert found.k == 1
    assert found.chosen_by == "user"
    assert found.medoids.tolist() == [104]
    assert list(found.curve) == [2, 3, 4]


@pytest.mark.parametrize("k", [2, 12, 30])
def test_user_chooses_k(k: int) -> None:
    rows = blobs((10, 10, 10))
    found = cluster_class(embedded(rows), ClusterSettings(k_by_class={"a": k, "b": 99}))
    assert found.k == k
    assert found.chosen_by == "user"
    assert set(found.curve) == {*range(2, 11), k}
    assert (found.sizes >= 1).all()
    np.testing.assert_array_equal(found.indices[found.medoid_rows], found.medoids)
    np.testing.assert_array_equal(found.labels[found.medoid_rows], np.arange(k))


def test_k_above_the_number_of_images_is_refused() -> None:
    with pytest.raises(SelectionError, match="cannot have 7 clusters: it has 6 images"):
        cluster_class(embedded(np.zeros((6, 1))), ClusterSettings(k_by_class={"a": 7}))


def test_progress_by_k_and_cancel() -> None:
    class Listen(NoProgress):
        def __init__(self) -> None:
            self.reports: list[tuple[int, int]] = []

        def report(self, done: int, total: int, message: str = "") -> None:
            self.reports.append((done, total))
            if len(self.reports) > 20:
                raise CancelledError

    listener = Listen()
    found = cluster_class(embedded(blobs((8, 8))), SETTINGS, listener)
    assert listener.reports == [(step, 9) for step in range(10)]
    assert isinstance(found, ClassClusters)
    cluster_class(embedded(blobs((8, 8))), SETTINGS, listener)
    with pytest.raises(CancelledError):
        cluster_class(embedded(blobs((8, 8))), SETTINGS, listener)


@pytest.mark.parametrize(
    ("silhouette", "word"),
    [
        (None, "One cluster"),
        (-0.1, "No substantial structure"),
        (0.007, "No substantial structure"),
        (0.25, "No substantial structure"),
        (0.26, "Weak"),
        (0.5, "Weak"),
        (0.51, "Reasonable"),
        (0.7, "Reasonable"),
        (0.71, "Strong"),
        (1.0, "Strong"),
    ],
)
def test_words_for_silhouettes(silhouette: float | None, word: str) -> None:
    assert structure_words(silhouette).startswith(word)


def test_words_say_what_no_structure_means_for_sampling() -> None:
    words = structure_words(0.03)
    assert "not separate groups" in words
    assert "stratified random" in words
