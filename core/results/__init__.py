"""Results of the stages: small frozen dataclasses.

An *index* is always the position of an image in `Dataset.images`, which is sorted by path. Classes that hold arrays
of embeddings state the indices of their rows.
"""

from core.results.arrays import FloatArray, IntArray, SplitName
from core.results.coresets import (
    ClassClusters,
    ClassCoverage,
    ClusterShares,
    Coreset,
    Coverage,
    NearDuplicate,
    ProxyPoint,
    SuspectedLabelError,
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
from core.results.networks import MatchedClasses, PredictionFile
from core.results.reading import Range, Reading, Stored
from core.results.reading_facts import LayoutFacts, LevelsFacts, PagesFacts, Role, SmallImage, TableFacts, counts_of
from core.results.relabelling import Relabelled, RelabelledRow
from core.results.runs import Answer, Comparison, Difference, Epoch, Metrics, Note, Row, RunKey, RunResult, TrainingPart
from core.results.split_words import split_of, split_word, splits_words
from core.results.teacher import Teacher
from core.results.weights import WeightsEntry

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
    "LayoutFacts",
    "LeftOut",
    "LevelsFacts",
    "MatchedClasses",
    "MethodsText",
    "Metrics",
    "ModelUsed",
    "NearDuplicate",
    "Note",
    "PagesFacts",
    "PoolEmbedding",
    "PredictionFile",
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
    "SuspectedLabelError",
    "TableFacts",
    "Teacher",
    "TrainingPart",
    "VerifyResult",
    "ViewReduction",
    "WeightsEntry",
    "WeightsUsed",
    "counts_of",
    "mean_curves",
    "split_of",
    "split_word",
    "splits_words",
]
