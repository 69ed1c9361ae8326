"""A running average of a network's weights, which is steadier than the weights of any one step."""

from typing import Any

from numpy.typing import NDArray

from coreset_studio.core.features.engine import import_tensorflow
from coreset_studio.core.training.layers import KerasModel


class AveragedWeights:
    """The exponential moving average of all weights of a model, those of batch normalisation included.

    Keras' own average excludes means and variances of batch normalisation, which then do not fit the weights.

    Parameters
    ----------
    model : keras.Model
    momentum : float
        0 < momentum < 1. The first steps have less, (1 + t) / (10 + t) as TensorFlow has it, so that the average does
        not rest on the initial weights.
    """

    def __init__(self, model: KerasModel, momentum: float) -> None:
        tf = import_tensorflow()

        self._model, self._momentum = model, momentum
        self._steps = 0
        self._averages = [tf.Variable(weight.value, trainable=False) for weight in model.weights]
        self._set_aside: list[NDArray[Any]] = []

    def follow(self) -> None:
        """Take in the weights as they are after a step."""
        self._steps += 1
        rate = 1 - min(self._momentum, (1 + self._steps) / (10 + self._steps))
        for average, weight in zip(self._averages, self._model.weights, strict=True):
            average.assign_add(rate * (weight.value - average))

    def weights(self) -> list[NDArray[Any]]:
        """Return the averages, as `keras.Model.set_weights` takes them."""
        return [average.numpy() for average in self._averages]

    def put_in(self) -> None:
        """Give the model the averages, until `take_out`."""
        self._set_aside = self._model.get_weights()
        self._model.set_weights(self.weights())

    def take_out(self) -> None:
        """Give the model its own weights again."""
        self._model.set_weights(self._set_aside)
