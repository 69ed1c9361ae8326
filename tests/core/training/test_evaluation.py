"""Measures against scikit-learn's, and the ones that it has not."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.results import ClassClusters, ClassEmbedding, Split
from coreset_studio.core.training.evaluation import clusters_of_others, clusters_of_test, evaluate
from coreset_studio.core.training.evidence import cluster_groups

CLASSES = ("a", "b", "c", "d")


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_every_measure_equals_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    true = np.append(rng.integers(4, size=300), [0, 1, 2, 3])
    predicted = np.where(rng.random(304) < 0.7, true, rng.integers(3, size=304))
    found = evaluate(true, predicted, CLASSES)
    precision, recall, f1, support = sk.precision_recall_fscore_support(true, predicted, zero_division=0)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(true, predicted))
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(true, predicted))
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx(
        (precision.mean(), recall.mean(), f1.mean())
    )
    assert list(found.class_precision.values()) == pytest.approx(precision.tolist())
    assert list(found.class_recall.values()) == pytest.approx(recall.tolist())
    assert list(found.class_f1.values()) == pytest.approx(f1.tolist())
    assert found.support == dict(zip(CLASSES, support.tolist(), strict=True))
    assert found.confusion.tolist() == sk.confusion_matrix(true, predicted).tolist()
    assert found.worst_class == CLASSES[int(recall.argmin())]
    assert found["worst_class_recall"] == pytest.approx(recall.min())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_averages_are_scikit_learns_over_the_classes_that_were_tested(pairs: list[tuple[int, int]]) -> None:
    true, predicted = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    found = evaluate(true, predicted, CLASSES)
    tested = np.unique(true)
    expected = sk.precision_recall_fscore_support(true, predicted, labels=tested, average="macro", zero_division=0)
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx(expected[:3])
    assert found["balanced_accuracy"] == found["recall"]
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(true, predicted))
    assert found.confusion.tolist() == sk.confusion_matrix(true, predicted, labels=range(4)).tolist()
    recalls = sk.recall_score(true, predicted, labels=tested, average=None, zero_division=0)
    assert found["worst_class_recall"] == pytest.approx(recalls.min())
    assert found.worst_class == CLASSES[tested[recalls.argmin()]]


def test_one_answer_for_everything_scores_as_the_papers_table_1() -> None:
    """Of eight classes in balance: accuracy 1/8, precision 1/64, recall 1/8, F1 1/36."""
    true = np.repeat(np.arange(8), 5)
    found = evaluate(true, np.zeros(40, dtype=np.int64), [str(i) for i in range(8)])
    assert (found["accuracy"], found["precision"], found["recall"], found["f1"]) == pytest.approx(
        (1 / 8, 1 / 64, 1 / 8, 1 / 36)
    )


def test_a_class_without_test_images_is_not_averaged() -> None:
    found = evaluate(ints(0, 0, 1), ints(0, 3, 1), CLASSES)
    assert found["recall"] == pytest.approx((0.5 + 1) / 2)
    assert found["precision"] == pytest.approx(1)
    assert np.isnan(found.class_recall["c"])
    assert np.isnan(found.class_precision["d"])
    assert found.support["d"] == 0
    assert found.worst_class == "a"


def test_nothing_to_test_on_is_refused() -> None:
    with pytest.raises(TrainingError, match="no test images"):
        evaluate(ints(), ints(), CLASSES)


def test_worst_cluster_wants_ten_images_and_stays_inside_its_class() -> None:
    true = np.repeat([0, 1], [25, 20])
    clusters = np.concatenate([np.repeat([0, 1, -1], [10, 9, 6]), np.repeat([0, 1], 10)])
    predicted = true.copy()
    predicted[10:25] = 1  # every one of the clusters that are too small
    predicted[:2] = 1
    predicted[35:40] = 0  # half of class b's second cluster
    found = evaluate(true, predicted, ("a", "b"), clusters)
    assert (found.worst_cluster, found["worst_cluster_recall"]) == ("b / 2", 0.5)
    groups, names = cluster_groups(true, clusters)
    assert names == ((0, 0), (1, 0), (1, 1))
    assert np.bincount(groups + 1).tolist() == [15, 10, 10, 10]


def test_without_clusters_there_is_no_worst_cluster() -> None:
    for clusters in (None, np.zeros(9, dtype=np.int64)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = evaluate(np.zeros(9, dtype=np.int64), np.zeros(9, dtype=np.int64), CLASSES, clusters)
        assert found.worst_cluster == ""
        assert np.isnan(found["worst_cluster_recall"])


def _class(name: str, indices: np.ndarray, rows: list[list[float]], others: np.ndarray, theirs: list[list[float]]):
    return ClassEmbedding(name, indices, np.float32(rows), others, np.float32(theirs).reshape(-1, 2), ())


def test_others_belong_to_the_nearest_medoid_of_their_class() -> None:
    embedding = _class(
        "a", ints(4, 7, 9), [[0, 0], [5, 0], [0, 8]], ints(1, 3, 12, 20), [[0.4, 1], [4, 1], [2.5, 0], [-9, 9]]
    )
    clusters = ClassClusters("a", ints(4, 7, 9), ints(1, 0, 2), ints(7, 4, 9), np.zeros(3), {}, "silhouette")
    # The third lies half-way between two medoids and goes to the lower cluster.
    assert clusters_of_others(embedding, clusters).tolist() == [1, 0, 0, 2]
    split = Split(ints(4, 7, 9), ints(3), ints(1, 12, 20, 99))
    assert clusters_of_test(split, [embedding], [clusters]) == {1: 1, 12: 0, 20: 2}
    assert clusters_of_test(split, [embedding], []) == {}


def test_a_class_without_other_images_has_no_clusters_to_give() -> None:
    embedding = _class("a", ints(4), [[0, 0]], ints(), [])
    clusters = ClassClusters("a", ints(4), ints(0), ints(4), np.zeros(1), {}, "only")
    assert clusters_of_others(embedding, clusters).shape == (0,)
