"""Train networks on several coresets and tell what is shown; finished runs are never trained twice."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.errors import SettingsError, WeightsError
from core.estimate import estimate_training, remember_speed
from core.features.weights import find_weights
from core.output.model_bundle import save_bundle
from core.pipeline.planning import EVERYTHING, PlannedRun, plan, rows_of
from core.pipeline.run_keys import Judge, backbone_file, judge_of, run_key
from core.pipeline.stages import Prepared, choose
from core.pipeline.study import Study
from core.pipeline.views import ComparePlanView, PlannedView
from core.progress import NO_PROGRESS, Progress
from core.results import Comparison, Coreset, IntArray, RunKey, RunResult
from core.settings import SelectionSettings
from core.training.backbones import backbone_weights
from core.training.comparison import compare
from core.training.evaluation import NO_CLUSTER, clusters_of_test, evaluate
from core.training.fitting import TrainedRun, train
from core.training.runs import load_runs, save_run

__all__ = [
    "EVERYTHING",
    "PlannedRun",
    "Selections",
    "compare_stored",
    "plan",
    "plan_view",
    "rows_of",
    "run_comparison",
    "run_key",
    "summarise",
    "train_planned",
]


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
        weights_file=backbone_file(prepared.study),
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
        Save every newly trained model of the first repetition as a bundle in here.

    Raises
    ------
    SettingsError
        If there are no test images to compare on.
    MissingWeightsError
        If the backbone's weights are nowhere on this machine; told before anything is trained.
    """
    settings = prepared.study.settings
    if len(prepared.split.test) == 0:
        raise SettingsError("There are no test images, so nothing can be compared; set the test fraction above 0.")
    if "transfer" in settings.comparison.networks:
        backbone_weights(settings.training, backbone_file(prepared.study))
    planned = plan(settings.comparison)
    judge = judge_of(prepared, progress) if "head" in settings.comparison.networks else None
    of_test = clusters_of_test(prepared.split, prepared.embeddings, prepared.clusters)
    selections = Selections(prepared, settings.selection)
    stored = {run.key.fingerprint: run for run in load_runs(runs_folder)}
    runs: list[RunResult] = []
    for number, one in enumerate(planned):
        _coreset, indices, seconds = selections.get(one)
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
            known = stored[key.fingerprint] = trained.result
            save_run(known, runs_folder)
            _remember_speed(prepared, known)
            if keep_models is not None:
                _keep_model(prepared, one, trained, keep_models)
        result = _as_asked(prepared, known, key, of_test, seconds)
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
    of_test = clusters_of_test(prepared.split, prepared.embeddings, prepared.clusters)
    runs = []
    for one in plan(settings.comparison) if stored else ():
        _coreset, indices, seconds = selections.get(one)
        key = run_key(prepared, one, indices, judge if one.network == "head" else None)
        if key.fingerprint in stored:
            runs.append(_as_asked(prepared, stored[key.fingerprint], key, of_test, seconds))
    return summarise(prepared, runs)


def _as_asked(
    prepared: Prepared, run: RunResult, key: RunKey, of_test: Mapping[int, int], select_seconds: float
) -> RunResult:
    """Return a finished run as this comparison has it.

    It may have been made for another sampler that chose the same images, for other clusters, or when the same test
    images stood elsewhere in the dataset.
    """
    test = prepared.split.test
    clusters = np.array([of_test.get(int(index), NO_CLUSTER) for index in test], dtype=np.int64)
    return replace(
        run,
        key=key,
        test_indices=test,
        clusters=clusters,
        metrics=evaluate(run.true, run.predicted, run.classes, clusters),
        select_seconds=run.select_seconds if run.key.sampler == key.sampler else select_seconds,
    )


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
            find_weights(training.backbone, file=backbone_file(study))
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
    """Save a model of the first repetition; the others would fill the disk with more of the same."""
    if planned.network == "head" or planned.repetition > 0:
        return
    mark = trained.result.key.fingerprint[:8]
    name = f"{planned.network}-{planned.sampler}-{planned.fraction:g}-{mark}".replace(":", "-")
    save_bundle(folder / name, trained, prepared.study.settings.training)


class _RunProgress:
    """One training among several, told as a share of all."""

    def __init__(self, parent: Progress, number: int, n_runs: int, planned: PlannedRun) -> None:
        self._parent, self._number, self._n_runs = parent, number, n_runs
        self._share = 0.0
        of = "everything" if planned.sampler == EVERYTHING else f"{planned.sampler} {planned.fraction:g}"
        self._name = f"Training {planned.network} on {of} (run {number + 1} of {n_runs})"

    def report(self, done: int, total: int, message: str = "") -> None:  # noqa: ARG002 - the protocol's name
        # Decoding, training and testing each count from 0; the bar only ever moves on.
        self._share = max(self._share, done / total if total > 0 else 0.0)
        self._parent.report(round(1000 * (self._number + self._share)), 1000 * self._n_runs, self._name)

    def publish(self, result: object) -> None:
        self._parent.publish(result)
