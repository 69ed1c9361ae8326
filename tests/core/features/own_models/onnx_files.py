"""Small ONNX files for tests: a convolution, pooling and a matrix, and what can be wrong with such a file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, WIDTH = 32, 12
Change = Callable[[Any], None]


def weights(seed: int = 0) -> list[Any]:
    random = np.random.default_rng(seed)
    kernel = random.standard_normal((8, 3, 3, 3)).astype(np.float32)
    matrix = random.standard_normal((8, WIDTH)).astype(np.float32)
    return [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(matrix, "matrix")]


def nodes(image: str = "pixels") -> list[Any]:
    return [
        helper.make_node("Conv", [image, "kernel"], ["map"], strides=[2, 2]),
        helper.make_node("Relu", ["map"], ["positive"]),
        helper.make_node("GlobalAveragePool", ["positive"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["features"]),
    ]


def value(name: str, shape: Sequence[Any], kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, list(shape))


def model(
    *,
    shape: Sequence[Any] = ("n", 3, SIZE, SIZE),
    outputs: Sequence[Any] | None = None,
    more_nodes: Sequence[Any] = (),
    more_inputs: Sequence[Any] = (),
    more_weights: Sequence[Any] = (),
    opset: int = 17,
    kind: int = TensorProto.FLOAT,
    seed: int = 0,
) -> Any:
    outputs = [value("features", ("n", WIDTH))] if outputs is None else outputs
    graph = helper.make_graph(
        [*nodes(), *more_nodes], "net", [value("pixels", shape, kind), *more_inputs], list(outputs),
        [*weights(seed), *more_weights],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def written(folder: Path, made: Any | None = None, name: str = "net.onnx", change: Change | None = None) -> Path:
    made = model() if made is None else made
    if change is not None:
        change(made)
    file = folder / name
    file.write_bytes(made.SerializeToString())
    return file


def reference(pixels: Any, seed: int = 0) -> Any:
    """Compute the features of prepared images, float of shape (n, 3, 32, 32), with NumPy in float64."""
    kernel, matrix = (numpy_helper.to_array(each).astype(np.float64) for each in weights(seed))
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    maps = np.maximum(np.einsum("ncyxij,kcij->nkyx", windows, kernel), 0)
    return maps.mean(axis=(2, 3)) @ matrix


__all__ = ["SIZE", "WIDTH", "TensorProto", "helper", "model", "numpy_helper", "onnx", "reference", "value", "written"]
