"""The transfer network (Listing 2): what stands on a frozen backbone, and both put together.

It takes RGB pixels of 0…255 and prepares them inside, so that a saved model needs nothing beside it.
"""

from core.features.engine import import_keras
from core.settings import TrainingSettings
from core.training.layers import KerasModel, closing


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
        From `build_transfer_head`.

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
