"""Results of trainings and comparisons: epochs, metrics, runs, rows, differences."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from coreset_studio.core.results.arrays import FloatArray, IntArray
from coreset_studio.core.results.curves import Curves
from coreset_studio.core.results.embeddings import WeightsUsed
from coreset_studio.core.results.relabelling import Relabelled


@dataclass(frozen=True)
class Epoch:
    """One epoch of a training.

    Attributes
    ----------
    number : int
        From 1.
    loss, accuracy : float
        On the training images.
    validation_loss, validation_accuracy : float
        On the validation images; NaN if they were not evaluated.
    learning_rate : float
        At the start of the epoch.
    seconds : float
        Time of the whole epoch.
    validation_seconds : float
        Time of it that was spent on the validation images.
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
    """Metrics of predictions (paper, section 5.3; averages are over classes, see docs/method.md, section 1.8).

    ``metrics["accuracy"]`` is short for ``metrics.values["accuracy"]``.

    Attributes
    ----------
    values : mapping of str to float
        Every metric by name; NaN if it is undefined.
    worst_class : str
        Class with the lowest recall.
    worst_cluster : str
        Cluster with the lowest recall, ``"class / cluster number from 1"``; empty if no cluster has enough test images.
    class_precision, class_recall, class_f1 : mapping of str to float
        By class, 0 to 1.
    support : mapping of str to int
        Number of test images by class.
    confusion : ndarray of shape (n_classes, n_classes), int64
        Rows are true classes, columns predicted ones.
    failed : mapping of str to str
        One sentence for each metric of a plugin whose code failed.
    class_values : mapping of str to mapping of str to float
        Values by metric and class, of the metrics that have one for each class; NaN if it is undefined.
    class_sizes : mapping of str to mapping of str to int
        Numbers of images that the values in `class_values` are shares of.
    unknown : mapping of str to str
        Reasons for values that are NaN, by metric.
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
        Name in the registry of networks.
    sampler : str
        ``"everything"`` for the whole pool.
    fraction : float
        Share of the pool, 0 < f <= 1.
    repetition : int
        From 0; seeds selection, initial weights and shuffling together.
    fingerprint : str
        Fingerprint of all other inputs: training, validation and test images, settings, weights.
    split : int
        Number of the split of the comparison, from 0.
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
        Number of images that the network was trained on.
    classes : tuple of str
    history : tuple of Epoch
        Empty for a network that is not trained by epochs, such as the linear probe.
    best_epoch : int
        Number of the epoch whose weights were kept; 0 without epochs.
    metrics : Metrics
        On the test images.
    test_indices, true, predicted : ndarray of shape (n_test,), int64
        Indices of the test images, and their classes as positions in `classes`.
    confidence : ndarray of shape (n_test,), float32
        Probability of the predicted class.
    train_seconds : float
        Time of the training, including the validation images (see `validation_seconds`), without features.
    feature_seconds : float
        Time to compute the features of the frozen backbone that were not in the cache.
    select_seconds : float
        Time to select the coreset.
    device : str
    weights : WeightsUsed or None
        Weights of the backbone, or of the extractor of the linear probe.
    note : str
        Label to show with the result, such as ``"untrained backbone"``; empty if there is none.
    clusters : ndarray of shape (n_test,), int64, or None
        Cluster of each test image within its true class, -1 if it has none; None if nothing was clustered.
    probabilities : ndarray of shape (n_test, n_classes), float32, or None
        Probabilities of all classes; None for a run that was stored without them, or that is sent to the window.
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
        """Seconds of the training that were spent on the validation images; NaN if they were not measured."""
        seconds = sum(epoch.validation_seconds for epoch in self.history)
        validated = any(not math.isnan(epoch.validation_accuracy) for epoch in self.history)
        return math.nan if validated and not seconds > 0 else seconds

    def without_probabilities(self) -> "RunResult":
        """Return the run without `probabilities`, its largest array, which only metrics use."""
        return replace(self, probabilities=None)


@dataclass(frozen=True)
class Difference:
    """A paired difference between two rows of a comparison (docs/method.md, section 4).

    Attributes
    ----------
    network, sampler, control : str
        Names; `control` is the sampler that is the baseline.
    fraction : float
        Share of the pool, 0 < f <= 1.
    metric : str
    difference, low, high : float
        Metric of the sampler minus that of the baseline, with its 95 % interval.
    n_repetitions : int
        Number of pairs over all splits.
    shown : bool
        Whether the interval excludes zero.
    repetitions_needed : int or None
        Number of repetitions, or with several splits of splits, that would show the difference of interest; None with
        fewer than two repetitions.
    sentence : str
        The result for the user.
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
    network, sampler : str
        Names.
    fraction : float
        Share of the pool, 0 < f <= 1.
    n_images : int
        Number of images that the network was trained on.
    n_repetitions : int
        Number of runs over all splits.
    means, lows, highs : mapping of str to float
        Means by metric, and their 95 % intervals.
    select_seconds, train_seconds : float
        Mean times of selecting and training.
    validation_seconds : float
        Mean time of the training that was spent on the validation images; NaN if it was not measured.
    feature_seconds : float
        Time to compute the features of the backbone that were not in the cache, summed over the runs.
    pays_after : int or None
        Number of trainings after which the time saved exceeds that of selecting and of the teacher of soft labels;
        None if the whole pool was not trained on or training is not faster.
    n_splits : int
    teacher_seconds : float
        Mean time to fit the teacher; 0 without soft labels.
    class_measures : mapping of str to mapping of str to (float, float, float)
        Mean and 95 % interval by metric and class, of the metrics that have a value for each class. The interval
        only covers the variation over test images.
    unknown : mapping of str to str
        Reasons for means that are NaN, by metric.
    curves : Curves or None
        Mean curves of the runs; None if one of them was stored without the probabilities of all classes.
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
    """A sentence for the user that is neither a result nor an error, published while a job continues."""

    sentence: str


TrainingPart = Epoch | RunResult | Note
"""Parts that trainings publish before all are finished: epochs, finished runs, and sentences for the user."""


@dataclass(frozen=True)
class Answer:
    """The cost of one coreset in accuracy, for one network.

    Attributes
    ----------
    network, sampler : str
    fraction : float
    sentence : str
        Accuracy compared with the whole pool and with random selection, the interval of the difference, the time, and
        the conclusion.
    is_equal : bool or None
        Whether the 90 % interval of the difference from the whole pool is inside the margin; None if it is unknown.
    """

    network: str
    sampler: str
    fraction: float
    sentence: str
    is_equal: bool | None


@dataclass(frozen=True)
class Comparison:
    """Runs, their table, and the conclusions.

    Attributes
    ----------
    runs : tuple of RunResult
    rows : tuple of Row
    differences : tuple of Difference
    sentences : tuple of str
        The conclusions, and last the limitations.
    notes : tuple of str
        Sentences on stored runs that could not be read, and on metrics of plugins that failed.
    answers : tuple of Answer
        Costs of each coreset; `sentences` begins with theirs.
    folds : int
        Number of folds that the images are divided into, each of which is a split; 0 without folds.
    steps : str
        ``"falling"`` or ``"equal"``, as `TrainingSettings.steps`: the mode of all trainings by steps, since a
        comparison has runs of one mode only. Empty if no network is trained by steps, or the mode is unknown.
    relabelled : Relabelled or None
        Relabelled images, and the test accuracy with the original labels; None if no image was relabelled.
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
        """Number of splits of its runs."""
        return max((row.n_splits for row in self.rows), default=1)

    def without_probabilities(self) -> "Comparison":
        """Return the comparison with runs without `probabilities`, which is small enough for the window."""
        return replace(self, runs=tuple(run.without_probabilities() for run in self.runs))
