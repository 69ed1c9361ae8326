"""The answer of a comparison: the cost of a coreset against the whole pool and random, and its savings."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coreset_studio.core.descriptions import inside_sentence, registry
from coreset_studio.core.results import Answer
from coreset_studio.core.training.comparison_words import network_words, points_words
from coreset_studio.core.words import duration, percent

EVERYTHING, RANDOM, STRATIFIED, MATCHED = "everything", "random", "stratified", "matched:"


@dataclass(frozen=True)
class Costs:
    """A coreset compared with the whole pool.

    Attributes
    ----------
    everything : float
        Mean test accuracy with the whole pool.
    difference, low, high : float
        Paired difference from the whole pool and its 95 % interval, as shares.
    low_90, high_90 : float
        Its 90 % interval: two one-sided tests at 5 %.
    n_pairs : int
        Paired repetitions or splits.
    time_share : float
        Training time over that of the whole pool; NaN where it is not known.
    teacher_seconds : float
        What the teacher of soft labels took; 0 without soft labels.
    """

    everything: float
    difference: float
    low: float
    high: float
    low_90: float
    high_90: float
    n_pairs: int
    time_share: float
    teacher_seconds: float = 0.0


def answer(
    network: str,
    sampler: str,
    fraction: float,
    n_images: int,
    accuracy: float,
    costs: Costs | None,
    random: tuple[str, float] | None,
    *,
    margin: float,
    names_network: bool,
) -> Answer:
    """Return what a coreset costs, in one or two sentences.

    Parameters
    ----------
    costs : Costs or None
        None if the whole pool was not trained on.
    random : (str, float) or None
        Name and mean accuracy of a random draw of as many images; None if none was trained.
    margin : float
        Difference in accuracy, as a share, that is none to the user. Two are called equal only where the 90 % interval
        of their difference is inside of it.
    names_network : bool
        Whether there are several networks, so that the sentence names this one.
    """
    how = "at random" if sampler in (RANDOM, STRATIFIED) else f"by {_title(sampler)}"
    start = f"{network_words(network, first=True)}: keeping" if names_network else "Keeping"
    kept = f"{start} {percent(fraction)} ({n_images:,} images) {how}: {accuracy:.3f}"
    beside = f"; {random[0]}: {random[1]:.3f}" if random is not None else ""
    if costs is None:
        return Answer(network, sampler, fraction, f"{kept}{beside}. The whole pool was not trained on, so the loss is "
                      "not known.", None)  # fmt: skip
    against = f" against {costs.everything:.3f} for the whole pool"
    is_equal, more = None, ""
    if costs.n_pairs < 2 or math.isnan(costs.low):
        middle = f" ({points_words(costs.difference)} points)"
        more = " One repetition does not distinguish this from chance: repeat it with more seeds."
    elif costs.low > 0 or costs.high < 0:
        middle = f" ({points_words(costs.difference)} points, {points_words(costs.low)} to {points_words(costs.high)})"
        is_equal = _is_equal(costs, margin)
        if is_equal:
            more = f" The difference is inside the margin: equal within {points_words(margin, sign=False)}."
    else:
        middle = (
            f": no difference was shown, and these data allow {points_words(costs.low)} to "
            f"{points_words(costs.high)} points"
        )
        if costs.low <= -1 or costs.high >= 1:
            middle += ", up to the end of the possible range: the difference cannot be determined"
        is_equal = _is_equal(costs, margin)
        smallest = max(abs(costs.low_90), abs(costs.high_90))
        if is_equal:
            more = f" Equal within {points_words(margin, sign=False)}."
        elif smallest < 1:
            up = math.ceil(1000 * smallest - 1e-9) / 1000
            more = f" They are only shown to be equal within {points_words(up, sign=False)}."
    time = ""
    if math.isfinite(costs.time_share):
        time = f" Training takes {percent(round(costs.time_share, 2))} of the time{_teacher(costs)}."
    return Answer(network, sampler, fraction, f"{kept}{against}{middle}{beside}.{time}{more}", is_equal)


def _teacher(costs: Costs) -> str:
    if not costs.teacher_seconds:
        return ""
    return f"; the teacher of the soft labels took {duration(costs.teacher_seconds)}, once for all trainings"


def _is_equal(costs: Costs, margin: float) -> bool:
    return -margin < costs.low_90 and costs.high_90 < margin


def samplers_to_answer_for(samplers: Sequence[str]) -> list[str]:
    """Return the samplers to report: those that are not controls, or else all."""
    chosen = [one for one in samplers if one not in (EVERYTHING, RANDOM, STRATIFIED) and not one.startswith(MATCHED)]
    return chosen or [one for one in samplers if one in (RANDOM, STRATIFIED)]


def beside(sampler: str, accuracies: Mapping[str, float]) -> tuple[str, float] | None:
    """Return the random draw to compare a sampler with, and its accuracy: stratified before plain random."""
    if sampler in (RANDOM, STRATIFIED):
        return None
    named = {STRATIFIED: "stratified random", RANDOM: "random", f"{MATCHED}{sampler}": "random with its class budgets"}
    return next(((words, accuracies[one]) for one, words in named.items() if one in accuracies), None)


def _title(sampler: str) -> str:
    samplers = registry("sampler")
    return inside_sentence(samplers[sampler].title) if sampler in samplers else sampler
