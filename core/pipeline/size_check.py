"""Check of a size: a network trained once on a coreset and once on the whole pool, tested on the same images."""

from dataclasses import replace

import numpy as np

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.pipeline.comparing import EVERYTHING, PlannedRun, Selections, SplitPart, train_or_find
from coreset_studio.core.pipeline.split_parts import probe_inputs_of
from coreset_studio.core.pipeline.stages import prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS, Publisher
from coreset_studio.core.results import Epoch, Note
from coreset_studio.core.results.sizes import PairedLoss, SizeCheck
from coreset_studio.core.size_answer import labels_needed, points, rounded_up
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.equivalence import paired_loss
from coreset_studio.core.training.teacher import pool_units


def check_size(
    study: Study, network: str, n_images: int, margin: float, *, progress: Publisher[Epoch | Note] = NO_PROGRESS
) -> SizeCheck:
    """Train a network once on a coreset of a size and once on the whole pool, and test both on the test images.

    Parameters
    ----------
    study : Study
    network : str
        Name in the registry of networks.
    n_images : int
        Size of the coreset.
    margin : float
        Acceptable loss of accuracy, as a share.
    progress : Publisher

    Raises
    ------
    TrainingError
        If there are no test images.
    """
    prepared = prepare(study, progress)
    split = prepared.split
    if len(split.test) == 0:
        raise TrainingError(
            "There are no test images to check the size with; set the test fraction above 0, or turn off the check."
        )
    settings = prepared.study.settings
    selections = Selections(prepared, replace(settings.selection, images=None))
    part = SplitPart(prepared, probe_inputs_of(prepared, (network,), progress), {}, selections)
    fraction = min(1.0, n_images / len(split.pool))
    planned = (
        PlannedRun(network, settings.selection.sampler, fraction, 0),
        PlannedRun(network, EVERYTHING, 1.0, 0),
    )
    runs = [train_or_find(part, one, {}, progress)[0] for one in planned]
    # An image that could not be read again in the second training is excluded from both.
    chosen, everything = (part.without_lost_tests(one) for one in runs)
    groups = pool_units(prepared.dataset, chosen.test_indices, settings.data).numbers
    right, of_everything = chosen.true == chosen.predicted, everything.true == everything.predicted
    loss = paired_loss(right, of_everything, groups)
    return SizeCheck(
        chosen.n_images,
        loss,
        float(np.mean(right)),
        float(np.mean(of_everything)),
        loss.is_within(margin),
        check_words(network, chosen.n_images, loss, float(np.mean(right)), float(np.mean(of_everything)), margin),
    )


def check_words(
    network: str, n_images: int, loss: PairedLoss, accuracy: float, everything: float, margin: float
) -> str:
    """Return the result of a check in two sentences.

    Parameters
    ----------
    network : str
    n_images : int
        Size of the coreset.
    loss : PairedLoss
    accuracy, everything : float
        Accuracy of the coreset, and of the whole pool.
    margin : float
        As a share.
    """
    words = NETWORKS[network].words if network in NETWORKS else network
    result = (
        f"Checked on {loss.n_images:,} test images: the {words}, trained once on {n_images:,} images, reached an "
        f"accuracy of {accuracy:.3f}, and {everything:.3f} on the whole pool: a loss of {_signed(loss.loss)} "
        f"points, 90 % interval {_signed(loss.low)} to {_signed(loss.high)}."
    )
    if loss.is_within(margin):
        return f"{result} The size held: equal within {points(margin)}."
    if loss.low >= margin:
        return f"{result} The size failed: more than {points(margin)} are lost. Select more images."
    needed = labels_needed(loss.loss, loss.variance, margin)
    if abs(loss.loss) >= margin or needed is None:
        return f"{result} The size failed: the loss is not inside the margin of {points(margin)}. Select more images."
    return (
        f"{result} The size was not confirmed: the interval reaches beyond the margin of {points(margin)}. If the loss "
        f"is as measured, about {rounded_up(needed):,} test images would show it."
    )


def _signed(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−")
