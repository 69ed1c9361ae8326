"""Images as networks take them: decoded once, the same from memory, disk or anew."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.errors import CancelledError, LostImagesError
from coreset_studio.core.results import Dataset
from coreset_studio.core.training import pixels
from coreset_studio.core.training.pixels import ImageSource, PixelStore, decoded_ahead, resize


class StopsAt:
    def __init__(self, call: int) -> None:
        self.left = call

    def report(self, done: int, total: int, message: str = "") -> None:
        self.left -= 1
        if self.left == 0:
            raise CancelledError

    def publish(self, result: object) -> None:
        raise AssertionError(result)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Indices of the images that were decoded."""
    seen: list[int] = []
    original = pixels.read_image

    def counting(dataset: Dataset, index: int) -> np.ndarray:
        seen.append(index)
        return original(dataset, index)

    monkeypatch.setattr(pixels, "read_image", counting)
    return seen


def test_resize_averages_when_it_shrinks() -> None:
    board = np.kron(np.indices((32, 32)).sum(0) % 2, np.ones((2, 2)))[:, :, None] * np.full(3, 255)
    small = resize(board.astype(np.uint8), 8)
    assert small.shape == (8, 8, 3)
    assert np.abs(small.astype(int) - 127).max() <= 2


def test_resize_leaves_fitting_images_and_takes_any_shape() -> None:
    square = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert resize(square, 4) is square
    assert resize(np.full((3, 11, 3), 7, dtype=np.uint8), 5).tolist() == np.full((5, 5, 3), 7).tolist()


def test_memory_disk_and_decoding_anew_give_the_same(cells: Dataset, tmp_path: Path) -> None:
    indices = np.array([40, 3, 17, 3])
    rows = np.array([2, 0, 3])
    anew = ImageSource(cells, indices, 40)
    in_memory = ImageSource(cells, indices, 40).hold(tmp_path / "one")
    on_disk = ImageSource(cells, indices, 40).hold(tmp_path / "two", memory_bytes=0)
    for source in (in_memory, on_disk):
        assert source.take(rows).dtype == np.uint8
        assert np.array_equal(source.take(rows), anew.take(rows))


def test_each_content_is_decoded_once(cells: Dataset, tmp_path: Path, decoded: list[int]) -> None:
    ImageSource(cells, np.array([5, 6, 7, 6]), 32).hold(tmp_path)
    assert sorted(decoded) == [5, 6, 7]
    for memory_bytes in (0, 10**9):
        source = ImageSource(cells, np.array([7, 8, 5]), 32).hold(tmp_path, memory_bytes=memory_bytes)
        source.take(np.array([0, 1, 2]))
        source.take(np.array([2, 1]))
    assert sorted(decoded) == [5, 6, 7, 8]


def test_a_stopped_reading_keeps_its_chunks(
    cells: Dataset, tmp_path: Path, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels, "IMAGES_PER_CHUNK", 4)
    with pytest.raises(CancelledError):
        ImageSource(cells, np.arange(12), 32).hold(tmp_path, progress=StopsAt(2))
    assert sorted(decoded) == list(range(8))
    ImageSource(cells, np.arange(12), 32).hold(tmp_path)
    assert sorted(decoded) == list(range(12))


def test_a_damaged_chunk_is_decoded_again(cells: Dataset, tmp_path: Path, decoded: list[int]) -> None:
    ImageSource(cells, np.arange(3), 32).hold(tmp_path)
    [chunk] = tmp_path.rglob("*.npy")
    chunk.write_bytes(chunk.read_bytes()[:-100])
    source = ImageSource(cells, np.arange(3), 32).hold(tmp_path)
    assert sorted(decoded) == [0, 0, 1, 1, 2, 2]
    assert np.array_equal(source.take(np.arange(3)), ImageSource(cells, np.arange(3), 32).take(np.arange(3)))


def test_a_store_of_another_shape_is_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((1, 8, 8, 3), dtype=np.float32))
    (tmp_path / "a.json").write_text(json.dumps(["key"]))
    assert "key" not in PixelStore(tmp_path, 8)


def test_a_full_disk_costs_time_only(
    cells: Dataset, tmp_path: Path, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: PixelStore, keys: object, squares: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PixelStore, "append", full)
    for memory_bytes in (0, 10**9):
        source = ImageSource(cells, np.arange(3), 32).hold(tmp_path, memory_bytes=memory_bytes)
        assert source.take(np.arange(3)).shape == (3, 32, 32, 3)


def test_an_image_that_is_gone_is_told(cells: Dataset, tmp_path: Path) -> None:
    gone = Dataset(tmp_path, tmp_path, "folder", cells.images)
    with pytest.raises(LostImagesError, match=r"blue/000\.png \(.*No such file") as told:
        ImageSource(gone, np.array([0]), 32).hold(tmp_path / "cache")
    assert list(told.value.reasons) == [0]


@pytest.fixture
def spoilt(fresh_cells: Dataset) -> Dataset:
    """Images of which the third was replaced and the fifth emptied after the scan; the sixth is a copy of the first."""
    dataset = fresh_cells
    root, images = dataset.root, dataset.images
    (root / images[2].path).write_bytes((root / images[40].path).read_bytes())
    (root / images[4].path).write_bytes(b"")
    copy = replace(images[5], pixels=images[0].pixels)
    (root / images[5].path).write_bytes((root / images[0].path).read_bytes())
    return replace(dataset, images=(*images[:5], copy, *images[6:]))


@pytest.mark.parametrize("memory_bytes", [0, 10**9])
def test_nothing_is_kept_under_the_hash_of_other_pixels(spoilt: Dataset, tmp_path: Path, memory_bytes: int) -> None:
    source = ImageSource(spoilt, np.arange(8), 32)
    with pytest.raises(LostImagesError) as told:
        source.hold(tmp_path / "cache", memory_bytes=memory_bytes)
    assert told.value.reasons == {2: "The image has changed since it was scanned; scan again.", 4: "The file is empty."}
    assert "blue/002.png" in str(told.value)
    assert "blue/004.png (The file is empty)" in str(told.value)
    [folder] = (tmp_path / "cache" / "pixels").iterdir()
    store = PixelStore(folder, 32)
    assert [spoilt.images[index].pixels in store for index in range(8)] == [n not in (2, 4) for n in range(8)]
    with pytest.raises(LostImagesError, match=r"002\.png"):
        ImageSource(spoilt, np.arange(3), 32).all()


def test_a_copy_stands_in_for_an_image_that_is_lost(spoilt: Dataset, tmp_path: Path) -> None:
    first = spoilt.root / spoilt.images[0].path
    expected = ImageSource(spoilt, np.array([0]), 32).all()
    first.unlink()
    source = ImageSource(spoilt, np.array([0, 5]), 32).hold(tmp_path / "cache")
    assert np.array_equal(source.take(np.array([0])), expected)
    assert np.array_equal(ImageSource(spoilt, np.array([0, 5]), 32).all()[:1], expected)


def test_reading_ahead_passes_over_what_is_lost(spoilt: Dataset) -> None:
    source = ImageSource(spoilt, np.arange(7), 16)
    assert [rows.tolist() for rows, _ in decoded_ahead(source, 3)] == [[0, 1], [3, 5], [6]]
    assert sorted(source.lost) == [2, 4]


def test_batches_read_ahead_are_in_order_and_whole(cells: Dataset) -> None:
    source = ImageSource(cells, np.arange(7), 16)
    batches = list(decoded_ahead(source, 3))
    assert [rows.tolist() for rows, _ in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert np.array_equal(np.concatenate([squares for _, squares in batches]), source.take(np.arange(7)))
