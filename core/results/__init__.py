"""The small frozen dataclasses that stages hand on, a file for each part of the way.

Everywhere an *index* is the row of an image in `Dataset.images`, which is sorted by path; arrays of
embeddings say which indices their rows are.
"""

from core.results.arrays import FloatArray, IntArray, SplitName
from core.results.coresets import (
    ClassClusters,
    ClassCoverage,
    ClusterShares,
    Coreset,
    Coverage,
    LabelDoubt,
    NearDuplicate,
    ProxyPoint,
)
from core.results.costs import Estimate, StageTime
from core.results.curves import N_BINS, ROC_RATES, Curves, mean_curves
from core.results.dataset import Dataset, Duplicates, Image, LeftOut, Skipped, Split
from core.results.embeddings import (
    ClassEmbedding,
    ModelUsed,
    PoolEmbedding,
    Separation,
    ViewReduction,
    WeightsUsed,
)
from core.results.exports import ExportResult, MethodsText, VerifyResult
from core.results.reading import Range, Reading, Stored
from core.results.reading_facts import LayoutFacts, LevelsFacts, PagesFacts, Role, SmallImage, TableFacts, counts_of
from core.results.relabelling import Relabelled, RelabelledRow
from core.results.runs import Answer, Comparison, Difference, Epoch, Metrics, Note, Row, RunKey, RunResult
from core.results.split_words import split_of, split_word, splits_words
from core.results.teacher import Teacher

__all__ = [
    "N_BINS",
    "ROC_RATES",
    "Answer",
    "ClassClusters",
    "ClassCoverage",
    "ClassEmbedding",
    "ClusterShares",
    "Comparison",
    "Coreset",
    "Coverage",
    "Curves",
    "Dataset",
    "Difference",
    "Duplicates",
    "Epoch",
    "Estimate",
    "ExportResult",
    "FloatArray",
    "Image",
    "IntArray",
    "LabelDoubt",
    "LayoutFacts",
    "LeftOut",
    "LevelsFacts",
    "MethodsText",
    "Metrics",
    "ModelUsed",
    "NearDuplicate",
    "Note",
    "PagesFacts",
    "PoolEmbedding",
    "ProxyPoint",
    "Range",
    "Reading",
    "Relabelled",
    "RelabelledRow",
    "Role",
    "Row",
    "RunKey",
    "RunResult",
    "Separation",
    "Skipped",
    "SmallImage",
    "Split",
    "SplitName",
    "StageTime",
    "Stored",
    "TableFacts",
    "Teacher",
    "VerifyResult",
    "ViewReduction",
    "WeightsUsed",
    "counts_of",
    "mean_curves",
    "split_of",
    "split_word",
    "splits_words",
]
