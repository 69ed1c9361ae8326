"""Figures of what probabilities show: ROC curves, and accuracy by confidence."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from coreset_studio.core.output.drawing import INK, MUTED, panels, plain, shortened, style
from coreset_studio.core.palette import class_mark
from coreset_studio.core.results import ROC_RATES, Curves
from coreset_studio.core.training.score_intervals import wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLASSES_NAMED = 12
"""Of more classes only the mean is named, and the curves of the classes are grey."""


def roc_curves(found: Sequence[tuple[str, Curves]], classes: Sequence[str]) -> "Figure":
    """Draw the ROC curves of every class and their mean, a panel for each title.

    Parameters
    ----------
    found : sequence of (str, Curves)
        At least one, all of `classes`.
    """
    with style():
        figure, all_axes = panels(len(found), n_columns=min(3, len(found)), height=3.0)
        for axes, (title, curves) in zip(all_axes, found, strict=True):
            _diagonal(axes)
            for number, (name, curve) in enumerate(zip(classes, curves.roc, strict=True)):
                named = len(classes) <= CLASSES_NAMED
                axes.plot(ROC_RATES, curve, linewidth=1, color=class_mark(number).colour if named else MUTED,
                          label=plain(shortened(name, 18)) if named else None)  # fmt: skip
            axes.plot(ROC_RATES, curves.macro, linewidth=2.2, color=INK, label="mean of the classes")
            axes.set_title(plain(shortened(title, 34)))
            axes.set_xlabel("1 − specificity")
        all_axes[0].set_ylabel("sensitivity")
        handles, labels = all_axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)))
    return figure


def reliability_curves(found: Sequence[tuple[str, Curves]]) -> "Figure":
    """Draw accuracy by confidence, a panel for each title, and a dot for each bin that has images."""
    with style():
        figure, all_axes = panels(len(found), n_columns=min(3, len(found)), height=3.0)
        for axes, (title, curves) in zip(all_axes, found, strict=True):
            _diagonal(axes)
            confidence, accuracy, images = curves.bins()
            ends = np.array([wilson(share, n) for share, n in zip(accuracy, images, strict=True)]).reshape(-1, 2)
            errors = np.abs(ends.T - accuracy)
            axes.errorbar(confidence, accuracy, yerr=errors, color=INK, linewidth=1.2, elinewidth=0.9, capsize=2)
            axes.scatter(confidence, accuracy, s=8 + 60 * images / max(1, images.sum()), color=INK, zorder=3)
            axes.set_title(plain(shortened(title, 34)))
            axes.set_xlabel("confidence")
        all_axes[0].set_ylabel("accuracy")
    return figure


def _diagonal(axes: "Axes") -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
