"""The measures of each class over the runs of a row, with the intervals of shares and areas."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from coreset_studio.core.results import Curves, RunResult, mean_curves
from coreset_studio.core.training.metric import Metric
from coreset_studio.core.training.metrics import with_classes
from coreset_studio.core.training.score_intervals import area_interval, wilson

ClassMeasures = Mapping[str, Mapping[str, tuple[float, float, float]]]


def class_measures(runs: Sequence[RunResult]) -> ClassMeasures:
    """Return mean and 95 % interval of each class's measures, by metric and class.

    Parameters
    ----------
    runs : sequence of RunResult
        Of one row, at least one: its repetitions and splits.

    Notes
    -----
    The interval is that of the mean, from the number of different test images that it rests on: repetitions test on the
    same images, so that more of them do not narrow it. It is the chance of the test images alone, without that of the
    training. Of a share it is Wilson's, of an area under a ROC curve Newcombe's; both have a width also where all
    images were right.
    """
    per_run = np.mean([len(run.true) for run in runs])
    different = len(np.unique(np.concatenate([run.test_indices for run in runs])))
    scale = different / float(per_run)
    found: dict[str, Mapping[str, tuple[float, float, float]]] = {}
    for metric in with_classes():
        mine = [run for run in runs if metric.name in run.metrics.class_values]
        if mine:
            found[metric.name] = {each: _measured(metric, each, mine, scale) for each in mine[0].classes}
    return found


def curves_of(runs: Sequence[RunResult]) -> Curves | None:
    """Return the mean curves of the runs of a row; None where one of them has none."""
    found = [run.metrics.curves for run in runs]
    known = [one for one in found if one is not None]
    return mean_curves(known) if known and len(known) == len(found) else None


def _measured(metric: Metric, name: str, runs: Sequence[RunResult], scale: float) -> tuple[float, float, float]:
    values = [run.metrics.class_values[metric.name][name] for run in runs]
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return math.nan, math.nan, math.nan
    mean = float(np.mean(known))
    size = scale * float(np.mean([run.metrics.class_sizes[metric.name][name] for run in runs]))
    if metric.class_interval == "share":
        return mean, *wilson(mean, size)
    others = scale * float(np.mean([len(run.true) for run in runs])) - size
    return mean, *area_interval(mean, size, others)
