"""Grad-CAM: the regions of an image that a trained network bases the score of a class on.

Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra (2017), Grad-CAM: Visual explanations from deep networks via
gradient-based localization, ICCV.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.features.engine import import_keras, import_tensorflow
from coreset_studio.core.results import FloatArray, IntArray
from coreset_studio.core.training.calling import compiled
from coreset_studio.core.training.layers import KerasModel
from coreset_studio.core.training.pixels import Pixels


@dataclass(frozen=True)
class ClassMaps:
    """Maps of some images.

    Attributes
    ----------
    probabilities : ndarray of shape (n, n_classes), float32
    maps : ndarray of shape (n, n_maps, h, w), float32
        >= 0, one for each class that was asked for; h and w are those of the last convolutional map.
    """

    probabilities: FloatArray
    maps: FloatArray


class GradCam:
    """Grad-CAM maps of one network.

    The maps A^k are those of the last layer with a height and a width that is no pooling and no dropout layer: the last
    convolution of the custom network, and the output of the backbone of the transfer network. The score y^c is the
    value of class c before softmax. With Z places in a map,

        α_k = 1/Z Σ_ij ∂y^c / ∂A^k_ij,    L = max(0, Σ_k α_k A^k)

    (equations 1 and 2 of the paper).

    Parameters
    ----------
    model : keras.Model
        A graph of layers, from RGB pixels of 0 to 255 to one probability for each class.

    Raises
    ------
    TrainingError
        If it is built of other parts, has no such map, or does not end in softmax.
    """

    def __init__(self, model: KerasModel) -> None:
        keras = import_keras()
        if isinstance(model, keras.Sequential):
            model = getattr(model, "_functional", None)
        output = getattr(model, "output", None)
        if not hasattr(output, "_keras_history"):
            raise _refusal("is not a graph of layers")
        scores, self._closing = _scores(output)
        maps = _last_map(scores)
        self._before = compiled(keras.Model(model.input, maps), np.dtype(np.uint8))
        self._after = keras.Model(maps, scores)

    def __call__(self, squares: Pixels, classes: IntArray | None = None) -> ClassMaps:
        """Return the probabilities of images, and their maps.

        Parameters
        ----------
        squares : ndarray of shape (n, size, size, 3), uint8
        classes : ndarray of shape (n, n_maps), int64, optional
            Outputs of the network; −1 stands for the one with the highest probability. None: one map of each image, of
            that class.
        """
        tf = import_tensorflow()

        maps = tf.constant(self._before(squares))
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(maps)
            scores = self._score(maps)
            best = tf.argmax(scores, axis=1)[:, None]
            chosen = best if classes is None else tf.where(classes < 0, best, classes)
            # One class of each image at a time: images do not affect each other's scores.
            sums = [
                tf.reduce_sum(tf.gather(scores, chosen[:, column], batch_dims=1)) for column in range(chosen.shape[1])
            ]
        found = []
        for one in sums:
            weights = tf.reduce_mean(tape.gradient(one, maps), axis=(1, 2), keepdims=True)
            found.append(tf.nn.relu(tf.reduce_sum(weights * maps, axis=3)))
        del tape
        probabilities = np.asarray(tf.nn.softmax(scores), dtype=np.float32)
        return ClassMaps(probabilities, np.asarray(tf.stack(found, axis=1), dtype=np.float32))

    def _score(self, maps: Any) -> Any:
        """Return the scores before softmax, shape (n, n_classes)."""
        before = self._after(maps, training=False)
        dense = self._closing
        if dense is None:
            return before
        tf = import_tensorflow()
        scores = tf.matmul(before, tf.convert_to_tensor(dense.kernel))
        return scores + tf.convert_to_tensor(dense.bias) if dense.use_bias else scores


def _scores(output: Any) -> tuple[Any, Any]:
    """Return the tensor before softmax and None, or the input of the dense layer with softmax and that layer."""
    keras = import_keras()
    layer, before = _made_by(output)
    is_softmax = getattr(layer, "activation", None) is keras.activations.softmax
    if isinstance(layer, keras.layers.Dense) and is_softmax:
        return before[0], layer
    if isinstance(layer, keras.layers.Softmax) or (isinstance(layer, keras.layers.Activation) and is_softmax):
        return before[0], None
    raise _refusal(f"ends in the layer {layer.name}, which is no softmax")


def _last_map(tensor: Any) -> Any:
    """Return the last tensor of shape (n, h, w, channels) on the way to `tensor` that no pooling or dropout made."""
    layers = import_keras().layers
    passed = (
        layers.MaxPooling2D, layers.AveragePooling2D, layers.Dropout, layers.SpatialDropout2D, layers.GaussianDropout,
        layers.GaussianNoise,
    )  # fmt: skip
    while True:
        layer, before = _made_by(tensor)
        if not before:
            raise _refusal("has no convolutional map")
        if len(tensor.shape) == 4 and not isinstance(layer, passed):
            if tensor.shape[1] == 1 and tensor.shape[2] == 1:
                raise _refusal("has a last convolutional map of a single place")
            return tensor
        if len(before) > 1:
            raise _refusal(f"has several inputs at the layer {layer.name}, after its last convolutional map")
        tensor = before[0]


def _made_by(tensor: Any) -> tuple[Any, list[Any]]:
    """Return the layer that made a tensor, and the tensors it was made from in this use of the layer."""
    history = tensor._keras_history  # noqa: SLF001
    return history.operation, list(history.operation._inbound_nodes[history.node_index].input_tensors)  # noqa: SLF001


def _refusal(reason: str) -> TrainingError:
    return TrainingError(
        f"Grad-CAM cannot be computed, since the network {reason}; expected a graph of layers with a convolutional map "
        "and softmax at the end, such as the custom or the transfer network."
    )
