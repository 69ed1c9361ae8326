"""Which trainings a comparison requests."""

from dataclasses import replace

from core.data.split import folds_of_brought
from core.errors import SelectionError, SettingsError
from core.pipeline.study import Study
from core.pipeline.views import PlannedRun
from core.selection.samplers import SAMPLERS
from core.settings import ComparisonSettings, Settings
from core.training.architectures import NETWORKS

__all__ = [
    "EVERYTHING",
    "STRATIFIED",
    "PlannedRun",
    "check_splits",
    "n_splits",
    "networks_problem",
    "plan",
    "plan_of_split",
    "rows_of",
    "splits_problem",
    "study_of_split",
]

EVERYTHING = "everything"
STRATIFIED = "stratified"


def rows_of(settings: ComparisonSettings) -> tuple[str, ...]:
    """Return the samplers that are in a comparison: those requested and, next to them, their controls.

    Stratified random is the first control for every claim; matched random (the sampler's own class budgets, random
    inside) the second, for samplers with budgets of their own.
    """
    names = list(dict.fromkeys(settings.samplers))
    for name in names:
        if name not in SAMPLERS and not name.startswith("matched:"):
            raise SelectionError(SAMPLERS.unknown(name))
    if settings.controls:
        own = [n for n in names if n in SAMPLERS and SAMPLERS[n].has_own_budgets]
        names += [n for n in (STRATIFIED, *(f"matched:{n}" for n in own)) if n not in names]
    return tuple(names)


def plan(settings: ComparisonSettings, folds: int | None = None) -> tuple[PlannedRun, ...]:
    """Return every training that a comparison requests, the whole pool once per network, split and repetition.

    Splits come outermost, repetitions next, so that a comparison stopped half-way has whole pairs. Where the images are
    divided into `folds`, each fold is a split.
    """
    return tuple(one for split in range(folds or settings.splits) for one in plan_of_split(settings, split))


def n_splits(settings: Settings) -> int:
    """Return on how many divisions of the images a comparison is done: the folds, where there are any."""
    return settings.data.folds or settings.comparison.splits


def plan_of_split(settings: ComparisonSettings, split: int) -> tuple[PlannedRun, ...]:
    """Return the trainings of one split, counted from 0."""
    runs = []
    fractions = sorted(set(settings.fractions), reverse=True)
    for repetition in range(settings.repetitions):
        for network in dict.fromkeys(settings.networks):
            for fraction in fractions:
                samplers = (EVERYTHING,) if fraction >= 1 else rows_of(settings)
                runs += [PlannedRun(network, sampler, fraction, repetition, split) for sampler in samplers]
    return tuple(runs)


def study_of_split(study: Study, split: int) -> Study:
    """Return the study with the images divided as in a split of its comparison, counted from 0.

    With folds split s tests on fold s; without, it has the split seed s further on.
    """
    if study.settings.data.folds:
        return replace(study, fold=split)
    data = replace(study.settings.data, split_seed=study.settings.data.split_seed + split)
    return replace(study, settings=replace(study.settings, data=data))


def networks_problem(settings: ComparisonSettings) -> str:
    """Return which network that is requested is not known, and what can be done; empty where all are."""
    return next((NETWORKS.unknown(name) for name in settings.networks if name not in NETWORKS), "")


def splits_problem(settings: ComparisonSettings, *, brought: bool, folds: int | None = None) -> str:
    """Return why the images cannot be divided into as many splits or folds as requested; empty where they can."""
    if folds and settings.splits > 1:
        return (
            f"{folds:,} folds and {settings.splits:,} splits are set, but a comparison has either folds or "
            "splits; set the number of splits to 1, or do not use folds."
        )
    if folds and brought:
        return folds_of_brought(folds)
    if settings.splits == 1 or not brought:
        return ""
    return (
        f"The dataset has a predefined split, so there is only one split, but {settings.splits:,} are set; "
        "set the number of splits to 1."
    )


def check_splits(settings: ComparisonSettings, *, brought: bool, folds: int | None = None) -> None:
    """Refuse several splits or folds of a dataset with a predefined split, and splits together with folds.

    Raises
    ------
    SettingsError
    """
    problem = splits_problem(settings, brought=brought, folds=folds)
    if problem:
        raise SettingsError(problem)
