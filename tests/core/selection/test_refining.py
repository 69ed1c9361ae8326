"""Clusters of classes beyond the limit of exact clustering."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.estimate import clustering_bytes
from coreset_studio.core.pipeline.stages import _clustering_key, cluster_classes
from coreset_studio.core.results import ClassClusters, ClassEmbedding
from coreset_studio.core.selection.clustering import cluster_class
from coreset_studio.core.selection.refining import nearest_medoid, refined
from coreset_studio.core.settings import ClusterSettings, Settings, settings_from_dict, settings_to_dict

NONE = np.zeros(0, dtype=np.int64)


def embedded(rows: np.ndarray) -> ClassEmbedding:
    return ClassEmbedding("a", np.arange(100, 100 + len(rows)), rows, NONE, rows[:0], ())


def groups(n: int, d: int = 6, k: int = 4) -> np.ndarray:
    random = np.random.default_rng(5)
    centres = random.standard_normal((k, d)) * 2
    return (centres[random.integers(k, size=n)] + random.standard_normal((n, d))).astype(np.float32)


def objective(rows: np.ndarray, clusters: ClassClusters) -> float:
    return float(cdist(rows, rows[clusters.medoid_rows]).min(axis=1).sum())


def test_refined_medoids_lose_little_against_exact_ones_and_less_than_those_of_a_sample() -> None:
    rows = groups(2_000)
    exact, large, sample = (
        objective(rows, cluster_class(embedded(rows), settings))
        for settings in (
            ClusterSettings(k_by_class={"a": 4}, exact_up_to=0),
            ClusterSettings(k_by_class={"a": 4}, exact_up_to=200),
            ClusterSettings(k_by_class={"a": 4}, sample_above=200),
        )
    )
    assert large < 1.02 * exact
    assert large < sample


def test_every_image_is_in_the_cluster_of_its_nearest_medoid() -> None:
    rows = groups(900)
    found = cluster_class(embedded(rows), ClusterSettings(exact_up_to=150))
    away = cdist(rows, rows[found.medoid_rows])
    assert found.labels.tolist() == away.argmin(axis=1).tolist()
    assert found.labels[found.medoid_rows].tolist() == list(range(found.k))
    assert (np.diff(np.bincount(found.labels)) <= 0).all()
    assert found.n_sampled == 150
    assert found.sample_words == "Clustered on 150 of 900 images."


def test_refining_moves_a_medoid_to_the_image_that_is_most_central() -> None:
    rows = np.array([[0], [1], [2], [3], [4], [20], [21], [22]], dtype=np.float32)
    labels, medoids = refined(rows, np.array([0, 7]), np.random.default_rng(0))
    assert medoids.tolist() == [2, 6]
    assert labels.tolist() == [0] * 5 + [1] * 3
    assert nearest_medoid(rows, medoids)[1] == pytest.approx(2 + 1 + 0 + 1 + 2 + 1 + 0 + 1)


def test_the_limit_affects_only_classes_above_it(tmp_path: Path) -> None:
    rows = embedded(groups(160))
    before = _clustering_key(rows, ClusterSettings(exact_up_to=0))
    assert _clustering_key(rows, ClusterSettings(exact_up_to=160)) == before
    assert _clustering_key(rows, ClusterSettings(exact_up_to=159)) != before
    # A sample that was set is what it was.
    assert _clustering_key(rows, ClusterSettings(exact_up_to=159, sample_above=20)) == _clustering_key(
        rows, ClusterSettings(exact_up_to=0, sample_above=20)
    )
    (at_limit,) = cluster_classes([rows], Settings(clusters=ClusterSettings(exact_up_to=160)), tmp_path)
    assert at_limit.n_sampled == 0


def test_settings_stored_before_there_was_a_limit_are_exact() -> None:
    stored = settings_to_dict(Settings())
    assert stored["clusters"].pop("exact_up_to") == 20_000
    assert settings_from_dict(stored).clusters.exact_up_to == 0
    assert "exact_up_to" not in settings_to_dict(ClusterSettings(exact_up_to=0))


def test_one_seed_gives_the_same_clusters_on_one_and_two_threads() -> None:
    rows = embedded(groups(3_000, d=40))
    found = []
    for n_threads in (1, 2):
        with threadpool_limits(limits=n_threads):
            found.append(cluster_class(rows, ClusterSettings(exact_up_to=300)))
    assert found[0].medoids.tolist() == found[1].medoids.tolist()
    assert found[0].labels.tolist() == found[1].labels.tolist()


def test_more_clusters_than_the_sample_has_images_are_refused_with_a_sentence() -> None:
    with pytest.raises(SelectionError, match="1 to 100, or a larger “Exact up to”"):
        cluster_class(embedded(groups(160)), ClusterSettings(exact_up_to=100, k_by_class={"a": 101}))


def test_identical_images_beyond_the_limit_are_one_cluster() -> None:
    found = cluster_class(embedded(np.zeros((150, 3), dtype=np.float32)), ClusterSettings(exact_up_to=100))
    assert found.k == 1
    assert found.chosen_by == "only"


def test_memory_beyond_the_limit_grows_in_proportion_to_the_images() -> None:
    small, large = (clustering_bytes(n, 50, ClusterSettings()) for n in (25_000, 100_000))
    assert large < 1.2 * small < clustering_bytes(25_000, 50, ClusterSettings(exact_up_to=0))
