"""What training the last block of a backbone takes, told before anything is computed: disk, memory and time."""

import math

from core.estimate import FLOPS_OF_TWO_CORES
from core.features.extractors import EXTRACTORS, extractor_named
from core.features.network import Network as Convolutional
from core.settings import TrainingSettings
from core.training.augmenting import ORIENTATIONS
from core.training.network import Network

MEANT_FOR_GPU = 10.0
"""Without a GPU a training that takes more than so many times what it takes on a frozen backbone is said to be slow."""
WITHOUT_TUNING = "turn fine-tuning off (--fine-tuning off)"
# Weights of the block: the frozen ones, the copy, its gradients, two moments of Adam, the best epoch's, an average.
WEIGHT_COPIES = 7
# Measured of MobileNetV2, whose block has the most maps: of an image in a batch, for each of its pixels, all maps that
# are kept for the gradients; and what Keras makes of the layers.
BYTES_PER_PIXEL, GRAPH_BYTES = 100, 60_000_000
# Forward, and backward to maps and to weights; an addition and a multiplication each.
PASSES, OPERATIONS = 3, 2


def tuned_network(network: Network, settings: TrainingSettings) -> Convolutional | None:
    """Return the network whose last block is trained, too; None where none is.

    That is so where fine-tuning is off, and of a backbone whose description names no last block.
    """
    choice = network.backbone(settings)
    if choice is None or choice.extractor not in EXTRACTORS or not network.parts(settings).fine_tuning:
        return None
    found = extractor_named(choice.extractor).network
    return found if found is not None and found.last_block else None


def stored_bytes(network: Network, settings: TrainingSettings, n_trained: int, n_others: int) -> int:
    """Return what the last block's inputs take on the disk, in bytes; 0 where it is not trained.

    Parameters
    ----------
    network : Network
    settings : TrainingSettings
    n_trained, n_others : int
        Images that are trained on, in 8 orientations where these are used, and those of validation and test.
    """
    tuned = tuned_network(network, settings)
    if tuned is None:
        return 0
    looks = ORIENTATIONS if network.parts(settings).flips_and_turns else 1
    return 2 * tuned.block_input_size(settings.image_size) * (looks * n_trained + n_others)


def tuning_bytes(tuned: Convolutional, settings: TrainingSettings, n_trained: int) -> int:
    """Return what training a last block takes of memory at its peak, in bytes.

    Its inputs stay on the disk; of the images trained on the pooled features are held while they are scaled.
    """
    weights = WEIGHT_COPIES * 4 * sum(layer.n_numbers for layer in tuned.block_layers)
    batch = settings.batch_size * BYTES_PER_PIXEL * settings.image_size**2
    return GRAPH_BYTES + weights + batch + 4 * tuned.n_channels * n_trained


def tuning_seconds(network: Network, settings: TrainingSettings) -> float:
    """Return about how long two cores take for an image that a last block is trained on once; 0 where it is not."""
    tuned = tuned_network(network, settings)
    if tuned is None:
        return 0.0
    places = math.ceil(settings.image_size / tuned.last_block_strides[1]) ** 2
    # Kernels have four sides (or two); what else there is costs little.
    kernels = (shape for layer in tuned.block_layers for shape in layer.shapes if len(shape) > 1)
    return PASSES * OPERATIONS * places * sum(math.prod(shape) for shape in kernels) / FLOPS_OF_TWO_CORES
