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
from core.results.dataset import Dataset, Duplicates, Image, LeftOut, Skipped, Split
from core.results.embeddings import ClassEmbedding, PoolEmbedding, Separation, ViewReduction, WeightsUsed
from core.results.exports import ExportResult, VerifyResult
from core.results.reading import Range, Reading, Stored
from core.results.relabelling import Relabelled, RelabelledRow
from core.results.runs import Answer, Comparison, Difference, Epoch, Metrics, Note, Row, RunKey, RunResult
from core.results.split_words import split_of, split_word, splits_words
from core.results.teacher import Teacher

__all__ = [
    "Answer",
    "ClassClusters",
    "ClassCoverage",
    "ClassEmbedding",
    "ClusterShares",
    "Comparison",
    "Coreset",
    "Coverage",
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
    "LeftOut",
    "Metrics",
    "NearDuplicate",
    "Note",
    "PoolEmbedding",
    "ProxyPoint",
    "Range",
    "Reading",
    "Relabelled",
    "RelabelledRow",
    "Row",
    "RunKey",
    "RunResult",
    "Separation",
    "Skipped",
    "Split",
    "SplitName",
    "StageTime",
    "Stored",
    "Teacher",
    "VerifyResult",
    "ViewReduction",
    "WeightsUsed",
    "split_of",
    "split_word",
    "splits_words",
]
