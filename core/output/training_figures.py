"""Figures about trained networks (the paper's Figs. 7 to 11), with intervals, confusion and curves next to them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from coreset_studio.core.output.drawing import (
    INK,
    MUTED,
    PAPER,
    WIDE,
    line_style,
    new_figure,
    panels,
    plain,
    shortened,
    style,
)
from coreset_studio.core.output.figures import percent_axis
from coreset_studio.core.palette import sampler_mark
from coreset_studio.core.results import Comparison, Row, RunResult
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.metrics import shown_in
from coreset_studio.core.words import percent

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EVERYTHING = "everything"
PAPER_FRACTION = 0.25
"""Fraction of Table 1 and Figs. 10 and 11 of the paper."""


def networks_of(comparison: Comparison) -> tuple[str, ...]:
    """Return the networks that were trained, in the order of the registry; those that are not known now come last."""
    found = {run.key.network for run in comparison.runs} | {row.network for row in comparison.rows}
    return (*(name for name in NETWORKS if name in found), *sorted(found - set(NETWORKS)))


def samplers_of(comparison: Comparison, network: str) -> tuple[str, ...]:
    """Return the samplers of a network's rows, in the order of the rows, without "everything"."""
    names = [row.sampler for row in comparison.rows if row.network == network]
    return tuple(name for name in dict.fromkeys(names) if name != EVERYTHING)


def paper_rows(comparison: Comparison, network: str) -> list[Row]:
    """Return the rows that Table 1 and Figs. 10 and 11 compare: everything, and each sampler at 25 %.

    Where 25 % was not trained, the nearest fraction below 1 is in.
    """
    rows = [row for row in comparison.rows if row.network == network]
    below = {row.fraction for row in rows if row.sampler != EVERYTHING and row.fraction < 1}
    everything = [row for row in rows if row.sampler == EVERYTHING]
    if not below:
        return everything
    nearest = min(below, key=lambda fraction: (abs(fraction - PAPER_FRACTION), fraction))
    return everything + [row for row in rows if row.sampler != EVERYTHING and row.fraction == nearest]


def row_title(row: Row) -> str:
    """Return what a legend calls a row."""
    title = sampler_mark(row.sampler).title
    return title if row.sampler == EVERYTHING else f"{title}, {percent(row.fraction)}"


def accuracy_with_intervals(comparison: Comparison, metric: str = "accuracy", title: str = "accuracy") -> "Figure":
    """Draw a test metric by share kept, a line for each sampler with 95 % intervals, everything as a level.

    A panel for each network that was trained on any coreset; there is at least one.
    """
    names = [network for network in networks_of(comparison) if samplers_of(comparison, network)]
    with style():
        figure, all_axes = panels(len(names), n_columns=len(names), height=3.3)
        for axes, network in zip(all_axes, names, strict=True):
            _intervals(axes, comparison, network, metric)
            axes.set_title(network)
            axes.set_ylabel(f"test {title}")
        _shared_legend(figure, all_axes)
    return figure


def training_time(comparison: Comparison, network: str) -> "Figure":
    """Draw training time against coreset size: total, and per epoch (paper, Figs. 7 and 8)."""
    runs = [run for run in comparison.runs if run.key.network == network]
    has_epochs = any(run.history for run in runs)
    with style():
        figure, all_axes = panels(2 if has_epochs else 1, n_columns=2, height=2.9)
        _by_size(all_axes[0], runs, lambda run: run.train_seconds)
        all_axes[0].set_title(f"{network}: total")
        all_axes[0].set_ylabel("seconds of training")
        if has_epochs:
            _by_size(all_axes[1], runs, lambda run: float(np.mean([epoch.seconds for epoch in run.history])))
            all_axes[1].set_title(f"{network}: per epoch")
            all_axes[1].set_ylabel("seconds per epoch")
        _shared_legend(figure, all_axes)
    return figure


def accuracy_by_size(comparison: Comparison, network: str, samplers: Sequence[str]) -> "Figure":
    """Draw training and validation accuracy of the kept epoch against coreset size, a panel a sampler (Fig. 9 a–d)."""
    runs = [run for run in comparison.runs if run.key.network == network and run.history]
    with style():
        figure, all_axes = panels(len(samplers), n_columns=min(3, len(samplers)), height=2.7)
        for axes, sampler in zip(all_axes, samplers, strict=True):
            mine = [run for run in runs if run.key.sampler in (sampler, EVERYTHING)]
            colour = sampler_mark(sampler).colour
            for value, look, label in (
                (_kept_accuracy, {"linestyle": (0, (4, 2)), "marker": "o", "markerfacecolor": PAPER}, "training"),
                (_kept_validation, {"marker": "o", "markeredgecolor": PAPER}, "validation"),
            ):
                sizes, means, lows, highs = _means_by_size(mine, value)
                axes.plot(sizes, means, color=colour, label=label, markersize=5.5, **look)
                axes.vlines(sizes, lows, highs, color=colour, linewidth=1)
            axes.set_title(plain(shortened(f"{network}: {sampler_mark(sampler).title}", 36)))
            axes.set_xlabel("training images")
            axes.legend(loc="lower right")
        low = min(axes.get_ylim()[0] for axes in all_axes)
        for axes in all_axes:
            axes.set_ylim(low, 1.02)
        all_axes[0].set_ylabel("accuracy at the best epoch")
    return figure


def quality_bars(comparison: Comparison, network: str) -> "Figure":
    """Draw precision, recall and F1 of everything and of each sampler at 25 % (paper, Figs. 10 and 11)."""
    rows = paper_rows(comparison, network)
    metrics = [(metric.name, metric.label) for metric in shown_in("bars")]
    with style():
        figure = new_figure(WIDE, 2.9)
        axes = figure.add_subplot()
        width = 0.8 / len(rows)
        for number, row in enumerate(rows):
            x = np.arange(len(metrics)) - 0.4 + width * (number + 0.5)
            heights = np.array([row.means[key] for key, _ in metrics])
            errors = _error_bars(row, [key for key, _ in metrics])
            bars = axes.bar(x, heights, width * 0.92, color=sampler_mark(row.sampler).colour, label=row_title(row),
                            yerr=errors, error_kw={"ecolor": INK, "elinewidth": 0.9, "capsize": 2})  # fmt: skip
            if len(rows) <= 5:
                axes.bar_label(bars, [f"{height:.3f}" for height in heights], fontsize=7.5, padding=2)
        axes.set_xticks(range(len(metrics)), [title for _, title in metrics])
        axes.set_ylim(0, 1.08)
        axes.set_title(network)
        axes.grid(visible=False, axis="x")
        axes.tick_params(axis="x", length=0)
        figure.legend(loc="outside upper right", ncols=3)
    return figure


def confusion_matrices(runs_by_row: Sequence[tuple[str, Sequence[RunResult]]]) -> "Figure":
    """Draw confusion matrices side by side, summed over the runs: rows true, columns predicted, shares of a row.

    Parameters
    ----------
    runs_by_row : sequence of (str, sequence of RunResult)
        Title and runs of each matrix; all of the same classes.
    """
    classes = runs_by_row[0][1][0].classes
    n_columns = min(len(runs_by_row), 3 if len(classes) <= 10 else 2)
    with style():
        n_rows = -(-len(runs_by_row) // n_columns)
        side = WIDE / n_columns
        figure = new_figure(WIDE if n_columns > 1 else WIDE / 2, n_rows * side * 1.02)
        for at, (title, runs) in enumerate(runs_by_row):
            axes = figure.add_subplot(n_rows, n_columns, at + 1)
            counts = np.sum([run.metrics.confusion for run in runs], axis=0)
            _confusion(axes, counts, [shortened(name, 14) for name in classes], names_at_left=at % n_columns == 0)
            axes.set_title(plain(shortened(title, 34)), fontsize=8.5)
    return figure


def training_curves(comparison: Comparison, network: str) -> "Figure":
    """Draw accuracy by epoch, training and validation, a panel for each row, a line for each run."""
    runs = [run for run in comparison.runs if run.key.network == network and run.history]
    trained = {(run.key.sampler, run.key.fraction) for run in runs}
    rows = sorted(trained, key=lambda row: (row[0] != EVERYTHING, row[1], row[0]))
    with style():
        figure, all_axes = panels(len(rows), n_columns=3, height=2.0)
        for axes, (sampler, fraction) in zip(all_axes, rows, strict=True):
            for run in (run for run in runs if (run.key.sampler, run.key.fraction) == (sampler, fraction)):
                _curve(axes, run)
            share = "" if sampler == EVERYTHING else f", {percent(fraction)}"
            axes.set_title(plain(shortened(f"{sampler_mark(sampler).title}{share}", 34)))
            axes.set_ylim(0, 1.03)
        all_axes[0].set_ylabel("accuracy")
        all_axes[0].legend(*_first_of_each(all_axes[0]), loc="lower right")
        figure.supxlabel("epoch", fontsize=9)
    return figure


def _intervals(axes: "Axes", comparison: Comparison, network: str, metric: str) -> None:
    rows = [row for row in comparison.rows if row.network == network]
    fractions = [row.fraction for row in rows if row.sampler != EVERYTHING]
    names = samplers_of(comparison, network)
    for number, sampler in enumerate(names):
        mine = sorted((row for row in rows if row.sampler == sampler), key=lambda row: row.fraction)
        # Samplers are slightly shifted, so that intervals do not hide one another.
        shift = 1.0 + 0.025 * (number - (len(names) - 1) / 2)
        x = [row.fraction * 100 * shift for row in mine]
        errors = np.hstack([_error_bars(row, [metric]) for row in mine])
        axes.errorbar(x, [row.means[metric] for row in mine], yerr=errors, **line_style(sampler_mark(sampler)),
                      capsize=2, elinewidth=1)  # fmt: skip
    mark = sampler_mark(EVERYTHING)
    for row in rows:
        if row.sampler == EVERYTHING:
            axes.axhline(row.means[metric], color=mark.colour, linewidth=1.2, label=mark.title)
            low, high = row.lows.get(metric, np.nan), row.highs.get(metric, np.nan)
            if low < high:
                axes.axhspan(low, high, color=mark.colour, alpha=0.1, linewidth=0)
    axes.set_xscale("log")
    percent_axis(axes, fractions)


def _error_bars(row: Row, metrics: Sequence[str]) -> np.ndarray:
    """Return the distances of the interval's ends from the means, shape (2, n); none where there is no interval."""
    means = np.array([row.means[key] for key in metrics])
    lows = means - np.array([row.lows.get(key, np.nan) for key in metrics])
    highs = np.array([row.highs.get(key, np.nan) for key in metrics]) - means
    return np.asarray(np.maximum(np.nan_to_num(np.vstack([lows, highs])), 0))


def _by_size(axes: "Axes", runs: Sequence[RunResult], value: Callable[[RunResult], float]) -> None:
    everything = [run for run in runs if run.key.sampler == EVERYTHING]
    names = dict.fromkeys(run.key.sampler for run in runs if run.key.sampler != EVERYTHING)
    for sampler in names:
        mine = [run for run in runs if run.key.sampler == sampler]
        sizes, means, _, _ = _means_by_size([*mine, *everything], value)
        axes.plot(sizes, means, **line_style(sampler_mark(sampler)))
    if everything:
        sizes, means, _, _ = _means_by_size(everything, value)
        axes.plot(sizes, means, linestyle="none", **line_style(sampler_mark(EVERYTHING)))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("training images")


def _means_by_size(
    runs: Sequence[RunResult], value: Callable[[RunResult], float]
) -> tuple[list[int], list[float], list[float], list[float]]:
    """Return sizes, and mean, lowest and highest `value` over the runs at each.

    A fraction is one size: of splits that differ by an image or two the mean.
    """
    by_fraction: dict[float, list[RunResult]] = {}
    for run in runs:
        by_fraction.setdefault(run.key.fraction, []).append(run)
    found = [by_fraction[fraction] for fraction in sorted(by_fraction)]
    sizes = [round(float(np.mean([run.n_images for run in mine]))) for mine in found]
    each = [[value(run) for run in mine] for mine in found]
    return sizes, [float(np.mean(v)) for v in each], [min(v) for v in each], [max(v) for v in each]


def _kept_accuracy(run: RunResult) -> float:
    return next(epoch.accuracy for epoch in run.history if epoch.number == run.best_epoch)


def _kept_validation(run: RunResult) -> float:
    return next(epoch.validation_accuracy for epoch in run.history if epoch.number == run.best_epoch)


def _confusion(axes: "Axes", counts: np.ndarray, names: Sequence[str], *, names_at_left: bool) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest", aspect="equal")
    n = len(names)
    if n <= 14:
        for row in range(n):
            for column in range(n):
                if counts[row, column]:
                    colour = "#ffffff" if shares[row, column] > 0.55 else "#14181d"
                    axes.text(
                        column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=6.5, color=colour
                    )
    axes.set_xticks(
        range(n), [plain(name) for name in names], rotation=55, ha="right", rotation_mode="anchor", fontsize=7.5
    )
    axes.set_yticks(range(n), [plain(name) for name in names] if names_at_left else [""] * n, fontsize=7.5)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted")
    if names_at_left:
        axes.set_ylabel("true")


def _curve(axes: "Axes", run: RunResult) -> None:
    colour = sampler_mark(run.key.sampler).colour
    numbers = [epoch.number for epoch in run.history]
    axes.plot(numbers, [epoch.accuracy for epoch in run.history], color=MUTED, linewidth=1, linestyle=(0, (4, 2)),
              label="training")  # fmt: skip
    # Validation images need not be inspected after every epoch.
    checked = [epoch for epoch in run.history if not np.isnan(epoch.validation_accuracy)]
    validation = [epoch.validation_accuracy for epoch in checked]
    axes.plot([epoch.number for epoch in checked], validation, color=colour, linewidth=1.4, label="validation")
    kept = _kept_validation(run)
    if not np.isnan(kept):
        axes.plot(run.best_epoch, kept, "o", color=colour, markersize=5, markeredgecolor=PAPER, label="best epoch")


def _first_of_each(axes: "Axes") -> "tuple[list[Artist], list[str]]":
    handles, labels = axes.get_legend_handles_labels()
    first = {label: handle for handle, label in reversed(list(zip(handles, labels, strict=True)))}
    return list(reversed(first.values())), list(reversed(first))


def _shared_legend(figure: "Figure", all_axes: "Sequence[Axes]") -> None:
    found: dict[str, Artist] = {}
    for axes in all_axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        figure.legend(list(found.values()), list(found), loc="outside upper left", ncols=min(4, len(found)))
