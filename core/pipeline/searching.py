"""Hyperparameter search on the coreset and, on request, on the whole pool, which is the purpose of a coreset.

Configurations are proposed by Optuna, or are all combinations of a grid. They are selected by validation accuracy; test
images are not used to select. On the pool the same configurations are trained, so that the rankings can be compared.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from coreset_studio.core.cache import fingerprint
from coreset_studio.core.data.relabelling import relabelled_notes
from coreset_studio.core.data.unlabelled import need_labels
from coreset_studio.core.errors import ExportError, SettingsError, TrialPrunedError
from coreset_studio.core.output.content import ReportContent
from coreset_studio.core.output.search_files import TABLE, write_search
from coreset_studio.core.pipeline.comparing import (
    EVERYTHING,
    PlannedRun,
    Selections,
    SplitPart,
    recipe_notes_of,
    train_or_find,
)
from coreset_studio.core.pipeline.comparison_progress import remember_training
from coreset_studio.core.pipeline.exporting import labels_of
from coreset_studio.core.pipeline.grid import Grid
from coreset_studio.core.pipeline.methods import write_facts
from coreset_studio.core.pipeline.search_space import (
    GRID_VALUES,
    SearchRange,
    configured,
    search_ranges,
    searched_network,
    titles_of_grid,
    training_of_trial,
)
from coreset_studio.core.pipeline.search_summary import (
    Searched,
    best_on_pool,
    once_seconds,
    reached_on_test,
    summarise_search,
)
from coreset_studio.core.pipeline.search_trials import ProposedTrial, SearchTrials, sole_search
from coreset_studio.core.pipeline.split_parts import probe_inputs_of, without_words
from coreset_studio.core.pipeline.stages import Prepared, fixed_settings, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.trainings import Wanted, trained_in_order
from coreset_studio.core.progress import NO_PROGRESS, Publisher, PublishingProgress, StepProgress
from coreset_studio.core.results import Epoch, Note, RunResult, Split
from coreset_studio.core.results.searches import SearchPart, SearchResult, SearchTrial, TrialResult
from coreset_studio.core.settings import GRID, SearchSettings, Settings, TrainingSettings
from coreset_studio.core.training.at_once import trainings_elsewhere
from coreset_studio.core.training.fitting import TrainedRun
from coreset_studio.core.training.loop import n_epochs, settings_for, training_problem
from coreset_studio.core.training.pixels import discard_unchecked
from coreset_studio.core.training.runs import load_runs, save_run

RUNS = "runs"
SEARCH = "A hyperparameter search"
VERSION = 1
"""Raised whenever the same seed would propose or prune other trials."""


def search_study(
    study: Study, out: Path, *, overwrite: bool = False, progress: Publisher[SearchPart] = NO_PROGRESS
) -> SearchResult:
    """Search hyperparameters on the coreset of the settings and, `with_pool`, on the whole pool.

    Parameters
    ----------
    study : Study
        Its settings contain those of the search.
    out : Path
        Gets ``search.csv`` and what else `core.output.search_files.write_search` writes, ``search.journal`` and
        ``runs/``. Finished trials there are not done again: a search that was stopped continues, and one with more
        trials than before continues after its last.
    overwrite : bool
        Replace the results of a finished search. Its trials are kept if their settings are the same.
    progress : Progress
        Is handed each `SearchTrial` when it is finished.

    Raises
    ------
    SettingsError
        If there are no validation images to select by, the network has no such hyperparameters, or parts of the recipe
        cannot be had together.
    ExportError
        If `out` contains a finished search and `overwrite` is not set, a search with other settings, or one that runs.
    """
    check_place(out, overwrite=overwrite)
    check_search(study.settings)
    with sole_search(out):
        return _search(study, out, overwrite=overwrite, progress=progress)


def check_place(out: Path, *, overwrite: bool) -> None:
    """Refuse a folder with a finished search, unless `overwrite` is set.

    Raises
    ------
    ExportError
    """
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out} is a file; expected a folder.")
    if (out / TABLE).exists() and not overwrite:
        raise ExportError(f"{out} contains a finished search. Name another folder, or add --overwrite.")


def check_search(settings: Settings) -> None:
    """Refuse, before anything is computed, a search that cannot be done.

    Raises
    ------
    SettingsError
        If the network, a hyperparameter, a range or parts of the recipe do not allow it.
    """
    search = settings.search
    network = searched_network(search.network)
    problem = training_problem(settings.training)
    if problem:
        raise SettingsError(problem)
    if search.method != GRID:
        search_ranges(search, settings.training)
    elif not network.dropout_setting:
        raise SettingsError(
            f"The {network.words} has no dropout, which a grid varies; search with another method (--method tpe)."
        )


def check_validation(split: Split) -> None:
    """Refuse a split without validation images.

    Raises
    ------
    SettingsError
    """
    if len(split.validation) == 0:
        what = "add some to its split" if split.is_predefined else "set the validation fraction above 0"
        raise SettingsError(f"There are no validation images to select by; {what}.")


@dataclass(frozen=True)
class _Job:
    """The inputs that all trainings of a search share.

    Attributes
    ----------
    part : SplitPart
    chosen, everything : PlannedRun
        On the coreset and on the whole pool.
    folder : Path
        Of finished runs.
    known : dict of str to RunResult
        Finished runs by fingerprint.
    """

    part: SplitPart
    chosen: PlannedRun
    everything: PlannedRun
    folder: Path
    known: dict[str, RunResult] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """Those of the study."""
        return self.part.prepared.study.settings

    def part_with(self, training: TrainingSettings) -> SplitPart:
        """Return the split with other settings for training."""
        prepared = self.part.prepared
        study = replace(prepared.study, settings=replace(prepared.study.settings, training=training))
        return replace(self.part, prepared=replace(prepared, study=study))

    def train(self, planned: PlannedRun, values: Mapping[str, float], progress: Publisher[Epoch | Note]) -> RunResult:
        """Train, or find, one configuration; a new run is stored."""
        part = self.part_with(training_of_trial(self.settings, values))
        started = time.perf_counter()
        result, trained = train_or_find(part, planned, self.known, progress)
        if trained is not None:
            remember_training(part.prepared, result, time.perf_counter() - started - result.feature_seconds)
            self.known[result.key.fingerprint] = result
            save_run(result, self.folder)
        return result

    def train_all(
        self,
        planned: PlannedRun,
        configurations: Sequence[Mapping[str, float]],
        progress: Publisher[SearchPart],
        *,
        first: int = 0,
    ) -> Iterator[RunResult]:
        """Train, or find, configurations that do not depend on each other, and yield their runs in this order.

        They are trained at once where `trainings_elsewhere` allows it. `first` is the number of the first one in the
        search.
        """
        n_all = len(configurations)

        def progress_of(parent: Publisher[Epoch | Note], number: int, _wanted: Wanted) -> Publisher[Epoch | Note]:
            return _of_trial(parent, first + number, n_all, self.settings.search)

        def found_or_trained(
            part: SplitPart, one: PlannedRun, step: Publisher[Epoch | Note]
        ) -> tuple[RunResult, TrainedRun | None]:
            return train_or_find(part, one, self.known, step)

        plan = (Wanted(self.part_with(training_of_trial(self.settings, each)), planned) for each in configurations)
        with trainings_elsewhere() as elsewhere:
            results = trained_in_order(
                plan, elsewhere, self.known, self.folder, found_or_trained, progress_of, progress
            )
            for finished in results:
                yield finished.run


def _search(study: Study, out: Path, *, overwrite: bool, progress: Publisher[SearchPart]) -> SearchResult:
    search = study.settings.search
    prepared = prepare(study, progress)
    need_labels(prepared.dataset, SEARCH)
    check_validation(prepared.split)
    job, notes = _prepared_job(prepared, out, progress)
    titles = titles_of_grid(searched_network(search.network))
    of_trials: list[str] = []
    if search.method == GRID:
        trials = _run_grid(job, progress)
    else:
        trials, of_trials, titles = _run_trials(job, out, overwrite=overwrite, progress=progress)
    notes += of_trials
    if search.with_pool:
        trials = _run_pool(job, trials, progress)
    selections = job.part.selections
    found = Searched(
        search.method,
        search.network,
        job.chosen.sampler,
        titles,
        trials,
        n_coreset=len(job.part.indices(job.chosen)),
        n_pool=len(job.part.indices(job.everything)) if search.with_pool else 0,
        once_seconds=once_seconds(prepared, selections.get(job.chosen)[2]),
    )
    best = summarise_search(found).best
    mine, pool = job.train(job.chosen, best.values, progress), None
    if search.with_pool:
        pool = tuple(job.train(job.everything, each.values, progress) for each in (best_on_pool(trials), best))
    test = reached_on_test(prepared, mine, pool)
    if job.part.lost:
        notes.append(without_words(prepared, job.part.lost))
    result = summarise_search(found, test, notes)
    best_settings = replace(study.settings, training=training_of_trial(study.settings, best.values))
    described = ReportContent(
        dataset=prepared.dataset,
        labels=labels_of(prepared),
        split=prepared.split,
        weights=tuple(each.weights for each in prepared.extracted),
        clusters=prepared.clusters,
        coreset=selections.get(job.chosen)[0],
        settings=fixed_settings(best_settings, prepared.dataset),
    )
    write_facts(out, described, result)
    write_search(out, result, best_settings, prepared.dataset, private=study.settings.export.private)
    return result


def _prepared_job(prepared: Prepared, out: Path, progress: Publisher[SearchPart]) -> tuple[_Job, list[str]]:
    """Return what trainings share, and the notes on it, which are published."""
    study = prepared.study
    selection, network = study.settings.selection, study.settings.search.network
    fraction = selection.fraction
    if selection.images is not None:
        fraction = min(1.0, selection.images / len(prepared.split.pool))
    chosen = PlannedRun(network, selection.sampler, fraction, 0)
    part = SplitPart(prepared, probe_inputs_of(prepared, (network,), progress), {}, Selections(prepared, selection))
    stored = load_runs(out / RUNS)
    discarded = discard_unchecked(study.cache_folder)
    notes = [*stored.notes, *([discarded] if discarded else []), *recipe_notes_of(prepared, (network,))]
    notes += relabelled_notes(prepared.dataset, prepared.split)
    for note in notes:
        progress.publish(Note(note))
    if part.is_taught(chosen):
        notes += part.teaching.teacher(progress).notes
    known = {run.key.fingerprint: run for run in stored.runs}
    return _Job(part, chosen, PlannedRun(network, EVERYTHING, 1.0, 0), out / RUNS, known), notes


# --- on the coreset ---------------------------------------------------------------------------------------------------


def _run_grid(job: _Job, progress: Publisher[SearchPart]) -> list[SearchTrial]:
    """Train every point of the grid on the coreset."""
    points = [dict(zip(GRID_VALUES, point, strict=True)) for point in Grid.of(job.settings.search).points()]
    trials = []
    for number, run in enumerate(job.train_all(job.chosen, points, progress)):
        trials.append(SearchTrial(number, points[number], _complete(run)))
        progress.publish(trials[-1])
    return trials


def _run_trials(
    job: _Job, out: Path, *, overwrite: bool, progress: Publisher[SearchPart]
) -> tuple[list[SearchTrial], list[str], Mapping[str, str]]:
    """Train the trials that Optuna proposes on the coreset; return them, notes, and titles of hyperparameters."""
    search, training = job.settings.search, job.settings.training
    ranges = search_ranges(search, training)
    epochs = n_epochs(len(job.part.indices(job.chosen)), settings_for(training, len(job.part.split.pool)))
    store = SearchTrials(out, search, ranges, _identity(job, ranges), epochs, overwrite=overwrite)
    for note in store.notes:
        progress.publish(Note(note))
    n_done = min(len(store.finished), search.trials)
    if n_done:
        trials_are = "1 trial is" if n_done == 1 else f"{n_done:,} trials are"
        progress.publish(Note(f"{trials_are} done already."))
    while len(store.finished) < search.trials:
        proposed = store.propose()
        step = _of_trial(progress, proposed.number, search.trials, search)
        store.finish(proposed, _tried(job, proposed, step))
        done = store.finished[-1]
        progress.publish(SearchTrial(done.number, done.values, done.result))
    trials = [SearchTrial(each.number, each.values, each.result) for each in store.finished[: search.trials]]
    return trials, store.notes, {each.name: each.title for each in ranges}


def _tried(job: _Job, proposed: ProposedTrial, progress: Publisher[SearchPart]) -> TrialResult:
    """Train a proposed configuration until it is complete or pruned."""
    watch = _Watch(progress, proposed.report)
    try:
        run = job.train(job.chosen, proposed.values, watch)
        if not watch.epochs:
            # It was finished before: its epochs count as if they were trained now.
            for epoch in run.history:
                watch.take(epoch)
    except TrialPrunedError as pruned:
        seen = [epoch for epoch in watch.epochs if not math.isnan(epoch.validation_accuracy)]
        return TrialResult(
            accuracy=max(epoch.validation_accuracy for epoch in seen),
            epochs=len(watch.epochs),
            seconds=math.fsum(epoch.seconds for epoch in watch.epochs),
            pruned_after=pruned.epoch,
        )
    return _complete(run)


class _Watch:
    """Progress of one trial, which ends it after an epoch in which it is over.

    Parameters
    ----------
    parent : Publisher
        Receives reports and parts.
    is_over : callable
        From the number and the validation accuracy of an epoch to whether the trial is to end after it.
    """

    def __init__(self, parent: Publisher[SearchPart], is_over: Callable[[int, float], bool]) -> None:
        self._parent, self._is_over = parent, is_over
        self.epochs: list[Epoch] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        """Pass the report on."""
        self._parent.report(done, total, message)

    def publish(self, part: SearchPart, /) -> None:
        """Pass the part on, and end the trial if it is an epoch after which it is over."""
        self._parent.publish(part)
        if isinstance(part, Epoch):
            self.take(part)

    def take(self, epoch: Epoch) -> None:
        """Count an epoch.

        Raises
        ------
        TrialPrunedError
        """
        if epoch.number == 1:
            self.epochs.clear()
        self.epochs.append(epoch)
        if self._is_over(epoch.number, epoch.validation_accuracy):
            raise TrialPrunedError(epoch.number)


def _complete(run: RunResult) -> TrialResult:
    kept = next(epoch for epoch in run.history if epoch.number == run.best_epoch)
    return TrialResult(kept.validation_accuracy, len(run.history), run.train_seconds)


def _identity(job: _Job, ranges: Sequence[SearchRange]) -> str:
    """Return what the trials of a search are known by: all that they depend on, but for how many there are."""
    search, training = job.settings.search, job.settings.training
    network = searched_network(search.network)
    # What is varied counts by its range alone, so that using the best values does not make it another search.
    lowest = job.part_with(configured(network, training, {each.name: each.low for each in ranges}))
    varies_amounts = any(each.name == "augmentation" for each in ranges)
    return fingerprint(
        VERSION,
        [search.method, search.network, search.pruning, search.search_seed],
        [vars(each) for each in ranges],
        network.amounts_of_augmentation(training) if varies_amounts else {},
        lowest.key(job.chosen).fingerprint,
    )


# --- on the pool ------------------------------------------------------------------------------------------------------


def _run_pool(job: _Job, trials: Sequence[SearchTrial], progress: Publisher[SearchPart]) -> list[SearchTrial]:
    """Train the same configurations on the whole pool, to their end."""
    done = []
    values = [trial.values for trial in trials]
    for place, run in enumerate(job.train_all(job.everything, values, progress, first=len(trials))):
        done.append(replace(trials[place], pool=_complete(run)))
        progress.publish(done[-1])
    return done


def _of_trial(parent: Publisher[Any], number: int, n_trials: int, search: SearchSettings) -> PublishingProgress[Any]:
    """Return the progress of one training of a search."""
    n_parts = n_trials * (2 if search.with_pool else 1)
    step = StepProgress(parent, number, n_parts, message=f"Searching (training {number + 1} of {n_parts})")
    return PublishingProgress(step, parent)
