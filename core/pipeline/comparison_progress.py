"""Progress of a comparison: shares of the time of its trainings, reports, and measured speeds."""

from collections.abc import Sequence

import numpy as np

from coreset_studio.core.estimate import remember_speed, training_speeds
from coreset_studio.core.pipeline.outlook import plan_view
from coreset_studio.core.pipeline.planning import EVERYTHING, PlannedRun, n_splits
from coreset_studio.core.pipeline.stages import Prepared
from coreset_studio.core.progress import PartProgress, Progress, StepProgress
from coreset_studio.core.results import RunResult, split_of
from coreset_studio.core.settings import Settings
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.tuning_costs import tuned_network
from coreset_studio.core.words import percent


def sizes_of(prepared: Prepared) -> tuple[int, int, int]:
    """Return the numbers of images of the pool, the validation set and the test set."""
    split = prepared.split
    return len(split.pool), len(split.validation), len(split.test)


def time_shares(prepared: Prepared, done: Sequence[bool] = ()) -> tuple[float, ...]:
    """Return the share of the total time at which each planned training starts, by its estimate, and 1 at the end.

    Parameters
    ----------
    done : sequence of bool
        For the first trainings, whether they are stored and therefore take no time.
    """
    planned = plan_view(prepared.study, *sizes_of(prepared))
    seconds = np.array([max(run.estimate.seconds, 1e-3) for run in planned.runs])
    seconds[: len(done)][np.asarray(done, dtype=bool)] = 1e-6
    for network, of_backbone in planned.backbones.items():
        of_network = [at for at, run in enumerate(planned.runs) if run.network == network]
        if not any(done[at] for at in of_network if at < len(done)):
            seconds[of_network[0]] += of_backbone  # the first one computes the features
    begins = np.concatenate([[0.0], np.cumsum(seconds)])
    return tuple((begins / begins[-1]).tolist())


def run_progress(
    parent: Progress, number: int, shares: Sequence[float], planned: PlannedRun, settings: Settings
) -> PartProgress:
    """Return the progress of one training among several."""
    of = "the whole pool" if planned.sampler == EVERYTHING else f"{planned.sampler} {percent(planned.fraction)}"
    split = _which_split(planned.split, settings)
    network = NETWORKS[planned.network].words
    message = f"Training {network} on {of} ({split and f'{split}, '}run {number + 1} of {len(shares) - 1})"
    part = PartProgress(parent, shares[number], shares[number + 1], message=message)
    part.report(0, 1)
    return part


def split_progress(parent: Progress, share: float, split: int, settings: Settings) -> StepProgress | PartProgress:
    """Return the progress of preparing a split; with several splits it stays at the end of the last training."""
    which = _which_split(split, settings)
    if not which:
        return StepProgress(parent, 0, 1, resolution=0)
    return PartProgress(parent, share, share, prefix=f"Preparing {which} · ")


def _which_split(split: int, settings: Settings) -> str:
    """Return the words for one of several splits or folds; empty if there is only one."""
    n = n_splits(settings)
    return split_of(split, n, settings.data.folds or 0) if n > 1 else ""


def remember_training(prepared: Prepared, run: RunResult, wall_seconds: float) -> None:
    """Store the measured speed of a training on this machine, for later estimates."""
    training, folder = prepared.study.settings.training, prepared.study.cache_folder
    tuned = run.key.network in NETWORKS and tuned_network(NETWORKS[run.key.network], training) is not None
    name, start_name = training_speeds(run.key.network, training.image_size, tuned=tuned)
    if len(run.history) < 2:
        remember_speed(name, run.train_seconds, run.n_images, folder)
        return
    # The first epoch compiles the network; only the others measure the time per image.
    later = run.history[1:]
    share = 1 + 0.35 * len(prepared.split.validation) / max(1, run.n_images)
    seconds = sum(epoch.seconds for epoch in later)
    remember_speed(name, seconds, round(len(later) * run.n_images * share), folder)
    start = wall_seconds - seconds * len(run.history) / len(later)
    remember_speed(start_name, max(0.1, start), 1, folder, least=1)
