"""Run a model with ONNX Runtime so that an image gives the same numbers in any company and on any number of threads.

Sums of floating-point numbers depend on their order, which a library may choose by the size of a batch and by the
number of threads. So every batch has the same size, the last one being padded, and each is computed by one thread;
several batches are computed at the same time instead.
"""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.own_models.libraries import import_onnxruntime
from coreset_studio.core.features.own_models.settings import ModelSettings
from coreset_studio.core.features.steps import Prepared
from coreset_studio.core.results import FloatArray
from coreset_studio.core.threads import n_threads

_MOST_THREADS = 8
# Before the message itself, such as "[ONNXRuntimeError] : 10 : INVALID_GRAPH : ".
_CODES = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")


@dataclass(frozen=True)
class Port:
    """Where pixels go in and features come out.

    Attributes
    ----------
    image, output : str
        Names of input and output.
    numbers : {"float32", "float16"}
        Of the input.
    is_channels_last : bool
    batch : int
        Images of every batch.
    """

    image: str
    output: str
    numbers: str
    is_channels_last: bool
    batch: int


def open_session(data: bytes, name: str) -> Any:
    """Return a session of ONNX Runtime on the processor, of one thread for each call.

    Nothing is written and no other library is loaded: no profile, no optimised copy, no operators from elsewhere.

    Raises
    ------
    FeatureError
        If ONNX Runtime cannot load the model.
    MemoryError
        If there is not enough memory.
    """
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_profiling = False
    # Patterns are kept for each shape, of which there is one; they would be shared by batches computed at once.
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:  # ONNX Runtime raises its own errors, of many kinds
        raise runtime_error(
            error, f"The model {name} cannot be loaded by ONNX Runtime {runtime.__version__}"
        ) from error


def runtime_error(error: Exception, what: str) -> Exception:
    """Return what ONNX Runtime raised as a sentence, or as a `MemoryError` where memory was refused."""
    said = " ".join(str(error).split())
    if "bad_alloc" in said or "Failed to allocate memory" in said or "bad allocation" in said:
        return MemoryError(said)
    reason = _CODES.sub("", said).rpartition("Status Message: ")[2]
    return FeatureError(f"{what} ({reason[:300].rstrip('. ')}). Export it again, as docs/own_model.md shows.")


class Runner:
    """Computes the features of prepared images.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    port : Port
    settings : ModelSettings
    name : str
        Of the model, for messages.
    """

    def __init__(self, session: Any, port: Port, settings: ModelSettings, name: str) -> None:
        self._session, self._port, self._name = session, port, name
        # Both constants as float32, so that no sum is made in float64 on one machine and float32 on another.
        divided = np.float32(1 / 255 if settings.scale == "0-1" else 1)
        self._factor = divided / np.asarray(settings.std, dtype=np.float32)
        self._shift = np.asarray(settings.mean, dtype=np.float32) / np.asarray(settings.std, dtype=np.float32)
        self._flips = settings.channels == "BGR"

    def rows(self, pixels: Prepared, n_at_once: int | None = None, batch: int | None = None) -> FloatArray:
        """Return the features of images, float32 of shape (n, d).

        Parameters
        ----------
        pixels : ndarray of shape (n, size, size, 3), uint8
            n >= 1; red, green, blue.
        n_at_once : int, optional
            Batches computed at the same time; by default one for each thread of this process.
        batch : int, optional
            Another size of a batch than that of the model, for comparison.

        Raises
        ------
        FeatureError
            If the model fails, or its output is not of shape (batch, d).
        """
        size = batch or self._port.batch
        parts = [pixels[start : start + size] for start in range(0, len(pixels), size)]

        def compute(part: Prepared) -> FloatArray:
            missing = size - len(part)
            full = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]) if missing else part
            return self.raw(full)[: len(part)]

        workers = min(n_at_once or min(n_threads(), _MOST_THREADS), len(parts))
        return np.concatenate(_mapped(compute, parts, workers))

    def raw(self, pixels: Prepared) -> FloatArray:
        """Return the output for one batch as it is, in float32."""
        try:
            (found,) = self._session.run([self._port.output], {self._port.image: self._input(pixels)})
        except MemoryError:
            raise
        except Exception as error:  # as above
            raise runtime_error(error, f"The model {self._name} failed on a batch of {len(pixels)} images") from error
        return np.asarray(found, dtype=np.float32)

    def _input(self, pixels: Prepared) -> Any:
        values = pixels.astype(np.float32) * self._factor - self._shift
        if self._flips:
            values = values[..., ::-1]
        if not self._port.is_channels_last:
            values = values.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(values, dtype=self._port.numbers)


def _mapped(compute: Callable[[Prepared], FloatArray], parts: list[Prepared], workers: int) -> list[FloatArray]:
    if workers < 2:
        return [compute(part) for part in parts]
    with ThreadPoolExecutor(workers, thread_name_prefix="model") as pool:
        return list(pool.map(compute, parts))
