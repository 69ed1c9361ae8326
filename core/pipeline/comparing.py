"""Train networks on several coresets and compare them; finished runs are never trained twice."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from coreset_studio.core.data.unlabelled import need_labels
from coreset_studio.core.errors import (
    CannotContinueError,
    LostImagesError,
    SamplerFailedError,
    SettingsError,
)
from coreset_studio.core.palette import sampler_mark
from coreset_studio.core.pipeline.comparison_progress import (
    run_progress,
    sizes_of,
    split_progress,
    time_shares,
)
from coreset_studio.core.pipeline.keeping_models import KeptModels
from coreset_studio.core.pipeline.outlook import fine_tuning_notes
from coreset_studio.core.pipeline.planning import (
    EVERYTHING,
    PlannedRun,
    check_splits,
    n_splits,
    networks_problem,
    plan,
    plan_of_split,
    rows_of,
    study_of_split,
)
from coreset_studio.core.pipeline.run_keys import backbone_choice, run_key
from coreset_studio.core.pipeline.split_parts import Selections, SplitPart, open_split, without_words
from coreset_studio.core.pipeline.stages import Prepared, split_dataset
from coreset_studio.core.pipeline.teaching import any_taught, missing_baselines
from coreset_studio.core.pipeline.trainings import Wanted, task_of, trained_in_order
from coreset_studio.core.progress import NO_PROGRESS, PartProgress, Progress, Publisher, PublishingProgress
from coreset_studio.core.results import Comparison, Epoch, Note, RunKey, RunResult, TrainingPart, split_of
from coreset_studio.core.selection.kept import NO_KEPT, find_kept
from coreset_studio.core.settings import TrainingSettings, recipe_notes, recipe_sentence
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.at_once import notes_on, trainings_elsewhere
from coreset_studio.core.training.backbones import backbone_weights
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.comparison_words import backbone_sentences, weights_sentences
from coreset_studio.core.training.fitting import TrainedRun, train
from coreset_studio.core.training.loop import training_problem
from coreset_studio.core.training.pixels import discard_unchecked
from coreset_studio.core.training.relabelled import relabelled_in, relabelled_sentences
from coreset_studio.core.training.runs import load_runs

__all__ = [
    "EVERYTHING",
    "PlannedRun",
    "Selections",
    "SplitPart",
    "compare_stored",
    "plan",
    "recipe_notes_of",
    "rows_of",
    "run_comparison",
    "run_key",
    "summarise",
    "train_or_find",
    "train_planned",
]

TRAINING = "Training and comparing networks"


def train_planned(part: SplitPart, planned: PlannedRun, progress: Publisher[Epoch] = NO_PROGRESS) -> TrainedRun:
    """Train one network on one coreset and evaluate it on the test images of its split.

    Raises
    ------
    LostImagesError
        If images can no longer be read as they were scanned.
    CacheError
        If another program has cut a file of the cache short since the study was prepared.
    """
    task, _choice = task_of(part, planned)
    return train(planned.network, task, part.key(planned), progress)


def train_or_find(
    part: SplitPart,
    planned: PlannedRun,
    stored: Mapping[str, RunResult],
    progress: Publisher[Epoch | Note] = NO_PROGRESS,
) -> tuple[RunResult, TrainedRun | None]:
    """Return a finished run, and its network if it was trained now; None if `stored` contains the run.

    If an image can no longer be read as it was scanned, the network is trained without it, and a `Note` names it.

    Parameters
    ----------
    part : SplitPart
    planned : PlannedRun
    stored : mapping of str to RunResult
        By fingerprint.
    progress : Publisher
    """
    while True:
        known = stored.get(part.key(planned).fingerprint)
        if known is not None:
            return known, None
        try:
            trained = train_planned(part, planned, progress)
        except LostImagesError as error:
            progress.publish(Note(part.lose(error)))
        else:
            return trained.result, trained


def run_comparison(
    prepared: Prepared,
    runs_folder: Path,
    progress: Publisher[TrainingPart] = NO_PROGRESS,
    *,
    keep_models: Path | None = None,
) -> Comparison:
    """Run all trainings of the settings that are not in `runs_folder`, and compare all.

    Each finished run is saved and published immediately, without probabilities, so that a stop loses at most the
    training in progress. Notes on stored runs that could not be read are published first. Rows of a sampler of a plugin
    that fails are excluded, and networks are trained without images that can no longer be read as they were scanned;
    the sentences name both.

    Parameters
    ----------
    prepared : Prepared
    runs_folder : Path
        Folder of finished runs, which are never changed.
    progress : Publisher
        Epochs, finished runs and notes are published.
    keep_models : Path, optional
        Folder for model bundles of the newly trained networks of the first repetition of the first split.

    Raises
    ------
    TrainingError
        If no image has a label.
    SettingsError
        If there are no test images to compare on, several splits or folds are requested for a dataset with a predefined
        split, splits and folds are both requested, or there is no such network.
    SplitError
        If the images cannot be divided into as many folds as requested.
    MissingWeightsError
        If weights of a backbone are missing on this machine; raised before anything is trained.
    """
    settings = prepared.study.settings
    need_labels(prepared.dataset, TRAINING)
    if len(prepared.split.test) == 0:
        raise SettingsError(_no_test_images(prepared))
    folds = settings.data.folds
    check_splits(settings.comparison, is_predefined=prepared.split.is_predefined, folds=folds)
    _check_networks(prepared)
    kept = load_runs(runs_folder)
    discarded = discard_unchecked(prepared.study.cache_folder)
    notes = [*kept.notes, *([discarded] if discarded else []), *recipe_notes_of(prepared)]
    notes += missing_baselines(settings.comparison, settings.training)
    models = KeptModels(keep_models, settings.comparison)
    notes += models.notes_before
    for note in notes:
        progress.publish(Note(note))
    stored = {run.key.fingerprint: run for run in kept.runs}
    planned = _PlannedRuns(prepared, stored, models, progress)
    runs: list[RunResult] = []
    with trainings_elsewhere() as elsewhere:
        results = trained_in_order(
            planned.wanted(), elsewhere, stored, runs_folder, planned.found_or_trained, planned.progress_of, progress
        )
        for finished in results:
            wanted, result = finished.wanted, finished.result
            models.keep(wanted.part, wanted.planned, result, finished.trained, finished.progress)
            runs.append(result)
            progress.publish(result.without_probabilities())
        where = notes_on(elsewhere)
    n_runs = len(plan(settings.comparison, folds))
    progress.report(n_runs, n_runs, "Training: runs")
    parts = planned.parts
    alike = [parts[run.key.split].without_lost_tests(run) for run in runs]
    notes_after = [*_teacher_notes(parts), *_fold_notes(parts), *_lost_notes(parts), *models.notes(), *where]
    return _without(planned.left_out, prepared, alike, [*notes, *notes_after])


class _PlannedRuns:
    """The trainings of a comparison in the order of the plan, which are prepared while they are asked for.

    Parameters
    ----------
    prepared : Prepared
    stored : dict of str to RunResult
        Finished runs by fingerprint.
    models : KeptModels
    progress : Publisher

    Attributes
    ----------
    parts : list of SplitPart
        Those of the splits that have begun.
    left_out : dict of str to str
        Reasons by sampler, of those that failed.
    """

    def __init__(
        self,
        prepared: Prepared,
        stored: dict[str, RunResult],
        models: KeptModels,
        progress: Publisher[TrainingPart],
    ) -> None:
        self._prepared, self._stored, self._models, self._progress = prepared, stored, models, progress
        self._settings = prepared.study.settings
        self._shares = time_shares(prepared)
        self._lost: dict[int, str] = {}
        self.parts: list[SplitPart] = []
        self.left_out: dict[str, str] = {}

    def wanted(self) -> Iterator[Wanted]:
        """Yield the trainings; each split is prepared when the first one of it is due."""
        n_asked = 0
        for split in range(n_splits(self._settings)):
            before = split_progress(self._progress, self._shares[n_asked], split, self._settings)
            part = open_split(self._prepared, split, before, self._lost)
            self.parts.append(part)
            # All coresets are selected before anything is trained, so that an impossible one costs no training.
            of_split = plan_of_split(self._settings.comparison, split)
            keyed = [(one, _key_unless_left_out(part, one, self.left_out)) for one in of_split]
            if split == 0:
                self._share_time([key is not None and key.fingerprint in self._stored for _, key in keyed])
            for one, key in keyed:
                if key is None or one.sampler in self.left_out:
                    continue
                preparing = PartProgress(self._progress, self._shares[n_asked], self._shares[n_asked])
                part.teach(one, self._stored, PublishingProgress(preparing, self._progress))
                yield Wanted(part, one, self._models.wants(one))
                n_asked += 1

    def progress_of(self, parent: Publisher[Epoch | Note], number: int, wanted: Wanted) -> Publisher[Epoch | Note]:
        """Return the progress of one training, given its number in the plan."""
        return PublishingProgress(run_progress(parent, number, self._shares, wanted.planned, self._settings), parent)

    def found_or_trained(
        self, part: SplitPart, planned: PlannedRun, step: Publisher[Epoch | Note]
    ) -> tuple[RunResult, TrainedRun | None]:
        """Return a run that is stored, or train it here."""
        return train_or_find(part, planned, self._stored, step)

    def _share_time(self, is_done: Sequence[bool]) -> None:
        """Divide the bar anew now that the finished runs are known, and say what fine-tuning takes."""
        self._shares = time_shares(self._prepared, is_done)
        for note in () if all(is_done) else fine_tuning_notes(self._prepared.study, *sizes_of(self._prepared)):
            self._progress.publish(Note(note))


def _check_networks(prepared: Prepared) -> None:
    """Check before training that all networks are known, have their weights, and can be trained."""
    settings = prepared.study.settings
    problem = networks_problem(settings.comparison) or training_problem(settings.training)
    if problem:
        raise SettingsError(problem)
    for name in settings.comparison.networks:
        choice = backbone_choice(prepared.study, NETWORKS[name])
        if choice is not None:
            backbone_weights(choice)


def _teacher_notes(parts: Sequence[SplitPart]) -> tuple[str, ...]:
    """Return the notes on the teachers of soft labels of all splits."""
    settings = [part.prepared.study.settings for part in parts]
    taught = [part for part, each in zip(parts, settings, strict=True) if any_taught(each.comparison, each.training)]
    kept = [part.teaching.kept() for part in taught]
    return tuple(dict.fromkeys(note for teacher in kept if teacher is not None for note in teacher.notes))


def _no_test_images(prepared: Prepared) -> str:
    fraction = prepared.study.settings.data.test_fraction
    if prepared.split.is_predefined:
        what = "the predefined split has none; add some, or do not use the split"
    elif fraction > 0:
        n_images = len(prepared.split.pool) + len(prepared.split.validation)
        what = (
            f"a test fraction of {fraction:g} selects none of {n_images:,} image{'s' * (n_images != 1)} in such small "
            "classes; add images, or raise the test fraction"
        )
    else:
        what = "set the test fraction above 0"
    return f"There are no test images, so nothing can be compared; {what}."


def compare_stored(prepared: Prepared, runs_folder: Path, progress: Progress = NO_PROGRESS) -> Comparison:
    """Compare the finished runs of the settings, without training.

    Splits after the first are only prepared if a stored run was tested on their test images. Runs of unknown networks,
    such as that of a removed plugin, are excluded.
    """
    settings = prepared.study.settings
    kept = load_runs(runs_folder)
    stored = {run.key.fingerprint: run for run in kept.runs}
    n_parts = 1 if prepared.split.is_predefined else n_splits(settings)
    runs = []
    left_out: dict[str, str] = {}
    parts: list[SplitPart] = []
    for split in range(n_parts if stored else 0):
        if split and not _was_tested_on(kept.runs, prepared, split):
            continue
        part = open_split(prepared, split, progress)
        parts.append(part)
        for one in plan_of_split(settings.comparison, split):
            if one.network not in NETWORKS:
                continue
            key = _key_unless_left_out(part, one, left_out)
            if key is not None and key.fingerprint in stored:
                runs.append(part.as_planned(stored[key.fingerprint], one, key))
    notes = [*recipe_notes_of(prepared), *missing_baselines(settings.comparison, settings.training)]
    notes = [*notes, *_teacher_notes(parts), *_fold_notes(parts), *_lost_notes(parts)] if runs else []
    return _without(left_out, prepared, runs, [*kept.notes, *notes])


def recipe_notes_of(prepared: Prepared, networks: Sequence[str] = ()) -> tuple[str, ...]:
    """Return sentences on how training differs from the paper, and on parts of the recipe that are not applied."""
    training = prepared.study.settings.training
    names = networks or prepared.study.settings.comparison.networks
    if not any(name in NETWORKS and NETWORKS[name].by_epochs for name in names):
        return ()
    plain = recipe_sentence(TrainingSettings())
    on_backbone = any(name in NETWORKS and NETWORKS[name].needs_backbone for name in names)
    sentence = recipe_sentence(training, on_backbone=on_backbone)
    return (*((sentence,) if sentence != plain else ()), *recipe_notes(training))


def _fold_notes(parts: Sequence[SplitPart]) -> list[str]:
    """Return sentences on folds that lack a class because of groups; those on the first fold are in the split."""
    notes = []
    for split in (part.prepared.split for part in parts[1:] if part.prepared.split.folds):
        lacking = [one for one in split.warnings if "has no test image" in one or "has no training image" in one]
        which = split_of(split.fold, split.folds, split.folds).capitalize()
        notes += [f"{which}: {warning}" for warning in lacking]
    return notes


def _lost_notes(parts: Sequence[SplitPart]) -> list[str]:
    """Return notes on images that could no longer be read, by an extractor or by a training."""
    reasons: dict[int, str] = {}
    for part in parts:
        for extracted in part.prepared.extracted:
            failed = zip(extracted.failed_indices.tolist(), extracted.failed, strict=True)
            reasons |= {int(index): skipped.reason for index, skipped in failed}
        reasons |= part.lost
    return [without_words(parts[0].prepared, reasons)] if reasons else []


def _key_unless_left_out(part: SplitPart, planned: PlannedRun, left_out: dict[str, str]) -> RunKey | None:
    """Return the key of a planned run; None if its sampler fails or failed before.

    A sampler fails if it is of a plugin and raises an error, or if it cannot continue from an earlier coreset. The
    reason is added to `left_out`, by sampler.
    """
    if planned.sampler in left_out:
        return None
    try:
        return part.key(planned)
    except (SamplerFailedError, CannotContinueError) as error:
        left_out[planned.sampler] = str(error)
        return None


def _without(
    left_out: Mapping[str, str], prepared: Prepared, runs: Sequence[RunResult], notes: Sequence[str]
) -> Comparison:
    """Compare the runs of all samplers that are not excluded; the last sentences name the others."""
    comparison = summarise(prepared, [run for run in runs if run.key.sampler not in left_out], notes)
    sentences = []
    for why in dict.fromkeys(left_out.values()):
        titles = " and ".join(sampler_mark(name).title for name, one in left_out.items() if one == why)
        sentences.append(f"Without {titles}: {why}")
    return replace(comparison, sentences=(*comparison.sentences, *sentences))


def _was_tested_on(known: Sequence[RunResult], first: Prepared, split: int) -> bool:
    """Return whether all test images of a stored run are test images of a split, without computing features."""
    study = study_of_split(first.study, split)
    test = split_dataset(first.dataset, study.settings, study.fold).test
    # Images that could not be read again are missing in the run.
    return any(bool(np.isin(run.test_indices, test).all()) for run in known)


def summarise(prepared: Prepared, runs: Sequence[RunResult], notes: Sequence[str] = ()) -> Comparison:
    """Compare finished runs: rows with intervals, paired differences, and conclusions.

    Parameters
    ----------
    notes : sequence of str
        Sentences on stored runs that could not be read.
    """
    settings = prepared.study.settings
    chosen_by = settings.features.extractors
    probes = {name: network for name, network in NETWORKS.items() if network.sees_embeddings}
    names = list(dict.fromkeys(run.key.network for run in runs))
    of_weights = (*backbone_sentences(settings.training, names), *weights_sentences(runs))
    compared = compare(
        tuple(runs),
        settings.comparison,
        chosen_by=chosen_by,
        probe_extractors={name: network.extractor(settings.training, chosen_by) for name, network in probes.items()},
        notes=notes,
        folds=settings.data.folds or 0,
        steps=steps_of(settings.training, names),
    )
    relabelled = relabelled_in(compared, prepared.dataset, prepared.split) if runs else None
    n_before = len(compared.sentences) - len(compared.notes)
    kept = find_kept(prepared.dataset, prepared.split, settings.selection) if runs else NO_KEPT
    notes = (*compared.notes, *kept.notes, *relabelled_sentences(relabelled))
    sentences = (*compared.sentences[:n_before], *of_weights, *notes)
    return replace(compared, sentences=sentences, notes=notes, relabelled=relabelled)


def steps_of(training: TrainingSettings, networks: Collection[str]) -> str:
    """Return the mode of the trainings by steps of some networks; empty where none is trained by steps."""
    return training.steps if any(name in NETWORKS and NETWORKS[name].has_steps for name in networks) else ""
