"""Ideas for a coreset that also serves a network whose features no sampler saw; `quality_unseen` tries them.

An idea that won is a sampler by now: `core.selection.samplers.even_herding`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality_variants import steps
from coreset_studio.core.features.views import mean_square
from coreset_studio.core.pipeline.stages import Prepared
from coreset_studio.core.results import ClassEmbedding, FloatArray, IntArray
from coreset_studio.core.selection.budgets import budgets_over_classes, share_of
from coreset_studio.core.selection.kernel import Kernel, bandwidth
from coreset_studio.core.selection.samplers.balanced_herding.order import target
from coreset_studio.core.selection.samplers.even_herding.order import herd_in_stages

Matrix = NDArray[np.float64]
TWO, THREE = ("colour-texture", "vgg16"), ("colour-texture", "vgg16", "vgg16-avg")
KEPT_OF_PART = 0.85


@dataclass(frozen=True)
class Idea:
    """How the images of a class are put in order.

    Attributes
    ----------
    mu, evenness : float
        Target: clusters lifted by μ, density flattened by the power −evenness.
    widths : tuple of float
        The kernel is the mean of those with σ times each.
    linear : float
        Share of the linear kernel.
    repel : float
        How much likeness to other classes counts against an image.
    across : float
        Weight of the coordinates across classes as one more view.
    design : float or None
        Choose by transductive experimental design (Yu, Bi and Tresp 2006) with this penalty, in place of herding.
    exchange : {"", "stages", "each size"}
        Exchange images afterwards: in stages (nested), or for each fraction on its own (not nested).
    """

    extractors: tuple[str, ...] = THREE
    mu: float = 0.0
    evenness: float = 0.0
    widths: tuple[float, ...] = (1.0,)
    linear: float = 0.0
    repel: float = 0.0
    across: float = 0.0
    design: float | None = None
    exchange: str = ""
    beta: float = 0.25


BASE = "balanced herding, two views"
IDEAS: Mapping[str, Idea] = {
    BASE: Idea(TWO, mu=0.25),
    "balanced herding, three views": Idea(mu=0.25),
    "two views, μ 0": Idea(TWO),
    "two views, μ 0, σ × 2": Idea(TWO, widths=(2.0,)),
    "two views, μ 0, σ × 4": Idea(TWO, widths=(4.0,)),
    "colour-texture and vgg16-avg, μ 0": Idea(("colour-texture", "vgg16-avg")),
    "vgg16 and vgg16-avg, μ 0": Idea(("vgg16", "vgg16-avg")),
    "three views, μ 0": Idea(),
    "three views, μ 0, σ × 2": Idea(widths=(2.0,)),
    "three views, σ × 1, 2, 4": Idea(widths=(1.0, 2.0, 4.0)),
    "three views, ½ linear": Idea(linear=0.5),
    "three views, β 0": Idea(beta=0.0),
    "three views, β ½": Idea(beta=0.5),
    "three views, evenness −1 (dense parts)": Idea(evenness=-1.0),
    "three views, evenness −3": Idea(evenness=-3.0),
    "three views, evenness ½": Idea(evenness=0.5),
    "three views, evenness 1": Idea(evenness=1.0),
    "three views, evenness 2": Idea(evenness=2.0),
    "three views, drawn to other classes 0.3": Idea(repel=-0.3),
    "three views, away from other classes 0.3": Idea(repel=0.3),
    "three views, away from other classes 1": Idea(repel=1.0),
    "three views and across × 1": Idea(across=1.0),
    "three views and across × 3": Idea(across=3.0),
    "three views and across × 3, evenness 1": Idea(across=3.0, evenness=1.0),
    "three views, design 0.1": Idea(design=0.1, widths=(2.0,)),
    "three views, design 1": Idea(design=1.0, widths=(2.0,)),
    "three views, exchanged at each size": Idea(exchange="each size"),
    "three views, stages": Idea(exchange="stages"),
    "three views, stages, evenness ½": Idea(exchange="stages", evenness=0.5),
    "three views, stages, evenness 1": Idea(exchange="stages", evenness=1.0),
    "three views, stages, evenness 1, μ ¼": Idea(exchange="stages", evenness=1.0, mu=0.25),
    "three views and across × 3, stages, evenness ½": Idea(exchange="stages", evenness=0.5, across=3.0),
    "two views, stages": Idea(TWO, exchange="stages"),
    "two views, stages, evenness ½": Idea(TWO, exchange="stages", evenness=0.5),
    "two views, stages, evenness 1": Idea(TWO, exchange="stages", evenness=1.0),
    "no limit: MobileNetV2 itself, μ 0": Idea(("mobilenetv2",)),
    "no limit: two views and MobileNetV2, μ 0": Idea(("mobilenetv2", *TWO)),
}


@dataclass(frozen=True)
class Scene:
    """A split's pool, or a part of it, as an idea sees it; every mapping is by class."""

    prepared: Prepared
    part: int
    kept: Mapping[str, IntArray] = field(init=False)

    def __post_init__(self) -> None:
        random = np.random.default_rng(1000 * self.prepared.study.settings.data.split_seed + self.part)
        kept = {}
        for embedding in sorted(self.prepared.embeddings, key=lambda one: one.class_name):
            n = len(embedding.indices)
            size = n if self.part == 0 else round(KEPT_OF_PART * n)
            kept[embedding.class_name] = np.sort(random.permutation(n)[:size]) if self.part else np.arange(n)
        object.__setattr__(self, "kept", kept)

    def budgets(self, fraction: float, beta: float) -> dict[str, int]:
        """Return class budgets by difficulty, those of the whole pool."""
        sizes = {embedding.class_name: len(embedding.indices) for embedding in self.prepared.embeddings}
        weights = {name: n * (self.prepared.difficulty[name] + 0.05) ** beta for name, n in sizes.items()}
        found = budgets_over_classes(share_of(fraction, sum(sizes.values())), sizes, weights)
        return {name: min(budget, len(self.kept[name])) for name, budget in found.items()}

    def across(self, indices: IntArray) -> FloatArray:
        """Return coordinates across classes."""
        embedding = self.prepared.pool_embedding
        return np.asarray(embedding.embedding[np.searchsorted(embedding.indices, indices)])

    def of(self, embedding: ClassEmbedding, idea: Idea) -> tuple[FloatArray, IntArray]:
        """Return the points and clusters of one class."""
        kept = self.kept[embedding.class_name]
        points = np.asarray(embedding.embedding)[kept]
        if idea.across:
            more = self.across(embedding.indices[kept])
            more = more - more.mean(axis=0)
            more *= np.sqrt(idea.across * len(idea.extractors) / mean_square(more))
            points = np.concatenate([points, more.astype(np.float32)], axis=1)
        return points, self.prepared.clusters_of(embedding.class_name).labels[kept]


def kernel_matrix(points: FloatArray, idea: Idea) -> Matrix:
    """Return the kernel of an idea over one class."""
    width, every = bandwidth(points), np.arange(len(points))
    matrix = np.mean([Kernel(points, factor * width).rows(every).astype(np.float64) for factor in idea.widths], axis=0)
    if idea.linear:
        exact = points.astype(np.float64)
        matrix = (1 - idea.linear) * matrix + idea.linear * (exact @ exact.T) / mean_square(points)
    return np.asarray(matrix)


class _Fixed(Kernel):
    """A kernel whose matrix is given."""

    def __init__(self, matrix: Matrix) -> None:
        super().__init__(np.zeros((len(matrix), 1), dtype=np.float32), 1.0)
        self._given = matrix.astype(np.float32)

    def rows(self, images: IntArray) -> NDArray[np.float32]:
        return np.asarray(self._given[images])


def orders(scene: Scene, embedding: ClassEmbedding, idea: Idea, sizes: list[int]) -> list[IntArray]:
    """Return rows for each size: heads of one order, but where an idea exchanges at each size."""
    points, clusters = scene.of(embedding, idea)
    matrix = kernel_matrix(points, idea)
    weights = target(clusters, idea.mu) * matrix.mean(axis=1) ** -idea.evenness
    wanted = matrix @ (weights / weights.sum())
    if idea.repel:
        wanted = wanted - idea.repel * wanted.std() * _likeness_to_others(scene, embedding)
    if idea.design is not None:
        rows = _design(matrix, idea.design * len(matrix) / 100, max(sizes))
    elif idea.exchange == "stages":
        rows = herd_in_stages(_Fixed(matrix), wanted, max(sizes))
    else:
        rows = steps(matrix, wanted, max(sizes))
    if idea.exchange != "each size":
        return [rows[:size] for size in sizes]
    return [_exchanged(matrix, wanted, rows[:size]) for size in sizes]


def _likeness_to_others(scene: Scene, embedding: ClassEmbedding) -> Matrix:
    """Return the mean kernel to images of other classes, in units of its spread."""
    own = scene.across(embedding.indices[scene.kept[embedding.class_name]])
    pool = scene.prepared.split.pool
    labels = scene.prepared.dataset.labels
    others = scene.across(np.sort(pool[labels[pool] != labels[embedding.indices[0]]]))
    kernel = Kernel(np.concatenate([own, others]), bandwidth(own))
    means = kernel.rows(np.arange(len(own)))[:, len(own) :].mean(axis=1, dtype=np.float64)
    return np.asarray(means / means.std())


def _design(matrix: Matrix, penalty: float, n: int) -> IntArray:
    rest, taken, rows = matrix.copy(), np.zeros(len(matrix)), []
    for _ in range(n):
        rows.append(int(((rest**2).sum(axis=1) / (rest.diagonal() + penalty) + taken).argmax()))
        taken[rows[-1]] = -np.inf
        column = rest[:, rows[-1]].copy()
        rest -= np.outer(column, column) / (column[rows[-1]] + penalty)
    return np.array(rows, dtype=np.int64)


def _exchanged(matrix: Matrix, wanted: Matrix, rows: IntArray) -> IntArray:
    """Make the single exchange that lowers MMD² most, until none does."""
    chosen, m = rows.copy(), len(rows)
    taken = matrix[chosen].sum(axis=0)
    for _ in range(3 * m):
        out = -2 * taken[chosen] / m**2 + matrix[chosen, chosen] / m**2 + 2 * wanted[chosen] / m
        change = out[:, None] + 2 * taken / m**2 + matrix.diagonal() / m**2 - 2 * wanted / m
        change -= 2 * matrix[chosen] / m**2
        change[:, chosen] = np.inf
        place, row = np.unravel_index(int(change.argmin()), change.shape)
        if change[place, row] > -1e-9:
            break
        taken += matrix[row] - matrix[chosen[place]]
        chosen[place] = row
    return chosen


def try_idea(scene: Scene, idea: Idea, fractions: Iterable[float]) -> dict[float, IntArray]:
    """Return an idea's coresets by fraction."""
    budgets = {fraction: scene.budgets(fraction, idea.beta) for fraction in fractions}
    chosen: dict[float, list[IntArray]] = {fraction: [] for fraction in budgets}
    for embedding in scene.prepared.embeddings:
        sizes = [budget[embedding.class_name] for budget in budgets.values()]
        indices = embedding.indices[scene.kept[embedding.class_name]]
        for fraction, rows in zip(budgets, orders(scene, embedding, idea, sizes), strict=True):
            chosen[fraction].append(indices[rows])
    return {fraction: np.sort(np.concatenate(parts)) for fraction, parts in chosen.items()}
