"""Which trainings a comparison asks for."""

from dataclasses import dataclass

from core.errors import SelectionError
from core.selection.samplers import SAMPLERS
from core.settings import ComparisonSettings

EVERYTHING = "everything"
STRATIFIED = "stratified"


@dataclass(frozen=True)
class PlannedRun:
    """One training that a comparison asks for."""

    network: str
    sampler: str
    fraction: float
    repetition: int


def rows_of(settings: ComparisonSettings) -> tuple[str, ...]:
    """Return the samplers that stand in a comparison: those asked for and, beside them, their controls.

    Stratified random is the first control for every claim; matched random (the sampler's own class budgets, random
    inside) the second, for samplers with budgets of their own.
    """
    names = list(dict.fromkeys(settings.samplers))
    for name in names:
        if name not in SAMPLERS and not name.startswith("matched:"):
            raise SelectionError(f"There is no sampler named {name!r}; the known ones are {', '.join(SAMPLERS)}.")
    if settings.controls:
        own = [n for n in names if n in SAMPLERS and SAMPLERS[n].class_budget != "proportional"]
        names += [n for n in (STRATIFIED, *(f"matched:{n}" for n in own)) if n not in names]
    return tuple(names)


def plan(settings: ComparisonSettings) -> tuple[PlannedRun, ...]:
    """Return every training that a comparison asks for, the whole pool once per network and repetition.

    Repetitions come outermost, so that a comparison stopped half-way has whole pairs.
    """
    runs = []
    fractions = sorted(set(settings.fractions), reverse=True)
    for repetition in range(settings.repetitions):
        for network in dict.fromkeys(settings.networks):
            for fraction in fractions:
                samplers = (EVERYTHING,) if fraction >= 1 else rows_of(settings)
                runs += [PlannedRun(network, sampler, fraction, repetition) for sampler in samplers]
    return tuple(runs)
