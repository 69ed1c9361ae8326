"""How good predictions are: the paper's measures, and the ones that a rare kind shows up in."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import TrainingError
from core.results import ClassClusters, ClassEmbedding, IntArray, Metrics, Split

LEAST_CLUSTER_IMAGES = 10
NO_CLUSTER = -1


def evaluate(
    true: IntArray, predicted: IntArray, classes: Sequence[str], clusters_of_test: IntArray | None = None
) -> Metrics:
    """Compare predicted classes with true ones.

    Precision, recall and F1 are macro-averaged, F1 as the mean of the classes' F1, and a class never predicted
    has precision 0 (paper 5.3 and Table 1). The averages are over the classes that have test images; of the others
    nothing can be said, so theirs are NaN.

    Parameters
    ----------
    true, predicted : ndarray of shape (n_test,), int64
        Positions in `classes`; n_test >= 1.
    classes : sequence of str
    clusters_of_test : ndarray of shape (n_test,), int64, optional
        Cluster of each image inside its true class, -1 for none. Clusters of fewer than 10 test images are not
        judged.

    Returns
    -------
    Metrics

    Raises
    ------
    TrainingError
        If there are no test images.
    """
    if len(true) == 0:
        raise TrainingError("There are no test images to judge a network by. Set the test fraction above 0.")
    n_classes = len(classes)
    confusion = np.bincount(true * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)
    support = confusion.sum(axis=1)
    present = support > 0
    hits = np.diag(confusion).astype(np.float64)
    precision = np.where(present, _share(hits, confusion.sum(axis=0)), np.nan)
    recall = np.where(present, _share(hits, support), np.nan)
    f1 = np.where(present, _share(2 * hits, support + confusion.sum(axis=0)), np.nan)
    worst = int(np.nanargmin(recall))
    worst_cluster, worst_cluster_recall = _worst_cluster(true, predicted, classes, clusters_of_test)
    return Metrics(
        accuracy=float(hits.sum() / len(true)),
        precision=float(precision[present].mean()),
        recall=float(recall[present].mean()),
        f1=float(f1[present].mean()),
        balanced_accuracy=float(recall[present].mean()),
        worst_class=classes[worst],
        worst_class_recall=float(recall[worst]),
        worst_cluster=worst_cluster,
        worst_cluster_recall=worst_cluster_recall,
        class_precision=_by_class(classes, precision),
        class_recall=_by_class(classes, recall),
        class_f1=_by_class(classes, f1),
        support={name: int(n) for name, n in zip(classes, support, strict=True)},
        confusion=confusion.astype(np.int64),
    )


def clusters_of_others(embedding: ClassEmbedding, clusters: ClassClusters) -> IntArray:
    """Return the cluster of each validation and test image of a class: the one whose medoid is nearest.

    Parameters
    ----------
    embedding : ClassEmbedding
        Its `other_embedding` was projected with the same class's PCA.
    clusters : ClassClusters
        Of the same class.

    Returns
    -------
    ndarray of shape (n_other,), int64
        In the order of ``embedding.other_indices``. Of equally near medoids the lower cluster.
    """
    medoids = embedding.embedding[clusters.medoid_rows].astype(np.float64)
    others = embedding.other_embedding.astype(np.float64)
    distances = (medoids**2).sum(axis=1)[None, :] - 2 * others @ medoids.T
    return np.asarray(distances.argmin(axis=1), dtype=np.int64)


def clusters_of_test(
    split: Split, embeddings: Sequence[ClassEmbedding], clusters: Sequence[ClassClusters]
) -> Mapping[int, int]:
    """Return the cluster of every test image inside its true class, by index; images of unclustered classes miss."""
    by_class = {one.class_name: one for one in clusters}
    found: dict[int, int] = {}
    for embedding in embeddings:
        if embedding.class_name in by_class:
            numbers = clusters_of_others(embedding, by_class[embedding.class_name])
            found.update(zip(embedding.other_indices.tolist(), numbers.tolist(), strict=True))
    return {index: found[index] for index in split.test.tolist() if index in found}


def cluster_groups(true: IntArray, clusters: IntArray | None) -> tuple[IntArray, tuple[tuple[int, int], ...]]:
    """Give a number to each of the (class, cluster) pairs that have enough test images to be judged.

    Returns
    -------
    groups : ndarray of shape (n_test,), int64
        Number of each image's pair; -1 where its pair is too small or it has no cluster.
    names : tuple of (int, int)
        Class position and cluster of each number.
    """
    groups = np.full(len(true), -1, dtype=np.int64)
    names: list[tuple[int, int]] = []
    if clusters is None:
        return groups, ()
    for position in np.unique(true):
        for cluster in np.unique(clusters[true == position]):
            members = (true == position) & (clusters == cluster)
            if cluster != NO_CLUSTER and members.sum() >= LEAST_CLUSTER_IMAGES:
                groups[members] = len(names)
                names.append((int(position), int(cluster)))
    return groups, tuple(names)


def _worst_cluster(
    true: IntArray, predicted: IntArray, classes: Sequence[str], clusters: IntArray | None
) -> tuple[str, float]:
    groups, names = cluster_groups(true, clusters)
    if not names:
        return "", float("nan")
    judged = groups >= 0
    sizes = np.bincount(groups[judged], minlength=len(names))
    recalls = np.bincount(groups[judged], weights=true[judged] == predicted[judged], minlength=len(names)) / sizes
    worst = int(recalls.argmin())
    position, cluster = names[worst]
    return f"{classes[position]} / {cluster + 1}", float(recalls[worst])


def _share(part: NDArray[np.float64], whole: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return part / whole, and 0 where the whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0))


def _by_class(classes: Sequence[str], values: NDArray[np.float64]) -> Mapping[str, float]:
    return {name: float(value) for name, value in zip(classes, values, strict=True)}
