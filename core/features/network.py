"""Networks that extractors and the transfer network use, and the weights that they require."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.features.weight_files import Layer


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
    command : str
        What gets them where there is no address, entered in a copy of the program's source; empty if nothing does.
    """

    name: str
    title: str
    layers: tuple[Layer, ...]
    known: Mapping[str, str]
    address: str
    md5: str
    licence: str
    command: str = ""

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
    """A convolutional network that an extractor, or the transfer network, uses.

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
    last_block : str
        Name of the first layer of the last convolutional block, one with weights. Its input is the only input of the
        block. Empty: the block cannot be fine-tuned.
    last_block_strides : tuple of int
        Stride, in pixels of the image, of the input of the last block and of the output of most of its layers.
    """

    weights: WeightSet
    build: Callable[[int], Any]
    flip_channels: bool
    scale: float
    offset: tuple[float, float, float]
    bytes_per_pixel: int = 540
    last_block: str = ""
    last_block_strides: tuple[int, int] = (1, 1)

    @property
    def n_channels(self) -> int:
        """Channels of its last map: those of its last layer with weights."""
        return self.weights.layers[-1].shapes[-1][-1]

    @property
    def block_layers(self) -> tuple[Layer, ...]:
        """Layers of the last block that have weights; none if the block has no name."""
        names = [layer.name for layer in self.weights.layers]
        return self.weights.layers[names.index(self.last_block) :] if self.last_block else ()

    def block_input_size(self, image_size: int) -> int:
        """Return about how many numbers the input of the last block has at `image_size` × `image_size` pixels."""
        first = self.block_layers[0].shapes[0]
        # A kernel has its input channels second to last; a normalisation has one number per channel.
        channels = first[-2] if len(first) > 1 else first[0]
        return channels * math.ceil(image_size / self.last_block_strides[0]) ** 2

    def preprocess(self, pixels: Any) -> Any:
        """Turn RGB pixels of 0…255, a tensor or a symbolic Keras tensor, into what the network was trained on.

        It is made of Keras operations and a Keras layer only, so that it can be part of a saved model.
        """
        keras = import_keras()

        if self.flip_channels:
            pixels = keras.ops.flip(pixels, axis=-1)
        return keras.layers.Rescaling(self.scale, list(self.offset), name="preprocessing")(pixels)
