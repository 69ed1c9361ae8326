"""The transfer network (Listing 2): the layers on a frozen backbone, and the whole.

It takes RGB pixels of 0…255 and prepares them inside, so that a saved model needs nothing else.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.results import FloatArray
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.layers import KerasModel, closing, layer_seed

STRENGTH = 100.0
"""Inverse strength of the regularised output's penalty, scikit-learn's C: the middle of those that the linear
probe selects from (`core.training.architectures.head.logistic.STRENGTHS`), for features of mean squared length 1."""
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Scaling:
    """Centring, and one scale for all features, so that those that vary little stay small.

    Attributes
    ----------
    mean : ndarray of shape (n_features,), float64
    scale : float
        > 0; root of the mean variance of a feature.
    """

    mean: NDArray[np.float64]
    scale: float

    @classmethod
    def of(cls, rows: FloatArray) -> "Scaling":
        """Return the scaling by which `rows`, shape (n, n_features), n >= 1, have mean 0 and mean square 1."""
        mean = rows.mean(axis=0, dtype=np.float64)
        total = 0.0
        for start in range(0, len(rows), ROWS_AT_ONCE):
            total += float(np.square(rows[start : start + ROWS_AT_ONCE] - mean).sum())
        # Identical images have no variance, and stay 0.
        return cls(mean, math.sqrt(total / rows.size) or 1.0)

    def apply_to(self, rows: FloatArray) -> None:
        """Scale `rows`, shape (..., n_features), in place."""
        rows -= self.mean.astype(np.float32)
        rows /= np.float32(self.scale)


def build_regularised_head(
    n_features: int, n_classes: int, n_images: int, settings: TrainingSettings, *, seed: int = 0
) -> KerasModel:
    """Build the regularised output: dropout and one output per class, on features that a `Scaling` was applied to.

    All weights start at 0, and those of the kernel have the L2 penalty of multinomial logistic regression with
    scikit-learn's C = `STRENGTH` on features of mean squared length 1.

    Parameters
    ----------
    n_features, n_classes : int
        >= 1.
    n_images : int
        >= 1; those trained on, over which the penalty is spread.
    settings : TrainingSettings
        Its `dropout_before_norm`.
    seed : int
        >= 0; of dropout.

    Returns
    -------
    keras.Model
        Input (batch, n_features), output (batch, n_classes), probabilities.
    """
    keras = import_keras()

    features = keras.Input((n_features,), name="features")
    dropout_seed = layer_seed(seed, "last dropout")
    x = keras.layers.Dropout(settings.dropout_before_norm, seed=dropout_seed, name="dropout_before_norm")(features)
    # Scaled features are longer than 1 by the root of their number, and their weights shorter by it.
    penalty = keras.regularizers.L2(n_features / (2 * STRENGTH * n_images))
    output = keras.layers.Dense(
        n_classes, activation="softmax", kernel_initializer="zeros", kernel_regularizer=penalty, name="classes"
    )
    return keras.Model(features, output(x), name="transfer_head")


def fold_scaling(head: KerasModel, scaling: Scaling) -> KerasModel:
    """Return a regularised output layer for features of the backbone: one layer, no penalty.

    Parameters
    ----------
    head : keras.Model
        From `build_regularised_head`, trained on features that `scaling` was applied to.
    scaling : Scaling
    """
    keras = import_keras()

    kernel, bias = (np.asarray(weight, dtype=np.float64) for weight in head.layers[-1].get_weights())
    kernel = kernel / scaling.scale
    features = keras.Input(head.input_shape[1:], name="features")
    output = keras.layers.Dense(len(bias), activation="softmax", name="classes")
    folded = keras.Model(features, output(features), name="transfer_head")
    output.set_weights([kernel, bias - scaling.mean @ kernel])
    return folded


def build_transfer_head(n_features: int, n_classes: int, settings: TrainingSettings, *, seed: int = 0) -> KerasModel:
    """Build what Listing 2 puts on the pooled map of its backbone: dropout, batch normalisation, one output per class.

    Parameters
    ----------
    n_features : int
        Channels of the backbone's last map.
    n_classes : int
        >= 1.
    settings : TrainingSettings
    seed : int
        >= 0.

    Returns
    -------
    keras.Model
        Input (batch, n_features), output (batch, n_classes), probabilities.
    """
    keras = import_keras()

    features = keras.Input((n_features,), name="features")
    return keras.Model(features, closing(features, n_classes, settings, seed), name="transfer_head")


def assemble_transfer(pooled_backbone: KerasModel, head: KerasModel) -> KerasModel:
    """Put the head on its backbone: the whole transfer network of Listing 2, sharing weights with both parts.

    With ResNet101V2 and 8 classes 42,651,144 parameters, 20,488 of them trainable.

    Parameters
    ----------
    pooled_backbone : keras.Model
        From `core.training.backbones.build_pooled_backbone`.
    head : keras.Model
        From `build_transfer_head` or `fold_scaling`.

    Returns
    -------
    keras.Model
        Input (batch, image_size, image_size, 3), pixels of 0…255; output (batch, n_classes), probabilities.
    """
    keras = import_keras()

    x = pooled_backbone.output
    for layer in head.layers[1:]:
        x = layer(x)
    return keras.Model(pooled_backbone.input, x, name="transfer")
