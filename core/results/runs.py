"""Results of trainings and comparisons: epochs, metrics, runs, rows, differences."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from core.results.arrays import FloatArray, IntArray
from core.results.curves import Curves
from core.results.embeddings import WeightsUsed
from core.results.relabelling import Relabelled


@dataclass(frozen=True)
class Epoch:
    """One epoch of a training; accuracies and losses are NaN where there is no such set.

    `seconds` is the whole epoch; `validation_seconds` is the part of it spent on the validation images.
    """

    number: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float
    validation_seconds: float = 0.0


@dataclass(frozen=True)
class Metrics:
    """Metrics of predictions (paper 5.3; the averages are over classes, METHOD 1.8).

    ``metrics["accuracy"]`` is short for ``metrics.values["accuracy"]``.

    Attributes
    ----------
    values : mapping of str to float
        Every metric by name; NaN where it does not exist.
    worst_class : str
    worst_cluster : str
        ``"class / cluster number from 1"``; empty where no cluster has enough test images.
    class_precision, class_recall, class_f1 : mapping of str to float
    support : mapping of str to int
    confusion : ndarray of shape (n_classes, n_classes), int64
        Rows are true classes, columns predicted ones.
    failed : mapping of str to str
        A sentence for each metric of a plugin whose code failed.
    class_values : mapping of str to mapping of str to float
        By metric and class, of the metrics that have a value for each class; NaN where it does not exist.
    class_sizes : mapping of str to mapping of str to int
        The number of images that each of these is a share of.
    unknown : mapping of str to str
        Why a value is NaN, by metric.
    curves : Curves or None
        None for a run that was stored without the probabilities of all classes.
    """

    values: Mapping[str, float]
    worst_class: str
    worst_cluster: str
    class_precision: Mapping[str, float]
    class_recall: Mapping[str, float]
    class_f1: Mapping[str, float]
    support: Mapping[str, int]
    confusion: IntArray
    failed: Mapping[str, str] = field(default_factory=dict)
    class_values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    class_sizes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    curves: Curves | None = None

    def __getitem__(self, name: str) -> float:
        return self.values[name]


@dataclass(frozen=True)
class RunKey:
    """Key of a run: one training of one network on one coreset with one seed.

    Attributes
    ----------
    network : str
        A name from the registry of networks.
    sampler : str
        ``"everything"`` for the whole pool.
    fraction : float
    repetition : int
        Seeds selection, initial weights and shuffling together.
    fingerprint : str
        Of everything else: images trained on, validation and test images, settings, weights.
    split : int
        Which of the comparison's splits, from 0.
    """

    network: str
    sampler: str
    fraction: float
    repetition: int
    fingerprint: str
    split: int = 0


@dataclass(frozen=True)
class RunResult:
    """A finished run.

    Attributes
    ----------
    key : RunKey
    n_images : int
        Trained on.
    classes : tuple of str
    history : tuple of Epoch
        Empty for `head`.
    best_epoch : int
        Number of the epoch whose weights were kept; 0 for `head`.
    metrics : Metrics
        On the test images.
    test_indices, true, predicted : ndarray of shape (n_test,), int64
        `true` and `predicted` are positions in `classes`.
    confidence : ndarray of shape (n_test,), float32
        Probability of the predicted class.
    train_seconds : float
        Training, including the validation images (see `validation_seconds`), without features.
    feature_seconds : float
        What computing the frozen backbone's features cost where it was not in the cache.
    select_seconds : float
    device : str
    weights : WeightsUsed or None
        Of the backbone, or of the extractor of the linear probe.
    note : str
        Labels to show with the result, such as "untrained backbone"; empty for none.
    clusters : ndarray of shape (n_test,), int64, or None
        Cluster of each test image inside its true class, -1 where it has none; None where nothing was clustered.
    probabilities : ndarray of shape (n_test, n_classes), float32, or None
        Of every class; None for a run that was stored without them, and for one that is sent to the window.
    teacher_seconds : float
        Time to fit the teacher of its soft labels, without features; 0 without soft labels. Every run of a split
        has the same teacher, which is fitted once.
    """

    key: RunKey
    n_images: int
    classes: tuple[str, ...]
    history: tuple[Epoch, ...]
    best_epoch: int
    metrics: Metrics
    test_indices: IntArray
    true: IntArray
    predicted: IntArray
    confidence: FloatArray
    train_seconds: float
    feature_seconds: float
    select_seconds: float
    device: str
    weights: WeightsUsed | None = None
    note: str = ""
    clusters: IntArray | None = None
    probabilities: FloatArray | None = None
    teacher_seconds: float = 0.0

    @property
    def validation_seconds(self) -> float:
        """Seconds of the training that went to the validation images; NaN where that was not measured."""
        seconds = sum(epoch.validation_seconds for epoch in self.history)
        validated = any(not math.isnan(epoch.validation_accuracy) for epoch in self.history)
        return math.nan if validated and not seconds > 0 else seconds

    def without_probabilities(self) -> "RunResult":
        """Return the run without its largest array, which only metrics use."""
        return replace(self, probabilities=None)


@dataclass(frozen=True)
class Difference:
    """A paired difference between two rows of a comparison (METHOD 4).

    Attributes
    ----------
    network, sampler, control : str
    fraction : float
    metric : str
    difference, low, high : float
        Sampler minus control, with its 95 % interval.
    n_repetitions : int
        Pairs, those of all splits together.
    shown : bool
        Whether the interval leaves zero out.
    repetitions_needed : int or None
        To show the difference of interest; None with fewer than two repetitions. With several splits: how many
        splits it would take.
    sentence : str
    n_splits : int
    """

    network: str
    sampler: str
    control: str
    fraction: float
    metric: str
    difference: float
    low: float
    high: float
    n_repetitions: int
    shown: bool
    repetitions_needed: int | None
    sentence: str
    n_splits: int = 1


@dataclass(frozen=True)
class Row:
    """One row of a comparison: network, sampler and fraction, over its splits and repetitions.

    Attributes
    ----------
    n_repetitions : int
        Runs, those of all splits together.
    means, lows, highs : mapping of str to float
        By metric; 95 % intervals.
    select_seconds, train_seconds : float
        Means.
    validation_seconds : float
        Mean of what of the training went to the validation images; NaN where that was not measured.
    feature_seconds : float
        Sum over its runs of what the features of the backbone took where they were not there.
    pays_after : int or None
        After how many trainings selecting, and the teacher of soft labels, have paid for themselves against training
        on everything; None where everything was not trained or training is not faster.
    n_splits : int
    teacher_seconds : float
        Mean; 0 without soft labels.
    class_measures : mapping of str to mapping of str to (float, float, float)
        By metric and class: mean and 95 % interval, of the metrics that have a value for each class. The interval is
        that of the test images alone.
    unknown : mapping of str to str
        Why a mean is NaN, by metric.
    curves : Curves or None
        Mean over its runs; None where one of them was stored without the probabilities of all classes.
    """

    network: str
    sampler: str
    fraction: float
    n_images: int
    n_repetitions: int
    means: Mapping[str, float]
    lows: Mapping[str, float]
    highs: Mapping[str, float]
    select_seconds: float
    train_seconds: float
    pays_after: int | None
    n_splits: int = 1
    teacher_seconds: float = 0.0
    validation_seconds: float = math.nan
    feature_seconds: float = 0.0
    class_measures: Mapping[str, Mapping[str, tuple[float, float, float]]] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    curves: Curves | None = None


@dataclass(frozen=True)
class Note:
    """One sentence for the user that is not a result and no error, published while a job continues."""

    sentence: str


TrainingPart = Epoch | RunResult | Note
"""Parts that trainings publish before all are done: each epoch, each finished run, and sentences for the user."""


@dataclass(frozen=True)
class Answer:
    """The cost of one coreset in accuracy, for one network.

    Attributes
    ----------
    network, sampler : str
    fraction : float
    sentence : str
        Accuracy compared with the whole pool and with random, the interval of the difference, the time, and what can
        be said of it.
    is_equal : bool or None
        Whether the 90 % interval of the difference from the whole pool is inside the margin; None where that is not
        known.
    """

    network: str
    sampler: str
    fraction: float
    sentence: str
    is_equal: bool | None


@dataclass(frozen=True)
class Comparison:
    """Runs, their table and what they show.

    Attributes
    ----------
    runs : tuple of RunResult
    rows : tuple of Row
    differences : tuple of Difference
    sentences : tuple of str
        What they show, and last what to keep in mind.
    notes : tuple of str
        The sentences on stored runs that could not be read, and on metrics of plugins that failed.
    answers : tuple of Answer
        What each coreset costs; the sentences begin with theirs.
    folds : int
        Into how many folds the images are divided, each of which is a split; 0: splits of their own.
    steps : str
        ``"falling"`` or ``"equal"``, as `TrainingSettings.steps`: the mode of all its trainings by steps, since none
        of another mode is put in. Empty where no network is trained by steps, or it is not known.
    relabelled : Relabelled or None
        How many of its images were relabelled, and the test accuracy without that; None if none was.
    """

    runs: tuple[RunResult, ...]
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    sentences: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    folds: int = 0
    steps: str = ""
    relabelled: Relabelled | None = None

    @property
    def n_splits(self) -> int:
        """Into how many splits its runs are divided."""
        return max((row.n_splits for row in self.rows), default=1)

    def without_probabilities(self) -> "Comparison":
        """Return the comparison with runs that are quick to send."""
        return replace(self, runs=tuple(run.without_probabilities() for run in self.runs))
