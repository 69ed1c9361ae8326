"""What an extractor is: facts that describe it, a step for one image, and a step for a batch of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.features.extractors.engine import import_keras
from core.features.weight_files import Layer, Tensors
from core.results import FloatArray

Pixels = NDArray[np.uint8]
Prepared = NDArray[Any]
Compute = Callable[[Prepared], Mapping[str, FloatArray]]


@dataclass(frozen=True)
class WeightSet:
    """A network's weights: what they must look like, which ones are known, and where they are to be had.

    Attributes
    ----------
    name : str
        As on the command line; extractors that share weights name the same set.
    title : str
        The network's name, as in messages.
    layers : tuple of Layer
        The architecture without its top.
    known : mapping of str to str
        Digest of known tensors, and where they come from.
    address : str
        Of the official file.
    md5 : str
        Of the official file; empty where Keras publishes none.
    licence : str
        Whose they are, and under which terms.
    """

    name: str
    title: str
    layers: tuple[Layer, ...]
    known: Mapping[str, str]
    address: str
    md5: str
    licence: str

    @property
    def official_file(self) -> str:
        """Name of the official file, as Keras' cache has it."""
        return self.address.rsplit("/", 1)[1]

    @property
    def n_bytes(self) -> int:
        """Size of the arrays."""
        return 4 * sum(layer.n_numbers for layer in self.layers)


@dataclass(frozen=True)
class Network:
    """A convolutional network that an extractor, or the transfer network, stands on.

    Attributes
    ----------
    weights : WeightSet
    build : callable
        ``build(image_size)`` returns the Keras model without top and without weights, whose output is a
        convolutional map, shape (batch, h, w, channels).
    flip_channels : bool
        Whether it was trained on blue, green, red.
    scale, offset : float, tuple of float
        ``pixel * scale + offset`` is what it was trained on, `offset` after the flip.
    """

    weights: WeightSet
    build: Callable[[int], Any]
    flip_channels: bool
    scale: float
    offset: tuple[float, float, float]

    def preprocess(self, pixels: Any) -> Any:
        """Turn RGB pixels of 0…255, a tensor or a symbolic Keras tensor, into what the network was trained on.

        It is made of Keras operations and a Keras layer only, so that it can stand inside a saved model.
        """
        keras = import_keras()

        if self.flip_channels:
            pixels = keras.ops.flip(pixels, axis=-1)
        return keras.layers.Rescaling(self.scale, list(self.offset), name="preprocessing")(pixels)


@dataclass(frozen=True)
class Derived:
    """An extractor whose rows follow from another's, so that they cost nothing where those are in the cache.

    Attributes
    ----------
    extractor, block : str
        The other one, of the same weights.
    compute : callable
        From its rows, shape (b, n_features), to one's own.
    """

    extractor: str
    block: str
    compute: Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Extractor:
    """One extractor of the registry.

    Attributes
    ----------
    name : str
        As on the command line.
    title : str
        As in the window.
    summary : str
        One sentence: what it sees.
    source : str
        Paper and section.
    blocks : mapping of str to int
        Numbers in each named block that it returns; each block is a view.
    version : int
        Raised whenever the same image would give other numbers, so that nothing stale is read from the cache.
    prepare : callable
        ``prepare(rgb)`` turns one image, uint8 of shape (h, w, 3), into what the network takes. It runs in the
        threads that decode.
    load : callable
        ``load(tensors)`` returns the function of a batch of prepared images, shape (b, ...), that returns float32
        of shape (b, n_features) for every block. `tensors` is None for an extractor without weights.
    network : Network or None
        None for an extractor without weights.
    input_size : int
        Side in pixels of the square that is looked at.
    batch_size : int
        Images computed at once.
    seconds_per_image : float
        Wall clock, measured on 2 cores of a workstation, decoding included: what an estimate starts from.
    megabytes : int
        Memory in use while it runs, the engine included.
    derived : Derived or None
    licence : str
        A note on the terms of weights or method.
    """

    name: str
    title: str
    summary: str
    source: str
    blocks: Mapping[str, int]
    version: int
    prepare: Callable[[Pixels], Prepared]
    load: Callable[[Tensors | None], Compute]
    input_size: int
    batch_size: int
    seconds_per_image: float
    megabytes: int
    network: Network | None = None
    derived: Derived | None = None
    licence: str = ""

    @property
    def weights(self) -> str | None:
        """Name of its weight set, or None if it needs none."""
        return self.network.weights.name if self.network is not None else None

    @property
    def n_features(self) -> int:
        """Numbers over all blocks."""
        return sum(self.blocks.values())
