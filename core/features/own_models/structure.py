"""The contents of an ONNX file, read without running it; any but a plain network with one image input is refused.

The file is parsed by the package `onnx` from bytes in memory, which never opens the external data that a file names
(such names have led out of the folder, see CVE-2026-27489). Nothing in it is run here.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.own_models.libraries import import_onnx
from coreset_studio.core.words import byte_size

LARGEST_FILE = 2_000_000_000
"""Above this, a model needs external data, which is refused."""

STANDARD_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
_RECIPE = "see docs/own_model.md for a recipe"
# Types of which several numbers share a byte.
_BITS = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}
# By the first bytes of files that are often taken for ONNX.
_OTHER_FILES = {
    b"PK\x03\x04": "a zip archive, as PyTorch and TorchScript write",
    b"\x80\x02": "a pickle, as PyTorch writes",
    b"\x89HDF": "an HDF5 file, as Keras writes",
    b"version https://git-lfs": "a pointer of Git LFS in place of the file",
}


@dataclass(frozen=True)
class ModelInput:
    """The image input.

    Attributes
    ----------
    name : str
    numbers : {"float32", "float16"}
    shape : tuple of int
        Four dimensions; 0 where the model accepts any.
    """

    name: str
    numbers: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ModelOutput:
    """An output: its shape, 0 where it is not fixed; None where the file does not state one."""

    name: str
    numbers: str
    shape: tuple[int, ...] | None

    @property
    def in_words(self) -> str:
        """Name and shape."""
        shape = "unknown shape" if self.shape is None else f"({', '.join(str(each or '?') for each in self.shape)})"
        return f"{self.name} {shape}"


@dataclass(frozen=True)
class Structure:
    """A network that passed: its input, its outputs, and the number of its parameters."""

    image: ModelInput
    outputs: tuple[ModelOutput, ...]
    n_parameters: int


def read_structure(data: bytes, name: str) -> Structure:
    """Parse an ONNX file and check everything that can be checked without running it.

    Parameters
    ----------
    data : bytes
    name : str
        Of the file, for messages.

    Raises
    ------
    FeatureError
        If it is no ONNX model, or has what is not accepted; the sentence says what to do.
    """
    model = _parsed(data, name)
    _check_versions(model, name)
    _check_operators(model, name)
    _check_tensors(model, name)
    given = {tensor.name for tensor in model.graph.initializer}
    image = _image_input([each for each in model.graph.input if each.name not in given], name)
    outputs = _outputs(model.graph.output, name)
    n_parameters = sum(math.prod(tensor.dims) for tensor in model.graph.initializer)
    return Structure(image, outputs, n_parameters)


def refused(name: str, why: str, way: str) -> FeatureError:
    """Return the error for a model that is not accepted: why, and what to do."""
    return FeatureError(f"The model {name} cannot be added: {why}. {way}")


# --- parts of the check -------------------------------------------------------------------------------------------


def _parsed(data: bytes, name: str) -> Any:
    onnx = import_onnx()
    for start, what in _OTHER_FILES.items():
        if data.startswith(start):
            raise refused(name, f"it is {what}; expected an ONNX file", f"Export the model to ONNX ({_RECIPE}).")
    try:
        model = onnx.load_model_from_string(data)
    except MemoryError:
        raise
    except Exception as error:  # protobuf raises its own errors, of several kinds
        raise refused(
            name, "it is not an ONNX file, or it is truncated", "Copy it again, or export the model again."
        ) from error
    if not model.graph.node or not model.ir_version:
        raise refused(
            name, "it contains no operators; expected an ONNX model", f"Export the model to ONNX ({_RECIPE})."
        )
    return model


def _check_versions(model: Any, name: str) -> None:
    onnx = import_onnx()
    if model.ir_version > onnx.IR_VERSION:
        raise refused(
            name, f"it has version {model.ir_version} of the ONNX format; known are versions up to {onnx.IR_VERSION}",
            "Export it with an older ir_version, or update the program.",
        )  # fmt: skip
    versions = [each.version for each in model.opset_import if each.domain in STANDARD_DOMAINS[:2]]
    latest = int(onnx.defs.onnx_opset_version())
    if not versions or not 1 <= versions[0] <= latest:
        found = f"opset {versions[0]}" if versions else "no opset of the standard operators"
        raise refused(
            name, f"it names {found}; expected an opset from 1 to {latest}", "Export it again with opset_version=17."
        )


def _check_operators(model: Any, name: str) -> None:
    if model.functions:
        first = model.functions[0]
        raise refused(
            name,
            f"it defines {len(model.functions):,} functions of its own, such as {first.domain}.{first.name}; expected "
            "standard operators alone",
            "Replace them with onnx.inliner.inline_local_functions(model), and add the result.",
        )
    if model.training_info:
        raise refused(name, "it contains a training graph", "Export the model for inference.")
    others: dict[str, None] = {}
    for graph in _graphs(model.graph):
        for node in graph.node:
            if node.domain not in STANDARD_DOMAINS:
                others[f"{node.domain}.{node.op_type}"] = None
    if others:
        first, *more = others
        also = f" and {len(more)} more" if more else ""
        raise refused(
            name,
            f"it uses the operator {first}{also}; expected standard ONNX operators alone",
            "Export it without operators of a particular runtime, and without optimising it for one.",
        )


def _check_tensors(model: Any, name: str) -> None:
    """Refuse tensors outside of the file, and tensors that claim more than is in the file."""
    onnx = import_onnx()
    for tensor in _tensors(model.graph, name):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise refused(
                name,
                f"the weights {tensor.name or 'of an operator'} are in another file (external data), which is never "
                "opened",
                "Save it as one file: onnx.save(model, file, save_as_external_data=False), or external_data=False when "
                f"exporting with torch. Models above {byte_size(LARGEST_FILE)} cannot be one file or be added.",
            )
        claimed, there = _tensor_bytes(tensor)
        if min(tensor.dims, default=0) < 0 or claimed != there:
            shape = " × ".join(map(str, tensor.dims))
            raise refused(
                name,
                f"its tensor {tensor.name or 'of an operator'} of shape {shape} needs {byte_size(max(0, claimed))}, "
                f"and the file contains {byte_size(there)} of it",
                "It is damaged: copy it again, or export the model again.",
            )


def _tensor_bytes(tensor: Any) -> tuple[int, int]:
    """Return how many bytes a tensor claims by type and shape, and how many it has."""
    onnx = import_onnx()
    n = math.prod(tensor.dims)
    kind = _kind(tensor.data_type)
    if kind == "STRING":
        return n, len(tensor.string_data)
    if not kind:
        return max(1, n), 0
    size = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    packed = (n * _BITS[kind] + 7) // 8 if kind in _BITS else None
    if tensor.HasField("raw_data"):
        return n * size if packed is None else packed, len(tensor.raw_data)
    field = onnx.helper.tensor_dtype_to_field(tensor.data_type)
    stored = len(getattr(tensor, field))
    if packed is not None:
        return packed, stored
    per_number = 2 if kind.startswith("COMPLEX") else 1
    return n * size, stored // per_number * size


def _kind(number: int) -> str:
    """Return the name of a type of numbers, such as ``"FLOAT"``; empty for a number without a type."""
    names: dict[int, str] = {value: name for name, value in import_onnx().TensorProto.DataType.items()}
    return names.get(number, "").removeprefix("UNDEFINED")


def _graphs(graph: Any) -> Iterator[Any]:
    """Yield a graph and all graphs inside its operators, such as the branches of an If."""
    waiting = [graph]
    while waiting:
        one = waiting.pop()
        yield one
        for node in one.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    waiting.append(attribute.g)
                waiting.extend(attribute.graphs)


def _tensors(graph: Any, name: str) -> Iterator[Any]:
    for one in _graphs(graph):
        sparse = bool(one.sparse_initializer)
        yield from one.initializer
        for node in one.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
                sparse = sparse or attribute.HasField("sparse_tensor") or bool(attribute.sparse_tensors)
        if sparse:
            raise refused(name, "it has sparse tensors; expected dense ones", "Export it with dense weights.")


# --- input and outputs --------------------------------------------------------------------------------------------


def _image_input(inputs: Sequence[Any], name: str) -> ModelInput:
    if len(inputs) != 1:
        found = ", ".join(each.name for each in inputs[:6]) or "none"
        raise refused(
            name, f"it has {len(inputs)} inputs ({found}); expected one, a batch of images",
            "Export the part of the model that encodes images.",
        )  # fmt: skip
    (one,) = inputs
    found, numbers, shape = _value(one)
    if numbers not in ("float32", "float16") or shape is None or len(shape) != 4:
        raise refused(
            name,
            f"its input {one.name} is {found}; expected float32 of shape (batch, 3, height, width) or "
            "(batch, height, width, 3)",
            "Export the model with images as its input; preparation of the pixels is set when it is added.",
        )
    return ModelInput(one.name, numbers, shape)


def _outputs(values: Sequence[Any], name: str) -> tuple[ModelOutput, ...]:
    """Return the outputs that can be features: tensors of floating-point numbers."""
    described = [(each.name, *_value(each)) for each in values]
    found = tuple(
        ModelOutput(output, numbers, shape) for output, _, numbers, shape in described if numbers.startswith("float")
    )
    if not found:
        listed = "; ".join(f"{output}: {words}" for output, words, _, _ in described[:6]) or "none"
        raise refused(
            name, f"none of its outputs can be features ({listed}); expected float32 of shape (batch, features)",
            "Export the model without its last layer, with pooled features as its output.",
        )  # fmt: skip
    return found


def _value(value: Any) -> tuple[str, str, tuple[int, ...] | None]:
    """Return what an input or output is: in words, its numbers (empty if it is no tensor) and its shape."""
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        words = {"sequence_type": "a sequence", "optional_type": "an optional value", "map_type": "a map",
                 "sparse_tensor_type": "a sparse tensor"}.get(kind or "", "of unknown type")  # fmt: skip
        return words, "", None
    tensor = value.type.tensor_type
    element = _kind(tensor.elem_type) or "of unknown type"
    numbers = {"FLOAT": "float32", "FLOAT16": "float16", "DOUBLE": "float64"}.get(element, element.lower())
    if not tensor.HasField("shape"):
        return f"{numbers} of unknown shape", numbers, None
    shape = tuple(max(0, each.dim_value) if each.HasField("dim_value") else 0 for each in tensor.shape.dim)
    return f"{numbers} of shape ({', '.join(str(each or '?') for each in shape)})", numbers, shape
