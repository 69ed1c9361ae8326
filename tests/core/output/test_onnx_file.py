"""Trained networks as ONNX: the same probabilities from ONNX Runtime alone, or a sentence and no file."""

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from coreset_studio.core.errors import ExportError
from coreset_studio.core.features.backbone import load_backbone
from coreset_studio.core.features.engine import import_keras, import_tensorflow
from coreset_studio.core.output import onnx_file
from coreset_studio.core.output.model_bundle import FACTS_NAME, add_onnx, load_bundle, predict, read_facts, save_bundle
from coreset_studio.core.output.onnx_file import DESCRIPTION_NAME, FILE_NAME, OnnxFile, missing_packages, to_onnx
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.training.architectures.custom.model import build_custom
from coreset_studio.core.training.architectures.transfer.model import assemble_transfer, build_transfer_head
from coreset_studio.core.training.architectures.transfer.tuning import pooled_whole, trainable_copy
from coreset_studio.core.training.backbones import Backbone, build_pooled_backbone
from coreset_studio.core.training.block_inputs import divide
from coreset_studio.core.training.fitting import TrainedRun
from tests.core.output.test_model_bundle import CLASSES, SETTINGS, a_result

pytest.importorskip("tf2onnx")
onnxruntime = pytest.importorskip("onnxruntime")
SIZE = 32


def some_pixels(n: int = 20, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def lively(model: Any) -> Any:
    """The model with an output layer that answers neither one class nor all alike."""
    last = model.layers[-1]
    rng = np.random.default_rng(1)
    last.set_weights([rng.standard_normal(weight.shape).astype(np.float32) / 2 for weight in last.get_weights()])
    return model


@pytest.fixture(scope="module")
def custom() -> Any:
    return lively(build_custom(3, SETTINGS, seed=3))


@pytest.fixture(scope="module")
def converted(custom: Any) -> OnnxFile:
    return to_onnx(custom, some_pixels(), title="custom network", classes=CLASSES)


def probabilities(content: bytes, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0])


def prepared(file: Path, description: dict[str, Any]) -> np.ndarray:
    """Prepare a PNG as the description says, with Pillow and NumPy alone."""
    resize, to_tensor = description["transform"]
    assert (resize["name"], resize["arguments"]["interpolation"]) == ("Resize", "bilinear")
    assert to_tensor == {"name": "ToTensor"}
    height, width = resize["arguments"]["size"]
    image = PIL.Image.open(file).convert("RGB").resize((width, height), PIL.Image.Resampling.BILINEAR)
    return (np.asarray(image, dtype=np.float32) / 255).transpose(2, 0, 1)


def test_onnx_runtime_alone_predicts_files_as_the_bundle_does(custom: Any, converted: OnnxFile, tmp_path: Path) -> None:
    bundle = save_bundle(tmp_path / "models" / "mine", TrainedRun(a_result(), custom), SETTINGS, onnx=converted)
    new = tmp_path / "new"
    new.mkdir()
    sides = ((32, 32), (50, 41), (24, 90), (200, 130))
    for number, (height, width) in enumerate(sides):
        rgb = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        PIL.Image.fromarray(rgb).save(new / f"{number}.png")
    expected = predict(load_bundle(bundle), new)

    description = json.loads((bundle / DESCRIPTION_NAME).read_text(encoding="utf-8"))
    images = np.stack([prepared(new / path, description) for path in expected.paths])
    found = probabilities((bundle / FILE_NAME).read_bytes(), images)

    assert description["class_names"] == list(expected.classes) == list(CLASSES)
    assert (description["num_classes"], description["patch_size_pixels"]) == (3, 32)
    assert description["spec_version"] == "1.0"
    assert (description["channels"], description["layout"], description["output"]) == ("RGB", "NCHW", "probabilities")
    np.testing.assert_allclose(found, expected.probabilities, atol=1e-4)
    assert found.std(axis=0).max() > 1e-3


def test_the_file_names_its_input_output_and_classes(converted: OnnxFile) -> None:
    session = onnxruntime.InferenceSession(converted.content, providers=["CPUExecutionProvider"])
    [given], [returned] = session.get_inputs(), session.get_outputs()

    assert (given.name, given.shape, given.type) == ("image", ["batch", 3, 32, 32], "tensor(float)")
    assert (returned.name, returned.shape) == ("probabilities", ["batch", 3])
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == list(CLASSES)


def test_a_label_is_in_the_file_and_its_description(custom: Any) -> None:
    found = to_onnx(custom, some_pixels(2), title="transfer network", classes=CLASSES, note="untrained backbone")

    session = onnxruntime.InferenceSession(found.content, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["title"] == "transfer network, untrained backbone"
    assert json.loads(found.description)["architecture"] == "transfer network, untrained backbone"


def test_the_manifest_states_the_check(custom: Any, converted: OnnxFile, tmp_path: Path) -> None:
    with_it = save_bundle(tmp_path / "with", TrainedRun(a_result(), custom), SETTINGS, onnx=converted)
    without = save_bundle(tmp_path / "without", TrainedRun(a_result(), custom), SETTINGS)

    facts = read_facts(with_it).onnx
    assert facts == converted.facts
    assert facts is not None
    assert facts.sha256 == hashlib.sha256((with_it / FILE_NAME).read_bytes()).hexdigest()
    assert facts.images == 20
    assert 0 <= facts.largest_difference <= 1e-4
    assert read_facts(without).onnx is None
    assert "onnx" not in json.loads((without / FACTS_NAME).read_text(encoding="utf-8"))
    add_onnx(without, converted)
    for name in (FILE_NAME, DESCRIPTION_NAME):
        assert (without / name).read_bytes() == (with_it / name).read_bytes()
    assert read_facts(without).onnx == converted.facts
    assert load_bundle(without).classes == CLASSES


@pytest.mark.slow
def test_the_layers_of_all_backbones_are_converted() -> None:
    keras = import_keras()
    layers = keras.layers
    pixels = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, [-1.0, -0.9, -0.8])(keras.ops.flip(pixels, axis=-1))
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization(epsilon=1e-3)(layers.Conv2D(8, 3, strides=2)(x)))
    before = x
    x = layers.Activation("relu")(layers.DepthwiseConv2D(5, padding="same", use_bias=False)(x))
    x = layers.Add()([layers.Conv2D(8, 1)(x), before])
    x = layers.AveragePooling2D(4)(layers.MaxPooling2D(2)(x))
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    features = keras.Model(pixels, x)
    rng = np.random.default_rng(2)
    drawn = [rng.standard_normal(weight.shape) / np.sqrt(weight.size) for weight in features.get_weights()]
    features.set_weights([weight if weight.ndim == 4 else 0.5 + np.abs(weight) for weight in drawn])
    output = layers.Dense(3, activation="softmax")
    model = keras.Model(pixels, output(x))
    # Scaled, so that no probability is 0 or 1, which would hide a difference.
    found = np.asarray(features(some_pixels().astype(np.float32), training=False))
    kernel = rng.standard_normal((found.shape[1], 3)) / np.linalg.norm(found - found.mean(axis=0), axis=1).mean()
    output.set_weights([kernel, -found.mean(axis=0) @ kernel])

    found = to_onnx(model, some_pixels(), title="transfer network", classes=CLASSES)

    expected = np.asarray(model(some_pixels().astype(np.float32), training=False))
    assert_same(found, expected)


def assert_same(found: OnnxFile, expected: np.ndarray) -> None:
    """The file gives probabilities that differ from image to image, and are those expected."""
    images = (some_pixels() / np.float32(255)).transpose(0, 3, 1, 2).astype(np.float32)
    assert expected.std(axis=0).max() > 1e-3
    np.testing.assert_allclose(probabilities(found.content, images), expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenetv2", "efficientnet-lite0", "vgg16"])
def test_the_transfer_network_gives_the_same_on_each_backbone(name: str) -> None:
    body, preprocess, _ = load_backbone(name, image_size=SIZE, untrained=True)
    pooled = build_pooled_backbone(body, preprocess, SIZE)
    settings = TrainingSettings(image_size=SIZE)
    model = assemble_transfer(pooled, build_transfer_head(int(pooled.output_shape[-1]), 3, settings))
    # Features of random weights are large; probabilities of 0 and 1 alone would hide a difference.
    features = np.asarray(pooled(some_pixels().astype(np.float32)))
    norm = model.get_layer("norm")
    # More than the variance: networks of random weights enlarge rounding, those of 100 layers most of all.
    norm.set_weights([*norm.get_weights()[:2], features.mean(axis=0), 25 * features.var(axis=0)])

    found = to_onnx(model, some_pixels(), title="transfer network", classes=CLASSES)

    assert_same(found, np.asarray(model(some_pixels().astype(np.float32), training=False)))


@pytest.mark.slow
def test_a_network_of_too_many_layers_is_refused_before_it_takes_the_memory() -> None:
    body, preprocess, _ = load_backbone("resnet101v2", image_size=SIZE, untrained=True)
    pooled = build_pooled_backbone(body, preprocess, SIZE)
    head = build_transfer_head(int(pooled.output_shape[-1]), 3, TrainingSettings(image_size=SIZE))
    with pytest.raises(ExportError, match="converting more than 250 can take all memory of the machine"):
        to_onnx(assemble_transfer(pooled, head), some_pixels(), title="transfer network", classes=CLASSES)


@pytest.mark.slow
def test_a_fine_tuned_network_gives_the_same() -> None:
    body, preprocess, weights = load_backbone("mobilenetv2", image_size=SIZE, untrained=True)
    divided = divide(
        Backbone(build_pooled_backbone(body, preprocess, SIZE), weights, body, preprocess), "block_13_expand"
    )
    pooled = pooled_whole(divided.before, trainable_copy(divided.block))
    model = assemble_transfer(pooled, build_transfer_head(1280, 3, TrainingSettings(image_size=SIZE)))

    found = to_onnx(model, some_pixels(), title="transfer network", classes=CLASSES)

    assert found.facts.largest_difference <= 1e-4


@pytest.mark.parametrize("fault", ["order", "nan", "shape"])
def test_other_probabilities_are_refused(custom: Any, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    original = onnx_file._probabilities

    def changed(content: bytes, pixels: np.ndarray) -> np.ndarray:
        found = original(content, pixels)
        return {"order": found[:, ::-1], "nan": found * np.nan, "shape": found[:, :2]}[fault]

    monkeypatch.setattr(onnx_file, "_probabilities", changed)

    with pytest.raises(ExportError) as raised:
        to_onnx(custom, some_pixels(3), title="custom network (random, 25 %)", classes=CLASSES)
    said = str(raised.value)
    assert said.startswith("The custom network (random, 25 %) was not saved as ONNX: its probabilities differ by ")
    assert said.endswith("on 3 images; expected at most 0.0001. It is saved as model.keras alone.")


def test_a_network_that_cannot_be_converted_is_told() -> None:
    keras, tf = import_keras(), import_tensorflow()

    class Odd(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, values: Any) -> Any:
            return tf.ensure_shape(tf.numpy_function(lambda each: each, [values], tf.float32), (None, 3))

    pixels = keras.Input((SIZE, SIZE, 3))
    model = keras.Model(pixels, Odd()(keras.layers.GlobalAveragePooling2D()(pixels)))

    with pytest.raises(ExportError, match=r"The nearest mean could not be saved as ONNX \(.*\); it is saved as model"):
        to_onnx(model, some_pixels(3), title="nearest mean", classes=CLASSES)


def test_missing_packages_are_told(custom: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_packages() == ""
    found = importlib.util.find_spec
    lacking = {"tf2onnx"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in lacking else found(name))

    assert missing_packages() == (
        "Networks are not saved as ONNX, because tf2onnx is not installed: install it with "
        '`pip install "coreset-studio[models]"` and repeat the comparison; finished trainings are kept.'
    )
    with pytest.raises(ExportError, match="tf2onnx is not installed"):
        to_onnx(custom, some_pixels(2), title="custom network", classes=CLASSES)
    lacking.add("onnxruntime")
    assert "because tf2onnx and onnxruntime are not installed: install them with" in missing_packages()
