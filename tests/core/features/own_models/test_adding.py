"""A model is run on synthetic images before it is added, and appears in the registry of extractors of every process."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import engine_functions
import numpy as np
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.descriptions import PluginProblem, plugin_problems
from coreset_studio.core.errors import FeatureError, InputError, SettingsError
from coreset_studio.core.features.extractors import EXTRACTORS, extractor_named
from coreset_studio.core.features.own_models import adding, libraries
from coreset_studio.core.features.own_models.adding import add_model, inspect_model, remove_model
from coreset_studio.core.features.own_models.store import OwnModel, models_folder, name_of, own_models, read_model
from coreset_studio.core.service.at_once import answer
from coreset_studio.core.service.model_requests import AddModel, InspectModel, ListModels
from tests.core.features.own_models.onnx_files import (
    SIZE,
    WIDTH,
    TensorProto,
    helper,
    model,
    numpy_helper,
    value,
    written,
)

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def ending(op: str, *inputs: str, shape: Sequence[Any] = ("n", WIDTH), consts: Sequence[Any] = (), **more: Any) -> Any:
    """Return a network whose output `last` is one more operator after the features."""
    node = helper.make_node(op, inputs or ["features"], ["last"], **more)
    return model(more_nodes=[node], outputs=[value("last", shape)], more_weights=consts)


def constant(name: str, values: Any, kind: Any = np.float32) -> Any:
    return numpy_helper.from_array(np.asarray(values, dtype=kind), name)


def test_a_model_is_added_with_its_file_and_a_description(tmp_path: Path) -> None:
    file = written(tmp_path)
    added = add_model(file, title="Lab’s Net (v2)")
    found = added.model
    assert (found.name, found.title) == ("labs-net-v2", "Lab’s Net (v2)")
    assert found.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert found.file.read_bytes() == file.read_bytes()
    assert (found.width, found.batch, found.settings.input_size, found.settings.layout) == (WIDTH, 4, SIZE, "NCHW")
    assert found.settings.output == "features"
    assert 0 <= added.difference <= 1e-4
    assert found.seconds_per_image > 0
    assert read_model(found.folder) == found
    assert [each.name for each in models_folder().iterdir()] == ["labs-net-v2"], "nothing else is left"


def test_it_is_an_extractor_of_this_process_and_of_others(tmp_path: Path) -> None:
    assert "net" not in EXTRACTORS
    add_model(written(tmp_path))
    extractor = extractor_named("net")
    assert extractor.blocks == {"features": WIDTH}
    assert extractor.tip == f"Unverified model that was added by the user: 312 parameters, {WIDTH} features."
    asked = "import sys; from coreset_studio.core.features.extractors import EXTRACTORS; print(*EXTRACTORS)"
    asked += "; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    names, modules = done.stdout.splitlines()
    assert names.split()[-1] == "net"
    assert {"onnx", "onnxruntime", "numpy", "tensorflow", "PySide6"}.isdisjoint(modules.split())
    remove_model("net")
    assert "net" not in EXTRACTORS
    said = EXTRACTORS.unknown("net")
    assert said.endswith(
        "If it was a model of your own, add it again with `coreset model add` or on the Features page."
    )


def test_a_removed_model_that_settings_name_is_named_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    from coreset_studio.core.data.demo import make_demo

    make_demo(tmp_path / "cells", 24)
    code = main(["select", str(tmp_path / "cells"), "--extractor", "net", "--out", str(tmp_path / "s.csv")])
    assert code == 2
    assert "There is no extractor named 'net'" in capsys.readouterr().err


def test_what_nothing_names_is_assumed_in_one_note(tmp_path: Path) -> None:
    file = written(tmp_path)
    (note,) = add_model(file).notes
    assert note == (
        "Assumed, since no description names it: images stretched to the square, bilinear interpolation, channels in "
        "the order red, green, blue, pixels from 0 to 1, the mean 0.485, 0.456, 0.406, the standard deviation 0.229, "
        "0.224, 0.225. If the model was trained differently, remove it and add it again with --resize, "
        "--interpolation, --channels, --scale, --mean, --std or a description."
    )
    assert add_model(file, title="other", is_complete=True).notes == ()


def test_the_description_of_the_same_name_is_used_and_flags_replace_it(tmp_path: Path) -> None:
    file = written(tmp_path)
    values = {
        "mean": [0.1, 0.2, 0.3],
        "std": [1, 1, 1],
        "scale": "0-1",
        "channels": "BGR",
        "interpolation": "bicubic",
        "resize": "crop",
    }
    (tmp_path / "net.json").write_text(json.dumps({**values, "title": "Named", "num_classes": WIDTH}), encoding="utf-8")
    added = add_model(file, changes={"channels": "RGB"})
    assert (added.model.title, added.model.settings.mean, added.model.settings.channels) == (
        "Named",
        (0.1, 0.2, 0.3),
        "RGB",
    )
    first, classes = added.notes
    assert first == "The description net.json in the folder of the model was used."
    assert classes.startswith(f"The output has as many numbers as the model has classes ({WIDTH})")


def test_a_name_that_is_taken_or_empty_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path)
    add_model(file, title="Mine")
    with pytest.raises(FeatureError, match="A model with the name mine was already added"):
        add_model(file, title="MINE")
    with pytest.raises(FeatureError, match="The name vgg16 is that of an extractor of the program"):
        add_model(file, title="VGG16")
    for title in ("…", "Con", "lpt1"):
        with pytest.raises(FeatureError, match="cannot be used for a model"):
            add_model(file, title=title)
    assert [each.name for each in own_models() if isinstance(each, OwnModel)] == ["mine"]


def test_a_name_that_is_too_long_is_refused_and_one_of_other_bytes_is_kept(tmp_path: Path) -> None:
    file = written(tmp_path)
    with pytest.raises(FeatureError, match="The name of the model has 101 characters; expected at most 100"):
        add_model(file, title="n" * 101)
    found = add_model(file, title="net \udcff\x1b", changes={"source": "\udc80"}).model
    assert (read_model(found.folder).title, found.name) == ("net \udcff\x1b", "net")


@pytest.mark.parametrize(
    ("title", "name"),
    [("DinoBloom-S", "dinobloom-s"), ("  Zellen ÄÖ 2 ", "zellen-ao-2"), ("../../etc", "etc"), ("a" * 99, "a" * 60)],
)
def test_names_are_made_of_titles(title: str, name: str) -> None:
    assert name_of(title) == name


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (ending("Unsqueeze", "features", "axes", shape=("n", 1, WIDTH), consts=[constant("axes", [1], np.int64)]),
         "its output last has the shape (?, 1, 12); expected (batch, features). It contains the tokens"),
        (model(outputs=[value("map", ("n", 8, 15, 15))]), "output map has the shape (?, 8, 15, 15); expected (b"),
        (ending("Shape", shape=(2,)), "none of its outputs can be features"),
        (ending("Mul", "features", "zero", consts=[constant("zero", 0)]), "the same features for all 8 synthetic"),
        (ending("Div", "features", "zero", consts=[constant("zero", 0)]), "not finite for 8 of 8 synthetic images"),
        (ending("RandomNormalLike"), "it gives other features for the same images when it is run again"),
        (ending("ReduceMean", axes=[0], shape=(1, WIDTH)), "of shape (1, 12) for 4 images; expected (4, features)"),
        (ending("LpNormalization", axis=0), "changes the features by"),
        (model(shape=("n", 4, SIZE, SIZE)), "its input has the shape (?, 4, 32, 32); expected 3 channels"),
        (model(shape=("n", 1, SIZE, SIZE)), "its input has the shape (?, 1, 32, 32); expected 3 channels"),
        (model(shape=("n", 3, SIZE, 48)), "its input is 32 × 48 pixels; expected a square"),
        (model(shape=("n", 3, "h", "w")), "its input accepts any size, and no input size is set"),
        (model(shape=(300, 3, SIZE, SIZE), outputs=[value("features", (300, WIDTH))]), "computes 300 images at once"),
    ],
)  # fmt: skip
def test_what_is_no_extractor_is_refused(tmp_path: Path, made: Any, why: str) -> None:
    if made.graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT and made.graph.node[-1].op_type == "Shape":
        made.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    with pytest.raises(FeatureError) as caught:
        add_model(written(tmp_path, made))
    assert why in str(caught.value)
    assert str(caught.value).count("\n") == 0
    assert not models_folder().exists() or not list(models_folder().iterdir())


def test_several_outputs(tmp_path: Path) -> None:
    two = model(outputs=[value("flat", ("n", 8)), value("features", ("n", WIDTH))])
    file = written(tmp_path, two)
    added = add_model(file, is_complete=True)
    assert added.model.settings.output == "features", "the usual name"
    (note,) = added.notes
    listed = f"flat (?, 8), features (?, {WIDTH})"
    assert note == f"The output features of {listed} is assumed to be the features; name another with output."
    chosen = add_model(file, title="flat", changes={"output": "flat"}, is_complete=True)
    assert (chosen.model.width, chosen.notes) == (8, ())
    with pytest.raises(FeatureError, match=r"it has no output 'x'; its outputs are flat \(\?, 8\), features"):
        add_model(file, title="x", changes={"output": "x"})
    unusual = model(outputs=[value("flat", ("n", 8)), value("vector", ("n", 8))])
    unusual.graph.node.append(helper.make_node("Identity", ["flat"], ["vector"]))
    with pytest.raises(FeatureError, match="several of its outputs can be the features"):
        add_model(written(tmp_path, unusual, "two.onnx"))


def test_an_operator_that_is_unknown_is_reported_by_the_runtime(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match="cannot be loaded by ONNX Runtime") as caught:
        add_model(written(tmp_path, ending("Nonexistent")))
    assert "Nonexistent" in str(caught.value)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_fixed_batch_is_used_as_it_is(tmp_path: Path, batch: int) -> None:
    made = model(shape=(batch, 3, SIZE, SIZE), outputs=[value("features", (batch, WIDTH))])
    assert add_model(written(tmp_path, made)).model.batch == batch


def test_an_input_with_channels_last_and_one_of_half_precision(tmp_path: Path) -> None:
    made = model(shape=("n", SIZE, SIZE, 3))
    made.graph.input[0].name = "image"
    made.graph.node.insert(0, helper.make_node("Transpose", ["image"], ["pixels"], perm=[0, 3, 1, 2]))
    last = add_model(written(tmp_path, made, "last.onnx"), changes=PLAIN).model
    assert (last.settings.layout, last.settings.input_size) == ("NHWC", SIZE)
    half = model(kind=TensorProto.FLOAT16)
    half.graph.input[0].name = "half"
    half.graph.node.insert(0, helper.make_node("Cast", ["half"], ["pixels"], to=TensorProto.FLOAT))
    assert add_model(written(tmp_path, half, "half.onnx")).model.numbers == "float16"
    with pytest.raises(FeatureError, match="expected 3 channels in the layout NCHW"):
        add_model(written(tmp_path, made, "again.onnx"), changes={"layout": "NCHW"})


def test_a_model_of_any_size_needs_one(tmp_path: Path) -> None:
    file = written(tmp_path, model(shape=("n", 3, "h", "w")))
    assert add_model(file, changes={"input_size": 48}).model.settings.input_size == 48
    with pytest.raises(SettingsError, match="input_size must be a whole number of pixels from 8 to 4096"):
        add_model(file, title="b", changes={"input_size": 5})


def test_nothing_is_added_that_cannot_be_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = tmp_path / "data"
    taken.write_text("a file, no folder", encoding="utf-8")
    monkeypatch.setenv("CORESET_DATA", str(taken))
    with pytest.raises(FeatureError, match="The model cannot be stored in"):
        add_model(written(tmp_path))


def test_descriptions_that_cannot_be_read_are_named_and_the_others_work(tmp_path: Path) -> None:
    first = add_model(written(tmp_path), title="first").model
    second = add_model(written(tmp_path), title="second").model
    values = json.loads((second.folder / "model.json").read_text(encoding="utf-8"))
    (second.folder / "model.json").write_text(json.dumps({**values, "format": 99}), encoding="utf-8")
    models_folder().touch()  # as adding and removing do
    (models_folder() / "third").mkdir()
    assert [name for name in EXTRACTORS if name in ("first", "second", "third")] == [first.name]
    problems = {each.name: each.sentence for each in plugin_problems() if isinstance(each, PluginProblem)}
    assert problems["second"] == (
        f"The model in {second.folder} has format 99, and this version reads up to 1. Update the program."
    )
    assert problems["third"].startswith("The model description ")
    for changed in (
        {"sha256": "x"},
        {"width": 0},
        {"settings": {"mean": [1]}},
        {"settings": {"new": 1}},
        {"batch": True},
    ):
        (second.folder / "model.json").write_text(json.dumps({**values, **changed}), encoding="utf-8")
        with pytest.raises(FeatureError, match="is damaged"):
            read_model(second.folder)


def test_a_golden_description_is_read() -> None:
    found = read_model(Path(__file__).parents[3] / "golden" / "own-model")
    assert (found.name, found.title, found.width, found.batch) == ("cell-net", "Cell net", 12, 4)
    assert found.settings.mean == (0.5, 0.4, 0.3)
    assert found.settings.source == "Example et al. 2026"
    assert found.key == "4d048a3e62548a4af9d960525108f42723bd5e74ef166ac937c9174af80f99f6"


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path)
    for name, function in (("onnx", libraries.import_onnx), ("onnxruntime", libraries.import_onnxruntime)):
        with monkeypatch.context() as patch:
            function.cache_clear()
            patch.setitem(sys.modules, name, None)
            with pytest.raises(FeatureError, match=rf"The package {name} .*pip install 'coreset-studio\[models\]'"):
                add_model(file)
        function.cache_clear()


def test_inspecting_runs_nothing(tmp_path: Path) -> None:
    found = inspect_model(written(tmp_path, model(outputs=[value("flat", ("n", 8)), value("features", ("n", WIDTH))])))
    assert (found.title, found.settings.input_size, found.description) == ("net", SIZE, None)
    assert [each.name for each in found.structure.outputs] == ["flat", "features"]


@pytest.mark.slow
def test_an_engine_process_adds_it(tmp_path: Path) -> None:
    file = written(tmp_path)
    assert answer(InspectModel(file)).shape == "(any, 3, 32, 32)"
    added = answer(AddModel(file, "Lab net", changes={"source": "Lab 2026"}))
    assert (added.name, added.width, added.source) == ("lab-net", WIDTH, "Lab 2026")
    assert [each.sha256 for each in ListModels().run(adding.NO_PROGRESS)] == [added.sha256]
    assert "lab-net" in EXTRACTORS


def bomb(n: int) -> Any:
    """Return a small file whose network fills the memory when it is prepared: zeros of a huge shape, added up."""
    shape = constant("shape", [n], np.int64)
    more = [
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("Add", ["features", "sum"], ["last"]),
    ]
    return model(more_nodes=more, outputs=[value("last", ("n", WIDTH))], more_weights=[shape])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory has no limit")
def test_a_model_that_needs_more_memory_than_allowed_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = written(tmp_path, bomb(50_000_000_000))
    assert file.stat().st_size < 10_000
    with pytest.raises(InputError, match=r"needs more than .* of memory"):
        answer(AddModel(file))


@pytest.mark.slow
def test_a_model_that_never_ends_is_stopped(tmp_path: Path) -> None:
    flag, rows = TensorProto.BOOL, ("n", WIDTH)
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["again"]), helper.make_node("Neg", ["x"], ["y"])], "body",
        [value("i", (), TensorProto.INT64), value("go", (), flag), value("x", rows)],
        [value("again", (), flag), value("y", rows)],
    )  # fmt: skip
    more = [helper.make_node("Loop", ["", "yes", "features"], ["last"], body=body)]
    made = model(more_nodes=more, outputs=[value("last", ("n", WIDTH))], more_weights=[constant("yes", True, np.bool_)])
    file = written(tmp_path, made)
    with pytest.raises(InputError, match="Opening was stopped: it made no progress"):
        answer(engine_functions.AddModelSoon(file))
