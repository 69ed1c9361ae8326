"""Hyperparameter search on the coreset and, on request, on the whole pool, which is the purpose of a coreset.

A small grid is trained on both; the order of its points by validation accuracy is compared by Kendall's τ, and the time
of both is compared. Test images are not used to select.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from scipy.stats import kendalltau

from core.cache import write_atomically
from core.data.relabelling import relabelled_notes
from core.errors import ExportError, SettingsError
from core.files import reason_of
from core.output.tables import csv_of
from core.pipeline.comparing import EVERYTHING, PlannedRun, Selections, SplitPart, recipe_notes_of, train_or_find
from core.pipeline.grid import Grid, SearchOutcome, SearchPoint
from core.pipeline.split_parts import probe_inputs_of, without_words
from core.pipeline.stages import prepare
from core.pipeline.study import Study
from core.progress import NO_PROGRESS, Publisher, PublishingProgress, StepProgress
from core.results import Note, RunResult, TrainingPart
from core.settings import NetworkName, parts_problem
from core.training.architectures import NETWORKS
from core.training.pixels import discard_unchecked
from core.training.runs import load_runs, save_run
from core.words import duration

TABLE = "search.csv"


def search_study(
    study: Study,
    grid: Grid,
    network: NetworkName,
    out: Path,
    *,
    with_pool: bool = False,
    overwrite: bool = False,
    progress: Publisher[TrainingPart] = NO_PROGRESS,
) -> SearchOutcome:
    """Search the grid on the coreset of the settings and, `with_pool`, on the whole pool.

    Parameters
    ----------
    out : Path
        Gets ``search.csv`` and ``runs/``; finished trainings there are not done again.

    Raises
    ------
    SettingsError
        If there are no validation images to select by, the network has no such hyperparameters, or parts of the recipe
        cannot be had together.
    ExportError
        If `out` contains a finished search and `overwrite` is not set.
    """
    file = out / TABLE
    if file.exists() and not overwrite:
        raise ExportError(f"{out} contains a finished search. Name another folder, or add --overwrite.")
    check_searched(network)
    problem = parts_problem(study.settings.training)
    if problem:
        raise SettingsError(problem)
    prepared = prepare(study, progress)
    if len(prepared.split.validation) == 0:
        raise SettingsError("There are no validation images to select by; set the validation fraction above 0.")
    selection = study.settings.selection
    n_pool = len(prepared.split.pool)
    fraction = selection.fraction if selection.images is None else min(1.0, selection.images / n_pool)
    chosen = PlannedRun(network, selection.sampler, fraction, 0)
    sets = [chosen, PlannedRun(network, EVERYTHING, 1.0, 0)] if with_pool else [chosen]
    part = SplitPart(prepared, probe_inputs_of(prepared, (network,), progress), {}, Selections(prepared, selection))
    points = grid.points()
    stored = load_runs(out / "runs")
    discarded = discard_unchecked(study.cache_folder)
    notes = [*stored.notes, *([discarded] if discarded else []), *recipe_notes_of(prepared, (network,))]
    notes += relabelled_notes(prepared.dataset, prepared.split)
    for note in notes:
        progress.publish(Note(note))
    if part.is_taught(chosen):
        notes += part.teaching.teacher(progress).notes
    known = {run.key.fingerprint: run for run in stored.runs}
    trained: list[list[RunResult]] = []
    n_parts = len(sets) * len(points)
    for number, planned in enumerate(sets):
        steps = [_part_progress(progress, number * len(points) + place, n_parts) for place in range(len(points))]
        trained.append(
            [
                _train_point(part, planned, grid, point, out / "runs", known, steps[at])
                for at, point in enumerate(points)
            ]
        )
    outcome = summarise_search(points, trained[0], trained[1] if with_pool else None, file, network)
    outcome = replace(outcome, notes=(*notes, *([without_words(prepared, part.lost)] if part.lost else ())))
    _write(outcome)
    return outcome


def check_searched(network: NetworkName) -> None:
    """Refuse to search a network that has none of the hyperparameters of a grid.

    Raises
    ------
    SettingsError
        If it has none of them, or there is no such network.
    """
    if network not in NETWORKS:
        raise SettingsError(NETWORKS.unknown(network))
    if not NETWORKS[network].is_searched:
        others = " or ".join(each.words for each in NETWORKS.values() if each.is_searched)
        raise SettingsError(
            f"The {NETWORKS[network].words} has none of these hyperparameters; search with the {others}."
        )


def summarise_search(
    points: Sequence[tuple[float, float, int]],
    coreset: Sequence[RunResult],
    pool: Sequence[RunResult] | None,
    file: Path,
    network: str = "custom",
) -> SearchOutcome:
    """Compare the trainings of a search."""
    rows = [
        SearchPoint(
            *point,
            coreset_accuracy=_validated(mine),
            coreset_seconds=mine.train_seconds,
            pool_accuracy=_validated(pool[place]) if pool is not None else None,
            pool_seconds=pool[place].train_seconds if pool is not None else None,
            coreset_epochs=len(mine.history),
            pool_epochs=len(pool[place].history) if pool is not None else None,
        )
        for place, (point, mine) in enumerate(zip(points, coreset, strict=True))
    ]
    rows.sort(key=lambda row: -row.coreset_accuracy)
    tau = lost = None
    pool_accuracies = [row.pool_accuracy for row in rows if row.pool_accuracy is not None]
    if pool_accuracies:
        lost = max(pool_accuracies) - pool_accuracies[0]
        both_vary = len(set(pool_accuracies)) > 1 and len({row.coreset_accuracy for row in rows}) > 1
        if len(rows) >= 3 and both_vary:
            tau = float(kendalltau([row.coreset_accuracy for row in rows], pool_accuracies).statistic)
    outcome = SearchOutcome(
        points=tuple(rows),
        tau=tau,
        lost=lost,
        coreset_seconds=sum(row.coreset_seconds for row in rows),
        pool_seconds=sum(row.pool_seconds or 0.0 for row in rows),
        n_coreset=coreset[0].n_images,
        n_pool=pool[0].n_images if pool is not None else 0,
        text="",
        file=file,
        network=network,
    )
    return replace(outcome, text=_words(outcome))


def _validated(run: RunResult) -> float:
    return next(epoch.validation_accuracy for epoch in run.history if epoch.number == run.best_epoch)


def _train_point(
    part: SplitPart,
    planned: PlannedRun,
    grid: Grid,
    point: tuple[float, float, int],
    runs_folder: Path,
    known: dict[str, RunResult],
    progress: Publisher[TrainingPart],
) -> RunResult:
    study = part.prepared.study
    training = grid.training(study.settings.training, planned.network, point)
    prepared = replace(part.prepared, study=replace(study, settings=replace(study.settings, training=training)))
    changed = replace(part, prepared=prepared)
    result, trained = train_or_find(changed, planned, known, progress)
    if trained is not None:
        known[result.key.fingerprint] = result
        save_run(result, runs_folder)
        progress.publish(result.without_probabilities())
    return result


def _words(outcome: SearchOutcome) -> str:
    best = outcome.points[0]
    dropout = NETWORKS[outcome.network].dropout_words
    lines = [
        (
            f"{len(outcome.points)} points. On the coreset of {outcome.n_coreset:,} images, the best has learning rate "
            f"{best.learning_rate:g}, {dropout} {best.dropout:g}, {_epochs_words(best)}: "
            f"validation accuracy {best.coreset_accuracy:.3f}; all points took {duration(outcome.coreset_seconds)}."
        )
    ]
    if outcome.lost is not None:
        lines.append(
            f"On the pool of {outcome.n_pool:,} images, all points took {duration(outcome.pool_seconds)}. The "
            f"coreset's best point is {100 * outcome.lost:.1f} points below the best of the pool there."
        )
        agreement = "is not defined" if outcome.tau is None else f"is {outcome.tau:.2f}".replace("-", "−")
        lines.append(
            f"The agreement of the two rankings, Kendall's τ, {agreement} (1: identical, 0: none); "
            "each point was trained once."
        )
    return "\n".join(lines)


def _epochs_words(point: SearchPoint) -> str:
    epochs_words = f"{point.epochs:,} epoch{'' if point.epochs == 1 else 's'}"
    if point.coreset_epochs == point.epochs:
        return epochs_words
    return f"{epochs_words} ({point.coreset_epochs:,} on so few images, to reach the minimum training steps)"


def _write(outcome: SearchOutcome) -> None:
    heads = [field.name for field in fields(SearchPoint)]
    rows = [[getattr(point, head) for head in heads] for point in outcome.points]
    try:
        write_atomically(outcome.file, csv_of(heads, rows).encode())
    except OSError as error:
        raise ExportError(f"{outcome.file} cannot be written ({reason_of(error)}).") from error


def _part_progress(parent: Publisher[TrainingPart], number: int, n_parts: int) -> PublishingProgress[TrainingPart]:
    """Return the result of one training of a search."""
    step = StepProgress(parent, number, n_parts, message=f"Searching (training {number + 1} of {n_parts})")
    return PublishingProgress(step, parent)
