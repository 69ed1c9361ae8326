"""What the levels of a folder tree stand for: what is read, what is said, and how to have it otherwise."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.folder_names import are_numbered, are_patients, leftover, split_names, split_word
from coreset_studio.core.data.layouts import guess_reading
from coreset_studio.core.data.masks import is_two_valued, masks_by_name
from coreset_studio.core.data.sources import SOURCES
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import DataSettings

Put = Callable[..., Path]
Look = Callable[..., Dataset]


def read(*paths: str) -> tuple[str, str, str]:
    """Return layout, what was assumed and the other layout of a tree of files."""
    reading = guess_reading(Counter(tuple(path.split("/")[:-1]) for path in paths))
    return reading.layout, reading.assumed, reading.other


def tree(*patterns: str) -> list[str]:
    """Return paths: each pattern ``"a|b/c|d"`` gives all combinations, with two images in each."""
    found = [""]
    whole: list[str] = []
    for pattern in patterns:
        found = [""]
        for level in pattern.split("/"):
            found = [f"{path}{name}/" for path in found for name in level.split("|")]
        whole += [f"{path}{number}.png" for path in found for number in (1, 2)]
    return whole


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train", "train"), ("Train", "train"), ("TRAINING", "train"), ("training_set", "train"),
        ("TrainingSet", "train"), ("trainset", "train"), ("01_train", "train"), ("train2", "train"),
        ("Trainingsdaten", "train"), ("train images", "train"), ("val", "validation"), ("valid", "validation"),
        ("Validation", "validation"), ("dev", "validation"), ("Validierung", "validation"),
        ("eval", "validation"), ("test", "test"), ("testing", "test"), ("test-set", "test"), ("holdout", "test"),
        ("hold-out", "test"), ("Held out", "test"), ("Testdaten", "test"), ("contest", None), ("latest", None),
        ("brain", None), ("strain", None), ("train_test", None), ("values", None), ("invalid", None), ("", None),
    ],
)  # fmt: skip
def test_sets_in_any_spelling(name: str, expected: str | None) -> None:
    found = split_word(name)
    assert (found and found[0]) == expected


def test_names_of_sets_belong_together() -> None:
    assert split_names(["Training", "Test", "cells"]) == {"Training": "train", "Test": "test"}
    assert split_names(["ISIC_Training_Input", "ISIC_Test_Input"]) == {
        "ISIC_Training_Input": "train", "ISIC_Test_Input": "test",
    }  # fmt: skip
    assert split_names(["cat_test", "dog_train"]) == {}
    assert split_names(["train", "training"]) == {}
    assert split_names(["control", "test"]) == {}
    assert split_names(["train", "eval"]) == {"train": "train", "eval": "test"}
    assert split_names(["train", "eval", "test"])["eval"] == "validation"


def test_names_of_patients() -> None:
    assert are_patients(["patient00", "patient01"])
    assert are_patients(["P1", "P2"])
    assert are_patients(["Case-1", "case 2", "slide_003"])
    assert not are_patients(["ill", "well"])
    assert not are_patients(["grade1", "grade2"])
    assert are_numbered(["a1", "a2", "a3"])
    assert not are_numbered(["ill", "well"])


@pytest.mark.parametrize(
    ("patterns", "layout", "other"),
    [
        (("cat|dog",), "classes", ""),
        (("train|test/cat|dog",), "split/classes", ""),
        (("Training|Test/cat|dog",), "split/classes", ""),
        (("training_set|test-set/cat|dog",), "split/classes", ""),
        (("train|dev|holdout/cat|dog",), "split/classes", ""),
        (("train/cat|dog", "test"), "split/classes", "classes"),
        (("train/cat|dog", "test/unknown"), "split/classes", "classes"),
        (("patient00|patient01|patient02/ill|well",), "groups/classes", "classes"),
        (("patient00/ill", "patient01/well", "patient02/ill|well"), "groups/classes", "classes"),
        (("a|b|c|d|e|f/ill|well",), "groups/classes", "classes"),
        (("hospital A|hospital B/ill|well",), "any/classes", "classes"),
        (("ill|well/left|right",), "classes", "any/classes"),
        (("benign|malignant/40X|100X|200X",), "classes", "classes/groups"),
        (("ill/001|002|003", "well/004|005|006"), "classes", "classes/groups"),
        (("fold1|fold2|fold3|fold4|fold5/ill|well",), "any/classes", "groups/classes"),
        (("patient1|patient2|patient3/visit/ill|well",), "groups/any/classes", "classes"),
        (("patient1|patient2|patient3/session1|session2/ill|well",), "groups/any/classes", "classes"),
        (("patient1|patient2|patient3/study1|study2",), "classes", ""),
        (("benign/SOB/adenosis|fibroadenoma", "malignant/SOB/ductal|lobular"), "classes", "any/classes"),
        (("train/cat|dog", "test_unlabeled"), "split/classes", "classes"),
        (("COVID|Normal/images",), "classes", ""),
        (("ill/patient1|patient2", "well/patient3|patient4"), "classes/groups", "classes"),
        (("ill|well/patient1|patient2|patient3",), "classes/groups", "classes"),
        (("benign/adenosis|fibroadenoma", "malignant/ductal|lobular"), "classes", "any/classes"),
        (("cat|dog/train|test",), "classes/split", "classes"),
        (("data/cat|dog",), "any/classes", "classes"),
        (("data/data/train|test/cat|dog",), "any/any/split/classes", "classes"),
        (("train/cat|dog",), "any/classes", "classes"),
        (("train|val/patient1|patient2/ill|well",), "split/groups/classes", "classes"),
        (("val|test/cat|dog",), "any/classes", "classes"),
        (("train|test",), "classes", ""),
        (("patient1|patient2|patient3",), "classes", ""),
    ],
)  # fmt: skip
def test_the_likeliest_reading(patterns: tuple[str, ...], layout: str, other: str) -> None:
    found = read(*tree(*patterns))
    assert (found[0], found[2]) == (layout, other)


@pytest.mark.parametrize("names", ["HAM10000_images_part_1|HAM10000_images_part_2", "patient1|patient2|patient3"])
def test_classes_that_are_hardly_any_are_told(names: str) -> None:
    layout, assumed, _ = read(*tree(names))
    assert layout == "classes"
    assert assumed.endswith("If they are not classes, open a table that lists the class of each image.")


def test_an_unlabelled_test_set_is_no_class(put: Put, look: Look) -> None:
    for number, path in enumerate(
        ["train/cat/1.png", "train/cat/2.png", "train/dog/3.png", "test/4.png", "test/5.png"]
    ):
        put(path, number)
    dataset = look()
    assert (dataset.classes, len(dataset.images), dataset.kind) == (("cat", "dog"), 3, "split-folder")
    assert not dataset.has_split  # the program makes it
    assert [(one.path, one.reason) for one in dataset.skipped] == [
        ("test", "It contains no class folders, so its 2 files have no class.")
    ]
    (note,) = [word for word in dataset.warnings if "--layout" in word]
    assert note == (
        "“test” contains no class folders, so its 2 images have no class and are skipped; the classes were read inside "
        "“train”. The program creates the split. If this is wrong, use another layout (--layout classes)."
    )
    assert look(settings=DataSettings(layout="classes")).classes == ("test", "train")
    assert look(settings=DataSettings(layout="plain")).classes == ("test", "train")


def test_patients_above_classes_are_groups(put: Put, look: Look) -> None:
    for patient in range(6):
        for number, name in enumerate(("ill", "well")):
            put(f"patient{patient:02d}/{name}/{number}.png", patient * 2 + number)
    dataset = look()
    assert dataset.classes == ("ill", "well")
    assert {image.group for image in dataset.images} == {f"patient{n:02d}" for n in range(6)}
    assert dataset.read_as == {"layout": "groups/classes"}
    assert dataset.others == ("classes",)
    (note,) = [word for word in dataset.warnings if "--layout" in word]
    assert note.startswith("The folders ill and well inside the folders patient00, patient01, patient02, … (6) were")
    plain = look(settings=DataSettings(layout="plain", leave_out_masks=False))
    assert plain.classes == tuple(f"patient{n:02d}" for n in range(6))
    assert plain.read_as == {}


def mask(picture: Any, encoded: Any, number: int) -> bytes:
    values = np.zeros((24, 32), np.uint8)
    values[4 : 8 + number, 5:20] = 255
    return bytes(encoded(values))


def test_masks_beside_images_are_left_out(put: Put, look: Look, picture: Any, encoded: Any) -> None:
    for number in range(4):
        name = f"{('benign', 'normal')[number % 2]}/x ({number})"
        put(f"{name}.png", number)
        put(f"{name}_mask.png", mask(picture, encoded, number))
    put("benign/x (0)_mask_1.png", mask(picture, encoded, 9))
    dataset = look()
    assert [image.path for image in dataset.images] == [
        "benign/x (0).png", "benign/x (2).png", "normal/x (1).png", "normal/x (3).png",
    ]  # fmt: skip
    assert {one.path: one.reason for one in dataset.skipped}["benign/x (0)_mask_1.png"] == (
        "It is a mask of benign/x (0).png."
    )
    (note,) = [word for word in dataset.warnings if "mask" in word]
    assert note.startswith(
        "5 images, such as benign/x (0)_mask.png, are named like masks of other images, look like masks"
    )
    assert len(look(settings=DataSettings(leave_out_masks=False)).images) == 9


def test_masks_of_the_same_name_with_another_suffix_are_left_out(
    put: Put, look: Look, picture: Any, encoded: Any
) -> None:
    for number in range(4):
        name = f"{'ab'[number % 2]}/x{number}"
        put(f"{name}.jpg", encoded(picture(number), "JPEG"))
        put(f"{name}.png", mask(picture, encoded, number))
    dataset = look()
    assert [image.path for image in dataset.images] == ["a/x0.jpg", "a/x2.jpg", "b/x1.jpg", "b/x3.jpg"]
    assert {one.path: one.reason for one in dataset.skipped}["a/x0.png"] == "It is a mask of a/x0.jpg."
    assert any(
        "4 images, such as a/x0.png, are named like masks of other images, look like masks" in word
        for word in dataset.warnings
    )


def test_images_of_the_same_name_with_another_suffix_are_used(put: Put, look: Look, encoded: Any) -> None:
    for number in range(4):
        name = f"{'ab'[number % 2]}/x{number}"
        put(f"{name}.tif", number)
        put(f"{name}.png", number + 10)
    dataset = look()
    assert len(dataset.images) == 8
    assert not [word for word in dataset.warnings if "mask" in word]


@pytest.mark.parametrize(
    ("paths", "masks"),
    [
        (["a/x.bmp", "a/x.jpg", "a/x.png"], {"a/x.bmp": "a/x.jpg", "a/x.png": "a/x.jpg"}),
        (["a/x.gif", "a/x.tif"], {"a/x.gif": "a/x.tif"}),
        (["a/x.jpg", "b/x.png"], {}),
        (["a/x.jpeg", "a/x.JPG"], {"a/x.jpeg": "a/x.JPG"}),
    ],
)
def test_which_of_several_suffixes_is_the_mask(paths: list[str], masks: dict[str, str]) -> None:
    assert masks_by_name(paths) == masks


def test_images_that_are_named_like_masks_are_used(put: Put, look: Look) -> None:
    for number in range(4):
        put(f"a/{number}.png", number)
        put(f"b/{number}_label.png", number + 10)
        put(f"b/{number}.png", number + 20)
    dataset = look()
    assert len(dataset.images) == 12
    assert any("4 images, such as b/0_label.png, are named like masks" in word for word in dataset.warnings)


def test_masks_in_a_folder_beside(put: Put, look: Look, picture: Any, encoded: Any) -> None:
    for number in range(4):
        name = ("cat", "dog")[number % 2]
        put(f"images/{name}/{number}.png", number)
        put(f"masks/{name}/{number}.png", mask(picture, encoded, number))
    dataset = look()
    assert (dataset.classes, len(dataset.images)) == (("cat", "dog"), 4)
    assert len([one for one in dataset.skipped if "mask" in one.reason]) == 4


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/a/1.png", "masks/a/1.png"), ("JPEGImages/1.jpg", "SegmentationClass/1.png"),
        ("COVID/images/1.png", "COVID/masks/1.png"),
        ("training/images/21_training.tif", "training/1st_manual/21_manual1.gif"),
        ("img/x.png", "img_mask/x_mask.png"), ("images/1.png", "ground truth/1.png"),
    ],
)  # fmt: skip
def test_masks_in_folders_by_name(image: str, mask: str) -> None:
    assert masks_by_name([image, mask, "other/z.png"]) == {mask: image}


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("x_mask", "x"), ("x_mask_1", "x"), ("x mask", "x"), ("x-mask", "x"), ("x_seg", "x"), ("x_gt", "x"),
        ("x_label", "x"), ("x_annotation", "x"), ("x_Segmentation", "x"), ("x_mask(2)", "x"), ("mask_x", "x"),
        ("x_ground_truth", "x"), ("unmasked", ""), ("x_2", ""), ("mask", ""), ("xmask", ""),
    ],
)  # fmt: skip
def test_names_of_masks(name: str, image: str) -> None:
    found = masks_by_name(["a/x.png", f"a/{name}.png", "a/un.png"])
    assert found == ({f"a/{name}.png": f"a/{image}.png"} if image else {})


def test_two_values(picture: Any) -> None:
    values = np.zeros((20, 20, 3), np.uint8)
    assert is_two_valued(values)
    values[5:9, 5:9] = 255
    assert is_two_valued(values)
    assert not is_two_valued(picture(1))
    smooth = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[:, None, None], (1, 64, 3))
    assert not is_two_valued(smooth)
    noise = np.random.default_rng(0).normal(20, 8, (64, 64, 3)).clip(0, 255).astype(np.uint8)
    assert not is_two_valued(noise)


def test_what_systems_leave_about_is_left_out(put: Put, look: Look) -> None:
    for number, path in enumerate(
        ["a/1.png", "b/2.png", "a/@eaDir/1.png/thumb.png", "#recycle/a/3.png", "__MACOSX/a/4.png", "b/lost+found/5.png",
         "$RECYCLE.BIN/x/6.png", "System Volume Information/7.png", ".Trash-1000/8.png", "a/.ipynb_checkpoints/9.png",
         "a/._1.png"]
    ):  # fmt: skip
        put(path, number)
    put("a/Thumbs.db", b"x")
    dataset = look()
    assert [image.path for image in dataset.images] == ["a/1.png", "b/2.png"]
    assert dataset.classes == ("a", "b")
    reasons = {one.path: one.reason for one in dataset.skipped}
    assert (
        reasons["a/@eaDir"] == "It is a folder created by the system or an archive, such as thumbnails or a recycle "
        "bin."
    )
    assert reasons["a/Thumbs.db"] == "It is a file created by the system."
    assert len(reasons) == 10
    assert "a/@eaDir/1.png/thumb.png" in {i.path for i in look(settings=DataSettings(layout="plain")).images}
    assert leftover("@eaDir", is_folder=False) == ""


@pytest.mark.parametrize("layout", ["auto", "plain", "classes"])
def test_an_empty_class_folder_is_told(put: Put, look: Look, layout: str) -> None:
    root = put("a/1.png", 1).parents[1]
    put("b/1.png", 2)
    (root / "c" / "deeper").mkdir(parents=True)
    dataset = look(settings=DataSettings(layout=layout))
    assert "The folder “c” is empty, so its class has no images." in dataset.warnings


def test_an_empty_class_folder_of_one_set_is_told(put: Put, look: Look) -> None:
    for number, path in enumerate(["train/a/1.png", "train/b/1.png", "test/a/2.png"]):
        root = put(path, number).parents[2]
    (root / "test/b").mkdir()
    assert "The folder “test/b” is empty, so its class has no images." in look().warnings


def test_a_layout_that_is_asked_for_needs_no_note(put: Put, look: Look) -> None:
    for number in range(4):
        put(f"h{number}/{('ill', 'well')[number % 2]}/{number}.png", number)
    dataset = look(settings=DataSettings(layout="groups/classes"))
    assert dataset.classes == ("ill", "well")
    assert [image.group for image in dataset.images] == ["h0", "h1", "h2", "h3"]
    assert not any("--layout" in word for word in dataset.warnings)
    assert asdict(dataset.images[0])["split"] is None


def test_a_folder_around_all_others_is_no_level(put: Put, look: Look) -> None:
    for number in range(4):
        put(f"study/h{number}/{('ill', 'well')[number % 2]}/{number}.png", number)
    dataset = look(settings=DataSettings(layout="groups/classes"))
    assert (dataset.classes, dataset.read_as) == (("ill", "well"), {"layout": "any/groups/classes"})
    assert [image.group for image in dataset.images] == ["h0", "h1", "h2", "h3"]
    assert look(settings=DataSettings(layout="classes")).classes == ("study",)


def test_images_that_lie_too_high_are_named(put: Put, look: Look) -> None:
    for number in range(3):
        put(f"p{number}/ill/{number}.png", number)
        put(f"p{number}/well/{number}.png", number + 3)
    put("p0/loose.png", 9)
    dataset = look(settings=DataSettings(layout="groups/classes"))
    assert [(one.path, one.reason) for one in dataset.skipped] == [("p0/loose.png", "It is not in a class folder.")]


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("folder", "ill/1.png", ("1.png",)),
        ("folder", "ill/deep/1.png", ("deep", "1.png")),
        ("folder", "patient00/ill/1.png", ("patient00", "1.png")),
        ("split-folder", "train/ill/1.png", ("1.png",)),
        ("split-folder", "train/patient00/ill/1.png", ("patient00", "1.png")),
        ("split-folder", "ill/train/1.png", ("ill", "train", "1.png")),
    ],
)
def test_patients_keep_their_folders_inside_a_class(
    kind: str, path: str, expected: tuple[str, ...], dataset_of: Callable[..., Dataset]
) -> None:
    (image,) = dataset_of([(path, "ill")]).images
    assert SOURCES[kind].reader.parts_below_class(image) == expected
