"""Results of the stages: small frozen dataclasses.

An *index* is always the position of an image in `Dataset.images`, which is sorted by path. Classes that hold arrays
of embeddings state the indices of their rows.
"""

from coreset_studio.core.results.arrays import FloatArray, IntArray, SplitName
from coreset_studio.core.results.coresets import (
    ClassClusters,
    ClassCoverage,
    ClusterShares,
    Coreset,
    Coverage,
    NearDuplicate,
    ProxyPoint,
    SuspectedLabelError,
)
from coreset_studio.core.results.costs import Estimate, StageTime
from coreset_studio.core.results.curves import N_BINS, ROC_RATES, Curves, mean_curves
from coreset_studio.core.results.dataset import UNLABELLED, Dataset, Duplicates, Image, LeftOut, Skipped, Split
from coreset_studio.core.results.embeddings import (
    ClassEmbedding,
    ModelUsed,
    PoolEmbedding,
    Separation,
    ViewReduction,
    WeightsUsed,
)
from coreset_studio.core.results.exports import ExportResult, MethodsText, VerifyResult
from coreset_studio.core.results.maps import ImageMap, MapMethod
from coreset_studio.core.results.networks import ExplainedImage, MatchedClasses, PredictionFile
from coreset_studio.core.results.reading import Range, Reading, Stored
from coreset_studio.core.results.reading_facts import (
    LayoutFacts,
    LevelsFacts,
    PagesFacts,
    Role,
    SmallImage,
    TableFacts,
    counts_of,
)
from coreset_studio.core.results.relabelling import Relabelled, RelabelledRow
from coreset_studio.core.results.runs import (
    Answer,
    Comparison,
    Difference,
    Epoch,
    Metrics,
    Note,
    Row,
    RunKey,
    RunResult,
    TrainingPart,
)
from coreset_studio.core.results.split_words import split_of, split_word, splits_words
from coreset_studio.core.results.teacher import Teacher
from coreset_studio.core.results.weights import WeightsEntry

__all__ = [
    "N_BINS",
    "ROC_RATES",
    "UNLABELLED",
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
    "ExplainedImage",
    "ExportResult",
    "FloatArray",
    "Image",
    "ImageMap",
    "IntArray",
    "LayoutFacts",
    "LeftOut",
    "LevelsFacts",
    "MapMethod",
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
