"""Scanning folders: classes, splits, and everything that lies about in real folders."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.data.images import read_rgb
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import DataSettings

Put = Callable[..., Path]
Look = Callable[..., Dataset]


def reasons(dataset: Dataset) -> dict[str, str]:
    return {skipped.path: skipped.reason for skipped in dataset.skipped}


def test_class_folders_of_any_depth(put: Put, look: Look, tmp_path: Path) -> None:
    for number, path in enumerate(["b/1.png", "a/deep/er/2.png", "a/1.png", "a/deep/1.png", "b/9.png"]):
        put(path, number)
    dataset = look()
    assert [image.path for image in dataset.images] == [
        "a/1.png",
        "a/deep/1.png",
        "a/deep/er/2.png",
        "b/1.png",
        "b/9.png",
    ]
    assert [image.class_name for image in dataset.images] == ["a", "a", "a", "b", "b"]
    assert dataset.kind == "folder"
    assert dataset.root == dataset.source == tmp_path / "images"
    assert not dataset.has_split
    assert (dataset.images[0].width, dataset.images[0].height) == (32, 24)
    assert dataset.images[0].n_bytes == (tmp_path / "images/a/1.png").stat().st_size


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training", "Validation", "Testing"), ("TRAIN", "valid", "Test")]
)
def test_a_split_is_kept(put: Put, look: Look, names: tuple[str, str, str]) -> None:
    for number, name in enumerate(names):
        put(f"{name}/cell/x/1.png", number)
        put(f"{name}/other/1.png", number + 10)
    put("notes/1.png", 30)
    dataset = look()
    assert dataset.kind == "split-folder"
    assert dataset.classes == ("cell", "other")
    by_path = {image.path: image.split for image in dataset.images}
    assert [by_path[f"{name}/cell/x/1.png"] for name in names] == ["train", "validation", "test"]
    assert reasons(dataset) == {"notes": "It is outside the train, validation and test folders."}


def test_train_alone_is_a_class_like_any_other(put: Put, look: Look) -> None:
    put("train/a/1.png", 1)
    put("boat/1.png", 2)
    dataset = look()
    assert dataset.classes == ("boat", "train")
    assert not dataset.has_split


def test_train_and_test_without_class_folders_are_classes(put: Put, look: Look) -> None:
    put("train/1.png", 1)
    put("test/1.png", 2)
    assert look().classes == ("test", "train")


def test_what_is_no_image_is_listed_with_its_reason(put: Put, look: Look, encoded: Any, picture: Any) -> None:
    put("a/good.png", 1)
    put("b/good.png", 2)
    put("a/notes.txt", b"words")
    put("a/empty.jpg", b"")
    put("a/cut.png", encoded(picture(3, 60, 60))[:4000])
    put("a/.hidden.png", 4)
    put("a/.thumbs/x.png", 5)
    put("loose.png", 6)
    put(".DS_Store", b"\0\0\0\1Bud1")
    dataset = look()
    assert [image.path for image in dataset.images] == ["a/good.png", "b/good.png"]
    assert reasons(dataset) == {
        ".DS_Store": "It is a hidden file.",
        "a/.hidden.png": "It is a hidden file.",
        "a/.thumbs": "It is a hidden folder.",
        "a/cut.png": "The PNG file is truncated.",
        "a/empty.jpg": "The file is empty.",
        "a/notes.txt": (
            "It is not an image (JPEG, PNG, BMP, TIFF, WebP, GIF, HEIC, AVIF, JPEG 2000 and DICOM can be read)."
        ),
        "loose.png": "It is not in a class folder.",
    }
    assert [skipped.path for skipped in dataset.skipped] == sorted(reasons(dataset))


def test_an_empty_folder_is_an_error(tmp_path: Path, look: Look) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(
        DatasetError, match=r"contains no images\. Expected a folder with one folder of images for each class"
    ):
        look()


def test_a_missing_folder_is_an_error(tmp_path: Path, look: Look) -> None:
    with pytest.raises(DatasetError, match=r"cannot be opened \(No such file"):
        look(tmp_path / "nowhere")


def test_class_folders_without_images_are_an_error(put: Put, look: Look) -> None:
    put("a/notes.txt", b"words")
    put("b/.x.png", 1)
    with pytest.raises(DatasetError, match="contains no usable image: 2 files skipped"):
        look()


def test_all_images_broken_is_an_error_that_says_why(put: Put, look: Look, encoded: Any, picture: Any) -> None:
    for number in range(3):
        put(f"a/{number}.png", encoded(picture(number, 60, 60))[:3000])
    with pytest.raises(DatasetError, match=r"3 files skipped, 3 of them as a/0\.png: The PNG file is truncated"):
        look()


def test_one_class_scans_with_a_warning(put: Put, look: Look) -> None:
    for number in range(5):
        put(f"only/{number}.png", number)
    dataset = look()
    assert dataset.classes == ("only",)
    assert dataset.warnings == ("There is only one class, “only”. Training and comparison require at least two.",)


def test_one_folder_too_high_is_said(put: Put, look: Look) -> None:
    for number, name in enumerate(["x", "x", "x", "y", "y", "y"]):
        put(f"download/{name}/{number}.png", number)
    plain = look(settings=DataSettings(layout="plain"))
    assert any("if the folders inside “download” are the classes, open that folder" in word for word in plain.warnings)
    dataset = look()
    assert dataset.classes == ("x", "y")
    assert dataset.warnings[0] == (
        "All images are inside “download”, so it was read as if it had been opened itself. "
        "If this is wrong, use another layout (--layout classes)."
    )


def test_small_and_empty_classes_are_told(put: Put, look: Look, tmp_path: Path) -> None:
    for name, count in (("one", 1), ("two", 2), ("three", 3), ("four", 4)):
        for number in range(count):
            put(f"{name}/{number}.png", len(name) * 10 + number)
    put("none/readme.txt", b"nothing")
    warnings = look().warnings
    assert "The class “none” has no usable image." in warnings
    assert "The class “one” has only 1 image, too few to evaluate it." in warnings
    assert "The class “three” has only 3 images, too few to evaluate it." in warnings
    assert not any("four" in warning for warning in warnings)


def test_classes_that_differ_in_capitals_are_told(put: Put, look: Look) -> None:
    for number in range(4):
        put(f"Cell/{number}.png", number)
        put(f"cell/{number}.png", number + 4)
    if len(look().classes) == 1:
        pytest.skip("this file system does not tell capitals apart")
    assert look().warnings == ("The classes “Cell” and “cell” differ only in case; they are different classes.",)


def test_links_in_a_circle_end(put: Put, look: Look, tmp_path: Path) -> None:
    put("a/1.png", 1)
    put("b/deep/2.png", 2)
    root = tmp_path / "images"
    (root / "a/back").symlink_to(root, target_is_directory=True)
    (root / "a/self").symlink_to(root / "a", target_is_directory=True)
    (root / "b/deep/up").symlink_to(root / "b", target_is_directory=True)
    (root / "b/loop").symlink_to(root / "b/loop")
    dataset = look()
    assert [image.path for image in dataset.images] == ["a/1.png", "b/deep/2.png"]
    found = reasons(dataset)
    for path in ("a/back/", "a/self/", "b/deep/up/"):
        assert found[path] == "The folder is a link to a folder above it."
    assert found["b/loop"].startswith("It cannot be accessed")


@pytest.mark.usefixtures("unnumbered_files")
def test_a_drive_that_numbers_no_files_hides_none(put: Put, look: Look, tmp_path: Path) -> None:
    put("a/1.png", 1)
    put("a/deep/2.png", 2)
    (tmp_path / "images/a/deep/back").symlink_to(tmp_path / "images/a", target_is_directory=True)
    dataset = look()
    assert [image.path for image in dataset.images] == ["a/1.png", "a/deep/2.png"]
    assert reasons(dataset)["a/deep/back/"] == "The folder is a link to a folder above it."


def test_links_to_files_and_folders_elsewhere_are_followed(put: Put, look: Look, tmp_path: Path) -> None:
    put("a/1.png", 1)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "images/a/1.png").rename(elsewhere / "1.png")
    (tmp_path / "images/a/1.png").symlink_to(elsewhere / "1.png")
    (tmp_path / "images/b").symlink_to(elsewhere, target_is_directory=True)
    (tmp_path / "images/a/gone.png").symlink_to(elsewhere / "gone.png")
    dataset = look()
    assert [image.path for image in dataset.images] == ["a/1.png", "b/1.png"]
    assert reasons(dataset) == {"a/gone.png": "It is a link whose target does not exist."}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_never_opened(put: Put, look: Look, tmp_path: Path) -> None:
    put("a/1.png", 1)
    os.mkfifo(tmp_path / "images/a/pipe.png")
    assert reasons(look()) == {"a/pipe.png": "It is neither a file nor a folder."}


def test_an_unreadable_folder_is_listed(put: Put, look: Look, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put("a/1.png", 1)
    put("b/locked/2.png", 2)
    put("b/3.png", 3)
    real = os.scandir

    def guarded(path: Any) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", guarded)
    dataset = look()
    assert [image.path for image in dataset.images] == ["a/1.png", "b/3.png"]
    assert reasons(dataset) == {"b/locked/": "The folder cannot be opened (Permission denied)."}


def test_an_unreadable_file_is_listed(put: Put, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a/1.png", 1)
    put("a/2.png", 2)
    real = os.open

    def guarded(path: Any, *arguments: Any, **options: Any) -> Any:
        if str(path).endswith("2.png"):  # by hand, since nothing is unreadable to root
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", guarded)
    assert reasons(look()) == {"a/2.png": "The file cannot be read (Permission denied)."}


def test_an_unreadable_root_is_an_error(put: Put, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a/1.png", 1)

    def refuse(path: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DatasetError, match=r"cannot be opened \(Permission denied"):
        look()


def test_names_in_any_script(put: Put, look: Look) -> None:
    put("Lymphozyten größe/Bild ä 1.png", 1)
    put("細胞/画像.png", 2)
    put("клетки/🔬.png", 3)
    dataset = look()
    assert set(dataset.classes) == {"Lymphozyten größe", "細胞", "клетки"}
    assert all((dataset.root / image.path).is_file() for image in dataset.images)


def test_one_class_spelled_with_composed_and_split_accents(put: Put, look: Look) -> None:
    put("train/cell\u00e9/1.png", 1)
    put("test/celle\u0301/1.png", 2)
    assert look().classes == ("cell\u00e9",)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names that are no text")
def test_a_name_that_is_no_text_is_listed(put: Put, look: Look, tmp_path: Path) -> None:
    good = put("a/1.png", 1)
    Path(os.fsdecode(os.fsencode(good.parent) + b"/\xff\xfe.png")).write_bytes(good.read_bytes())
    dataset = look()
    assert reasons(dataset) == {"a/\ufffd\ufffd.png": "Its name is not valid text; rename it."}


def test_very_long_paths_are_read(put: Put, look: Look) -> None:
    put("a/" + "/".join(["x" * 200] * 8) + "/1.png", 1)
    assert len(look().images[0].path) > 1600


@pytest.mark.skipif(sys.platform == "win32", reason="a path over the limit is made relative to open folders")
def test_a_path_longer_than_the_system_takes_is_listed(
    put: Put, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = put("a/1.png", 1)
    content = good.read_bytes()
    monkeypatch.chdir(good.parent)
    for _ in range(22):
        Path("y" * 200).mkdir()
        os.chdir("y" * 200)
    Path("deep.png").write_bytes(content)
    os.chdir(tmp_path)
    dataset = look()
    assert [image.path for image in dataset.images] == ["a/1.png"]
    assert len(dataset.skipped) == 1
    assert "File name too long" in dataset.skipped[0].reason


def test_a_relative_source_becomes_absolute(
    put: Put, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a/1.png", 1)
    monkeypatch.chdir(tmp_path)
    dataset = look(Path("images"))
    assert dataset.root == tmp_path / "images"
    monkeypatch.chdir("/")
    assert read_rgb(dataset.root / dataset.images[0].path).shape == (24, 32, 3)
