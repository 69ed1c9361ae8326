"""The paper's two networks (Listings 1 and 2), for any number of classes and any size of image.

Both take RGB pixels of 0…255 and prepare them inside, so that a saved model needs nothing beside it.
"""

from collections.abc import Callable
from typing import Any

from core.errors import TrainingError
from core.seeds import generator
from core.settings import TrainingSettings

# A keras.Model. Keras is imported inside functions only, so its name cannot stand in an annotation.
Network = Any

CUSTOM_FILTERS = (32, 16, 8)
CUSTOM_UNITS = 32


def smallest_image_size() -> int:
    """Return the smallest side in pixels of which something is left after the custom network's three pools."""
    size = 1
    for _ in CUSTOM_FILTERS:
        size = 2 * size + 2
    return size


def build_custom(n_classes: int, settings: TrainingSettings, *, seed: int = 0) -> Network:
    """Build the custom network of Listing 1, with seeded weights.

    Three times convolution 3×3, pooling and dropout; then flatten, a dense layer of 32, dropout, batch
    normalisation and one output per class.

    Parameters
    ----------
    n_classes : int
        >= 1.
    settings : TrainingSettings
        Its `image_size`, `dropout`, `dropout_before_norm` and `norm_momentum`.
    seed : int
        >= 0; of the initial weights and of dropout.

    Returns
    -------
    keras.Model
        Input (batch, image_size, image_size, 3), pixels of 0…255; output (batch, n_classes), probabilities.
        237,504 parameters for 8 classes at 256 pixels, 237,440 of them trainable.

    Raises
    ------
    TrainingError
        If nothing would be left of the image after three pools.
    """
    import keras

    size = settings.image_size
    if size < smallest_image_size():
        raise TrainingError(
            f"Images of {size} pixels are too small for the custom network: after three pools nothing is left. "
            f"Set the image size to at least {smallest_image_size()}."
        )
    layers = keras.layers
    pixels = keras.Input((size, size, 3), name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescaling")(pixels)
    for block, filters in enumerate(CUSTOM_FILTERS, start=1):
        initialiser = _initialiser(seed, f"conv{block}")
        x = layers.Conv2D(filters, 3, activation="relu", kernel_initializer=initialiser, name=f"conv{block}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
        x = layers.Dropout(settings.dropout, seed=_number(seed, f"dropout{block}"), name=f"dropout{block}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(CUSTOM_UNITS, activation="relu", kernel_initializer=_initialiser(seed, "dense"), name="dense")(x)
    return keras.Model(pixels, _closing(x, n_classes, settings, seed), name="custom")


def build_transfer_head(n_features: int, n_classes: int, settings: TrainingSettings, *, seed: int = 0) -> Network:
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
    import keras

    features = keras.Input((n_features,), name="features")
    return keras.Model(features, _closing(features, n_classes, settings, seed), name="transfer_head")


def build_pooled_backbone(backbone: Network, preprocess: Callable[[Any], Any], image_size: int) -> Network:
    """Put preprocessing before a frozen backbone, and average pooling of its whole map and flattening after it.

    Parameters
    ----------
    backbone : keras.Model
        Its output is a convolutional map, (batch, h, w, channels). It is frozen.
    preprocess : callable
        Turns a symbolic tensor of pixels of 0…255 into what the backbone takes, by Keras operations.
    image_size : int

    Returns
    -------
    keras.Model
        Input (batch, image_size, image_size, 3), pixels of 0…255; output (batch, channels).
    """
    import keras

    backbone.trainable = False
    pixels = keras.Input((image_size, image_size, 3), name="pixels")
    # Never in training mode: the batch normalisation inside a frozen backbone keeps ImageNet's means.
    x = backbone(preprocess(pixels), training=False)
    x = keras.layers.AveragePooling2D((x.shape[1], x.shape[2]), name="average_pooling")(x)
    return keras.Model(pixels, keras.layers.Flatten(name="flatten")(x), name="pooled_backbone")


def assemble_transfer(pooled_backbone: Network, head: Network) -> Network:
    """Put the head on its backbone: the whole transfer network of Listing 2, sharing weights with both parts.

    With ResNet101V2 and 8 classes 42,651,144 parameters, 20,488 of them trainable.

    Parameters
    ----------
    pooled_backbone : keras.Model
        From `build_pooled_backbone`.
    head : keras.Model
        From `build_transfer_head`.

    Returns
    -------
    keras.Model
        Input (batch, image_size, image_size, 3), pixels of 0…255; output (batch, n_classes), probabilities.
    """
    import keras

    x = pooled_backbone.output
    for layer in head.layers[1:]:
        x = layer(x)
    return keras.Model(pooled_backbone.input, x, name="transfer")


def _closing(x: Any, n_classes: int, settings: TrainingSettings, seed: int) -> Any:
    """Add the last three layers that both networks have in common."""
    from keras import layers

    x = layers.Dropout(settings.dropout_before_norm, seed=_number(seed, "last dropout"), name="dropout_before_norm")(x)
    x = layers.BatchNormalization(momentum=settings.norm_momentum, name="norm")(x)
    initialiser = _initialiser(seed, "classes")
    return layers.Dense(n_classes, activation="softmax", kernel_initializer=initialiser, name="classes")(x)


def _initialiser(seed: int, layer: str) -> Any:
    import keras

    return keras.initializers.GlorotUniform(seed=_number(seed, layer))


def _number(seed: int, name: str) -> int:
    """Return a seed of its own for each layer, so that a layer more does not change the others."""
    return int(generator(seed, "network", name).integers(2**31))
