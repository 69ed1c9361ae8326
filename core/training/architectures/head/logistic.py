"""The linear probe: multinomial logistic regression on the embeddings of one extractor across classes."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.special
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from coreset_studio.core.cache import ArrayCache, fingerprint
from coreset_studio.core.errors import TrainingError
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Dataset, FloatArray, IntArray, PoolEmbedding
from coreset_studio.core.seeds import generator

# scikit-learn's C, the inverse strength of the L2 penalty, from strong to weak. Embeddings have mean squared norm 1.
STRENGTHS = tuple(10.0**power for power in range(-1, 6))
FOLDS = 3
MOST_ITERATIONS = 1000
STRENGTH_VERSION = 1


@dataclass(frozen=True)
class Head:
    """A fitted multinomial logistic regression.

    Attributes
    ----------
    coefficients : ndarray of shape (n_seen, n_features), float64
    intercepts : ndarray of shape (n_seen,), float64
    seen : ndarray of shape (n_seen,), int64
        Classes it was trained on, as positions among all classes, ascending; the others get probability 0.
    n_classes : int
        Of all classes.
    converged : bool
        Whether the solver came to an end before its last iteration.
    """

    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    seen: IntArray
    n_classes: int
    converged: bool = True

    def probabilities(self, rows: FloatArray) -> FloatArray:
        """Return the probabilities of all classes, shape (n, n_classes), float32."""
        result = np.zeros((len(rows), self.n_classes), dtype=np.float32)
        scores = rows.astype(np.float64) @ self.coefficients.T + self.intercepts
        result[:, self.seen] = scipy.special.softmax(scores, axis=1)
        return result


def fit_head(rows: FloatArray, labels: IntArray, n_classes: int, strength: float) -> Head:
    """Fit the linear probe.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
        n >= 1.
    labels : ndarray of shape (n,), int64
        Positions among `n_classes` classes; classes may be missing, and of one class only, the probe knows no other.
    n_classes : int
    strength : float
        > 0; scikit-learn's C, the inverse strength of the L2 penalty.
    """
    seen = np.unique(labels)
    if len(seen) == 1:
        return Head(np.zeros((1, rows.shape[1])), np.zeros(1), seen, n_classes)
    model = _fitted(LogisticRegression(C=strength, max_iter=MOST_ITERATIONS), rows.astype(np.float64), labels)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(seen) == 2:
        # Of two classes scikit-learn keeps the second one's scores alone.
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercepts = np.append(0.0, intercepts)
    return Head(coefficients, intercepts, seen, n_classes, bool(model.n_iter_.max() < MOST_ITERATIONS))


def choose_head_strength(
    dataset: Dataset, embedding: PoolEmbedding, *, seed: int = 0, progress: Progress = NO_PROGRESS
) -> float:
    """Choose the linear probe's penalty by cross-validation in the pool, once for every row of a comparison.

    Three folds, each class dealt out evenly; the strength with the highest mean accuracy, of several the strongest
    penalty.

    Parameters
    ----------
    dataset : Dataset
    embedding : PoolEmbedding
        Of one extractor.
    seed : int
        >= 0; seed of the folds.
    progress : Progress

    Returns
    -------
    float
        scikit-learn's C.

    Raises
    ------
    TrainingError
        If the pool has fewer than three images.
    """
    rows = np.asarray(embedding.embedding[embedding.in_pool], dtype=np.float64)
    labels = dataset.labels[embedding.indices[embedding.in_pool]]
    if len(labels) < FOLDS:
        raise TrainingError(
            f"The pool has {len(labels)} image{'s' * (len(labels) != 1)}; at least {FOLDS} are required to select the "
            f"linear probe's penalty by {FOLDS}-fold cross-validation. Add images or lower the test and validation "
            "fractions."
        )
    folds = _folds(labels, seed)
    hits = np.zeros(len(STRENGTHS))
    for fold in range(FOLDS):
        inside, outside = folds != fold, folds == fold
        for number, predicted in enumerate(_path(rows[inside], labels[inside], rows[outside])):
            hits[number] += (predicted == labels[outside]).sum()
            done = fold * len(STRENGTHS) + number + 1
            progress.report(done, FOLDS * len(STRENGTHS), "Selecting the penalty of the linear probe: fits")
    return STRENGTHS[int(hits.argmax())]


def kept_strength(
    dataset: Dataset, embedding: PoolEmbedding, cache_folder: Path, progress: Progress = NO_PROGRESS
) -> float:
    """Return what `choose_head_strength` does, from the cache where it is there: a comparison is summarised often."""
    cache = ArrayCache(cache_folder)
    names = [dataset.images[i].class_name for i in embedding.indices]
    key = fingerprint(STRENGTH_VERSION, np.asarray(embedding.embedding), np.asarray(embedding.in_pool), names)
    stored = cache.load("strength", key)
    if stored is None:
        strength = choose_head_strength(dataset, embedding, progress=progress)
        stored = cache.store("strength", key, {}, {"strength": strength})
    return float(stored.facts["strength"])


def _path(rows: NDArray[np.float64], labels: IntArray, others: NDArray[np.float64]) -> Iterator[IntArray]:
    """Yield what is predicted for `others` under each strength; each fit starts where the one before ended."""
    if len(np.unique(labels)) == 1:
        for _ in STRENGTHS:
            yield np.full(len(others), labels[0])
        return
    model = LogisticRegression(warm_start=True, max_iter=MOST_ITERATIONS)
    for strength in STRENGTHS:
        model.set_params(C=strength)
        yield _fitted(model, rows, labels).predict(others)


def _fitted(model: LogisticRegression, rows: NDArray[np.float64], labels: IntArray) -> LogisticRegression:
    # One thread: the matrices are small, more threads only wait for each other, and sums are then equal everywhere.
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        # Reported by `Head.converged` instead.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Of integers scikit-learn suspects that they are not classes where few images share one.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return model.fit(rows, labels)


def _folds(labels: IntArray, seed: int) -> IntArray:
    """Deal the images of each class over the folds, the next class going on where the last one ended."""
    folds = np.empty(len(labels), dtype=np.int64)
    start = 0
    for position in np.unique(labels):
        members = np.flatnonzero(labels == position)
        shuffled = generator(seed, "head folds", int(position)).permutation(members)
        folds[shuffled] = (start + np.arange(len(members))) % FOLDS
        start += len(members)
    return folds
