"""The networks that extractors and the transfer network stand on, and the weights that they need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.features.engine import import_keras
from core.features.weight_files import Layer


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
        Of the official file; empty where there is none to download.
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
        """Name of the official file, as Keras' cache has it; empty where there is none."""
        return self.address.rpartition("/")[2]

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
    bytes_per_pixel : int
        Of memory that it takes to compute an image, for each pixel, at its peak; the default is that of a network whose
        first layers are wide.
    """

    weights: WeightSet
    build: Callable[[int], Any]
    flip_channels: bool
    scale: float
    offset: tuple[float, float, float]
    bytes_per_pixel: int = 540

    @property
    def n_channels(self) -> int:
        """Channels of its last map: those of its last layer with weights."""
        return self.weights.layers[-1].shapes[-1][-1]

    def preprocess(self, pixels: Any) -> Any:
        """Turn RGB pixels of 0…255, a tensor or a symbolic Keras tensor, into what the network was trained on.

        It is made of Keras operations and a Keras layer only, so that it can stand inside a saved model.
        """
        keras = import_keras()

        if self.flip_channels:
            pixels = keras.ops.flip(pixels, axis=-1)
        return keras.layers.Rescaling(self.scale, list(self.offset), name="preprocessing")(pixels)
