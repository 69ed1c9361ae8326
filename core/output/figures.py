"""Figures about images, features, clusters and the coreset (the paper's Figs. 2, 4, 5, 6), fit to print.

Every function returns a figure of its own; `core.output.drawing` writes it or puts it into the report. Panels of
classes are in the order given, as many per figure as its caller requires.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from coreset_studio.core.output.drawing import (
    HALF,
    INK,
    MEDOID,
    MUTED,
    PAPER,
    WIDE,
    line_style,
    marker,
    new_figure,
    panels,
    plain,
    shortened,
    style,
)
from coreset_studio.core.palette import class_mark, cluster_mark, sampler_mark, set_colour
from coreset_studio.core.results import (
    ClassClusters,
    ClassEmbedding,
    ClusterShares,
    Dataset,
    ProxyPoint,
    Separation,
    Split,
)
from coreset_studio.core.words import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MANY_POINTS = 1500
"""Above this many points a scatter is drawn as a bitmap inside the SVG."""

SILHOUETTE_BANDS = (0.25, 0.5, 0.7)
"""Kaufman and Rousseeuw (1990): no substantial structure, weak, reasonable, strong."""


def class_histogram(dataset: Dataset, split: Split | None = None) -> "Figure":
    """Draw the images of each class, divided into pool, validation and test (paper, Fig. 4)."""
    counts = class_counts(dataset, split)
    names = list(dataset.classes)
    with style():
        figure = new_figure(WIDE, 0.9 + 0.28 * len(names))
        axes = figure.add_subplot()
        left = np.zeros(len(names))
        for title, colour, values in counts:
            axes.barh(range(len(names)), values, left=left, color=colour, height=0.72, label=title)
            left += values
        for at, total in enumerate(left):
            axes.annotate(f"{total:,.0f}", (total, at), (4, 0), textcoords="offset points", va="center", fontsize=8.5)
        axes.set_yticks(range(len(names)), [plain(shortened(name, 28)) for name in names])
        axes.invert_yaxis()
        axes.margins(x=0.08, y=0.02)
        axes.set_xlabel("images")
        _quiet(axes, "x")
        if len(axes.containers) > 1:
            figure.legend(loc="outside upper right", ncols=4)
    return figure


def class_counts(dataset: Dataset, split: Split | None) -> list[tuple[str, str, np.ndarray]]:
    """Return (title, colour, images by class) of each set that has images; without a split all are one."""
    n = len(dataset.classes)
    if split is None:
        return [("images", set_colour("pool"), np.bincount(dataset.labels, minlength=n))]
    left_out = np.array([left.index for left in split.left_out], dtype=np.int64)
    sets = (("pool", split.pool), ("validation", split.validation), ("test", split.test), ("left_out", left_out))
    return [
        ("excluded" if name == "left_out" else name, set_colour(name), np.bincount(dataset.labels[rows], minlength=n))
        for name, rows in sets
        if len(rows)
    ]


def separation_bars(separations: Sequence[Separation]) -> "Figure":
    """Draw leave-one-out nearest-neighbour accuracy by extractor: a bar over all, a dot for each class."""
    with style():
        figure = new_figure(WIDE, 0.9 + 0.34 * len(separations))
        axes = figure.add_subplot()
        for at, each in enumerate(separations):
            axes.barh(at, each.accuracy, color=set_colour("pool"), height=0.6, alpha=0.85)
            values = list(each.by_class.values())
            axes.scatter(values, [at] * len(values), s=16, color=PAPER, edgecolors=INK, linewidths=0.8, zorder=3)
            axes.text(1.015, at, f"{each.accuracy:.3f}", va="center", ha="left", fontsize=8.5)
        axes.set_yticks(range(len(separations)), [" + ".join(each.extractors) for each in separations])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.0)
        n_neighbours = separations[0].n_neighbours
        axes.set_xlabel(f"share of the pool images that their {n_neighbours} nearest neighbours classify correctly")
        _quiet(axes, "x")
    return figure


def explained_variance(embeddings: Sequence[ClassEmbedding], variance: float) -> "Figure":
    """Draw the cumulative explained variance of each class, a panel for each view, with the share that is kept."""
    from matplotlib.ticker import StrMethodFormatter

    views = [(view.extractor, view.block) for view in embeddings[0].views]
    with style():
        figure, all_axes = panels(len(views), n_columns=3, height=2.7)
        for at, (extractor, block) in enumerate(views):
            axes = all_axes[at]
            for number, embedding in enumerate(embeddings):
                view = embedding.views[at]
                cumulative = np.cumsum(view.explained)
                if len(cumulative) == 0:
                    continue
                colour = class_mark(number).colour
                x, label = np.arange(1, len(cumulative) + 1), plain(shortened(embedding.class_name))
                axes.plot(x, cumulative, color=colour, linewidth=1.4, label=label if at == 0 else None)
                kept = min(view.n_components, len(cumulative))
                axes.plot(kept, cumulative[kept - 1], "o", color=colour, markersize=4.5, markeredgecolor=PAPER)
            axes.axhline(variance, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
            axes.set_title(extractor if block in ("", extractor) else f"{extractor}: {block}")
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axes.set_ylim(0, 1.03)
            axes.set_xlabel("components")
        all_axes[0].set_ylabel("cumulative share of variance")
        figure.legend(loc="outside right upper")
    return figure


def silhouette_curves(clusters: Sequence[ClassClusters]) -> "Figure":
    """Draw the mean silhouette by number of clusters, the selected one ringed, over the bands of its interpretation."""
    from matplotlib.ticker import MaxNLocator

    drawn = [each for each in clusters if each.curve]
    with style():
        figure = new_figure(WIDE, 3.4)
        axes = figure.add_subplot()
        for number, each in enumerate(drawn):
            mark = class_mark(number)
            k = sorted(each.curve)
            axes.plot(k, [each.curve[at] for at in k], color=mark.colour, marker=marker(mark), markersize=4.5,
                      linewidth=1.4, label=plain(shortened(each.class_name)))  # fmt: skip
            if each.k in each.curve:
                axes.plot(each.k, each.curve[each.k], "o", markersize=11, markerfacecolor="none",
                          markeredgecolor=MEDOID, markeredgewidth=1.3)  # fmt: skip
        values = [value for each in drawn for value in each.curve.values()] or [0.0]
        low, top = min(0.0, *values) - 0.02, max(0.3, max(values) + 0.05)
        axes.set_ylim(low, top)
        words = ("no substantial structure", "weak structure", "reasonable structure", "strong structure")
        for edge, word in zip((*SILHOUETTE_BANDS, 1.0), words, strict=True):
            if edge < 1 and edge <= top:
                axes.axhline(edge, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
            if edge - 0.2 < top:
                axes.text(1.0, min(edge, top) - 0.008, word, transform=axes.get_yaxis_transform(), ha="right", va="top",
                          fontsize=8, color=MUTED, zorder=5,
                        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.85})  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("clusters k")
        axes.set_ylabel("mean silhouette")
        figure.legend(loc="outside right upper")
    return figure


def cluster_scatter(
    embeddings: Sequence[ClassEmbedding], clusters: Sequence[ClassClusters], components: tuple[int, int] = (0, 1)
) -> "Figure":
    """Draw the images of each class on two components, by cluster, medoids in black (paper, Fig. 5)."""
    by_class = {each.class_name: each for each in embeddings}
    with style():
        figure, all_axes = panels(len(clusters), n_columns=4, height=2.3)
        for axes, each in zip(all_axes, clusters, strict=True):
            _scatter(axes, by_class[each.class_name], each, components)
            axes.set_title(f"{plain(shortened(each.class_name, 20))}, k = {each.k}")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(visible=False)
        all_axes[0].set_xlabel(f"component {components[0] + 1}")
        all_axes[0].set_ylabel(f"component {components[1] + 1}")
    return figure


def cluster_sizes(clusters: Sequence[ClassClusters]) -> "Figure":
    """Draw the images of each cluster of each class (paper, Fig. 6)."""
    from matplotlib.ticker import MaxNLocator

    with style():
        figure, all_axes = panels(len(clusters), n_columns=4, height=1.6)
        for axes, each in zip(all_axes, clusters, strict=True):
            colours = [cluster_mark(cluster).colour for cluster in range(each.k)]
            bars = axes.bar(range(1, each.k + 1), each.sizes, color=colours, width=0.75)
            if each.k <= 8:
                axes.bar_label(bars, [f"{size:,}" for size in each.sizes], fontsize=7.5, padding=1)
            axes.set_title(plain(shortened(each.class_name, 24)))
            axes.set_xticks(range(1, each.k + 1))
            axes.margins(y=0.18)
            axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
            _quiet(axes, "y")
        all_axes[0].set_ylabel("images")
        figure.supxlabel("cluster", fontsize=9)
    return figure


def cluster_take(shares: Sequence[ClusterShares], sampler: str) -> "Figure":
    """Draw what random sampling and `sampler` take from each cluster (paper, Fig. 2)."""
    from matplotlib.ticker import MaxNLocator

    chosen, random = sampler_mark(sampler), sampler_mark("random")
    with style():
        figure, all_axes = panels(len(shares), n_columns=4, height=1.7)
        for axes, each in zip(all_axes, shares, strict=True):
            x = np.arange(1, len(each.sizes) + 1)
            pairs = (
                (axes.bar(x - 0.2, each.random, 0.38, color=random.colour, label=random.title), each.random),
                (axes.bar(x + 0.2, each.chosen, 0.38, color=chosen.colour, label=chosen.title), each.chosen),
            )
            if len(x) <= 4:
                for bars, values in pairs:
                    axes.bar_label(bars, [f"{value:,}" for value in values], fontsize=7.5, padding=1)
            axes.set_title(plain(shortened(each.class_name, 24)))
            axes.set_xticks(x)
            axes.margins(y=0.18)
            axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
            _quiet(axes, "y")
        all_axes[0].set_ylabel("images selected")
        figure.supxlabel("cluster", fontsize=9)
        figure.legend(handles=[pair[0] for pair in pairs], loc="outside upper right", ncols=2)
    return figure


def proxy_curve(points: Sequence[ProxyPoint], chosen: float | None = None) -> "Figure":
    """Draw how often the nearest selected and the nearest random image have the class of an image, by fraction."""
    shares = [point.fraction * 100 for point in points]
    with style():
        figure = new_figure(HALF, 2.6)
        axes = figure.add_subplot()
        beside = [point.random for point in points]
        away = [[p.random - p.random_low for p in points], [p.random_high - p.random for p in points]]
        axes.errorbar(shares, beside, yerr=away, fmt="s--", color=MUTED, markersize=4, linewidth=1, label="random")
        axes.plot(shares, [point.accuracy for point in points], "o-", color=set_colour("coreset"),
                  markersize=5, markeredgecolor=PAPER, label="chosen")  # fmt: skip
        if chosen is not None:
            axes.axvline(chosen * 100, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set_xscale("log")
        percent_axis(axes, [p.fraction for p in points])
        axes.set_ylabel("1-NN accuracy on the pool")
        axes.legend(loc="lower right")
    return figure


def percent_axis(axes: "Axes", fractions: Sequence[float]) -> None:
    """Label a logarithmic axis of percentages with the fractions that are there."""
    ticks = sorted({fraction * 100 for fraction in fractions})
    axes.set_xticks(ticks, [percent(tick / 100) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("share of the pool selected")


def _scatter(axes: "Axes", embedding: ClassEmbedding, clusters: ClassClusters, components: tuple[int, int]) -> None:
    points = np.zeros((len(embedding.indices), 2))
    for at, component in enumerate(components):
        if component < embedding.embedding.shape[1]:
            points[:, at] = embedding.embedding[:, component]
    many = len(points) > MANY_POINTS
    size = float(np.clip(2500 / max(len(points), 1), 3, 22))
    for cluster in range(clusters.k):
        mark = cluster_mark(cluster)
        mine = points[clusters.labels == cluster]
        axes.scatter(mine[:, 0], mine[:, 1], s=size, marker=marker(mark), color=mark.colour, alpha=0.65,
                     linewidths=0, rasterized=many)  # fmt: skip
    medoids = points[np.searchsorted(embedding.indices, clusters.medoids)]
    axes.scatter(medoids[:, 0], medoids[:, 1], s=120, marker="*", color=MEDOID, edgecolors=PAPER, linewidths=0.9,
                 zorder=4)  # fmt: skip


def _quiet(axes: "Axes", along: str) -> None:
    """Keep the grid along one axis only, and take the line of the other away."""
    axes.grid(visible=False, axis="y" if along == "x" else "x")
    axes.spines["left" if along == "x" else "bottom"].set_visible(False)
    axes.tick_params(axis="y" if along == "x" else "x", length=0)


__all__ = [
    "class_counts",
    "class_histogram",
    "cluster_scatter",
    "cluster_sizes",
    "cluster_take",
    "explained_variance",
    "line_style",
    "percent_axis",
    "proxy_curve",
    "separation_bars",
    "silhouette_curves",
]
