"""Disk space, memory and time that fine-tuning needs, estimated before anything is computed."""

import math

from coreset_studio.core.estimate import FLOPS_OF_TWO_CORES
from coreset_studio.core.features.extractors import EXTRACTORS, extractor_named
from coreset_studio.core.features.network import Network as Convolutional
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.augmenting import ORIENTATIONS
from coreset_studio.core.training.network import Network

MEANT_FOR_GPU = 10.0
"""Without a GPU, fine-tuning that takes more than this many times as long as a frozen backbone gets a note."""
WITHOUT_TUNING = "turn fine-tuning off (--fine-tuning off)"
# Copies of the weights: frozen, trained, gradients, two moments of Adam, best epoch, running average.
WEIGHT_COPIES = 7
# Measured with MobileNetV2, whose block has the most maps: maps kept for the gradients, per pixel of an image in a
# batch; and the graph of the block.
BYTES_PER_PIXEL, GRAPH_BYTES = 100, 60_000_000
# Forward, gradient of the maps, gradient of the weights; a multiplication and an addition each.
PASSES, OPERATIONS = 3, 2


def tuned_network(network: Network, settings: TrainingSettings) -> Convolutional | None:
    """Return the convolutional network whose last block is fine-tuned; None if there is none.

    There is none if fine-tuning is off, or if the description of the backbone names no last block.
    """
    choice = network.backbone(settings)
    if choice is None or choice.extractor not in EXTRACTORS or not network.parts(settings).fine_tuning:
        return None
    found = extractor_named(choice.extractor).network
    return found if found is not None and found.last_block else None


def stored_bytes(network: Network, settings: TrainingSettings, n_trained: int, n_others: int) -> int:
    """Return the disk space of the inputs of the last block, in bytes; 0 without fine-tuning.

    Parameters
    ----------
    network : Network
    settings : TrainingSettings
    n_trained, n_others : int
        Training images, in 8 orientations with flips and turns; validation and test images.
    """
    tuned = tuned_network(network, settings)
    if tuned is None:
        return 0
    looks = ORIENTATIONS if network.parts(settings).flips_and_turns else 1
    return 2 * tuned.block_input_size(settings.image_size) * (looks * n_trained + n_others)


def tuning_bytes(tuned: Convolutional, settings: TrainingSettings, n_trained: int) -> int:
    """Return the peak memory of fine-tuning, in bytes.

    Block inputs stay on disk. The pooled features of the training images are in memory while the scale is computed.
    """
    weights = WEIGHT_COPIES * 4 * sum(layer.n_numbers for layer in tuned.block_layers)
    batch = settings.batch_size * BYTES_PER_PIXEL * settings.image_size**2
    return GRAPH_BYTES + weights + batch + 4 * tuned.n_channels * n_trained


def tuning_seconds(network: Network, settings: TrainingSettings) -> float:
    """Return the estimated seconds per image and epoch on two cores; 0 without fine-tuning."""
    tuned = tuned_network(network, settings)
    if tuned is None:
        return 0.0
    places = math.ceil(settings.image_size / tuned.last_block_strides[1]) ** 2
    # Biases and normalisation cost little.
    kernels = (shape for layer in tuned.block_layers for shape in layer.shapes if len(shape) > 1)
    return PASSES * OPERATIONS * places * sum(math.prod(shape) for shape in kernels) / FLOPS_OF_TWO_CORES
