"""Train networks on several coresets and tell what is shown; finished runs are never trained twice."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from core.cache import fingerprint
from core.errors import SelectionError, SettingsError, WeightsError
from core.estimate import estimate_training, remember_speed
from core.features.extraction import Extracted
from core.features.reduction import embed_pool
from core.features.weights import find_weights
from core.output.model_bundle import save_bundle
from core.pipeline.stages import JUDGE_COMPONENTS, Prepared, choose, extract_features
from core.pipeline.study import Study
from core.pipeline.views import ComparePlanView, PlannedView
from core.progress import NO_PROGRESS, Progress
from core.results import Comparison, Coreset, IntArray, PoolEmbedding, RunKey, RunResult
from core.selection.samplers import SAMPLERS
from core.settings import ComparisonSettings, SelectionSettings
from core.training.comparison import compare
from core.training.evaluation import clusters_of_test
from core.training.fitting import TrainedRun, choose_head_strength, train
from core.training.runs import load_runs, save_run

EVERYTHING = "everything"
STRATIFIED = "stratified"
RUN_VERSION = 1


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


class Selections:
    """The coresets of a comparison, each chosen once, with what choosing cost.

    Parameters
    ----------
    prepared : Prepared
    settings : SelectionSettings
        Everything but sampler, fraction and seed, which a planned run brings.
    """

    def __init__(self, prepared: Prepared, settings: SelectionSettings) -> None:
        self._prepared = prepared
        self._settings = settings
        self._chosen: dict[tuple[str, float, int], Coreset] = {}
        self._seconds: dict[tuple[str, int], float] = {}

    def get(self, planned: PlannedRun) -> tuple[Coreset | None, IntArray, float]:
        """Return the coreset (None for everything), the indices to train on and the seconds that choosing took.

        The seconds are those of the sampler's largest coreset of that repetition, which is chosen first: the smaller
        ones are cut from the same order.
        """
        if planned.sampler == EVERYTHING:
            return None, self._prepared.split.pool, 0.0
        key = (planned.sampler, planned.fraction, planned.repetition)
        if key not in self._chosen:
            settings = replace(
                self._settings,
                sampler=planned.sampler,
                fraction=planned.fraction,
                images=None,
                seed=self._settings.seed + planned.repetition,
            )
            started = time.perf_counter()
            self._chosen[key] = choose(self._prepared, settings)
            took = time.perf_counter() - started
            order = (planned.sampler, planned.repetition)
            self._seconds[order] = max(self._seconds.get(order, 0.0), took)
        coreset = self._chosen[key]
        return coreset, np.sort(coreset.indices), self._seconds[(planned.sampler, planned.repetition)]


@dataclass(frozen=True)
class Judge:
    """What the `head` is trained on: across-class embeddings of one extractor and the strength chosen once."""

    extractor: str
    embedding: PoolEmbedding
    strength: float
    extracted: Extracted


def judge_of(prepared: Prepared, progress: Progress = NO_PROGRESS) -> Judge:
    """Prepare the fast judge: features, 300 components, and the penalty by cross-validation in the pool."""
    settings = prepared.study.settings
    name = settings.training.judge_extractor or settings.features.extractors[0]
    known = {e.extractor: e for e in prepared.extracted}
    extracted = (
        known.get(name) or extract_features(prepared.study, prepared.dataset, prepared.split, (name,), progress)[0]
    )
    embedding = embed_pool(
        prepared.dataset,
        prepared.split,
        (extracted,),
        n_components=JUDGE_COMPONENTS,
        cache_folder=prepared.study.cache_folder,
        progress=progress,
    )
    return Judge(name, embedding, choose_head_strength(prepared.dataset, embedding), extracted)


def run_key(prepared: Prepared, planned: PlannedRun, indices: IntArray, judge: Judge | None) -> RunKey:
    """Return the identity of a run: two runs of the same key would give the same result."""
    images = prepared.dataset.images
    split = prepared.split
    training = asdict(prepared.study.settings.training)
    seen = judge.extracted.fingerprint if judge is not None else ""
    if planned.network != "head":
        training.pop("judge_extractor")
    if planned.network != "transfer":
        training.pop("backbone")
        training.pop("untrained_backbone")
    mark = fingerprint(
        RUN_VERSION,
        planned.network,
        planned.repetition,
        training,
        seen,
        [[images[i].pixels, images[i].class_name] for i in indices],
        [[images[i].pixels, images[i].class_name] for i in split.validation],
        [[images[i].pixels, images[i].class_name] for i in split.test],
    )
    return RunKey(planned.network, planned.sampler, planned.fraction, planned.repetition, mark)


def train_planned(
    prepared: Prepared,
    planned: PlannedRun,
    selections: Selections,
    *,
    judge: Judge | None = None,
    of_test: Mapping[int, int] | None = None,
    progress: Progress = NO_PROGRESS,
) -> TrainedRun:
    """Train one network on one coreset and evaluate it on the test images."""
    _coreset, indices, seconds = selections.get(planned)
    seen_by_head = judge if planned.network == "head" else None
    return train(
        prepared.dataset,
        prepared.split,
        indices,
        planned.network,
        prepared.study.settings.training,
        run_key(prepared, planned, indices, seen_by_head),
        repetition=planned.repetition,
        cache_folder=prepared.study.cache_folder,
        weights_file=None,
        head_embedding=seen_by_head.embedding if seen_by_head else None,
        head_strength=seen_by_head.strength if seen_by_head else None,
        head_weights=seen_by_head.extracted.weights if seen_by_head else None,
        cluster_of_test=of_test,
        select_seconds=seconds,
        progress=progress,
    )


def run_comparison(
    prepared: Prepared,
    runs_folder: Path,
    progress: Progress = NO_PROGRESS,
    *,
    keep_models: Path | None = None,
) -> Comparison:
    """Do every training that the settings ask for and compare them; what `runs_folder` holds is not trained again.

    Each finished run is saved and published at once, so that a stop costs at most the one in progress.

    Parameters
    ----------
    prepared : Prepared
    runs_folder : Path
        Append-only store of finished runs.
    progress : Progress
    keep_models : Path, optional
        Save every newly trained model as a bundle in here.

    Raises
    ------
    SettingsError
        If there are no test images to compare on.
    """
    settings = prepared.study.settings
    if len(prepared.split.test) == 0:
        raise SettingsError("There are no test images, so nothing can be compared; set the test fraction above 0.")
    planned = plan(settings.comparison)
    judge = judge_of(prepared, progress) if "head" in settings.comparison.networks else None
    of_test = clusters_of_test(prepared.split, prepared.embeddings, prepared.clusters)
    selections = Selections(prepared, settings.selection)
    stored = {run.key.fingerprint: run for run in load_runs(runs_folder)}
    runs: list[RunResult] = []
    for number, one in enumerate(planned):
        _coreset, indices, _seconds = selections.get(one)
        key = run_key(prepared, one, indices, judge if one.network == "head" else None)
        known = stored.get(key.fingerprint)
        if known is None:
            trained = train_planned(
                prepared,
                one,
                selections,
                judge=judge,
                of_test=of_test,
                progress=_RunProgress(progress, number, len(planned), one),
            )
            known = trained.result
            save_run(known, runs_folder)
            _remember_speed(prepared, known)
            if keep_models is not None:
                _keep_model(prepared, one, trained, keep_models)
        result = replace(known, key=key)
        runs.append(result)
        progress.publish(result)
    progress.report(len(planned), len(planned), "Training: runs")
    return summarise(prepared, runs)


def compare_stored(prepared: Prepared, runs_folder: Path, progress: Progress = NO_PROGRESS) -> Comparison:
    """Compare the finished runs that the settings ask for; what is not there is left out, nothing is trained."""
    settings = prepared.study.settings
    stored = {run.key.fingerprint: run for run in load_runs(runs_folder)}
    judge = judge_of(prepared, progress) if stored and "head" in settings.comparison.networks else None
    selections = Selections(prepared, settings.selection)
    runs = []
    for one in plan(settings.comparison) if stored else ():
        _coreset, indices, _seconds = selections.get(one)
        key = run_key(prepared, one, indices, judge if one.network == "head" else None)
        if key.fingerprint in stored:
            runs.append(replace(stored[key.fingerprint], key=key))
    return summarise(prepared, runs)


def plan_view(study: Study, n_pool: int, n_validation: int) -> ComparePlanView:
    """Tell what a comparison's trainings will take; features of the backbone and the choosing apart.

    Parameters
    ----------
    n_pool, n_validation : int
        Images of the pool and of the validation set.
    """
    training = study.settings.training
    runs = []
    for one in plan(study.settings.comparison):
        n_images = max(1, math.floor(one.fraction * n_pool + 0.5))
        estimate = estimate_training(
            one.network,
            n_images,
            n_validation,
            epochs=training.epochs,
            min_steps=training.min_steps,
            batch_size=training.batch_size,
            image_size=training.image_size,
            cache_folder=study.cache_folder,
        )
        runs.append(PlannedView(one.network, one.sampler, one.fraction, one.repetition, n_images, estimate))
    problem = ""
    if "transfer" in study.settings.comparison.networks and not training.untrained_backbone:
        try:
            find_weights(training.backbone)
        except WeightsError as error:
            problem = str(error)
    memory = max((run.estimate.memory_bytes for run in runs), default=0)
    return ComparePlanView(tuple(runs), sum(run.estimate.seconds for run in runs), memory, problem)


def summarise(prepared: Prepared, runs: Sequence[RunResult]) -> Comparison:
    """Compare finished runs: rows with intervals, paired differences, and what they show in words."""
    settings = prepared.study.settings
    return compare(
        tuple(runs),
        settings.comparison,
        chosen_by=settings.features.extractors,
        judged_by=settings.training.judge_extractor or settings.features.extractors[0],
    )


def _remember_speed(prepared: Prepared, run: RunResult) -> None:
    """Keep how fast this machine trains, so that the next estimate rests on it."""
    training = prepared.study.settings.training
    share = 1 + 0.35 * len(prepared.split.validation) / max(1, run.n_images)
    seen = round(len(run.history) * run.n_images * share) if run.history else run.n_images
    remember_speed(
        f"train {run.key.network} {training.image_size}", run.train_seconds, seen, prepared.study.cache_folder
    )


def _keep_model(prepared: Prepared, planned: PlannedRun, trained: TrainedRun, folder: Path) -> None:
    if planned.network == "head":
        return
    name = f"{planned.network}-{planned.sampler}-{planned.fraction:g}-r{planned.repetition}".replace(":", "-")
    save_bundle(folder / name, trained, prepared.study.settings.training)


class _RunProgress:
    """One training among several, told as a share of all."""

    def __init__(self, parent: Progress, number: int, n_runs: int, planned: PlannedRun) -> None:
        self._parent, self._number, self._n_runs = parent, number, n_runs
        of = "everything" if planned.sampler == EVERYTHING else f"{planned.sampler} {planned.fraction:g}"
        self._name = f"Training {planned.network} on {of} (run {number + 1} of {n_runs})"

    def report(self, done: int, total: int, message: str = "") -> None:  # noqa: ARG002 - the protocol's name
        share = done / total if total > 0 else 0.0
        self._parent.report(round(1000 * (self._number + share)), 1000 * self._n_runs, self._name)

    def publish(self, result: object) -> None:
        self._parent.publish(result)
