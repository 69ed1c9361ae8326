"""The custom network (Listing 1), for any number of classes and any size of image.

It takes RGB pixels of 0…255 and prepares them inside, so that a saved model needs nothing else.
"""

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.layers import KerasModel, closing, layer_seed, seeded_glorot

CUSTOM_FILTERS = (32, 16, 8)
CUSTOM_UNITS = 32


def smallest_image_size() -> int:
    """Return the smallest side in pixels of which something is left after the custom network's three pools."""
    size = 1
    for _ in CUSTOM_FILTERS:
        size = 2 * size + 2
    return size


def build_custom(n_classes: int, settings: TrainingSettings, *, seed: int = 0) -> KerasModel:
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
    keras = import_keras()

    size = settings.image_size
    if size < smallest_image_size():
        raise TrainingError(
            f"Images of {size} pixels are too small for the custom network: nothing is left after three pooling "
            f"layers. Set the image size to at least {smallest_image_size()}."
        )
    layers = keras.layers
    pixels = keras.Input((size, size, 3), name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescaling")(pixels)
    for block, filters in enumerate(CUSTOM_FILTERS, start=1):
        initialiser = seeded_glorot(seed, f"conv{block}")
        x = layers.Conv2D(filters, 3, activation="relu", kernel_initializer=initialiser, name=f"conv{block}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
        x = layers.Dropout(settings.dropout, seed=layer_seed(seed, f"dropout{block}"), name=f"dropout{block}")(x)
    x = layers.Flatten(name="flatten")(x)
    initialiser = seeded_glorot(seed, "dense")
    x = layers.Dense(CUSTOM_UNITS, activation="relu", kernel_initializer=initialiser, name="dense")(x)
    return keras.Model(pixels, closing(x, n_classes, settings, seed), name="custom")
