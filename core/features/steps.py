"""Code of an extractor: a step for one image, a step for a batch of images, and the network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.features.network import Network, WeightSet
from core.features.weight_files import Tensors
from core.results import FloatArray

Pixels = NDArray[np.uint8]
Prepared = NDArray[Any]
Compute = Callable[[Prepared], Mapping[str, FloatArray]]


@dataclass(frozen=True)
class Steps:
    """The code of one extractor.

    Attributes
    ----------
    prepare : callable
        ``prepare(rgb)`` turns one image, uint8 of shape (h, w, 3), into what the network takes. It runs in the
        threads that decode.
    load : callable
        ``load(tensors)`` returns the function of a batch of prepared images, shape (b, ...), that returns float32
        of shape (b, n_features) for every block. `tensors` is None for an extractor without weights.
    weight_set : WeightSet or None
        None for an extractor without weights.
    network : Network or None
        The backbone that it uses, of that weight set; None where it is not a convolutional network of Keras.
    derive : callable or None
        From rows of the extractor that it is derived from, shape (b, n), to one's own, float32; None where it is
        derived from none.
    """

    prepare: Callable[[Pixels], Prepared]
    load: Callable[[Tensors | None], Compute]
    weight_set: WeightSet | None = None
    network: Network | None = None
    derive: Callable[[FloatArray], FloatArray] | None = None
