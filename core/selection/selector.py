"""scikit-learn interface: select a coreset of arrays in a notebook, by the same code as the application."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from coreset_studio.core.errors import SelectionError, SettingsError
from coreset_studio.core.features.pca import ClassPca
from coreset_studio.core.features.pool_pca import PoolPca
from coreset_studio.core.features.views import join, mean_square, view_scales
from coreset_studio.core.results import ClassEmbedding, Coreset, FloatArray, IntArray
from coreset_studio.core.selection.budgets import class_weights, equal_first_of, hand_out, share_of
from coreset_studio.core.selection.clustering import cluster_class
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.difficulty import class_difficulty
from coreset_studio.core.selection.orders import OrderCache
from coreset_studio.core.selection.sampling import ClassPool
from coreset_studio.core.selection.selecting import find_sampler, select_rows
from coreset_studio.core.settings import BY_DIFFICULTY, ClassBudgetRule, ClusterSettings, SelectionSettings, with_own

POOL_COMPONENTS = 50
Float64Array = NDArray[np.float64]
# All but those by hand, which are fractions of named classes.
_BUDGETS = tuple(rule for rule in get_args(ClassBudgetRule) if rule != "by-hand")
# Squares of what is outside have no place in float32.
_SMALLEST, _LARGEST = 1e-15, 1e15


class CoresetSelector(BaseEstimator):  # type: ignore[misc]
    """Choose a small, diverse part of labelled rows.

    Each class is reduced by PCA, clustered around medoids, and selected from by a sampler, as the application does with
    images.

    Parameters
    ----------
    sampler : str
        A name of the registry, such as ``"balanced-herding"``, ``"intelligent"`` or ``"stratified"``.
    fraction : float
        0 < fraction <= 1, of the rows; at least one row is selected.
    random_state : int, RandomState or None
        Seeds clusters and drawing samplers.
    variance : float or None
        Share of the variance that PCA keeps for each class and block; None takes the columns as they are, centred.
    blocks : sequence of int or None
        Numbers of columns of several views side by side, such as two networks' features; each is reduced on its own and
        counts the same. None: one block.
    budgets : {"recommended", "sampler", "proportional", "equal", "square-root", "equal-then-square-root", \
"square-root-difficulty", "difficulty"}
        How the total is divided over classes; ``"recommended"`` is what measurements recommend for the sampler,
        ``"sampler"`` its own rule.
    beta : float
        >= 0; exponent of budgets by difficulty.
    mu : float or None
        0 <= mu <= 1; how much balanced herding makes every cluster count the same. None: the sampler's own default.
        Samplers without such a setting do not look at it.
    settings : dict or None
        Values of the sampler's own settings by name, such as ``{"budget_over_clusters": "neyman"}`` for
        ``"intelligent"``; what is not named has its default.
    k_max : int
        >= 2; most clusters of a class.
    exact_up_to : int
        Larger classes are clustered on a sample and selected from in parts, and more rows have neighbours of near cells
        where the difficulty of classes counts, as with `ClusterSettings.exact_up_to`. 0: all is exact.

    Attributes
    ----------
    indices_ : ndarray of shape (n_chosen,), int64
        Rows selected, ascending.
    order_ : ndarray of shape (n_chosen,), int64
        The same rows in the order in which they are selected. Of a nested sampler with one rule of budgets the first m
        are the coreset of m.
    clusters_ : ndarray of shape (n_samples,), int64
        Cluster of each row inside its class, 0 the largest.
    classes_ : ndarray of shape (n_classes,)
        Labels seen.
    budgets_ : dict
        Rows selected by label.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where `X` has column names, such as a DataFrame.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(200, 8))
    >>> y = np.repeat(["lymphocyte", "monocyte"], 100)
    >>> selector = CoresetSelector(sampler="balanced-herding", fraction=0.05, random_state=0).fit(X, y)
    >>> len(selector.indices_)
    10
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "sampler": [str],
        "fraction": [Interval(Real, 0, 1, closed="right")],
        "random_state": ["random_state"],
        "variance": [Interval(Real, 0, 1, closed="right"), None],
        "blocks": ["array-like", None],
        "budgets": [StrOptions(set(_BUDGETS))],
        "beta": [Interval(Real, 0, None, closed="left")],
        # Its range is that of the sampler's own setting.
        "mu": [Real, None],
        "settings": [Mapping, None],
        "k_max": [Interval(Integral, 2, None, closed="left")],
        "exact_up_to": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        sampler: str = "balanced-herding",
        fraction: float = 0.05,
        *,
        random_state: Any = 0,
        variance: float | None = 0.95,
        blocks: Sequence[int] | None = None,
        budgets: ClassBudgetRule = "recommended",
        beta: float = 0.25,
        mu: float | None = None,
        settings: Mapping[str, Any] | None = None,
        k_max: int = 10,
        exact_up_to: int = 20_000,
    ) -> None:
        self.sampler = sampler
        self.fraction = fraction
        self.random_state = random_state
        self.variance = variance
        self.blocks = blocks
        self.budgets = budgets
        self.beta = beta
        self.mu = mu
        self.settings = settings
        self.k_max = k_max
        self.exact_up_to = exact_up_to

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:  # noqa: N803
        """Choose a coreset of `X`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite features, an array or a DataFrame; centred as they are, then computed in float32.
        y : array-like of shape (n_samples,), optional
            Labels; without them all rows are one class.

        Raises
        ------
        ValueError
            If a parameter, `X` or `y` is not valid, in scikit-learn's words.
        SelectionError
            If the sampler is not known, or `blocks` do not add up to the columns.
        SettingsError
            If the sampler has no setting of a name in `settings`, or a value is out of its range.
        """
        self._validate_params()
        if y is None:
            rows, labels = validate_data(self, X), None
        else:
            rows, labels = validate_data(self, X, y, dtype="numeric", y_numeric=False)
        self.classes_, positions = np.unique(np.zeros(len(rows)) if labels is None else labels, return_inverse=True)
        seed = self._seed()
        blocks = self._blocks(np.asarray(rows, dtype=np.float64))
        positions = positions.astype(np.int64)
        # They sort as the labels do.
        names = [f"{position:09d}" for position in range(len(self.classes_))]
        every = np.arange(len(rows), dtype=np.int64)
        embeddings = [
            _embedded(name, np.flatnonzero(positions == position), blocks, self.variance)
            for position, name in enumerate(names)
        ]
        clustering = ClusterSettings(k_max=self.k_max, seed=seed, exact_up_to=int(self.exact_up_to))
        clusters = [cluster_class(one, clustering) for one in embeddings]
        self.clusters_ = np.empty(len(rows), dtype=np.int64)
        for found in clusters:
            self.clusters_[found.indices] = found.labels
        sampler = find_sampler(self.sampler)
        settings = self._selection(sampler, len(rows), seed)
        rule = sampler.budget_rule(self.budgets)
        difficulty = (
            class_difficulty(positions, names, _across(blocks), exact_up_to=clustering.exact_up_to)
            if rule in BY_DIFFICULTY
            else None
        )
        orders = OrderCache()
        coreset = select_rows(
            positions,
            names,
            every,
            settings,
            embeddings=embeddings,
            clusters=clusters,
            difficulty=difficulty,
            across=_across(blocks) if sampler.scope == "joint" else None,
            orders=orders,
            exact_up_to=clustering.exact_up_to,
        )
        if sampler.scope == "pool":
            everything = ClassPool.plain("", len(rows), seed)
            self.order_ = orders.get(sampler, everything, len(coreset.indices), settings).rows[: len(coreset.indices)]
        else:
            self.order_ = _interleaved(
                coreset, class_weights(rule, coreset.pool_sizes, settings, difficulty), max(equal_first_of(rule), 1)
            )
        self.indices_ = np.sort(self.order_)
        self.budgets_ = dict(zip(self.classes_.tolist(), coreset.budgets.values(), strict=True))
        return self

    def fit_resample(self, X: ArrayLike, y: ArrayLike) -> tuple[Any, Any]:  # noqa: N803
        """Choose a coreset and return its rows and labels.

        Returns
        -------
        rows, labels
            In the order of `indices_`, of the kind that was given: a DataFrame and a Series with their index and types
            where `X` and `y` are such, else arrays.

        Raises
        ------
        ValueError
            Also where `y` contains no classes.
        """
        if y is None:
            raise ValueError("fit_resample requires labels: y is None. Without labels use fit(X).indices_.")
        check_classification_targets(y)
        self.fit(X, y)
        check_is_fitted(self)
        return _taken(X, self.indices_), _taken(y, self.indices_)

    def _selection(self, sampler: Sampler, n_rows: int, seed: int) -> SelectionSettings:
        settings = SelectionSettings(
            sampler=sampler.name,
            images=max(1, share_of(float(self.fraction), n_rows)),
            fraction=float(self.fraction),
            seed=seed,
            budget_over_classes=self.budgets,
            beta=self.beta,
        )
        own = dict(self.settings or {})
        known = {each.name for each in fields(sampler.settings)} if sampler.settings is not None else set()
        if self.mu is not None and "mu" in known:
            if own.get("mu", self.mu) != self.mu:
                raise SettingsError(f"mu is {self.mu}, but settings has {own['mu']}; set only one of them.")
            own = {"mu": self.mu, **own}
        return with_own(settings, sampler.name, **own) if own else settings

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer) and self.random_state >= 0:
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _blocks(self, rows: Float64Array) -> list[Float64Array]:
        if self.blocks is None:
            return [rows]
        if any(isinstance(width, bool) or not isinstance(width, Integral) for width in self.blocks):
            raise SelectionError(f"The blocks are {list(self.blocks)}; expected integer numbers of columns, in order.")
        widths = [int(width) for width in self.blocks]
        if sum(widths) != rows.shape[1] or min(widths, default=0) < 1:
            raise SelectionError(
                f"The blocks have {' + '.join(map(str, widths)) or 'no'} columns, but X has {rows.shape[1]}. "
                "Give the number of columns of each block, in order."
            )
        return np.split(rows, np.cumsum(widths)[:-1], axis=1)


def _taken(table: Any, rows: IntArray) -> Any:
    """Return rows of a table as one of its kind; of a list as an array."""
    return (
        _safe_indexing(table, rows)
        if hasattr(table, "iloc") or hasattr(table, "__dataframe__")
        else np.asarray(table)[rows]
    )


def _embedded(name: str, rows: IntArray, blocks: Sequence[Float64Array], variance: float | None) -> ClassEmbedding:
    """Return the embedding of one class, of only the rows to select from."""
    joined = _joined([_reduced(_centred(block[rows]), variance) for block in blocks])
    nothing = np.zeros((0, joined.shape[1]), dtype=np.float32)
    return ClassEmbedding(name, rows.astype(np.int64), joined, np.zeros(0, dtype=np.int64), nothing, ())


def _across(blocks: Sequence[Float64Array]) -> FloatArray:
    """Return the embedding of all rows across classes."""
    every = np.arange(len(blocks[0]), dtype=np.int64)
    return _joined(
        [
            PoolPca(partial(_rows, _centred(block)), every, block.shape[1], POOL_COMPONENTS).project(every)
            for block in blocks
        ]
    )


def _centred(rows: Float64Array) -> FloatArray:
    """Return rows about their mean in float32: what is cast before loses all that an offset leaves no digits for."""
    # About the first row, so that identical rows leave exactly nothing. Divided before, since sums may overflow.
    size = float(np.abs(rows).max(initial=0))
    left = rows / _power_of_two(size) if size > _LARGEST else rows.copy()
    left -= left[:1].copy()
    left -= left.mean(axis=0)
    spread = float(np.abs(left).max(initial=0))
    return (left / _power_of_two(spread) if 0 < spread < _SMALLEST else left).astype(np.float32)


def _power_of_two(size: float) -> float:
    return float(2.0 ** np.floor(np.log2(size)))


def _rows(block: FloatArray, rows: IntArray) -> FloatArray:
    return block[rows]


def _reduced(rows: FloatArray, variance: float | None) -> FloatArray:
    return rows if variance is None else ClassPca(rows, variance).scores


def _joined(views: Sequence[FloatArray]) -> FloatArray:
    return join(
        views, view_scales([str(number) for number in range(len(views))], [mean_square(view) for view in views])
    )


def _interleaved(coreset: Coreset, weights: dict[str, float], equal_first: int) -> NDArray[np.int64]:
    """Return selected rows in the order in which a growing budget would add them, across classes."""
    n = len(coreset.indices)
    names = sorted(coreset.budgets)
    class_of_rank = hand_out(
        [coreset.pool_sizes[name] for name in names], [weights[name] for name in names], equal_first=equal_first
    )
    starts = np.cumsum([0, *(coreset.budgets[name] for name in names)])
    result = np.empty(n, dtype=np.int64)
    for position in range(len(names)):
        places = np.flatnonzero(class_of_rank[:n] == position)
        result[places] = coreset.indices[starts[position] : starts[position] + len(places)]
    return result
