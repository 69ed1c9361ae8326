"""Scanning HDF5 files of images."""

import gzip
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from coreset_studio.core.data.images import is_unchanged, read_bytes, read_image
from coreset_studio.core.data.sources import SOURCES
from coreset_studio.core.data.sources.hdf5 import container as containers
from coreset_studio.core.data.sources.hdf5.container import close, opened
from coreset_studio.core.data.sources.hdf5.names import Name, name_of
from coreset_studio.core.data.sources.hdf5.settings import Hdf5Settings
from coreset_studio.core.errors import DatasetError, ImageError
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.results import Dataset, Reading
from coreset_studio.core.settings import DataSettings
from tests.windows_rules import changes_open_files

RNG = np.random.default_rng(0)
PCAM = "camelyonpatch_level_2_split_{}_{}.h5"


def _pixels(n: int, shape: tuple[int, ...] = (12, 10, 3)) -> np.ndarray:
    return RNG.integers(0, 256, (n, *shape), dtype=np.uint8)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write arrays, or what a function makes, as an HDF5 file: ``write("a.h5", x=…, y=…)``."""

    def made(name: str = "images.h5", attributes: Any = None, **arrays: Any) -> Path:
        file = tmp_path / name
        close(file)  # HDF5 does not write a file that is open
        file.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(file, "w") as container:
            for key, values in arrays.items():
                if callable(values):
                    values(container)
                else:
                    container.create_dataset(key.replace("__", "/"), data=values)
            container.attrs.update(attributes or {})
        return file

    return made


@pytest.fixture
def pcam(write: Any, tmp_path: Path) -> dict[str, np.ndarray]:
    """The six files of PatchCamelyon and its tables, of a few images each; the images by set."""
    images = {}
    for name, n in (("train", 8), ("valid", 4), ("test", 5)):
        images[name] = _pixels(n)

        def packed(container: Any, values: np.ndarray = images[name]) -> None:
            container.create_dataset("x", data=values, chunks=(3, 12, 10, 3), compression="gzip")

        write(f"pcam/{PCAM.format(name, 'x')}", images=packed)
        write(f"pcam/{PCAM.format(name, 'y')}", y=(np.arange(n) % 2).astype(np.uint8).reshape(n, 1, 1, 1))
        rows = [f"{row},{row % 2 == 1},camelyon_{name}_{row // 2:03d}" for row in range(n)]
        table = tmp_path / "pcam" / f"camelyonpatch_level_2_split_{name}_meta.csv"
        table.write_text("\n".join([",center_tumor_patch,wsi", *rows]) + "\n")
    return images


def _own(**changes: Any) -> DataSettings:
    return DataSettings(own={"hdf5": Hdf5Settings(**changes)})


# --- PatchCamelyon ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opening", ["", PCAM.format("train", "x"), PCAM.format("test", "y")])
def test_patch_camelyon_from_any_of_its_files(pcam: Any, tmp_path: Path, look: Any, opening: str) -> None:
    dataset: Dataset = look(tmp_path / "pcam" / opening)
    assert (dataset.kind, dataset.root, dataset.classes) == ("hdf5", tmp_path / "pcam", ("0", "1"))
    assert {image.split: 0 for image in dataset.images} == dict.fromkeys(("test", "train", "validation"), 0)
    assert len(dataset.images) == 17
    assert dataset.columns == ("center_tumor_patch",)
    for index, image in enumerate(dataset.images):
        file, key, row = image.path.split("/")
        name, number = file.split("_")[4], int(row.removesuffix(".png"))
        assert key == "x"
        assert np.array_equal(read_image(dataset, index), pcam[name][number])
        assert image.class_name == str(number % 2)
        assert image.group == f"camelyon_{name}_{number // 2:03d}"
        assert image.more == (str(number % 2 == 1),)
        assert is_unchanged(dataset, index)
    assert read_bytes(dataset, 0) is None
    assert any("read together" in note for note in dataset.warnings) == bool(opening)


def test_an_image_is_called_the_same_whatever_is_read_with_it(write: Any, look: Any) -> None:
    for name, n in (("train", 12), ("test", 3)):
        write(f"{name}_x.h5", x=_pixels(n))
        file = write(f"{name}_y.h5", y=np.arange(n) % 2)
    together, alone = look(file), look(file, settings=_own(files="one"))
    assert len(together.images) == 15
    assert {image.path for image in alone.images} == {f"test_x.h5/x/{row}.png" for row in range(3)}
    assert {image.path for image in alone.images} < {image.path for image in together.images}


def test_one_set_alone_on_request(pcam: Any, tmp_path: Path, look: Any) -> None:
    dataset = look(tmp_path / "pcam" / PCAM.format("valid", "x"), settings=_own(files="one"))
    assert {image.split for image in dataset.images} == {"validation"}
    assert len(dataset.images) == 4


def test_a_set_without_labels_is_named_and_the_others_are_read(pcam: Any, tmp_path: Path, look: Any) -> None:
    (tmp_path / "pcam" / PCAM.format("test", "y")).unlink()
    dataset = look(tmp_path / "pcam" / PCAM.format("train", "x"))
    assert {image.split for image in dataset.images} == {"train", "validation"}
    (note,) = [note for note in dataset.warnings if "The set was not read" in note]
    assert "camelyonpatch_level_2_split_test_x.h5 has no labels for the 5 images of x" in note
    with pytest.raises(DatasetError, match=r"split_test_x\.h5 has no labels for the 5 images of x, and no file"):
        look(tmp_path / "pcam" / PCAM.format("test", "x"))


def test_no_groups_or_another_column_on_request(pcam: Any, tmp_path: Path, look: Any) -> None:
    dataset = look(tmp_path / "pcam", settings=_own(group_column="-"))
    assert {image.group for image in dataset.images} == {""}
    assert dataset.columns == ("center_tumor_patch", "wsi")
    other = look(tmp_path / "pcam", settings=_own(group_column="center_tumor_patch"))
    assert {image.group for image in other.images} == {"True", "False"}
    with pytest.raises(DatasetError, match=r"no column or array slice .* found center_tumor_patch, wsi"):
        look(tmp_path / "pcam", settings=_own(group_column="slice"))


def test_a_table_of_another_length_is_not_used(pcam: Any, tmp_path: Path, look: Any) -> None:
    table = tmp_path / "pcam" / "camelyonpatch_level_2_split_test_meta.csv"
    table.write_text(table.read_text() + "5,True,camelyon_test_009\n")
    dataset = look(tmp_path / "pcam")
    assert {image.group for image in dataset.images if image.split == "test"} == {""}
    assert f"{table.name} has more than 5 rows for 5 images, so it was not used." in dataset.warnings


@pytest.mark.parametrize("content", [b"\xff\xfea\x00", b'wsi\n"' + b"x" * 200_000])
def test_a_table_that_is_none_is_not_used(pcam: Any, tmp_path: Path, look: Any, content: bytes) -> None:
    (tmp_path / "pcam" / "camelyonpatch_level_2_split_test_meta.csv").write_bytes(content)
    dataset = look(tmp_path / "pcam")
    assert len(dataset.images) == 17
    assert any("meta.csv is not a valid CSV in UTF-8" in note for note in dataset.warnings)


def test_packed_as_downloaded_is_one_sentence(tmp_path: Path, look: Any, write: Any) -> None:
    file = write("a_x.h5", x=_pixels(3))
    packed = tmp_path / "a_x.h5.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    with pytest.raises(DatasetError, match=r"unpack it first \(gunzip a_x\.h5\.gz\) and open a_x\.h5"):
        look(packed)


# --- one file -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [("x", "y"), ("X", "Y"), ("images", "labels"), ("image", "label"), ("data__images", "data__labels"),
     ("imgs", "targets"), ("train_set_x", "train_set_y"), ("X_train", "y_train")],
)  # fmt: skip
def test_images_and_labels_by_their_usual_names(write: Any, look: Any, keys: tuple[str, str]) -> None:
    images = _pixels(6)
    dataset = look(write(**{keys[0]: images, keys[1]: np.arange(6) % 3}))
    assert dataset.classes == ("0", "1", "2")
    assert dataset.warnings == tuple(note for note in dataset.warnings if "too few" in note)
    assert [image.class_name for image in dataset.images] == ["0", "1", "2", "0", "1", "2"]
    assert np.array_equal(read_image(dataset, 4), images[4])
    assert dataset.read_as["image_key"] == keys[0].replace("__", "/")


@pytest.mark.parametrize("form", ["{}_{}", "{}/{}", "{}_set_{}"])
def test_sets_inside_one_file(write: Any, look: Any, form: str) -> None:
    arrays = {}
    for name, n in (("train", 5), ("val", 2), ("test", 3)):
        arrays[form.format(name, "images").replace("/", "__")] = _pixels(n)
        arrays[form.format(name, "labels").replace("/", "__")] = np.arange(n)[:, None] % 2
    dataset = look(write(**arrays))
    assert sorted(str(image.split) for image in dataset.images) == ["test"] * 3 + ["train"] * 5 + ["validation"] * 2


@pytest.mark.parametrize("dtype", [np.uint8, ">u2", np.uint16, np.float16, np.float32, np.float64, np.bool_])
def test_every_type_of_value(write: Any, look: Any, dtype: Any) -> None:
    grey = np.tile(np.array([[0, 51], [102, 255]], np.uint8), (4, 4, 4))
    scale = {"u": 256 if np.dtype(dtype).itemsize == 2 else 1, "f": 1 / 255, "b": 1 / 255}[np.dtype(dtype).kind]
    values = (grey.astype(float) * scale).astype(dtype)
    dataset = look(write(x=values, y=np.arange(4) % 2))
    expected = np.where(grey[0] > 0, 255, 0) if dtype is np.bool_ else grey[0]
    assert np.abs(read_image(dataset, 0)[:, :, 1].astype(int) - expected).max() <= (1 if dtype is np.float16 else 0)
    kind = {"u": "" if dtype is np.uint8 else "uint16-hdf5", "f": "float-hdf5", "b": ""}[np.dtype(dtype).kind]
    stored = dataset.images[0].stored
    assert (stored.kind if stored is not None else "") == kind


def test_channels_first_and_last(write: Any, look: Any) -> None:
    images = _pixels(4)
    first = np.moveaxis(images, 3, 1)
    dataset = look(write(x=first, y=np.arange(4)))
    assert np.array_equal(read_image(dataset, 2), images[2])
    assert not any("channels" in note for note in dataset.warnings)


def test_channels_that_could_be_first_or_last(write: Any, look: Any) -> None:
    images = _pixels(4, (3, 9, 3))
    file = write(x=images, y=np.arange(4))
    dataset = look(file)
    assert np.array_equal(read_image(dataset, 2), images[2])
    (note,) = [note for note in dataset.warnings if "colour channels" in note]
    assert note.endswith("the last was used. Change it with --channel-axis first.")
    other = look(file, settings=_own(channel_axis="first"))
    assert other.images[2].path == "images.h5/x#channels=first/2.png"
    assert np.array_equal(read_image(other, 2), np.moveaxis(images[2], 0, 2))
    with pytest.raises(DatasetError, match="whose first axis of an image is not 1, 3 or 4 channels"):
        look(write(x=_pixels(4), y=np.arange(4)), settings=_own(channel_axis="first"))


@pytest.mark.parametrize("form", ["fixed", "variable"])
def test_labels_that_are_text(write: Any, look: Any, form: str) -> None:
    names = ["benign", "größe", "benign", "größe"]

    def add(container: Any) -> None:
        if form == "variable":
            container.create_dataset("y", data=names, dtype=h5py.string_dtype())
        else:
            container.create_dataset("y", data=np.array([name.encode() for name in names]).reshape(4, 1))

    dataset = look(write(x=_pixels(4), labels=add))
    assert [image.class_name for image in dataset.images] == names


@pytest.mark.parametrize("where", ["file", "labels", "comma", "array", "enum"])
def test_names_of_classes_in_the_file(write: Any, look: Any, where: str) -> None:
    def add(container: Any) -> None:
        kind = h5py.enum_dtype({"benign": 0, "tumour": 1}) if where == "enum" else np.int64
        made = container.create_dataset("y", data=np.array([0, 1, 1, 0]), dtype=kind)
        if where == "labels":
            made.attrs["class_names"] = ["benign", "tumour"]
        elif where == "file":
            container.attrs["classes"] = np.array([b"benign", b"tumour"])
        elif where == "comma":
            made.attrs["label_names"] = "benign, tumour"
        elif where == "array":
            container.create_dataset("list_classes", data=np.array([b"benign", b"tumour"]))

    dataset = look(write(x=_pixels(4), labels=add))
    assert [image.class_name for image in dataset.images] == ["benign", "tumour", "tumour", "benign"]
    assert any("Classes are named by the" in note for note in dataset.warnings)


def test_names_that_do_not_reach_all_labels_are_not_used(write: Any, look: Any) -> None:
    dataset = look(write(x=_pixels(4), y=np.array([0, 1, 2, 0]), attributes={"classes": ["a", "b"]}))
    assert dataset.classes == ("0", "1", "2")


def test_a_column_for_each_class(write: Any, look: Any) -> None:
    dataset = look(write(x=_pixels(4), y=np.array([[1, 0, 0], [0, 0, 1], [0, 1, 1], [0, 1, 0]], np.float32)))
    assert [image.class_name for image in dataset.images] == ["0", "2", "1"]
    assert [(one.path, one.reason) for one in dataset.skipped] == [
        ("images.h5/x/2.png", "It has no class: its label is missing, negative or not one class.")
    ]
    assert any("has 3 columns; the column with the 1 was read as the class" in note for note in dataset.warnings)


def test_negative_labels_are_skipped_unless_they_are_one_of_two_classes(write: Any, look: Any) -> None:
    dataset = look(write(x=_pixels(4), y=np.array([0, -1, 1, 0])))
    assert [one.path for one in dataset.skipped] == ["images.h5/x/1.png"]
    assert look(write(x=_pixels(4), y=np.array([1, -1, 1, -1]))).classes == ("-1", "1")


def test_eleven_classes_have_as_many_digits_in_every_set(write: Any, look: Any) -> None:
    arrays = {"train_x": _pixels(11), "train_y": np.arange(11), "test_x": _pixels(2), "test_y": np.arange(2)}
    assert look(write(**arrays)).classes == tuple(f"{number:02d}" for number in range(11))


def test_groups_in_the_file(write: Any, look: Any) -> None:
    arrays = {"x": _pixels(4), "y": np.arange(4) % 2, "patient_id": np.array([7, 7, 8, 9])}
    dataset = look(write(**arrays))
    assert [image.group for image in dataset.images] == ["7", "7", "8", "9"]
    assert dataset.read_as["group_column"] == "patient_id"
    assert [image.group for image in look(write(**arrays), settings=_own(group_column="-")).images] == [""] * 4


def test_what_is_guessed_is_said_with_how_to_change_it(write: Any, look: Any) -> None:
    images, other = _pixels(4), _pixels(4)
    file = write(first=images, grade=np.arange(4) % 2, wsi=np.arange(4))
    dataset = look(file)
    assert np.array_equal(read_image(dataset, 1), images[1])
    assert dataset.classes == ("0", "1")
    assert (
        "first of images.h5 was read as the images, grade as the labels. Change it with --image-key and --label-key."
        in dataset.warnings
    )
    file = write(images=images, images_norm=other, masks=other, labels=np.arange(4) % 2, stain=np.arange(4))
    assert np.array_equal(read_image(look(file), 1), images[1])
    chosen = look(file, settings=_own(image_key="/images_norm", label_key="stain"))
    assert np.array_equal(read_image(chosen, 1), other[1])
    assert chosen.classes == ("0", "1", "2", "3")


def test_a_test_set_without_labels_is_left_out_with_a_note(write: Any, look: Any) -> None:
    dataset = look(write(train_x=_pixels(4), train_y=np.arange(4) % 2, test_x=_pixels(3)))
    assert len(dataset.images) == 4
    assert "test_x of images.h5 was not read, since there are no labels for it." in dataset.warnings


def test_a_second_scan_decodes_nothing(pcam: Any, tmp_path: Path, look: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = look(tmp_path / "pcam")
    monkeypatch.setattr(
        "coreset_studio.core.data.sources.hdf5.reader.decode_array", lambda *_: pytest.fail("decoded again")
    )
    assert look(tmp_path / "pcam") == first


@changes_open_files
def test_a_file_that_changed_since(write: Any, look: Any) -> None:
    file = write(x=_pixels(6), y=np.arange(6))
    dataset = look(file)
    write(x=_pixels(2), y=np.arange(2))
    os.utime(file, ns=(0, 1))
    assert not is_unchanged(dataset, 0)
    with pytest.raises(ImageError, match=r"Row 5 cannot be read: x of images\.h5 has 2 rows"):
        read_image(dataset, 5)
    file.unlink()
    assert not is_unchanged(dataset, 0)
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(dataset, 0)


def test_threads_read_the_right_rows(write: Any, look: Any) -> None:
    images = _pixels(200)

    def packed(container: Any) -> None:
        container.create_dataset("x", data=images, chunks=(7, 12, 10, 3), compression="gzip")

    dataset = look(write(images=packed, y=np.arange(200) % 2))
    wrong: list[int] = []

    def read(start: int) -> None:
        wrong.extend(i for i in range(start, 200, 4) if not np.array_equal(read_image(dataset, i), images[i]))

    threads = [threading.Thread(target=read, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_chunk_is_unpacked_once(write: Any, look: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def packed(container: Any) -> None:
        container.create_dataset("x", data=_pixels(64), chunks=(16, 12, 10, 3), compression="gzip")

    file = write(images=packed, y=np.arange(64) % 2)
    with opened(file) as container:
        for row in range(64):
            container.row("x", row)
            assert len(container._blocks) <= 4
        assert list(container._blocks) == [("x", first) for first in (0, 16, 32, 48)]


@pytest.mark.slow
def test_many_rows_are_listed_fast(write: Any) -> None:
    def many(container: Any) -> None:
        container.create_dataset(
            "x", shape=(200_000, 8, 8, 3), dtype=np.uint8, chunks=(1000, 8, 8, 3), compression="gzip"
        )
        container["x"][:1] = 1

    file = write(images=many, y=np.arange(200_000) % 2)
    listing = SOURCES["hdf5"].listing(file, progress=NO_PROGRESS)
    assert len(listing.entries) == 200_000
    assert listing.entries[-1].path == "images.h5/x/199999.png"
    assert any("199 of 200 chunks of x in images.h5 were never written" in note for note in listing.warnings)


def test_a_folder_of_images_is_no_folder_of_arrays(pcam: Any, put: Any, tmp_path: Path, look: Any) -> None:
    put("a/1.png", 1)
    put("b/1.png", 2)
    for file in (tmp_path / "pcam").iterdir():
        file.rename(tmp_path / "images" / file.name)
    dataset = look()
    assert dataset.kind == "folder"
    assert any("which was not read. If it contains the images, open it instead." in note for note in dataset.warnings)


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("camelyonpatch_level_2_split_valid_x", Name("images", "validation", ("camelyonpatch", "level", "2"))),
        ("X_train", Name("images", "train", ())),
        ("test/labels", Name("labels", "test", ())),
        ("image_labels", Name("labels", None, ("image",))),
        ("image_masks", Name("other", None, ("image", "masks"))),
        ("train_catvnoncat", Name("", "train", ("catvnoncat",))),
    ],
)
def test_names_of_arrays_and_files(text: str, expected: Name) -> None:
    assert name_of(text) == expected


# --- what cannot be used ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"z": np.arange(3)}, r"images\.h5 has no array of images; expected .* found z \(3,\) int64"),
        ({"x": _pixels(3)}, r"no labels for the 3 images of x, and no file with labels, such as images_y\.h5"),
        ({"x": _pixels(3), "y": np.arange(2)}, "x of images.h5 has 3 images, but y of images.h5 has 2 labels"),
        ({"x": _pixels(3), "y": np.full((3, 14), 2)}, r"y .* has the shape \(3, 14\) and other values than 0 and 1"),
        ({"x": _pixels(3), "y": np.zeros((3, 5, 5))}, r"y .* has the shape \(3, 5, 5\); expected one label"),
        ({"x": _pixels(3), "y": np.array([0.5, 1, 1])}, "contains 0.5; expected integers"),
        ({"x": _pixels(3), "y": np.array([0, 1, 10**9])}, "numbers from 0 to 1000000000"),
        ({"x": _pixels(3), "y": np.zeros(3, [("a", "i4")])}, "expected text or integers"),
        ({"x": np.zeros((3, 9, 9, 9), np.uint8), "y": np.arange(3)}, r"no array of images.* found x \(3, 9, 9, 9\)"),
        ({"x": np.zeros((3, 784), np.uint8), "y": np.arange(3)}, "no array of images"),
        ({"x": np.zeros((0, 4, 4), np.uint8), "y": np.zeros(0, int)}, "contains no images"),
        ({"x": np.zeros((2, 4, 4), complex), "y": np.arange(2)}, "no array of images"),
    ],
)
def test_arrays_that_cannot_be_used(write: Any, look: Any, arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        look(write(**arrays))


def test_a_file_named_like_something_else_is_read_for_what_it_holds(write: Any, look: Any) -> None:
    file = write("train_features.h5", features=np.zeros((5, 512), np.float32))
    with pytest.raises(DatasetError, match=r"train_features\.h5 has no array of images; .* found features \(5, 512\)"):
        look(file)


def test_a_key_that_is_not_there_lists_those_that_are(write: Any, look: Any) -> None:
    file = write(x=_pixels(3), y=np.arange(3))
    for changes in ({"image_key": "pixels"}, {"label_key": "pixels"}):
        with pytest.raises(DatasetError, match=r"no array pixels; found x \(3, 12, 10, 3\) uint8, y \(3,\) int64"):
            look(file, settings=_own(**changes))


@pytest.mark.parametrize("key", ["x", "y"])
@pytest.mark.parametrize("way", ["external link", "soft link", "virtual", "external storage", "references", "lists"])
def test_a_file_reads_nothing_but_itself(write: Any, look: Any, tmp_path: Path, key: str, way: str) -> None:
    """The other file is a pipe: opening it would block."""
    os.mkfifo(tmp_path / "other.h5")
    shape = (3, 12, 10, 3) if key == "x" else (3,)

    def add(container: Any) -> None:
        if way == "external link":
            container[key] = h5py.ExternalLink("other.h5", "secret")
        elif way == "soft link":
            container["out"] = h5py.ExternalLink("other.h5", "/")
            container[key] = h5py.SoftLink("/out/secret")
        elif way == "virtual":
            layout = h5py.VirtualLayout(shape, np.uint8)
            layout[:] = h5py.VirtualSource("other.h5", "secret", shape)
            container.create_virtual_dataset(key, layout)
        elif way == "external storage":
            container.create_dataset(key, shape, np.uint8, external=[("other.h5", 0, h5py.h5f.UNLIMITED)])
        elif way == "references":
            container.create_dataset(key, (3,), h5py.ref_dtype)
        else:
            container.create_dataset(key, (3,), h5py.vlen_dtype(np.uint8))

    arrays = {"x": _pixels(3), "y": np.arange(3)} | {key: add}
    with pytest.raises(DatasetError) as caught:
        look(write(**arrays))
    assert str(caught.value).count(". ") <= 1
    words = {
        "external link": "link",
        "soft link": "link",
        "virtual": "virtual array",
        "external storage": "other files",
    }
    assert words.get(way, f"{key} ") in str(caught.value)
    if key == "x":
        with pytest.raises((DatasetError, ImageError)):  # by its name alone, as in a stored project
            SOURCES["hdf5"].read(tmp_path, "images.h5/x/0.png", Reading())


def test_a_filter_of_a_plugin_is_refused(write: Any, look: Any) -> None:
    def add(container: Any) -> None:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((1, 12, 10, 3))
        plan.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, (1,))
        space = h5py.h5s.create_simple((3, 12, 10, 3))
        h5py.h5d.create(container.id, b"x", h5py.h5t.NATIVE_UINT8, space, plan)

    with pytest.raises(DatasetError, match=r"x of images\.h5 is compressed by a filter that is not part of HDF5"):
        look(write(images=add, y=np.arange(3)))


def test_links_in_a_circle_end(write: Any, look: Any) -> None:
    def add(container: Any) -> None:
        container.create_group("a")["again"] = container["/"]

    assert len(look(write(x=_pixels(3), y=np.arange(3), a=add)).images) == 3


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_file_cut_short(write: Any, look: Any, share: float) -> None:
    file = write(x=_pixels(30), y=np.arange(30) % 2)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(DatasetError, match=r"images\.h5 is (truncated|damaged)"):
        look(file)


def test_a_file_that_is_being_written(write: Any, look: Any) -> None:
    file = write(x=_pixels(3), y=np.arange(3))
    with h5py.File(file, "w", libver="latest") as container:
        container["x"], container["y"] = _pixels(3), np.arange(3)
        container.flush()
        content = file.read_bytes()
    file.write_bytes(content)
    with pytest.raises(DatasetError, match=r"images\.h5 is being written by another program"):
        look(file)


@pytest.mark.parametrize("n_labels", [7, 9])
def test_files_of_other_lengths(write: Any, look: Any, n_labels: int) -> None:
    write("a_y.h5", y=np.zeros((n_labels, 1, 1, 1), np.uint8))
    with pytest.raises(DatasetError, match=rf"x of a_x\.h5 has 8 images, but y of a_y\.h5 has {n_labels} labels"):
        look(write("a_x.h5", x=_pixels(8)))


def test_text_and_pipes_named_h5(tmp_path: Path, look: Any) -> None:
    (tmp_path / "x.h5").write_text("words")
    with pytest.raises(DatasetError, match=r"x\.h5 is not an HDF5 file"):
        look(tmp_path / "x.h5")
    os.mkfifo(tmp_path / "pipe.h5")
    with pytest.raises(DatasetError, match="not a regular file"):
        look(tmp_path / "pipe.h5")


def test_one_damaged_chunk_costs_its_rows_alone(write: Any, look: Any) -> None:
    def packed(container: Any) -> None:
        container.create_dataset("x", data=_pixels(9), chunks=(3, 12, 10, 3), compression="gzip")

    file = write(images=packed, y=np.arange(9) % 2)
    with h5py.File(file) as container:
        place = container["x"].id.get_chunk_info(1).byte_offset
    content = bytearray(file.read_bytes())
    content[place + 20 : place + 60] = bytes(40)
    file.write_bytes(bytes(content))
    dataset = look(file)
    assert len(dataset.images) == 6
    assert [one.path for one in dataset.skipped] == [f"images.h5/x/{row}.png" for row in (3, 4, 5)]


@pytest.mark.parametrize(
    ("shape", "chunks", "words"),
    [
        ((3, 9000, 9000), (1, 100, 100), "more than the limit of 64,000,000"),
        ((10_000_000, 8, 8), (1, 8, 8), "at most 5,000,000 are read"),
        ((4000, 600, 600), (4000, 600, 600), "chunks of 1.4 GB; at most"),
    ],
)
def test_sizes_that_are_only_claimed(write: Any, look: Any, shape: Any, chunks: Any, words: str) -> None:
    def claims(container: Any) -> None:
        container.create_dataset("x", shape, np.uint8, chunks=chunks, compression="gzip")
        container["x"].id.write_direct_chunk((0,) * len(shape), b"\x78\x9c\x03\x00\x00\x00\x00\x01")
        container.create_dataset("y", (shape[0],), np.uint8, fillvalue=1)
        container["y"][:1] = 0

    with pytest.raises(DatasetError, match=words):
        look(write(images=claims))


def test_arrays_that_were_never_written(write: Any, look: Any) -> None:
    def empty(container: Any) -> None:
        container.create_dataset("x", (3, 8, 8), np.uint8, chunks=(1, 8, 8))

    with pytest.raises(DatasetError, match=r"x of images\.h5 contains no images: nothing was written into it"):
        look(write(images=empty, y=np.arange(3)))


def test_texts_that_hdf5_would_never_end_to_read(write: Any, look: Any) -> None:
    """A heap of texts whose free space has the size 0 keeps HDF5 walking for ever."""

    def add(container: Any) -> None:
        container.create_dataset("y", data=["a", "b", "a"], dtype=h5py.string_dtype())

    file = write(x=_pixels(3), labels=add)
    assert look(file).classes == ("a", "b")
    close(file)
    content = bytearray(file.read_bytes())
    heap = content.index(b"GCOL")
    at, length = heap + 16, int.from_bytes(content[heap + 8 : heap + 16], "little")
    while int.from_bytes(content[at : at + 2], "little"):
        at += 16 + -(-int.from_bytes(content[at + 8 : at + 16], "little") // 8) * 8
    assert int.from_bytes(content[at + 8 : at + 16], "little") == heap + length - at
    for claimed in (0, 8, 2**63):
        content[at + 8 : at + 16] = claimed.to_bytes(8, "little")
        file.write_bytes(bytes(content))
        with pytest.raises(DatasetError, match="a part with texts has objects of impossible sizes"):
            look(file)


def test_a_matlab_file_is_refused(tmp_path: Path, look: Any) -> None:
    file = tmp_path / "images.mat"
    with h5py.File(file, "w", userblock_size=512) as container:
        container["x"], container["y"] = _pixels(3), np.arange(3)
    with file.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")
    with pytest.raises(DatasetError, match=r"images\.mat is a MATLAB file, whose arrays"):
        look(file)


@pytest.mark.parametrize(
    "path", ["../x.h5/x/0.png", "images.h5/../x/0.png", "images.h5/x/-1.png", "x", "images.h5/x/²"]
)
def test_only_plain_paths_name_a_row(write: Any, path: str, tmp_path: Path) -> None:
    write(x=_pixels(3), y=np.arange(3))
    with pytest.raises(ImageError):
        SOURCES["hdf5"].reader.read(tmp_path, path)


def test_files_in_use_are_few(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        with opened(write(f"{number}.h5", x=_pixels(2))) as container:
            assert container.arrays["x"].shape == (2, 12, 10, 3)
    assert len(containers._FILES._kept) <= 8
