"""TensorFlow and Keras, imported when they are first needed, quietly, and missed with a sentence."""

import os
from typing import Any

from core.errors import FeatureError


def import_tensorflow() -> Any:
    """Return the module `tensorflow`.

    Raises
    ------
    FeatureError
        If it is not installed.
    """
    _prepare_environment()
    try:
        import tensorflow as tf
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    return tf


def import_keras() -> Any:
    """Return the module `keras`, on TensorFlow and with channels last, whatever the user's own Keras is set to.

    Raises
    ------
    FeatureError
        If it is not installed.
    """
    _prepare_environment()
    try:
        import keras
        import tensorflow as tf  # noqa: F401 (keras alone would fail later, and less clearly)
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    return keras


def _prepare_environment() -> None:
    # Remarks on instruction sets and rounding would stand between the lines of our progress.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"


def _missing(error: ModuleNotFoundError) -> FeatureError:
    return FeatureError(
        f"TensorFlow is not installed, and networks need it ({error.name} is missing): "
        f"install it with `pip install 'coreset-studio[cpu]'`, or choose colour-texture, which does without."
    )
