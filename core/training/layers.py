"""Layers that several networks have, with weights seeded by layer."""

from typing import Any

from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.seeds import generator
from coreset_studio.core.settings import TrainingSettings

# A keras.Model. Keras is imported inside functions only, so its name cannot be in an annotation.
KerasModel = Any


def closing(x: Any, n_classes: int, settings: TrainingSettings, seed: int) -> Any:
    """Add the last three layers of the paper's two networks: dropout, batch normalisation, one output per class."""
    layers = import_keras().layers

    dropout_seed = layer_seed(seed, "last dropout")
    x = layers.Dropout(settings.dropout_before_norm, seed=dropout_seed, name="dropout_before_norm")(x)
    x = layers.BatchNormalization(momentum=settings.norm_momentum, name="norm")(x)
    initialiser = seeded_glorot(seed, "classes")
    return layers.Dense(n_classes, activation="softmax", kernel_initializer=initialiser, name="classes")(x)


def seeded_glorot(seed: int, layer: str) -> Any:
    """Return Glorot's uniform initialiser with the seed of a layer."""
    keras = import_keras()

    return keras.initializers.GlorotUniform(seed=layer_seed(seed, layer))


def layer_seed(seed: int, name: str) -> int:
    """Return a seed of its own for each layer, so that a layer more does not change the others."""
    return int(generator(seed, "network", name).integers(2**31))
