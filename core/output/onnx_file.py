"""A trained network as an ONNX file, with a description next to it, and compared with the Keras model on images.

The file takes what `ToTensor` of PyTorch gives: RGB of 0 to 1, shape (batch, 3, size, size); all other preprocessing
is inside. ``model.json`` next to it has the keys of a WSInfer configuration (`model-config.schema.json` of the WSInfer
model zoo), except for the size of a pixel in micrometres, which is not known.
"""

import hashlib
import importlib.util
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from coreset_studio.core.errors import ExportError
from coreset_studio.core.features.engine import import_keras, import_tensorflow
from coreset_studio.core.features.own_models.libraries import import_onnx, import_onnxruntime
from coreset_studio.core.results import FloatArray
from coreset_studio.core.training.calling import compiled
from coreset_studio.core.training.pixels import Pixels

FILE_NAME, DESCRIPTION_NAME = "model.onnx", "model.json"
INPUT_NAME, OUTPUT_NAME = "image", "probabilities"
LARGEST_DIFFERENCE = 1e-4
"""Between the probabilities of both models; a file that differs by more is not written."""
MOST_IMAGES = 64
"""Images that both models are compared on."""
PACKAGES = ("tf2onnx", "onnx", "onnxruntime")
_BATCH = 16

MOST_LAYERS = 250
"""The converter took more than 20 GB for ResNet101V2; all other backbones have fewer layers than this."""


@dataclass(frozen=True)
class OnnxFacts:
    """The record of an ONNX file in a bundle.

    Attributes
    ----------
    sha256 : str
        Of the file.
    images : int
        On which it was compared with the Keras model.
    largest_difference : float
        Between the probabilities of both models, over all these images and classes.
    opset : int
        Version of ONNX' operators.
    tf2onnx : str
        Version of the converter.
    """

    sha256: str
    images: int
    largest_difference: float
    opset: int
    tf2onnx: str


@dataclass(frozen=True)
class OnnxFile:
    """A converted network that gave the probabilities of the Keras model.

    Attributes
    ----------
    content : bytes
    description : str
        JSON text.
    facts : OnnxFacts
    """

    content: bytes
    description: str
    facts: OnnxFacts

    def write(self, folder: Path) -> None:
        """Write the file and its description into the folder of a bundle.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        (folder / FILE_NAME).write_bytes(self.content)
        (folder / DESCRIPTION_NAME).write_text(self.description, encoding="utf-8")


def _layers_of(model: Any) -> int:
    """Return how many layers a network has, those of networks inside it among them."""
    return sum(_layers_of(layer) if hasattr(layer, "layers") else 1 for layer in model.layers)


def missing_packages() -> str:
    """Return a sentence if a package is missing that saving networks as ONNX requires; empty otherwise."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if not missing:
        return ""
    names, are, them = " and ".join(missing), *(("are", "them") if len(missing) > 1 else ("is", "it"))
    return (
        f"Networks are not saved as ONNX, because {names} {are} not installed: install {them} with "
        '`pip install "coreset-studio[models]"` and repeat the comparison; finished trainings are kept.'
    )


def to_onnx(model: Any, pixels: Pixels, *, title: str, classes: Sequence[str], note: str = "") -> OnnxFile:
    """Convert a network and compare both on images.

    Parameters
    ----------
    model : keras.Model
        From RGB pixels of 0…255, shape (batch, size, size, 3), to probabilities.
    pixels : ndarray of shape (n, size, size, 3), uint8
        Images to compare on, n >= 1.
    title : str
        The network, as in messages and in the description.
    classes : sequence of str
        In the order of the model's outputs.
    note : str
        Label to show with every result, such as "untrained backbone"; it is in the file and in the description.

    Raises
    ------
    ExportError
        If it cannot be converted, or its ONNX file gives other probabilities.
    """
    missing = missing_packages()
    if missing:
        raise ExportError(missing)
    n_layers = _layers_of(model)
    if n_layers > MOST_LAYERS:
        raise ExportError(
            f"The {title} was not saved as ONNX: it has {n_layers:,} layers, and converting more than {MOST_LAYERS} "
            "can take all memory of the machine; it is saved as model.keras alone. Use a smaller backbone."
        )
    size, name = pixels.shape[1], f"{title}, {note}" if note else title
    try:
        content, opset = _named(_converted(model, size), classes, name)
        found = _probabilities(content, pixels)
    except Exception as error:  # converter and runtime raise nearly any exception on layers that they do not know
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ExportError(
            f"The {title} could not be saved as ONNX ({reason[:200]}); it is saved as model.keras alone. Networks made "
            "of layers of Keras can be saved as ONNX."
        ) from error
    expected = _on_processor(model, pixels)
    difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")
    # Not a number is no agreement either.
    if not difference <= LARGEST_DIFFERENCE:
        raise ExportError(
            f"The {title} was not saved as ONNX: its probabilities differ by {difference:.2g} from those of the Keras "
            f"model on {len(pixels):,} image{'s' * (len(pixels) != 1)}; expected at most {LARGEST_DIFFERENCE:g}. It is "
            "saved as model.keras alone."
        )
    facts = OnnxFacts(hashlib.sha256(content).hexdigest(), len(pixels), difference, opset, _converter())
    return OnnxFile(content, describe(name, classes, size), facts)


def describe(title: str, classes: Sequence[str], size: int) -> str:
    """Return the description of an ONNX file as JSON text: how an image becomes its input, and what comes out."""
    values = {
        "spec_version": "1.0",
        "architecture": title,
        "num_classes": len(classes),
        "class_names": list(classes),
        "patch_size_pixels": size,
        "transform": [
            {"name": "Resize", "arguments": {"size": [size, size], "interpolation": "bilinear"}},
            {"name": "ToTensor"},
        ],
        # Beyond those keys, what this program asks of the model of a user.
        "channels": "RGB",
        "layout": "NCHW",
        "output": OUTPUT_NAME,
    }
    return json.dumps(values, ensure_ascii=False, indent=1) + "\n"


def _converter() -> str:
    """Return the version of the converter; not from its metadata, which a frozen program may lack."""
    from tf2onnx.version import version

    return str(version)


def _converted(model: Any, size: int) -> Any:
    """Return the network as an ONNX model whose input is as `ToTensor` gives it."""
    onnx, keras = import_onnx(), import_keras()
    image = keras.Input((3, size, size), name=INPUT_NAME)
    pixels = keras.layers.Rescaling(255.0, name="to_255")(keras.layers.Permute((2, 3, 1), name="channels_last")(image))
    whole = keras.Model(image, model(pixels, training=False), name="onnx")
    # Keras exports what was called once.
    whole(np.zeros((1, 3, size, size), dtype=np.float32))
    with TemporaryDirectory() as place, _quiet():
        file = Path(place) / FILE_NAME
        whole.export(file, format="onnx", verbose=False)
        return onnx.load(file)


def _named(proto: Any, classes: Sequence[str], title: str) -> tuple[bytes, int]:
    """Give input and output their names, the batch a dimension of its own, and the file its facts; check it."""
    onnx = import_onnx()
    graph = proto.graph
    if len(graph.input) != 1 or len(graph.output) != 1:
        raise ValueError(f"it has {len(graph.input)} inputs and {len(graph.output)} outputs; expected one of each")
    names = {graph.input[0].name: INPUT_NAME, graph.output[0].name: OUTPUT_NAME}
    for node in graph.node:
        for places in (node.input, node.output):
            for position, name in enumerate(places):
                places[position] = names.get(name, name)
    for one, name in ((graph.input[0], INPUT_NAME), (graph.output[0], OUTPUT_NAME)):
        one.name = name
        one.type.tensor_type.shape.dim[0].dim_param = "batch"
    facts = {"title": title, "classes": json.dumps(list(classes), ensure_ascii=False)}
    onnx.helper.set_model_props(proto, facts)
    onnx.checker.check_model(proto)
    (opset,) = (entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx"))
    return proto.SerializeToString(deterministic=True), opset


def _probabilities(content: bytes, pixels: Pixels) -> FloatArray:
    """Return what an ONNX file gives for images, prepared as its description says."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def call(batch: Pixels) -> FloatArray:
        shares = np.ascontiguousarray(batch.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)
        return np.asarray(session.run([OUTPUT_NAME], {INPUT_NAME: shares})[0], dtype=np.float32)

    return _in_batches(call, pixels)


def _on_processor(model: Any, pixels: Pixels) -> FloatArray:
    """Return what the Keras model gives, on the processor: a graphics card may round more than is allowed here."""
    tf = import_tensorflow()
    with tf.device("/CPU:0"):
        return _in_batches(compiled(model, np.dtype(np.uint8)), pixels)


def _in_batches(call: Callable[[Pixels], FloatArray], pixels: Pixels) -> FloatArray:
    return np.concatenate([call(pixels[start : start + _BATCH]) for start in range(0, len(pixels), _BATCH)])


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what the converter says of its own workings, and Keras of what it changes in it for NumPy 2."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
