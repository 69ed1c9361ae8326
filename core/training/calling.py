"""Call a Keras model on ready batches: traced once for all batch sizes."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.features.engine import import_keras, import_tensorflow
from coreset_studio.core.results import FloatArray
from coreset_studio.core.training.layers import KerasModel

RETRACING = "triggered tf.function retracing"


def compiled(model: KerasModel, dtype: np.dtype[Any]) -> Callable[[NDArray[Any]], FloatArray]:
    """Return a function from a batch, shape (n, ...), to the model's outputs, shape (n, n_outputs), float32.

    Parameters
    ----------
    model : keras.Model
        Never called in training mode.
    dtype : dtype
        Of the batches.

    Notes
    -----
    ``predict_on_batch`` traces the model again for each size of batch, and TensorFlow counts such traces over all
    models of a process and warns. A concrete function with an open batch size is one trace a model.
    """
    tf = import_tensorflow()

    signature = tf.TensorSpec((None, *model.input_shape[1:]), dtype)
    # Nothing in it requires AutoGraph, which needs the source and so complains in a frozen program.
    function = tf.function(lambda batch: model(batch, training=False), autograph=False)
    traced = function.get_concrete_function(signature)
    return lambda batch: np.asarray(traced(tf.constant(batch)), dtype=np.float32)


def free_memory() -> None:
    """Let go of the graphs of earlier networks, which otherwise pile up from run to run; live models stay usable."""
    keras = import_keras()

    keras.backend.clear_session(free_memory=True)


@contextmanager
def one_trace_a_network() -> Iterator[None]:
    """Keep back TensorFlow's warning of many traces: it counts over all models, and each run has a new network."""
    tf = import_tensorflow()

    logger = tf.get_logger()
    logger.addFilter(_is_no_retracing)
    try:
        yield
    finally:
        logger.removeFilter(_is_no_retracing)


def _is_no_retracing(record: logging.LogRecord) -> bool:
    return RETRACING not in record.getMessage()
