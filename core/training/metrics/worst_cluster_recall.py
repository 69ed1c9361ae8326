"""The cluster, inside a class, that is recognised worst."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import Evidence, Values

DESCRIPTION = Metric(
    name="worst_cluster_recall",
    title="Worst-cluster recall",
    short="Worst cluster",
    words="recall of the worst cluster",
    tip="Recall of the cluster, of at least 10 test images, that is recognised worst.",
    does=f"{__name__}:worst_cluster_recall",
    source="docs/method.md, 1.8",
    help="coreset_studio.resources:help/metrics/worst_cluster_recall.html",
    needs=frozenset({"clusters"}),
    place=70,
    column=40,
    shown={"differences": 50, "means": 10},
)


def worst_cluster_recall(evidence: "Evidence") -> "Values":
    """Return the lowest recall of a cluster that has enough test images."""
    return evidence.least(evidence.cluster_recall)
