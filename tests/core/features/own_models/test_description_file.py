"""Descriptions in the keys of WSInfer and in those of the settings."""

import json
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.own_models.description_file import description_beside, read_description
from coreset_studio.core.features.own_models.settings import IMAGENET_MEAN, IMAGENET_STD, ModelSettings

WSINFER = {
    "spec_version": "1.0",
    "architecture": "resnet34",
    "num_classes": 2,
    "class_names": ["Other", "Tumor"],
    "patch_size_pixels": 350,
    "spacing_um_px": 0.25,
    "transform": [
        {"name": "Resize", "arguments": {"size": 224}},
        {"name": "ToTensor"},
        {"name": "Normalize", "arguments": {"mean": [0.7, 0.6, 0.5], "std": [0.2, 0.3, 0.4]}},
    ],
}


def written(folder: Path, values: Any, name: str = "net.json") -> Path:
    file = folder / name
    file.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")
    return file


def test_a_configuration_of_wsinfer_is_read(tmp_path: Path) -> None:
    found = read_description(written(tmp_path, WSINFER))
    assert found.given == {
        "input_size": 224, "scale": "0-1", "mean": (0.7, 0.6, 0.5), "std": (0.2, 0.3, 0.4),
    }  # fmt: skip
    assert (found.title, found.n_classes, found.notes) == ("resnet34", 2, ())


def test_two_sides_of_resize_say_that_images_are_stretched(tmp_path: Path) -> None:
    steps = [{"name": "Resize", "arguments": {"size": [96, 96], "interpolation": "bicubic"}}, {"name": "ToTensor"}]
    assert read_description(written(tmp_path, {"transform": steps})).given == {
        "input_size": 96, "resize": "stretch", "interpolation": "bicubic", "scale": "0-1", "mean": (0.0,) * 3,
        "std": (1.0,) * 3,
    }  # fmt: skip


def test_without_resize_the_patch_is_the_input_and_without_to_tensor_pixels_stay(tmp_path: Path) -> None:
    found = read_description(written(tmp_path, {"patch_size_pixels": 350, "transform": []}))
    assert found.given == {"input_size": 350, "scale": "0-255", "mean": (0.0,) * 3, "std": (1.0,) * 3}


def test_the_names_of_the_settings_are_read(tmp_path: Path) -> None:
    values = {
        "title": "DinoBloom-S", "input_size": [3, 224, 224], "resize": "crop", "crop_fraction": 0.875,
        "interpolation": "bicubic", "channels": "BGR", "scale": "0-1", "mean": [0.5], "std": [0.25, 0.5, 1],
        "layout": "NHWC", "output": "features", "source": "Koch et al. 2024", "licence": "Apache-2.0",
    }  # fmt: skip
    found = read_description(written(tmp_path, values))
    assert ModelSettings(**found.given) == ModelSettings(
        input_size=224, resize="crop", crop_fraction=0.875, interpolation="bicubic", channels="BGR", scale="0-1",
        mean=(0.5, 0.5, 0.5), std=(0.25, 0.5, 1.0), layout="NHWC", output="features", source="Koch et al. 2024",
        licence="Apache-2.0",
    )  # fmt: skip
    assert found.title == "DinoBloom-S"


def test_what_is_not_given_is_left_to_the_defaults(tmp_path: Path) -> None:
    assert read_description(written(tmp_path, {})).given == {}
    assert (ModelSettings().mean, ModelSettings().std) == (IMAGENET_MEAN, IMAGENET_STD)


def test_a_mean_above_one_is_of_pixels_up_to_255_which_is_noted(tmp_path: Path) -> None:
    values = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
    found = read_description(written(tmp_path, values))
    assert found.given["scale"] == "0-255"
    assert found.notes == ("The mean is above 1, so pixels are assumed to be from 0 to 255; set scale to change this.",)
    assert read_description(written(tmp_path, {**values, "scale": "0-1"})).given["scale"] == "0-1"


def test_unknown_keys_are_noted(tmp_path: Path) -> None:
    (note,) = read_description(written(tmp_path, {"means": [0, 0, 0], "zoo": 1})).notes
    assert note.startswith("Not used of the description: means, zoo; known are input_size, ")


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ("{", "is not valid JSON"),
        ([], "expected an object in braces"),
        ({"spec_version": "2.0"}, "spec_version is '2.0', and the known version is '1.0'"),
        ({"transform": "Resize"}, "transform must be a list of transforms, found Resize"),
        ({"transform": [{"name": "ColorJitter"}]}, "the transform 'ColorJitter' is not known; known are Resize"),
        ({"transform": [3]}, "the transform '3' is not known"),
        ({"transform": [{"name": "ToTensor"}, {"name": "Resize", "arguments": {"size": 8}}]},
         "the transforms are in an unknown sequence: Resize after ToTensor"),
        ({"transform": [{"name": "ToTensor"}, {"name": "ToTensor"}]}, "each at most once"),
        ({"transform": [{"name": "Resize", "arguments": {"size": [224, 256]}}]},
         "Resize size must be one number of pixels, since the input is a square; found [224, 256]"),
        ({"transform": [{"name": "Resize"}]}, "Resize size must be a whole number of pixels, found None"),
        ({"transform": [{"name": "Resize", "arguments": {"size": 224, "fill": 1}}]},
         "Resize has the unknown argument 'fill'"),
        ({"transform": [{"name": "Resize", "arguments": {"size": 224, "antialias": False}}]}, "antialias false"),
        ({"transform": [{"name": "Resize", "arguments": {"size": 224, "interpolation": "lanczos"}}]},
         "interpolation must be one of bilinear, bicubic; found lanczos"),
        ({"transform": [{"name": "Normalize", "arguments": {"mean": [0.5, 0.5]}}]}, "Normalize has no std"),
        ({"transform": [{"name": "Normalize", "arguments": {"mean": [0, 0], "std": [1, 1, 1]}}]},
         "mean must be a list of three numbers (red, green, blue), found [0, 0]"),
        ({**WSINFER, "mean": [0, 0, 0]}, "mean is given twice"),
        ({**WSINFER, "input_size": 224}, "input_size is given twice"),
        ({"std": [0, 1, 1]}, "std must not contain 0"),
        ({"input_size": 7}, "input_size must be a whole number of pixels from 8 to 4096; found 7"),
        ({"input_size": "224 px"}, "input_size must be a whole number of pixels, found 224 px"),
        ({"channels": "HSV"}, "channels must be one of RGB, BGR; found HSV"),
        ({"crop_fraction": 2}, "crop_fraction must be a fraction above 0 and at most 1"),
        ({"output": 3}, "output must be text, found 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(tmp_path: Path, values: Any, what: str) -> None:
    file = written(tmp_path, values)
    with pytest.raises(FeatureError) as caught:
        read_description(file)
    assert str(caught.value).startswith(f"The model description {file} ")
    assert what in str(caught.value)


def test_a_description_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match="cannot be read"):
        read_description(tmp_path / "none.json")


def test_the_description_of_the_same_name_is_found_or_the_only_config(tmp_path: Path) -> None:
    model = tmp_path / "net.onnx"
    model.touch()
    assert description_beside(model) is None
    config = written(tmp_path, {}, "config.json")
    assert description_beside(model) == config
    (tmp_path / "other.onnx").touch()
    assert description_beside(model) is None, "it may belong to the other model"
    named = written(tmp_path, {}, "net.json")
    assert description_beside(model) == named
