"""Everything in an ONNX file that is not a plain network with one image input is refused, without running it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.own_models import adding, structure
from coreset_studio.core.features.own_models.adding import add_model, inspect_model
from coreset_studio.core.features.own_models.structure import read_structure
from tests.core.features.own_models.onnx_files import (
    SIZE,
    WIDTH,
    TensorProto,
    helper,
    model,
    numpy_helper,
    onnx,
    value,
    written,
)


def read(made: Any) -> Any:
    return read_structure(made.SerializeToString(), "net.onnx")


def test_a_plain_network_is_read() -> None:
    found = read(model())
    assert (found.image.name, found.image.numbers, found.image.shape) == ("pixels", "float32", (0, 3, SIZE, SIZE))
    assert [each.in_words for each in found.outputs] == [f"features (?, {WIDTH})"]
    assert found.n_parameters == 8 * 27 + 8 * WIDTH


def test_weights_that_are_listed_as_inputs_are_no_inputs() -> None:
    assert read(model(more_inputs=[value("kernel", (8, 3, 3, 3))])).image.name == "pixels"


def external(made: Any) -> None:
    onnx.external_data_helper.set_external_data(made.graph.initializer[0], "../../secret.bin")
    made.graph.initializer[0].data_location = TensorProto.EXTERNAL


def named_only(made: Any) -> None:
    made.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")


def external_constant(made: Any) -> None:
    tensor = numpy_helper.from_array(np.ones(3, np.float32), "inner")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="x.bin")
    made.graph.node.append(helper.make_node("Constant", [], ["unused"], value=tensor))


def contributed(made: Any) -> None:
    made.graph.node[0].domain = "com.microsoft"


def nested(made: Any) -> None:
    inner = helper.make_graph(
        [helper.make_node("Hidden", ["features"], ["y"], domain="custom.lab")], "branch", [], [value("y", ("n", WIDTH))]
    )
    other = helper.make_graph(
        [helper.make_node("Identity", ["features"], ["y"])], "other", [], [value("y", ("n", WIDTH))]
    )
    made.graph.node.append(helper.make_node("If", ["condition"], ["out"], then_branch=inner, else_branch=other))


def function(made: Any) -> None:
    made.functions.append(
        helper.make_function(
            "lab.own", "Scale", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], [helper.make_opsetid("", 17)]
        )
    )


def claims_more(made: Any) -> None:
    made.graph.initializer[1].dims[0] = 10**9


def claims_less(made: Any) -> None:
    made.graph.initializer[1].dims[0] = 1


def negative(made: Any) -> None:
    made.graph.initializer[1].dims[0] = -8


def unknown_numbers(made: Any) -> None:
    made.graph.initializer[1].data_type = 999


def sparse(made: Any) -> None:
    values = helper.make_tensor("s", TensorProto.FLOAT, [1], [1.0])
    made.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, helper.make_tensor("i", TensorProto.INT64, [1], [3]), [10**9])
    )


def training(made: Any) -> None:
    made.training_info.add()


def future_format(made: Any) -> None:
    made.ir_version = 999


def future_opset(made: Any) -> None:
    made.opset_import[0].version = 999


def no_opset(made: Any) -> None:
    del made.opset_import[:]


def no_nodes(made: Any) -> None:
    del made.graph.node[:]


def no_inputs(made: Any) -> None:
    del made.graph.input[:]


def sequence_output(made: Any) -> None:
    made.graph.output[0].type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT


def text_input(made: Any) -> None:
    made.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING


def optional_input(made: Any) -> None:
    made.graph.input[0].type.optional_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT


@pytest.mark.parametrize(
    ("change", "why", "way"),
    [
        (external, "the weights kernel are in another file (external data), which is never opened", "one file"),
        (named_only, "the weights kernel are in another file", "Models above 2.0 GB cannot be one file"),
        (external_constant, "the weights inner are in another file", "save_as_external_data=False"),
        (contributed, "it uses the operator com.microsoft.Conv;", "without operators of a particular runtime"),
        (nested, "it uses the operator custom.lab.Hidden;", "without operators of a particular runtime"),
        (function, "it defines 1 functions of its own, such as lab.own.Scale", "inline_local_functions"),
        (claims_more, "of shape 1000000000 × 12 needs 48 GB, and the file contains 384 bytes", "copy it again"),
        (claims_less, "of shape 1 × 12 needs 48 bytes, and the file contains 384 bytes", "copy it again"),
        (negative, "of shape -8 × 12", "copy it again"),
        (unknown_numbers, "its tensor matrix", "copy it again"),
        (sparse, "it has sparse tensors", "dense weights"),
        (training, "it contains a training graph", "for inference"),
        (future_format, "it has version 999 of the ONNX format; known are versions up to", "older ir_version"),
        (future_opset, "it names opset 999; expected an opset from 1 to", "opset_version=17"),
        (no_opset, "it names no opset of the standard operators", "opset_version=17"),
        (no_nodes, "it contains no operators", "docs/own_model.md"),
        (no_inputs, "it has 0 inputs (none); expected one", "encodes images"),
        (sequence_output, "none of its outputs can be features (features: a sequence)", "pooled features"),
        (text_input, "its input pixels is string of shape (?, 3, 32, 32); expected float32", "images as its input"),
        (optional_input, "its input pixels is an optional value; expected float32", "images as its input"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_what_is_refused_is_named_with_what_to_do(change: Callable[[Any], None], why: str, way: str) -> None:
    made = model()
    change(made)
    with pytest.raises(FeatureError) as caught:
        read(made)
    said = str(caught.value)
    assert said.startswith("The model net.onnx cannot be added: ")
    assert why in said
    assert way in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("shape", "found"),
    [(("n", 5), "(?, 5)"), (("n", 3, 8, SIZE, SIZE), "(?, 3, 8, 32, 32)")],
)
def test_an_input_that_is_no_image_is_refused(shape: tuple[Any, ...], found: str) -> None:
    with pytest.raises(FeatureError, match=r"expected float32 of shape \(batch, 3, height, width\)") as caught:
        read(model(shape=shape))
    assert f"float32 of shape {found}" in str(caught.value)


def test_several_inputs_are_refused() -> None:
    with pytest.raises(FeatureError, match=r"it has 2 inputs \(pixels, ids\); expected one, a batch of images"):
        read(model(more_inputs=[value("ids", ("n", 77), TensorProto.INT64)]))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "it contains no operators"),
        (b"PK\x03\x04rest of a TorchScript archive", "it is a zip archive, as PyTorch and TorchScript write"),
        (b"\x80\x02}q\x00", "it is a pickle, as PyTorch writes"),
        (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file, as Keras writes"),
        (b"version https://git-lfs.github.com/spec/v1\n", "it is a pointer of Git LFS"),
        (b"plain text, no model at all", "it is not an ONNX file, or it is truncated"),
    ],
)
def test_other_files_are_named(tmp_path: Path, data: bytes, what: str) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(data)
    with pytest.raises(FeatureError, match="cannot be added") as caught:
        inspect_model(file)
    assert what in str(caught.value)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(FeatureError, match="it is not an ONNX file, or it is truncated"):
        inspect_model(file)


def test_a_file_above_two_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "large.onnx"
    with file.open("wb") as stream:
        stream.truncate(structure.LARGEST_FILE + 1)  # sparse on disk
    with pytest.raises(FeatureError, match=r"it is larger than 2\.0 GB, the most that one ONNX file can hold"):
        inspect_model(file)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match="it cannot be read"):
        add_model(tmp_path / "none.onnx")
    assert adding.models_folder().exists() is False


def test_damaged_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    whole = model().SerializeToString()
    random = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(whole)
        for place in random.integers(0, len(data), 3):
            data[place] = random.integers(0, 256)
        try:
            read_structure(bytes(data), "net.onnx")
        except FeatureError as error:
            assert "\n" not in str(error)  # noqa: PT017 - what is not refused may be a valid network
