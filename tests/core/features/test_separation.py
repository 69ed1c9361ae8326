"""Leave-one-out nearest neighbours over the pool."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from coreset_studio.core.features.separation import separation
from coreset_studio.core.neighbours import nearest
from coreset_studio.core.results import Dataset, PoolEmbedding

MakeDataset = Callable[[Mapping[str, int]], Dataset]


def pool_of(rows: np.ndarray, in_pool: np.ndarray | None = None) -> PoolEmbedding:
    inside = np.ones(len(rows), dtype=bool) if in_pool is None else in_pool
    return PoolEmbedding(np.arange(len(rows)), np.asarray(rows, dtype=np.float32), inside)


def test_accuracy_is_that_of_scikit_learn(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"a": 30, "b": 40})
    rows = np.random.default_rng(0).standard_normal((70, 3)).astype(np.float32) + dataset.labels[:, None]
    found = separation(dataset, pool_of(rows), ("e",))
    # Two classes and five neighbours cannot tie.
    scores = cross_val_score(KNeighborsClassifier(5), rows, dataset.labels, cv=LeaveOneOut())
    assert found.accuracy == pytest.approx(scores.mean())
    assert found.by_class["b"] == pytest.approx(scores[dataset.labels == 1].mean())
    assert found.extractors == ("e",)


def test_neighbours_are_those_of_brute_force_and_never_the_image_itself() -> None:
    random = np.random.default_rng(1)
    rows = random.integers(0, 3, (80, 2)).astype(np.float64)
    distances = cdist(rows, rows)
    np.fill_diagonal(distances, np.inf)
    expected = np.lexsort((np.broadcast_to(np.arange(80), (80, 80)), distances))[:, :5]
    np.testing.assert_array_equal(nearest(rows, 5)[0], expected)


def test_identical_images_far_from_zero_are_neighbours_in_order() -> None:
    row = np.random.default_rng(2).random(300) * 1000
    found, _ = nearest(np.stack([row, row + 1, row, row, row]), 3)
    assert found.tolist() == [[2, 3, 4], [0, 2, 3], [0, 3, 4], [0, 2, 4], [0, 2, 3]]


def test_equal_votes_go_to_the_class_of_the_nearest(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"a": 3, "b": 2})
    rows = np.array([[0.0], [3.0], [100.0], [1.0], [4.0]])
    # Of image 0 the four nearest are b, a, b, a, and the nearest is b's; of image 3 a, a, b, a.
    found = separation(dataset, pool_of(rows), ("e",), n_neighbours=4)
    assert found.by_class == {"a": pytest.approx(0.0), "b": 0.0}
    assert separation(dataset, pool_of(rows[:, :]), ("e",), n_neighbours=1).by_class["b"] == 0.0


def test_only_the_pool_counts(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"a": 3, "b": 3})
    rows = np.array([[0.0], [1.0], [0.9], [50.0], [51.0], [0.1]])
    inside = np.array([True, True, True, True, True, False])
    found = separation(dataset, pool_of(rows, inside), ("e",), n_neighbours=1)
    assert found.accuracy == 1
    assert found.by_class == {"a": 1.0, "b": 1.0}


def test_small_pools_use_the_neighbours_there_are(make_dataset: MakeDataset) -> None:
    dataset = make_dataset({"a": 2, "b": 1})
    assert separation(dataset, pool_of(np.array([[0.0], [1.0], [9.0]])), ("e",)).by_class == {"a": 1.0, "b": 0.0}
    lonely = make_dataset({"a": 1})
    assert separation(lonely, pool_of(np.array([[0.0]])), ("e",)).accuracy == 0
