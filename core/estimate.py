"""Time and memory of a stage before it starts, from plain numbers.

Each formula is the stage's own cost model; the constants were measured on two cores and are replaced by this
machine's own speed as soon as a stage has run here once (`Speeds`).
"""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coreset_studio.core.cache import default_cache_folder, write_atomically
from coreset_studio.core.descriptions import KINDS, resolve
from coreset_studio.core.forms import read_json
from coreset_studio.core.memory import LIBRARY_BYTES
from coreset_studio.core.results import Estimate

if TYPE_CHECKING:
    from coreset_studio.core.settings import ClusterSettings
    from coreset_studio.core.training.network import Network

# To build and compile a network that trains by epochs, before its first batch is done, and to evaluate it.
START_SECONDS = 4.0
FLOPS_OF_TWO_CORES = 6e10
# Per image, of a network that is not known here.
SECONDS_PER_IMAGE = 0.02
FASTERPAM_SECONDS_PER_MILLION_DISTANCES = 0.02
SECONDS_PER_MILLION_SILHOUETTES = 0.02
# Distances are computed in blocks of this size, norms added to them in pieces, so that no second array of the size of a
# block is made.
BLOCK_BYTES, PIECE_BYTES = 64 * 2**20, 2**20
# Memory of TensorFlow and Keras after a first computation, and of an unknown network.
TENSORFLOW_BYTES, UNKNOWN_NETWORK_BYTES = 560_000_000, 200_000_000
# Decoded images are held in memory up to this size, and read from the disk beyond.
HELD_PIXEL_BYTES = 1_000_000_000
# Of reduction: rows of features in memory at a time, and up to how many rows or columns of the pool the Gram matrix is
# solved exactly. They are here because memory estimates depend on them.
ROWS_AT_ONCE = 1024
# Per image of the pool: 2,394 images of one extractor of 4 blocks in 55 s on two busy cores.
SECONDS_OF_SIZES = 0.02
EXACT_LIMIT = 4096
# About as many numbers are left of an image after reduction.
USUAL_COMPONENTS = 300
# Of a pool beyond that: columns in addition to those requested, and bytes for every number of a column, in all blocks.
SPARE_COLUMNS, KRYLOV_BYTES = 14, 92
# Images that a t-SNE map is fitted on; its time grows faster than their number, and it cannot be stopped inside.
MOST_FITTED = 5_000


@dataclass(frozen=True)
class Speeds:
    """Seconds per unit as measured on this machine, by name of what was measured.

    Kept in the cache folder; what was never measured is not in it.
    """

    seconds_per_unit: Mapping[str, float]

    @staticmethod
    def file(cache_folder: Path | None) -> Path:
        """Return where the speeds are kept."""
        return (cache_folder or default_cache_folder()) / "speeds.json"

    @classmethod
    def read(cls, cache_folder: Path | None = None) -> "Speeds":
        """Return the speeds kept; none where nothing or nonsense is kept."""
        try:
            values = read_json(cls.file(cache_folder))
            return cls({str(name): float(value) for name, value in values.items() if 0 < float(value) < math.inf})
        except (OSError, ValueError, AttributeError, TypeError, OverflowError):
            return cls({})

    def get(self, name: str, otherwise: float) -> tuple[float, str]:
        """Return seconds per unit and the words for where the figure is from."""
        if name in self.seconds_per_unit:
            return self.seconds_per_unit[name], "as measured on this machine"
        return otherwise, "as measured on two cores of another machine; this machine has not been measured yet"


def remember_speed(name: str, seconds: float, units: int, cache_folder: Path | None = None, *, least: int = 20) -> None:
    """Keep what was measured, unless it rests on too few units to mean anything."""
    if units < least or seconds <= 0:
        return
    known = dict(Speeds.read(cache_folder).seconds_per_unit)
    known[name] = seconds / units
    # A speed that cannot be kept is measured again next time; no reason to stop a run.
    with suppress(OSError):
        write_atomically(Speeds.file(cache_folder), json.dumps(known, indent=1).encode())


def sizes_speed(extractors: Sequence[str]) -> str:
    """Return the name under which it is kept how fast learning curves of the linear probe are measured here."""
    return f"sizes {'+'.join(extractors)}"


def estimate_sizes(extractors: Sequence[str], n_pool: int, cache_folder: Path | None = None) -> float:
    """Return about how many seconds the learning curves of a pool take with the linear probe, features being there.

    Parameters
    ----------
    extractors : sequence of str
    n_pool : int
        Images of the pool.
    cache_folder : Path, optional
        Where the speeds of this machine are kept; default the user's.
    """
    per_image, _ = Speeds.read(cache_folder).get(sizes_speed(extractors), SECONDS_OF_SIZES)
    return n_pool * per_image


def estimate_reduction(class_sizes: Sequence[int], n_features: int) -> Estimate:
    """Estimate PCA per class: the smaller Gram matrix, its eigenvectors, the projection."""
    flops = 0.0
    peak = 0
    for n in class_sizes:
        side = min(n, n_features)
        flops += 2.0 * n * n_features * side + 10.0 * side**3 + 2.0 * n * n_features * side
        peak = max(peak, class_reduction_bytes(n, n_features))
    return Estimate(flops / FLOPS_OF_TWO_CORES, peak, 0, "operations counted, 60 GFLOP/s assumed")


def class_reduction_bytes(n_images: int, n_features: int, n_outside: int = 0) -> int:
    """Return what reducing one view of one class takes at its peak, in bytes.

    Parameters
    ----------
    n_images : int
        Of the class in the pool: its rows are held.
    n_features : int
    n_outside : int
        Images of the class that are projected afterwards, a block at a time.
    """
    side = min(n_images, n_features)
    rows = 4 * n_images * n_features
    # The Gram matrix, its eigenvectors and the work space of LAPACK; then the eigenvectors alone, made components.
    solving = 32 * side**2
    projecting = 16 * side**2 + 8 * min(n_outside, ROWS_AT_ONCE) * n_features
    # Scores: hardly ever are more than half of the components kept.
    return rows + max(solving, projecting) + 2 * n_images * side + LIBRARY_BYTES


def pool_reduction_bytes(n_images: int, n_features: int, n_components: int) -> int:
    """Return what reducing one view of the whole pool takes at its peak, in bytes.

    Parameters
    ----------
    n_images : int
        Of the pool.
    n_features, n_components : int
    """
    block = 4 * min(n_images, ROWS_AT_ONCE) * n_features
    if n_features <= EXACT_LIMIT:
        held = 18 * n_features**2 + 2 * block
    elif n_images <= EXACT_LIMIT:
        held = 4 * n_images * n_features + max(18 * n_images**2, block)
    else:
        held = KRYLOV_BYTES * n_features * (n_components + SPARE_COLUMNS) + 2 * block
    return held + 8 * (n_images + n_features) * n_components + LIBRARY_BYTES


def clustering_bytes(n_images: int, n_components: int, settings: "ClusterSettings") -> int:
    """Return what clustering a class takes at its peak, in bytes.

    Parameters
    ----------
    n_images, n_components : int
        Of its embedding.
    settings : ClusterSettings
        `k_max`, `sample_above` and `exact_up_to` count.
    """
    sample = max(1, settings.sample_for(n_images))
    distances = 4 * sample * sample
    # Of a block of rows at a time: distances in float64, the same again while silhouettes are summed.
    block = min(BLOCK_BYTES, 8 * n_images * sample) + 4 * PIECE_BYTES
    vectors = 8 * sample * n_components + (8 * min(n_images, BLOCK_BYTES // (8 * sample)) * n_components)
    labels = 24 * sample * settings.k_max + 40 * n_images
    return distances + block + vectors + labels + LIBRARY_BYTES


def estimate_clustering(
    clustered: Sequence[int], k_max: int, *, joined: Sequence[int] = (), memory_bytes: int = 0
) -> Estimate:
    """Estimate K-Medoids for every k of every class.

    Parameters
    ----------
    clustered : sequence of int
        Images that are clustered together, by class: those of the class, or of its sample.
    k_max : int
        As in `ClusterSettings`.
    joined : sequence of int
        Images of the classes of which a sample is clustered.
    memory_bytes : int
        What the largest class takes.
    """
    pairs = sum(n**2 for n in clustered)
    seconds = pairs / 1e6 * FASTERPAM_SECONDS_PER_MILLION_DISTANCES * max(1, k_max - 1)
    seconds += sum(joined) * max(clustered, default=0) / 1e6 * SECONDS_PER_MILLION_SILHOUETTES
    basis = "grows in proportion to" if joined else "grows with the square of"
    return Estimate(seconds, memory_bytes, 0, f"{basis} the largest class")


def estimate_training(
    network: str, n_images: int, n_validation: int, *, epochs: int, min_steps: int, batch_size: int, image_size: int,
    cache_folder: Path | None = None, feature_bytes: int = 0, stored_bytes: int = 0, tuned_seconds: float = 0.0,
) -> Estimate:  # fmt: skip
    """Estimate one training of `network` on `n_images`; without computing features of a backbone.

    Parameters
    ----------
    network : str
        A name from the registry of networks; of another the figures are a guess.
    n_images, n_validation : int
        Images to train on and to select the epoch by.
    epochs, min_steps, batch_size, image_size : int
        As in `TrainingSettings`.
    cache_folder : Path, optional
        Where the speeds of this machine are kept; default the user's.
    feature_bytes : int
        What the features of its backbone take; see `core.training.backbones.feature_bytes`.
    stored_bytes : int
        Disk space of block inputs, with fine-tuning.
    tuned_seconds : float
        Seconds per image and epoch on two cores, with fine-tuning; 0 without it.
    """
    speeds = Speeds.read(cache_folder)
    networks: Mapping[str, Network] = resolve(KINDS["network"])
    known = networks.get(network)
    steps_per_epoch = max(1, -(-n_images // batch_size))
    steps = max(epochs * steps_per_epoch, min_steps)
    seen = steps * batch_size * (1 + 0.35 * n_validation / max(1, n_images))
    if known is not None and not known.by_epochs:
        seen = float(n_images)
    otherwise = SECONDS_PER_IMAGE if known is None else known.seconds_per_image(image_size)
    of_epochs, of_start = training_speeds(network, image_size, tuned=tuned_seconds > 0)
    seconds, basis = speeds.get(of_epochs, tuned_seconds or otherwise)
    start = 0.0
    if known is not None and known.by_epochs:
        start, _ = speeds.get(of_start, START_SECONDS)
    held = n_images, n_validation
    memory = TENSORFLOW_BYTES + feature_bytes
    memory += training_bytes(known, held, image_size=image_size, batch_size=batch_size)
    return Estimate(start + seen * seconds, memory, stored_bytes, basis)


def training_speeds(network: str, image_size: int, *, tuned: bool = False) -> tuple[str, str]:
    """Return the names under which the speeds of a network are stored: per image and epoch, and of the start.

    With fine-tuning (`tuned`) the names are others.
    """
    kind = f"{network} fine-tuned" if tuned else network
    return f"train {kind} {image_size}", f"start {kind}"


def training_bytes(network: "Network | None", held: Sequence[int], *, image_size: int, batch_size: int) -> int:
    """Return what training a network takes at its peak in addition to TensorFlow and a backbone's features, in bytes.

    Parameters
    ----------
    network : Network or None
        None: one that is not known here.
    held : sequence of int
        Numbers of images whose pixels are held together: those trained on, those for validation.
    image_size, batch_size : int
    """
    if network is not None and network.sees_embeddings:
        return 0
    # On a frozen backbone it sees features, and images pass by a batch at a time.
    sees_pixels = network is None or (network.by_epochs and not network.needs_backbone)
    sizes = [n * image_size**2 * 3 for n in held] if sees_pixels else []
    pixels = sum(n_bytes for n_bytes in sizes if n_bytes <= HELD_PIXEL_BYTES)
    return pixels + (UNKNOWN_NETWORK_BYTES if network is None else network.batch_bytes(image_size, batch_size))
