"""Metrics of predictions: those of the paper, and those that show rare subclasses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from coreset_studio.core.descriptions import Plugin
from coreset_studio.core.errors import TrainingError
from coreset_studio.core.results import ClassClusters, ClassEmbedding, Curves, FloatArray, IntArray, Metrics, Split
from coreset_studio.core.training.calibration import reliability
from coreset_studio.core.training.evidence import ByClass, Evidence, Values
from coreset_studio.core.training.metrics import METRICS
from coreset_studio.core.training.ranking import roc_curves


@dataclass(frozen=True)
class Measured:
    """Every metric under every resample.

    Attributes
    ----------
    values : mapping of str to ndarray of shape (n_resamples,)
        By name; NaN where a metric does not exist, such as the worst cluster where no cluster has enough test images.
    failed : mapping of str to str
        A sentence for each metric of a plugin whose code failed; its values are NaN.
    """

    values: Mapping[str, Values]
    failed: Mapping[str, str]


def measure(evidence: Evidence) -> Measured:
    """Compute every metric; one of a plugin that fails is named and omitted."""
    values: dict[str, Values] = {}
    failed: dict[str, str] = {}
    for name, metric in METRICS.items():
        try:
            values[name] = metric.values(evidence)
        except Exception as error:
            plugin = METRICS.plugins.get(name)
            if plugin is None:
                raise
            values[name] = np.full(evidence.n_resamples, np.nan)
            failed[name] = _failure(name, plugin, error)
    return Measured(values, failed)


def evaluate(
    true: IntArray,
    predicted: IntArray,
    classes: Sequence[str],
    clusters_of_test: IntArray | None = None,
    probabilities: FloatArray | None = None,
) -> Metrics:
    """Compare predicted classes with true ones.

    Precision, recall and F1 are macro-averaged, F1 as the mean of the classes' F1, and a class never predicted
    has precision 0 (paper 5.3 and Table 1). The averages are over the classes that have test images; of the others
    metrics are not defined, so theirs are NaN.

    Parameters
    ----------
    true, predicted : ndarray of shape (n_test,), int64
        Positions in `classes`; n_test >= 1.
    classes : sequence of str
    clusters_of_test : ndarray of shape (n_test,), int64, optional
        Cluster of each image inside its true class, -1 for none. Clusters of fewer than 10 test images are not
        evaluated.
    probabilities : ndarray of shape (n_test, n_classes), float32, optional
        A metric that needs them is NaN without.

    Returns
    -------
    Metrics

    Raises
    ------
    TrainingError
        If there are no test images.
    """
    if len(true) == 0:
        raise TrainingError("There are no test images to evaluate a network on. Set the test fraction above 0.")
    evidence = Evidence(true, predicted, len(classes), clusters=clusters_of_test, probabilities=probabilities)
    measured = measure(evidence)
    support = evidence.support[0].astype(np.int64)
    values = {name: float(found[0]) for name, found in measured.values.items()}
    by_class, failed = _measured_by_class(evidence, measured.failed)
    return Metrics(
        values=values,
        worst_class=classes[int(np.nanargmin(evidence.recall[0]))],
        worst_cluster=_worst_cluster(evidence, classes),
        class_precision=_by_class(classes, evidence.precision[0]),
        class_recall=_by_class(classes, evidence.recall[0]),
        class_f1=_by_class(classes, evidence.f1[0]),
        support=dict(zip(classes, support.tolist(), strict=True)),
        confusion=evidence.confusion[0].astype(np.int64),
        failed=failed,
        class_values={name: _by_class(classes, found.values[0]) for name, found in by_class.items()},
        class_sizes={name: _counts(classes, found.sizes[0]) for name, found in by_class.items()},
        unknown=_unknown(values, failed, evidence),
        curves=None
        if probabilities is None
        else Curves(roc_curves(true, probabilities), reliability(true, predicted, probabilities)),
    )


def _measured_by_class(
    evidence: Evidence, failed: Mapping[str, str]
) -> tuple[Mapping[str, ByClass], Mapping[str, str]]:
    """Return the metrics that have a value for each class, and a sentence for each metric of a plugin that fails."""
    found: dict[str, ByClass] = {}
    failures = dict(failed)
    for name, metric in METRICS.items():
        try:
            values = metric.class_values(evidence)
        except Exception as error:
            plugin = METRICS.plugins.get(name)
            if plugin is None:
                raise
            failures.setdefault(name, _failure(name, plugin, error))
            continue
        if values is not None:
            found[name] = values
    return found, failures


def _unknown(values: Mapping[str, float], failed: Mapping[str, str], evidence: Evidence) -> Mapping[str, str]:
    """Return why values are NaN."""
    return {
        name: "the plugin's metric failed" if name in failed else METRICS[name].why_unknown(evidence)
        for name, value in values.items()
        if np.isnan(value)
    }


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


def _worst_cluster(evidence: Evidence, classes: Sequence[str]) -> str:
    if not evidence.clusters:
        return ""
    position, cluster = evidence.clusters[int(evidence.cluster_recall[0].argmin())]
    return f"{classes[position]} / {cluster + 1}"


def _by_class(classes: Sequence[str], values: Values) -> Mapping[str, float]:
    return dict(zip(classes, values.tolist(), strict=True))


def _counts(classes: Sequence[str], values: Values) -> Mapping[str, int]:
    return dict(zip(classes, values.astype(np.int64).tolist(), strict=True))


def _failure(name: str, plugin: Plugin, error: Exception) -> str:
    what = " ".join(str(error).split())[:200]
    why = f"{type(error).__name__}: {what}" if what else type(error).__name__
    return f"The metric {name} of the plugin {plugin} failed and is omitted there ({why}). Update or remove the plugin."
