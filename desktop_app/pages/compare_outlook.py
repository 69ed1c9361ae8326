"""The remaining time of a comparison, in words: from the plan and the trainings that are done."""

from collections.abc import Set as AbstractSet
from typing import NamedTuple

from coreset_studio.core.pipeline.views import ComparisonPlan, EstimatedRun
from coreset_studio.core.results import RunKey, split_word
from coreset_studio.core.words import byte_size, duration, percent

RunName = tuple[str, str, float, int, int]


def name_of(run: RunKey | EstimatedRun) -> RunName:
    """Return what a planned training and its finished run have in common."""
    return (run.network, run.sampler, run.fraction, run.repetition, run.split)


class Outlook(NamedTuple):
    """A plan and which of its trainings are done; `known` is None while that is not known."""

    plan: ComparisonPlan
    known: AbstractSet[RunName] | None

    def left(self) -> list[EstimatedRun]:
        """Return the trainings that are not known to be done."""
        return [run for run in self.plan.runs if name_of(run) not in (self.known or ())]

    def seconds(self) -> float:
        """Return how long those will take; splits and backbones are counted until a first training is done."""
        left = self.left()
        whole = len(left) == len(self.plan.runs)
        trainings = self.plan.seconds if whole else sum(run.estimate.seconds for run in left)
        begun = {network for network, *_ in self.known or ()}
        waiting = {run.network for run in left} - begun
        return trainings + sum(self.plan.backbones.get(network, 0.0) for network in waiting)

    def hint(self) -> str:
        """Return what stands beside the button; nothing where nothing is to do, or nothing can be done."""
        if self.plan.problem or not self.left():
            return ""
        return f"{_trainings(len(self.left()))} remaining, about {duration(self.seconds())}"

    def words(self) -> str:
        """Return the whole estimate."""
        plan, n, left = self.plan, len(self.plan.runs), len(self.left())
        splits = f" over {plan.n_splits:,} {split_word(plan.folds)}s" if plan.n_splits > 1 else ""
        if n and not left:
            return f"{_trainings(n)}{splits}, all finished."
        start = f"{_trainings(n)}{splits}, about {duration(self.seconds())}"
        if self.known is None:
            start += " if none is finished yet"
        elif left < n:
            start = f"{_trainings(n)}{splits}, {n - left:,} finished; the others take about {duration(self.seconds())}"
        basis = f" {plan.runs[0].estimate.basis.capitalize()}." if plan.runs else ""
        device = f" Runs on {plan.device}." if plan.device else ""
        disk = f", up to {byte_size(plan.disk_bytes)} of disk space" if plan.disk_bytes else ""
        note = f" {plan.note}" if plan.note else ""
        return f"{start}, memory up to {byte_size(plan.memory_bytes)}{disk}.{basis}{device}{self._epochs()}{note}"

    def _epochs(self) -> str:
        """Return how many epochs trainings have where they are not those asked for, and what rules then."""
        epochs = {run.fraction: run.epochs for run in self.plan.runs if run.epochs}
        if set(epochs.values()) <= {self.plan.epochs}:
            return ""
        listed = ", ".join(f"{percent(fraction)}: {n:,}" for fraction, n in sorted(epochs.items()))
        return (
            f" Epochs: {listed}; the minimum number of training steps, under More, gives small coresets more epochs "
            "than set."
        )


def _trainings(n: int) -> str:
    return "1 training" if n == 1 else f"{n:,} trainings"
