"""Networks as extractors: their architecture, preprocessing and output, with real weights where they are."""

import json
import sys
import tomllib
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packaging.requirements import Requirement

from benchmarks.efficientnet_golden import STEP, seeded_layer
from benchmarks.efficientnet_golden import images as golden_images
from coreset_studio.core.errors import FeatureError, MissingWeightsError, WeightsError
from coreset_studio.core.features import engine as engine_module
from coreset_studio.core.features.backbone import backbones, load_backbone
from coreset_studio.core.features.convolutional import resized, set_tensors
from coreset_studio.core.features.extractors import EXTRACTORS, extractor_named, recommended
from coreset_studio.core.features.network import Network
from coreset_studio.core.features.untrained import untrained_tensors
from coreset_studio.core.features.weight_download import download_to
from coreset_studio.core.features.weight_files import Layer, Tensors, read_tensors, tensors_of, write_tensors
from coreset_studio.core.features.weight_sets import WEIGHT_SETS
from coreset_studio.core.features.weights import held_in, load_weights
from coreset_studio.core.resources import resource_folder

NETWORKS = ("vgg16", "mobilenetv2", "resnet101v2", "efficientnet-lite0")
GOLDEN = Path(__file__).parent / "golden" / "efficientnet_lite0.json"


@pytest.fixture(scope="module")
def keras() -> Any:
    return engine_module.import_keras()


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (5, 224, 224, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def mobilenet(keras: Any) -> tuple[Any, Tensors]:
    weights = WEIGHT_SETS["mobilenetv2"]
    model, tensors = network_of("mobilenetv2").build(224), untrained_tensors(weights.layers)
    for layer, arrays in zip([layer for layer in model.layers if layer.weights], tensors.layers, strict=True):
        layer.set_weights(list(arrays))
    return model, tensors


def network_of(name: str) -> Network:
    network = EXTRACTORS[name].network
    assert network is not None
    return network


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_architecture_is_the_one_of_keras(keras: Any, name: str) -> None:
    model = network_of(name).build(64)
    snake = {"Conv2D": "conv2d", "DepthwiseConv2D": "depthwise_conv2d", "BatchNormalization": "batch_normalization"}
    expected = [
        (layer.name, snake[type(layer).__name__], tuple(tuple(weight.shape) for weight in layer.weights))
        for layer in model.layers
        if layer.weights
    ]

    assert [(layer.name, layer.kind, layer.shapes) for layer in WEIGHT_SETS[name].layers] == expected
    assert model.count_params() * 4 == WEIGHT_SETS[name].n_bytes


@pytest.mark.parametrize("container", ["weights.h5", "keras", "h5"])
def test_containers_that_keras_writes_are_read(
    mobilenet: tuple[Any, Tensors], tmp_path: Path, container: str, caplog: pytest.LogCaptureFixture
) -> None:
    model, tensors = mobilenet
    file = tmp_path / f"weights.{container}"
    if container == "weights.h5":
        model.save_weights(file)
    else:
        model.save(file)

    assert read_tensors(file, WEIGHT_SETS["mobilenetv2"].layers, "MobileNetV2").digest == tensors.digest


@pytest.mark.slow
def test_file_that_we_write_is_read_by_keras(mobilenet: tuple[Any, Tensors], tmp_path: Path) -> None:
    _, tensors = mobilenet
    weights = WEIGHT_SETS["mobilenetv2"]
    write_tensors(tmp_path / "ours.weights.h5", weights.layers, tensors)

    model = network_of("mobilenetv2").build(96)
    model.load_weights(tmp_path / "ours.weights.h5")

    for layer, arrays in zip([layer for layer in model.layers if layer.weights], tensors.layers, strict=True):
        for weight, array in zip(layer.get_weights(), arrays, strict=True):
            np.testing.assert_array_equal(weight, array)


@pytest.mark.parametrize(
    ("name", "module"), [("vgg16", "vgg16"), ("mobilenetv2", "mobilenet_v2"), ("resnet101v2", "resnet_v2")]
)
def test_preprocessing_is_the_one_of_keras(keras: Any, images: np.ndarray, name: str, module: str) -> None:
    pixels = images[:2].astype(np.float32)
    expected = getattr(keras.applications, module).preprocess_input(pixels.copy())

    np.testing.assert_allclose(np.asarray(network_of(name).preprocess(pixels)), expected, atol=1e-4)


@pytest.mark.slow
def test_extractor_gives_what_the_model_gives(keras: Any, mobilenet: tuple[Any, Tensors], images: np.ndarray) -> None:
    model, tensors = mobilenet
    compute = EXTRACTORS["mobilenetv2"].load(tensors)
    pixels = keras.applications.mobilenet_v2.preprocess_input(images.astype(np.float32))
    expected = np.asarray(model(pixels, training=False)).mean(axis=(1, 2))

    rows = compute(images)["average"]

    assert rows.dtype == np.float32
    assert rows.shape == (5, EXTRACTORS["mobilenetv2"].blocks["average"])
    np.testing.assert_allclose(rows, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.slow
def test_rows_do_not_depend_on_the_batch(mobilenet: tuple[Any, Tensors], images: np.ndarray) -> None:
    compute = EXTRACTORS["mobilenetv2"].load(mobilenet[1])
    together = compute(images)["average"]
    apart = np.concatenate([compute(images[i : i + 1])["average"] for i in range(len(images))])

    np.testing.assert_allclose(apart, together, rtol=1e-5, atol=1e-5 * np.abs(together).max())
    np.testing.assert_array_equal(compute(images)["average"], together)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape", "parameters"),
    [
        ("resnet101v2", (8, 8, 2048), 42_626_560),
        ("vgg16", (8, 8, 512), 14_714_688),
        ("mobilenetv2", (8, 8, 1280), 2_257_984),
        ("efficientnet-lite0", (8, 8, 1280), 3_413_024),
    ],
)
def test_backbone_is_frozen_and_ends_in_a_map(keras: Any, name: str, shape: tuple[int, ...], parameters: int) -> None:
    model, _, used = load_backbone(name, image_size=256, untrained=True)

    assert used.state == "untrained"
    assert model.output_shape == (None, *shape)
    assert model.count_params() == parameters
    assert not model.trainable_weights


@pytest.mark.slow
def test_untrained_backbone_of_the_paper_gives_finite_maps_that_differ(keras: Any, images: np.ndarray) -> None:
    model, preprocess, _ = load_backbone("resnet101v2", image_size=64, untrained=True)
    maps = np.asarray(model(preprocess(images[:2, :64, :64].astype(np.float32)), training=False))

    assert np.isfinite(maps).all()
    assert not np.allclose(maps[0], maps[1])


@pytest.mark.slow
def test_preprocessing_travels_inside_a_saved_model(keras: Any, images: np.ndarray, tmp_path: Path) -> None:
    model, preprocess, _ = load_backbone("vgg16", image_size=32, untrained=True)
    inputs = keras.Input((32, 32, 3))
    whole = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(model(preprocess(inputs), training=False)))
    pixels = images[:2, :32, :32].astype(np.float32)
    expected = np.asarray(model(preprocess(pixels), training=False)).mean(axis=(1, 2))
    whole.save(tmp_path / "whole.keras")

    loaded = keras.models.load_model(tmp_path / "whole.keras", safe_mode=True)

    np.testing.assert_allclose(np.asarray(loaded(pixels, training=False)), expected, rtol=1e-4, atol=1e-5)
    with zipfile.ZipFile(tmp_path / "whole.keras") as archive:
        assert b"Lambda" not in archive.read("config.json")


def test_backbones_are_the_convolutional_extractors() -> None:
    assert backbones()[:4] == ("vgg16", "resnet101v2", "mobilenetv2", "efficientnet-lite0")
    with pytest.raises(FeatureError, match="colour-texture is not a convolutional network; the backbones are vgg16"):
        load_backbone("colour-texture", image_size=64)


def test_backbone_without_its_weights_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coreset_studio.core.features.weights.weight_folders", lambda: (tmp_path,))

    with pytest.raises(MissingWeightsError, match="weights of ResNet101V2 are not on this machine"):
        load_backbone("resnet101v2", image_size=64)


def test_unknown_extractor_is_told_with_those_there_are() -> None:
    with pytest.raises(FeatureError, match="no extractor named 'vgg19'; choose from vgg16, vgg16-avg, resnet101v2"):
        extractor_named("vgg19")


@pytest.mark.parametrize("importer", [engine_module.import_keras, engine_module.import_tensorflow])
def test_missing_tensorflow_is_a_sentence(monkeypatch: pytest.MonkeyPatch, importer: Callable[[], Any]) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)

    with pytest.raises(FeatureError, match=r"TensorFlow is not installed.*coreset-studio\[cpu\].*colour-texture"):
        importer()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "Traceback:\n  File x\nImportError: DLL load failed while importing _core: It is not found.\n\nFailed.",
            "(DLL load failed while importing _core: It is not found). Install the Visual C++ Redistributable of Micro",
        ),
        ("libstdc++.so.6: version `GLIBCXX' not found", "(libstdc++.so.6: version `GLIBCXX' not found). Install it"),
        ("", "(no reason was given). Install it again"),
    ],
)
def test_tensorflow_that_cannot_be_loaded_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, said: str, sentence: str
) -> None:
    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "tensorflow":
                raise ImportError(said)

    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(FeatureError) as caught:
        engine_module.import_keras()
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("TensorFlow is installed but cannot be loaded (")
    assert str(caught.value).endswith("or choose colour-texture, which does not require it.")


@pytest.mark.parametrize(("system", "told"), [("linux", False), ("win32", True), ("darwin", True)])
def test_where_the_extra_for_gpus_installs_nothing_it_is_said(
    monkeypatch: pytest.MonkeyPatch, system: str, told: bool
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    sentence = str(engine_module._missing(ModuleNotFoundError(name="tensorflow")))
    assert ("The extra [gpu] installs it on Linux only, which includes WSL2 on Windows" in sentence) is told
    extras = tomllib.loads((Path(__file__).resolve().parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    (gpu,) = extras["project"]["optional-dependencies"]["gpu"]
    marker = Requirement(gpu).marker
    assert marker is not None
    assert marker.evaluate({"sys_platform": system}) is not told


def test_registry_describes_every_extractor() -> None:
    names = ["vgg16", "vgg16-avg", "resnet101v2", "mobilenetv2", "efficientnet-lite0", "colour-texture"]
    assert list(EXTRACTORS)[:6] == names
    for name, extractor in EXTRACTORS.items():
        assert extractor.name == name
        assert extractor.title
        assert extractor.tip.endswith(".")
        assert extractor.licence
        assert extractor.from_file or min(extractor.blocks.values()) > 0
        assert extractor.cost.seconds_per_image > 0
        assert extractor.cost.bytes_fixed > 0
    assert EXTRACTORS["vgg16"].blocks == {"block5_pool": 25_088}
    assert EXTRACTORS["vgg16-avg"].n_features == 512


def test_resizing_keeps_an_image_of_the_right_size_and_fits_any_other() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)

    np.testing.assert_array_equal(resized(16)(rgb), rgb)
    assert resized(224)(rgb).shape == (224, 224, 3)
    np.testing.assert_array_equal(resized(8)(rgb), np.rint(rgb.reshape(8, 2, 8, 2, 3).mean((1, 3)) + 1e-9))


def golden_rows(weights: str) -> dict[int, np.ndarray]:
    """Averaged features of PyTorch by image size, every sixteenth of them; see benchmarks/efficientnet_golden.py."""
    kept = json.loads(GOLDEN.read_text(encoding="utf-8"))["features"][weights]
    return {int(size): np.array([row.split() for row in rows], dtype=float) for size, rows in kept.items()}


def seeded_tensors(layers: Sequence[Layer]) -> Tensors:
    """The weights that the golden features of PyTorch were computed with, turned as Keras has them."""
    turned = {"conv2d": (2, 3, 1, 0), "depthwise_conv2d": (2, 3, 0, 1)}
    drawn = []
    for index, layer in enumerate(layers):
        if layer.kind == "batch_normalization":
            drawn.append(seeded_layer(index, layer.shapes[0]))
            continue
        order = turned[layer.kind]
        shape = tuple(layer.shapes[0][order.index(axis)] for axis in range(4))
        drawn.append([kernel.transpose(order) for kernel in seeded_layer(index, shape)])
    return tensors_of(drawn)


def assert_as_in_pytorch(tensors: Tensors, golden: dict[int, np.ndarray]) -> None:
    network = network_of("efficientnet-lite0")
    for size, expected in golden.items():
        model = network.build(size)
        set_tensors(model, tensors)
        pixels = golden_images(size).astype(np.float32)
        rows = np.asarray(model(network.preprocess(pixels), training=False)).mean(axis=(1, 2))
        assert rows.shape == (2, 1280)
        np.testing.assert_allclose(rows[:, ::STEP], expected, atol=1e-4)


@pytest.mark.slow
def test_efficientnet_gives_what_it_gives_in_pytorch(keras: Any) -> None:
    golden = golden_rows("seeded")
    assert all((rows > 0).mean() > 0.5 for rows in golden.values())
    assert_as_in_pytorch(seeded_tensors(WEIGHT_SETS["efficientnet-lite0"].layers), golden)


@pytest.mark.real_data
def test_real_efficientnet_gives_what_it_gives_in_pytorch(keras: Any) -> None:
    file = next(held_in(resource_folder() / "weights", WEIGHT_SETS["efficientnet-lite0"]), None)
    if file is None:
        pytest.skip("EfficientNet-Lite0 was not fetched by packaging/fetch_weights.py")
    tensors, used = load_weights("efficientnet-lite0", file=file.file)

    assert used.state == "verified"
    golden = golden_rows("imagenet")
    assert_as_in_pytorch(tensors, golden)
    rows = EXTRACTORS["efficientnet-lite0"].load(tensors)(golden_images(224))["average"]
    np.testing.assert_allclose(rows[:, ::STEP], golden[224], atol=1e-4)


def test_efficientnet_is_backbone_and_second_probe_but_not_selected_by() -> None:
    extractor = EXTRACTORS["efficientnet-lite0"]

    assert extractor.backbone
    assert "efficientnet-lite0" not in recommended()
    assert extractor.blocks == {"average": 1280}


def test_weights_without_an_address_are_got_by_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coreset_studio.core.features.weights.weight_folders", lambda: (tmp_path,))

    with pytest.raises(MissingWeightsError) as raised:
        load_weights("efficientnet-lite0")

    assert str(raised.value) == (
        "The weights of EfficientNet-Lite0 are not on this machine: get them with `python packaging/fetch_weights.py "
        "efficientnet-lite0` in a copy of the source code, import a file with `coreset weights import FILE` or "
        "`--weights FILE`, or select colour-texture, which requires none."
    )
    with pytest.raises(WeightsError, match=r"cannot be downloaded: no host .* `python packaging/fetch_weights.py"):
        download_to(tmp_path, WEIGHT_SETS["efficientnet-lite0"])


@pytest.mark.slow
@pytest.mark.real_data
def test_real_vgg16_gives_the_known_numbers(shared_folder: Path) -> None:
    file = shared_folder / "weights" / "vgg16_imagenet_notop.h5"
    if not file.exists():
        pytest.skip("the real weights are not beside the repository")
    row, column = np.mgrid[:224, :224]
    image = np.stack([row, column, (row + column) // 2], axis=-1).astype(np.uint8)
    tensors, used = load_weights("vgg16", file=file)

    rows = EXTRACTORS["vgg16"].load(tensors)(resized(224)(image)[None])["block5_pool"][0]

    assert used.state == "verified"
    assert rows.mean() == pytest.approx(0.31113, abs=5e-6)
    assert np.count_nonzero(rows > 0) == 1100
    assert int(rows.argmax()) == 3257
    assert rows.max() == pytest.approx(70.951, abs=5e-4)
    averaged = EXTRACTORS["vgg16-avg"].load(tensors)(resized(224)(image)[None])["block5_pool_average"][0]
    np.testing.assert_allclose(averaged, rows.reshape(49, 512).mean(0), rtol=1e-6)
