"""A model computes what it says, the same in any company, in any batch and on any number of threads."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coreset_studio.core.data.dataset import scan
from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.extraction import extract
from coreset_studio.core.features.extractors import extractor_named
from coreset_studio.core.features.own_models.adding import add_model, remove_model
from coreset_studio.core.features.own_models.settings import ModelSettings
from coreset_studio.core.features.own_models.steps import prepared
from coreset_studio.core.features.own_models.trial import synthetic_images
from coreset_studio.core.threads import limit_threads
from tests.core.features.own_models.onnx_files import (
    SIZE,
    WIDTH,
    helper,
    model,
    numpy_helper,
    reference,
    value,
    written,
)

IMAGES = list(synthetic_images())
MEAN, STD = (0.7, 0.5, 0.3), (0.2, 0.25, 0.5)


def write_images(folder: Path, n: int, *, start: int = 0) -> Path:
    random = np.random.default_rng(3)
    for number, image in enumerate(random.integers(0, 256, (n, 40, 40, 3), dtype=np.uint8)):
        place = folder / f"class{number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        if number >= start:
            Image.fromarray(image).save(place / f"{number:03d}.png")
    return folder


@pytest.mark.parametrize(("channels", "scale"), [("RGB", "0-1"), ("BGR", "0-255")])
def test_features_are_those_of_the_prepared_pixels(tmp_path: Path, channels: str, scale: str) -> None:
    changes = {"mean": MEAN, "std": STD, "channels": channels, "scale": scale}
    add_model(written(tmp_path), changes=changes)
    extractor = extractor_named("net")
    pixels = np.stack([extractor.prepare(image) for image in IMAGES[:6]])
    found = extractor.load(None)(pixels)["features"]
    shares = pixels.astype(np.float64) / (255 if scale == "0-1" else 1)
    given = ((shares - MEAN) / STD)[..., :: -1 if channels == "BGR" else 1].transpose(0, 3, 1, 2)
    np.testing.assert_allclose(found, reference(given), rtol=2e-4, atol=2e-4 * np.abs(found).max())


def test_rows_do_not_depend_on_the_number_of_images_or_threads(tmp_path: Path) -> None:
    add_model(written(tmp_path))
    extractor = extractor_named("net")
    pixels = np.stack([extractor.prepare(image) for image in IMAGES])
    compute = extractor.load(None)
    whole = compute(pixels)["features"]
    assert whole.shape == (8, WIDTH)
    for n in range(1, 8):
        np.testing.assert_array_equal(compute(pixels[:n])["features"], whole[:n])
    try:
        for threads in (1, 2, 3):
            limit_threads(threads)
            np.testing.assert_array_equal(extractor.load(None)(pixels)["features"], whole)
    finally:
        limit_threads(1)


def test_images_are_resized_as_pillow_does() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    stretched = prepared(rgb, ModelSettings(input_size=32, interpolation="bicubic"))
    np.testing.assert_array_equal(
        stretched, np.asarray(Image.fromarray(rgb).resize((32, 32), Image.Resampling.BICUBIC))
    )
    cropped = prepared(rgb, ModelSettings(input_size=32, resize="crop", crop_fraction=0.8))
    whole = np.asarray(Image.fromarray(rgb).resize((60, 40), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(cropped, whole[4:36, 14:46])


@pytest.mark.parametrize("shape", [(1, 5000, 3), (5000, 2, 3), (1, 1, 3), (3, 4, 3), (32, 32, 3)])
@pytest.mark.parametrize("resize", ["stretch", "crop"])
def test_images_of_any_shape_become_squares(shape: tuple[int, int, int], resize: str) -> None:
    rgb = np.full(shape, 7, dtype=np.uint8)
    found = prepared(rgb, ModelSettings(input_size=32, resize=resize, crop_fraction=0.9))
    assert found.shape == (32, 32, 3)
    assert found.dtype == np.uint8
    assert (found == 7).all()


def test_features_are_kept_by_file_and_preparation_not_by_name(tmp_path: Path) -> None:
    dataset = scan(write_images(tmp_path / "cells", 10), cache_folder=tmp_path / "scans")
    cache = tmp_path / "cache"
    file = written(tmp_path)
    add_model(file, title="first")
    add_model(file, title="second")
    add_model(file, title="third", changes={"mean": MEAN})
    first = extract(dataset, "first", cache_folder=cache)
    assert (first.n_computed, first.weights.state) == (10, "unverified")
    assert first.weights.model is not None
    assert extract(dataset, "second", cache_folder=cache).n_computed == 0
    assert extract(dataset, "third", cache_folder=cache).n_computed == 10
    remove_model("first")
    add_model(written(tmp_path, model(seed=1), "other.onnx"), title="first")
    assert extract(dataset, "first", cache_folder=cache).n_computed == 10, "another file under the same name"


def test_images_computed_later_get_the_same_rows(tmp_path: Path) -> None:
    add_model(written(tmp_path))
    folder = write_images(tmp_path / "cells", 11)
    everything = np.arange(11)
    dataset = scan(folder, cache_folder=tmp_path / "scans")
    at_once = extract(dataset, "net", cache_folder=tmp_path / "a").rows("features", everything)
    for part in (everything[3:5], everything[:9], everything):
        later = extract(dataset, "net", cache_folder=tmp_path / "b", indices=part)
    np.testing.assert_array_equal(later.rows("features", everything), at_once)


def test_an_image_whose_features_are_not_finite_is_listed_and_the_others_are_computed(tmp_path: Path) -> None:
    # The logarithm of the mean is not a number for the darkest image alone.
    shift = numpy_helper.from_array(np.float32(-0.05), "shift")
    more = [
        helper.make_node("ReduceMean", ["pixels"], ["bright"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Add", ["bright", "shift"], ["above"]),
        helper.make_node("Log", ["above"], ["log"]),
        helper.make_node("Unsqueeze", ["log", "axis"], ["column"]),
        helper.make_node("Add", ["features", "column"], ["last"]),
    ]
    consts = [shift, numpy_helper.from_array(np.array([1]), "axis")]
    made = model(more_nodes=more, outputs=[value("last", ("n", WIDTH))], more_weights=consts)
    add_model(written(tmp_path, made), changes={"mean": (0.0,) * 3, "std": (1.0,) * 3})
    folder = write_images(tmp_path / "cells", 9)
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(folder / "class0" / "dark.png")
    dataset = scan(folder, cache_folder=tmp_path / "scans")
    found = extract(dataset, "net", cache_folder=tmp_path / "cache")
    assert [(each.path, each.reason) for each in found.failed] == [
        ("class0/dark.png", "Its features by net are not finite.")
    ]
    assert found.n_computed == 9


def test_a_file_that_was_changed_or_is_gone_is_named(tmp_path: Path) -> None:
    added = add_model(written(tmp_path)).model
    added.file.write_bytes(added.file.read_bytes() + b"\x00")
    with pytest.raises(
        FeatureError, match=r"The file of the model net was changed after it was checked: .*model\.onnx"
    ):
        extractor_named("net").load(None)
    added.file.unlink()
    with pytest.raises(FeatureError, match="The file of the model net cannot be read"):
        extractor_named("net").load(None)


def test_a_model_that_fails_later_is_named(tmp_path: Path) -> None:
    add_model(written(tmp_path))
    compute = extractor_named("net").load(None)
    with pytest.raises(FeatureError, match="The model net failed on a batch of 4 images"):
        compute(np.zeros((2, SIZE + 1, SIZE, 3), np.uint8))
