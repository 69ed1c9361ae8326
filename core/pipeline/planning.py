"""Plan of a comparison: its trainings, splits and baselines."""

from dataclasses import replace

from coreset_studio.core.data.split import folds_of_predefined
from coreset_studio.core.errors import SelectionError, SettingsError
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.views import PlannedRun
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.settings import ComparisonSettings, Settings
from coreset_studio.core.training.architectures import NETWORKS

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
    """Return the samplers of a comparison: those requested, followed by their baselines.

    Stratified random is the baseline for all samplers; matched random (random within each class, with the class budgets
    of the sampler) is the second one for samplers with class budgets of their own.
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
    """Return all trainings of a comparison, the whole pool once per network, split and repetition.

    They are sorted by split, then by repetition, so that a comparison that was stopped has complete pairs. With `folds`
    each fold is a split.
    """
    return tuple(one for split in range(folds or settings.splits) for one in plan_of_split(settings, split))


def n_splits(settings: Settings) -> int:
    """Return the number of splits of a comparison: the number of folds, if there are any."""
    return settings.data.folds or settings.comparison.splits


def plan_of_split(settings: ComparisonSettings, split: int) -> tuple[PlannedRun, ...]:
    """Return the trainings of one split, from 0."""
    runs = []
    fractions = sorted(set(settings.fractions), reverse=True)
    for repetition in range(settings.repetitions):
        for network in dict.fromkeys(settings.networks):
            for fraction in fractions:
                samplers = (EVERYTHING,) if fraction >= 1 else rows_of(settings)
                runs += [PlannedRun(network, sampler, fraction, repetition, split) for sampler in samplers]
    return tuple(runs)


def study_of_split(study: Study, split: int) -> Study:
    """Return the study with the images divided as in one split of its comparison, from 0.

    With folds, split s is tested on fold s; without, its split seed is larger by s.
    """
    if study.settings.data.folds:
        return replace(study, fold=split)
    data = replace(study.settings.data, split_seed=study.settings.data.split_seed + split)
    return replace(study, settings=replace(study.settings, data=data))


def networks_problem(settings: ComparisonSettings) -> str:
    """Return a sentence on a requested network that is unknown; empty if all are known."""
    return next((NETWORKS.unknown(name) for name in settings.networks if name not in NETWORKS), "")


def splits_problem(settings: ComparisonSettings, *, is_predefined: bool, folds: int | None = None) -> str:
    """Return why the images cannot be divided into the requested splits or folds; empty if they can."""
    if folds and settings.splits > 1:
        return (
            f"{folds:,} folds and {settings.splits:,} splits are set, but a comparison has either folds or "
            "splits; set the number of splits to 1, or do not use folds."
        )
    if folds and is_predefined:
        return folds_of_predefined(folds)
    if settings.splits == 1 or not is_predefined:
        return ""
    return (
        f"The dataset has a predefined split, so there is only one split, but {settings.splits:,} are set; "
        "set the number of splits to 1."
    )


def check_splits(settings: ComparisonSettings, *, is_predefined: bool, folds: int | None = None) -> None:
    """Refuse several splits or folds of a dataset with a predefined split, and splits together with folds.

    Raises
    ------
    SettingsError
    """
    problem = splits_problem(settings, is_predefined=is_predefined, folds=folds)
    if problem:
        raise SettingsError(problem)
