"""TensorFlow and Keras, imported when they are first needed, quietly, and missed with a sentence."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.extractors import recommended_without_weights


def import_tensorflow() -> Any:
    """Return the module `tensorflow`.

    Raises
    ------
    FeatureError
        If it is not installed, or cannot be loaded.
    """
    try:
        with _quiet(), _no_socket():
            import tensorflow as tf
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    except ImportError as error:
        raise _unloadable(error) from error
    return tf


def import_keras() -> Any:
    """Return the module `keras`, on TensorFlow and with channels last, regardless of the user's configuration of Keras.

    Raises
    ------
    FeatureError
        If it is not installed.
    """
    import_tensorflow()  # keras alone would fail later, and less clearly
    import keras

    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    return keras


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep TensorFlow's remarks on instruction sets and rounding from standing between the lines of our progress.

    They are written by its C++ side while it is imported, before it listens to TF_CPP_MIN_LOG_LEVEL.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # Otherwise the first engine process would take a graphics card's whole memory and the next one fail.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    try:
        kept = None if "tensorflow" in sys.modules else os.dup(2)
    except OSError:  # a windowed program has no standard error
        kept = None
    if kept is None:
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _no_socket() -> Iterator[None]:
    """Keep urllib3, which Keras imports for its downloads, from opening a socket to see whether the machine has IPv6.

    It first checks whether Python was built with IPv6.
    """
    had = socket.has_ipv6
    socket.has_ipv6 = False
    try:
        yield
    finally:
        socket.has_ipv6 = had


def _unloadable(error: ImportError) -> FeatureError:
    """Return a sentence for a TensorFlow that is installed; its own error has a traceback inside."""
    lines = [line.strip() for line in str(error).splitlines()] or ["no reason was given"]
    reason = next((line for line in lines if "DLL load failed" in line or ".so" in line), lines[-1])
    advice = (
        "Install the Visual C++ Redistributable of Microsoft (x64), and start the program again"
        if "DLL load failed" in reason
        else "Install it again"
    )
    return FeatureError(
        f"TensorFlow is installed but cannot be loaded ({reason.removeprefix('ImportError: ').rstrip('.')}). {advice}, "
        f"or choose {' or '.join(recommended_without_weights())}, which does not require it."
    )


def _missing(error: ModuleNotFoundError) -> FeatureError:
    only_linux = (
        ""
        if sys.platform == "linux"
        else " The extra [gpu] installs it on Linux only, which includes WSL2 on Windows: elsewhere TensorFlow does "
        "not use NVIDIA GPUs."
    )
    return FeatureError(
        f"TensorFlow is not installed, and networks require it ({error.name} is missing): "
        f'install it with `pip install "coreset-studio[cpu]"`, or choose {" or ".join(recommended_without_weights())}, '
        f"which does not require it.{only_linux}"
    )
