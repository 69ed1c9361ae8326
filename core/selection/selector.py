"""The scikit-learn face: choose a coreset of arrays in a notebook, by the same code as the application."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from core.errors import SelectionError
from core.features.pca import ClassPca
from core.features.pool_pca import PoolPca
from core.features.views import join, mean_square, view_scales
from core.results import ClassEmbedding, Coreset, Dataset, FloatArray, Image, IntArray, PoolEmbedding, Split
from core.selection.budgets import class_weights, hand_out, share_of
from core.selection.clustering import cluster_class
from core.selection.difficulty import class_difficulty
from core.selection.sampling import ClassPool
from core.selection.selecting import find_sampler, select
from core.settings import ClassBudgetRule, ClusterSettings, SelectionSettings, with_own

POOL_COMPONENTS = 50


class CoresetSelector(BaseEstimator):  # type: ignore[misc]
    """Choose a small, diverse part of labelled rows.

    Each class is reduced by PCA, clustered around medoids, and chosen from by a sampler, as the application does with
    images.

    Parameters
    ----------
    sampler : str
        A name of the registry, such as ``"balanced-herding"``, ``"intelligent"`` or ``"stratified"``.
    fraction : float
        0 < fraction <= 1, of the rows; at least one row is chosen.
    random_state : int, RandomState or None
        Seeds clusters and drawing samplers.
    variance : float or None
        Share of the variance that PCA keeps for each class and block; None takes the columns as they are, centred.
    blocks : sequence of int or None
        Numbers of columns of several views side by side, such as two networks' features; each is reduced on its own and
        counts the same. None: one block.
    budgets : {"sampler", "proportional", "equal", "square-root", "difficulty"}
        How the total is divided over classes; ``"sampler"`` is the sampler's own rule.
    beta : float
        >= 0; exponent of budgets by difficulty.
    mu : float
        0 <= mu <= 1; how much balanced herding makes every cluster count the same.
    k_max : int
        >= 2; most clusters of a class.

    Attributes
    ----------
    indices_ : ndarray of shape (n_chosen,), int64
        Rows chosen, ascending.
    order_ : ndarray of shape (n_chosen,), int64
        The same rows in the order in which they are chosen. Of a nested sampler with one rule of budgets the first m
        are the coreset of m.
    clusters_ : ndarray of shape (n_samples,), int64
        Cluster of each row inside its class, 0 the largest.
    classes_ : ndarray of shape (n_classes,)
        Labels seen.
    budgets_ : dict
        Rows chosen by label.
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(200, 8))
    >>> y = np.repeat(["lymphocyte", "monocyte"], 100)
    >>> selector = CoresetSelector(sampler="balanced-herding", fraction=0.05, random_state=0).fit(X, y)
    >>> len(selector.indices_)
    10
    """

    def __init__(
        self,
        sampler: str = "balanced-herding",
        fraction: float = 0.05,
        *,
        random_state: Any = 0,
        variance: float | None = 0.95,
        blocks: Sequence[int] | None = None,
        budgets: ClassBudgetRule = "sampler",
        beta: float = 0.25,
        mu: float = 0.25,
        k_max: int = 10,
    ) -> None:
        self.sampler = sampler
        self.fraction = fraction
        self.random_state = random_state
        self.variance = variance
        self.blocks = blocks
        self.budgets = budgets
        self.beta = beta
        self.mu = mu
        self.k_max = k_max

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:  # noqa: N803
        """Choose a coreset of `X`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite features; computed in float32.
        y : array-like of shape (n_samples,), optional
            Labels; without them all rows are one class.

        Raises
        ------
        SelectionError
            If the sampler is not known, or `blocks` do not add up to the columns.
        """
        if y is None:
            rows, labels = validate_data(self, X), None
        else:
            rows, labels = validate_data(self, X, y, dtype="numeric", y_numeric=False)
        self.classes_, positions = np.unique(np.zeros(len(rows)) if labels is None else labels, return_inverse=True)
        seed = self._seed()
        blocks = self._blocks(np.asarray(rows, dtype=np.float32))
        scene = _Scene(positions.astype(np.int64), len(self.classes_))
        embeddings = scene.embed_classes(blocks, self.variance)
        clusters = [cluster_class(one, ClusterSettings(k_max=self.k_max, seed=seed)) for one in embeddings]
        self.clusters_ = np.empty(len(rows), dtype=np.int64)
        for found in clusters:
            self.clusters_[found.indices] = found.labels
        settings = SelectionSettings(
            sampler=self.sampler,
            images=max(1, share_of(float(self.fraction), len(rows))),
            fraction=float(self.fraction),
            seed=seed,
            budget_over_classes=self.budgets,
            beta=self.beta,
        )
        if self.sampler == "balanced-herding":
            settings = with_own(settings, self.sampler, mu=self.mu)
        rule = find_sampler(self.sampler).class_budget if self.budgets == "sampler" else self.budgets
        difficulty = class_difficulty(scene.dataset, scene.embed_pool(blocks)) if rule == "difficulty" else None
        coreset = select(scene.dataset, scene.split, embeddings, clusters, settings, difficulty=difficulty)
        weights = class_weights(rule, coreset.pool_sizes, settings, difficulty)
        self.order_ = _order(coreset, weights, len(rows), seed)
        self.indices_ = np.sort(self.order_)
        self.budgets_ = dict(zip(self.classes_.tolist(), coreset.budgets.values(), strict=True))
        return self

    def fit_resample(self, X: ArrayLike, y: ArrayLike) -> tuple[Any, Any]:  # noqa: N803
        """Choose a coreset and return its rows and labels."""
        self.fit(X, y)
        check_is_fitted(self)
        return np.asarray(X)[self.indices_], np.asarray(y)[self.indices_]

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer) and self.random_state >= 0:
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _blocks(self, rows: FloatArray) -> list[FloatArray]:
        if self.blocks is None:
            return [rows]
        widths = [int(width) for width in self.blocks]
        if sum(widths) != rows.shape[1] or min(widths, default=0) < 1:
            raise SelectionError(
                f"The blocks have {' + '.join(map(str, widths)) or 'no'} columns, but X has {rows.shape[1]}. "
                "Give the number of columns of each block, in order."
            )
        return np.split(rows, np.cumsum(widths)[:-1], axis=1)


class _Scene:
    """Rows of arrays as the engine sees images: in path order, all of them in the pool."""

    def __init__(self, positions: IntArray, n_classes: int) -> None:
        # Class names sort as the labels do.
        names = [f"{position:09d}" for position in range(n_classes)]
        images = tuple(
            Image(f"{row:09d}", names[position], None, "", 1, 1, str(row), str(row), 0, 0, "0" * 16)
            for row, position in enumerate(positions.tolist())
        )
        nothing = np.zeros(0, dtype=np.int64)
        self.dataset = Dataset(root=Path(), source=Path(), kind="npz", images=images)
        self.split = Split(np.arange(len(images), dtype=np.int64), nothing, nothing)

    def embed_classes(self, blocks: Sequence[FloatArray], variance: float | None) -> tuple[ClassEmbedding, ...]:
        result = []
        for position, name in enumerate(self.dataset.classes):
            inside = np.flatnonzero(self.dataset.labels == position).astype(np.int64)
            views = [_reduced(block[inside], variance) for block in blocks]
            joined = _joined(views)
            nothing = np.zeros((0, joined.shape[1]), dtype=np.float32)
            result.append(ClassEmbedding(name, inside, joined, np.zeros(0, dtype=np.int64), nothing, ()))
        return tuple(result)

    def embed_pool(self, blocks: Sequence[FloatArray]) -> PoolEmbedding:
        pool = self.split.pool
        views = [
            PoolPca(partial(_rows, block), pool, block.shape[1], POOL_COMPONENTS).project(pool) for block in blocks
        ]
        return PoolEmbedding(pool, _joined(views), np.ones(len(pool), dtype=bool))


def _rows(block: FloatArray, rows: IntArray) -> FloatArray:
    return block[rows]


def _reduced(rows: FloatArray, variance: float | None) -> FloatArray:
    if variance is None:
        return np.asarray(rows - rows.mean(axis=0, dtype=np.float64), dtype=np.float32)
    return ClassPca(rows.copy(), variance).scores


def _joined(views: Sequence[FloatArray]) -> FloatArray:
    return join(
        views, view_scales([str(number) for number in range(len(views))], [mean_square(view) for view in views])
    )


def _order(coreset: Coreset, weights: dict[str, float], n_rows: int, seed: int) -> NDArray[np.int64]:
    """Return chosen rows in the order in which a growing budget would add them."""
    sampler = find_sampler(coreset.sampler)
    n = len(coreset.indices)
    if sampler.scope == "pool":
        nothing = np.zeros((n_rows, 0), dtype=np.float32)
        everything = ClassPool("", nothing, np.zeros(n_rows, dtype=np.int64), np.zeros(1, dtype=np.int64), seed)
        return sampler.order(everything, n).rows
    names = sorted(coreset.budgets)
    givers = hand_out(
        [coreset.pool_sizes[name] for name in names], [weights[name] for name in names], at_least_one=True
    )
    starts = np.cumsum([0, *(coreset.budgets[name] for name in names)])
    result = np.empty(n, dtype=np.int64)
    for position in range(len(names)):
        places = np.flatnonzero(givers[:n] == position)
        result[places] = coreset.indices[starts[position] : starts[position] + len(places)]
    return result
