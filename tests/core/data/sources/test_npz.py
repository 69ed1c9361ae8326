"""Scanning a MedMNIST .npz."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.images import read_bytes, read_image
from coreset_studio.core.data.sources.npz import arrays as npz_arrays
from coreset_studio.core.errors import DatasetError, ImageError
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import DataSettings


def _set(name: str, n: int, shape: tuple[int, ...] = (28, 28, 3)) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(len(name))
    images = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
    return {f"{name}_images": images, f"{name}_labels": (np.arange(n) % 3)[:, None].astype(np.uint8)}


@pytest.fixture(params=["stored", "compressed"])
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """Write arrays as an .npz, uncompressed (mapped) or compressed (unpacked)."""

    def write(**arrays: Any) -> Path:
        file = tmp_path / "medmnist.npz"
        (np.savez if request.param == "stored" else np.savez_compressed)(file, **arrays)
        return file

    return write


def test_images_labels_and_split(save: Any, look: Any) -> None:
    arrays = _set("train", 7) | _set("val", 4) | _set("test", 5)
    dataset: Dataset = look(save(**arrays))
    assert dataset.kind == "npz"
    assert dataset.root == dataset.source
    assert len(dataset.images) == 16
    assert dataset.classes == ("0", "1", "2")
    first = next(image for image in dataset.images if image.path == "val/00002.png")
    assert (first.class_name, first.split, first.width) == ("2", "validation", 28)
    for index, image in enumerate(dataset.images):
        name, row = image.path.split("/")
        assert np.array_equal(read_image(dataset, index), arrays[f"{name}_images"][int(row[:5])])
    assert read_bytes(dataset, 0) is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_grey_of_every_depth(save: Any, look: Any, dtype: type) -> None:
    values = np.arange(4, dtype=np.uint8).reshape(1, 2, 2).repeat(3, axis=0) * 60
    images = (values.astype(dtype) * (256 if dtype == np.uint16 else 1)).astype(dtype)
    dataset = look(save(train_images=images, train_labels=np.array([0, 1, 0])))
    assert read_image(dataset, 0)[:, :, 1].tolist() == values[0].tolist()


def test_arrays_in_column_order_and_without_a_split(save: Any, look: Any) -> None:
    images = np.asfortranarray(_set("train", 6)["train_images"])
    dataset = look(save(images=images, labels=np.arange(6)))
    assert not dataset.has_split
    assert np.array_equal(read_image(dataset, 4), images[4])


def test_eleven_classes_sort_by_number(save: Any, look: Any) -> None:
    part = _set("train", 11) | {"train_labels": np.arange(11)}
    assert look(save(**part)).classes == tuple(f"{number:02d}" for number in range(11))


def test_second_look_decodes_nothing(save: Any, look: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = save(**_set("train", 6))
    first = look(file)
    monkeypatch.setattr(
        "coreset_studio.core.data.sources.npz.reader.array_to_rgb", lambda array: pytest.fail("decoded again")
    )
    assert look(file) == first


def test_single_images_out_of_range_are_listed(save: Any, look: Any) -> None:
    images = np.zeros((4, 5, 5), dtype=np.float32)
    images[2] = 300
    before = DataSettings(grey_levels=("declared",), alpha=("white",))
    dataset = look(save(train_images=images, train_labels=np.arange(4)), settings=before)
    assert [skipped.path for skipped in dataset.skipped] == ["train/00002.png"]
    assert "from 300 to 300" in dataset.skipped[0].reason


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros(3)}, "no arrays train_images and train_labels; found x"),
        ({"train_images": np.zeros((3, 4, 4), np.uint8)}, "train_images but no train_labels"),
        (
            {"train_images": np.zeros((3, 4, 4), np.uint8), "train_labels": np.zeros((3, 14), int)},
            "more than one label",
        ),
        ({"train_images": np.zeros((3, 4, 4), np.uint8), "train_labels": np.zeros(3)}, "must be integers"),
        ({"train_images": np.zeros((3, 4, 4), np.uint8), "train_labels": np.array([0, -1, 1])}, "must be integers"),
        ({"train_images": np.zeros((3, 4, 4), np.uint8), "train_labels": np.zeros(2, int)}, "3 train_images but 2"),
        ({"train_images": np.zeros((3, 9, 9, 9), np.uint8), "train_labels": np.zeros(3, int)}, r"shape \(3, 9, 9, 9\)"),
        ({"train_images": np.zeros((0, 4, 4), np.uint8), "train_labels": np.zeros(0, int)}, "contains no images"),
    ],
)
def test_arrays_that_cannot_be_used(save: Any, look: Any, arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        look(save(**arrays))


class _Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickle was opened",)


@pytest.mark.parametrize("name", ["train_images", "train_labels"])
def test_pickles_are_never_opened(save: Any, look: Any, name: str) -> None:
    arrays = {"train_images": np.zeros((1, 4, 4), np.uint8), "train_labels": np.zeros(1, int)}
    arrays[name] = np.array([_Trap()], dtype=object)
    with pytest.raises(DatasetError, match="pickle"):
        look(save(**arrays))


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_cut_short(save: Any, look: Any, share: float) -> None:
    file = save(**_set("train", 30))
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(DatasetError, match=r"not a valid \.npz"):
        look(file)


def test_a_damaged_array_is_one_sentence(save: Any, look: Any) -> None:
    file = save(**_set("train", 30))
    content = bytearray(file.read_bytes())
    start = content.index(b"train_images.npy") + len("train_images.npy")
    content[start : start + 60] = bytes(60)
    file.write_bytes(bytes(content))
    with pytest.raises(DatasetError, match=r"train_images of medmnist\.npz is damaged"):
        look(file)


def test_text_named_npz(tmp_path: Path, look: Any) -> None:
    file = tmp_path / "x.npz"
    file.write_text("words")
    with pytest.raises(DatasetError, match=r"not a valid \.npz"):
        look(file)


def test_more_than_the_memory_holds_is_said(look: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "large.npz"
    np.savez_compressed(file, **_set("train", 30))

    class Little:
        available = 1000

    monkeypatch.setattr(npz_arrays.psutil, "virtual_memory", Little)
    with pytest.raises(DatasetError, match="of memory are free"):
        look(file)


def test_a_file_that_changed_since(save: Any, look: Any) -> None:
    dataset = look(save(**_set("train", 6)))
    save(**_set("train", 2))
    with pytest.raises(ImageError, match=r"train/00005\.png cannot be read"):
        read_image(dataset, 5)


def _npy(shape: str, n_bytes: int = 48, descr: str = "|u1") -> bytes:
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head + bytes(n_bytes)


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    "content",
    [
        _npy("(-3, 4, 4)"), _npy("(3, -4, -4)"), _npy("(3, 4, 99999999999999999999)"), _npy("(10**30,)"),
        _npy("(3, 4, 4000000000)"), _npy("(True, 4, 4)"), _npy("(3, 4, 4)", 20), _npy("(3, 4, 4)")[:30], b"",
        _npy("3"), _npy("(3, 4, 4.0)"), _npy("(3, 4, 4)", descr="|q9"), _npy("(" * 3000),
        b"\x93NUMPY\x09\0" + bytes(80), _npy("(9223372036854775807, 2, 2)"),
        _npy("(3, 4, 4)", 9000, descr="|S9999999999"),
    ],
)  # fmt: skip
def test_heads_that_lie_are_one_sentence(look: Any, tmp_path: Path, packing: int, content: bytes) -> None:
    file = tmp_path / "odd.npz"
    with zipfile.ZipFile(file, "w", packing) as archive:
        archive.writestr("train_images.npy", content)
        archive.writestr("train_labels.npy", _npy("(3,)", 3))
    with pytest.raises(DatasetError, match=r"train_images of odd\.npz is damaged|shape"):
        look(file)


def test_what_unpacks_to_far_more_than_it_is_is_refused(look: Any, tmp_path: Path) -> None:
    file = tmp_path / "bomb.npz"
    np.savez_compressed(file, train_images=np.zeros((2, 7500, 7500), np.uint8), train_labels=np.zeros(2, int))
    with pytest.raises(DatasetError, match="at most 100 times the packed size is unpacked"):
        look(file)


def test_a_pipe_is_no_npz(look: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(DatasetError, match="not a regular file"):
        look(tmp_path / "pipe.npz")


def test_labels_are_numbers_that_classes_can_have(save: Any, look: Any) -> None:
    for label in (2**63, 10**6):
        labels = np.array([0, 1, label], dtype=np.uint64)
        with pytest.raises(DatasetError, match="integers from 0 to 999,999; found uint64 from 0"):
            look(save(train_images=np.zeros((3, 4, 4), np.uint8), train_labels=labels))


@pytest.mark.parametrize("row", ["-1", "1_0", "²", " 1", ""])
def test_only_plain_numbers_name_a_row(save: Any, row: str) -> None:
    file = save(**_set("train", 30))
    with pytest.raises(ImageError, match="no row"):
        npz_arrays.npz_array(file, f"train/{row}.png")
