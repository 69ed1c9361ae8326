"""Extraction: once for each content, in the order asked for, resumed where it stopped, never stopped by one image."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from coreset_studio.core import memory
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.images import read_image
from coreset_studio.core.errors import CacheError, CancelledError, FeatureError, MemoryShortError, MissingWeightsError
from coreset_studio.core.features import extraction as extraction_module
from coreset_studio.core.features.decoding import ImageToDecode, images_to_decode, prepared_batches
from coreset_studio.core.features.extraction import Extracted, extract, extractor_cost, without_failed
from coreset_studio.core.features.extractors import EXTRACTORS
from coreset_studio.core.features.extractors.colour_texture import blocks as colour_texture
from coreset_studio.core.features.untrained import untrained_tensors
from coreset_studio.core.features.weight_files import write_tensors
from coreset_studio.core.features.weight_sets import WEIGHT_SETS
from coreset_studio.core.results import Dataset, Skipped, Split, WeightsUsed
from coreset_studio.core.row_store import RowStore

NAME = "colour-texture"


class StopAfter:
    """A progress that asks to stop once `images` are done, and remembers what it was told."""

    def __init__(self, images: int = 1 << 30) -> None:
        self.images = images
        self.reports: list[tuple[int, int, str]] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        self.reports.append((done, total, message))
        if done >= self.images:
            raise CancelledError

    def publish(self, result: object) -> None:
        raise AssertionError(result)


def write_image(file: Path, seed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(np.random.default_rng(seed).integers(0, 256, (12, 10, 3), dtype=np.uint8)).save(file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(150):
        write_image(tmp_path / "images" / ("a", "b")[number % 2] / f"{number:03d}.jpg", number)
    return tmp_path / "images"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def dataset(folder: Path, cache: Path) -> Dataset:
    return scan(folder, cache_folder=cache)


def everything(extracted: Extracted, indices: np.ndarray) -> np.ndarray:
    return np.concatenate([extracted.rows(block, indices) for block in extracted.block_names], axis=1)


def expected_rows(dataset: Dataset, indices: np.ndarray) -> np.ndarray:
    return np.stack([colour_texture.prepare(read_image(dataset, int(index))) for index in indices])


def test_rows_are_those_of_the_images_asked_for_in_that_order(dataset: Dataset, cache: Path) -> None:
    extracted = extract(dataset, NAME, cache_folder=cache)
    indices = np.array([7, 0, 149, 7])

    rows = everything(extracted, indices)

    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, expected_rows(dataset, indices))
    assert extracted.n_computed == 150
    assert extracted.seconds_computing > 0
    assert extracted.failed == ()
    assert extracted.blocks == EXTRACTORS[NAME].blocks


def test_second_time_computes_nothing_and_gives_the_same(dataset: Dataset, cache: Path) -> None:
    first = extract(dataset, NAME, cache_folder=cache)
    second = extract(dataset, NAME, cache_folder=cache)

    assert (second.n_computed, second.seconds_computing) == (0, 0.0)
    assert second.fingerprint == first.fingerprint
    indices = np.arange(150)
    np.testing.assert_array_equal(everything(second, indices), everything(first, indices))


def test_only_what_is_asked_for_is_computed(dataset: Dataset, cache: Path) -> None:
    some = extract(dataset, NAME, cache_folder=cache, indices=np.array([3, 5]))
    assert some.n_computed == 2
    with pytest.raises(FeatureError, match=dataset.images[4].path):
        some.rows("rings", np.array([3, 4]))

    assert extract(dataset, NAME, cache_folder=cache).n_computed == 148


def test_copies_and_other_datasets_share_rows(folder: Path, cache: Path) -> None:
    (folder / "a" / "copy.jpg").write_bytes((folder / "a" / "000.jpg").read_bytes())
    dataset = scan(folder, cache_folder=cache)
    assert extract(dataset, NAME, cache_folder=cache).n_computed == 150

    folder.rename(folder.with_name("moved"))
    moved = scan(folder.with_name("moved"), cache_folder=cache)
    assert extract(moved, NAME, cache_folder=cache).n_computed == 0


def test_cancelled_run_keeps_what_it_computed_and_resumes(dataset: Dataset, cache: Path) -> None:
    stop = StopAfter(64)
    with pytest.raises(CancelledError):
        extract(dataset, NAME, cache_folder=cache, progress=stop)

    progress = StopAfter()
    extracted = extract(dataset, NAME, cache_folder=cache, progress=progress)

    assert extracted.n_computed == 150 - 64
    assert progress.reports[0] == (64, 150, f"Extracting {NAME}: images")
    assert progress.reports[-1] == (150, 150, f"Extracting {NAME}: images")
    np.testing.assert_array_equal(everything(extracted, np.arange(150)), expected_rows(dataset, np.arange(150)))


def test_killed_run_loses_one_chunk_at_most(dataset: Dataset, cache: Path) -> None:
    """A kill between the files of a chunk leaves rows without keys, or a block without the others."""
    extract(dataset, NAME, cache_folder=cache)
    blocks = {file.parent.name: file for file in (cache / "features").rglob("*.json") if file.parent.name != "features"}
    blocks["rings"].unlink()
    os.truncate(blocks["colour"].with_suffix(".npy"), 1000)

    extracted = extract(dataset, NAME, cache_folder=cache)

    assert extracted.n_computed == 150
    np.testing.assert_array_equal(everything(extracted, np.arange(150)), expected_rows(dataset, np.arange(150)))


def test_chunks_are_written_while_it_runs(dataset: Dataset, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction_module, "CHUNK_IMAGES", 64)
    seen: list[int] = []

    class Watch(StopAfter):
        def report(self, done: int, total: int, message: str = "") -> None:
            seen.append(len(list((cache / "features").rglob("rings/*.json"))))

    extract(dataset, NAME, cache_folder=cache, progress=Watch())

    assert seen == [0, 1, 2, 2]
    assert len(list((cache / "features").rglob("rings/*.json"))) == 3


def test_broken_and_vanished_images_are_listed_and_stop_nothing(dataset: Dataset, folder: Path, cache: Path) -> None:
    gone, broken, changed = (dataset.images[i] for i in (2, 80, 100))
    (folder / gone.path).unlink()
    (folder / broken.path).write_bytes((folder / broken.path).read_bytes()[:100])
    write_image(folder / changed.path, 9999)

    extracted = extract(dataset, NAME, cache_folder=cache)

    assert extracted.failed_indices.tolist() == [2, 80, 100]
    assert [skipped.path for skipped in extracted.failed] == [gone.path, broken.path, changed.path]
    assert "cannot be read" in extracted.failed[0].reason
    assert extracted.failed[2].reason == "The image has changed since it was scanned; scan again."
    assert extracted.n_computed == 147
    with pytest.raises(FeatureError, match=broken.path):
        extracted.rows("rings", np.array([79, 80]))


def test_touched_but_equal_image_is_no_failure(dataset: Dataset, folder: Path, cache: Path) -> None:
    os.utime(folder / dataset.images[0].path)

    assert extract(dataset, NAME, cache_folder=cache).failed == ()


def test_copy_stands_in_for_an_image_that_vanished(folder: Path, cache: Path) -> None:
    (folder / "a" / "copy.jpg").write_bytes((folder / "a" / "000.jpg").read_bytes())
    dataset = scan(folder, cache_folder=cache)
    (folder / "a" / "000.jpg").unlink()

    assert extract(dataset, NAME, cache_folder=cache).failed == ()


def test_all_images_broken_ends_without_rows(dataset: Dataset, folder: Path, cache: Path) -> None:
    for image in dataset.images:
        (folder / image.path).write_bytes(b"nothing")

    extracted = extract(dataset, NAME, cache_folder=cache)

    assert len(extracted.failed) == 150
    assert extracted.n_computed == 0


def test_failed_images_leave_the_split() -> None:
    split = Split(pool=np.array([0, 2, 4]), validation=np.array([1]), test=np.array([3, 5]))
    failed = _extracted_with([(2, "gone"), (3, "broken"), (9, "unused")])

    after = without_failed(split, [_extracted_with([]), failed])

    assert (after.pool.tolist(), after.validation.tolist(), after.test.tolist()) == ([0, 4], [1], [5])
    assert [(each.index, each.reason) for each in after.left_out] == [(2, "gone"), (3, "broken")]
    assert without_failed(split, [_extracted_with([])]) is split


def _extracted_with(failed: list[tuple[int, str]]) -> Extracted:
    return Extracted(
        extractor=NAME, weights=None, blocks={}, fingerprint="", n_computed=0, seconds_computing=0, dataset=None,  # type: ignore[arg-type]
        stores={}, failed=tuple(Skipped(str(index), reason) for index, reason in failed),
        failed_indices=np.array([index for index, _ in failed], dtype=np.int64),
    )  # fmt: skip


def test_images_of_an_npz_are_extracted(tmp_path: Path, cache: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {}
    for name, n in (("train", 6), ("val", 2), ("test", 3)):
        arrays[f"{name}_images"] = rng.integers(0, 256, (n, 28, 28, 3), dtype=np.uint8)
        arrays[f"{name}_labels"] = (np.arange(n) % 2)[:, None]
    np.savez(tmp_path / "small.npz", **arrays)
    dataset = scan(tmp_path / "small.npz", cache_folder=cache)

    extracted = extract(dataset, NAME, cache_folder=cache)

    np.testing.assert_array_equal(everything(extracted, np.arange(11)), expected_rows(dataset, np.arange(11)))


def test_unwritable_cache_is_told(dataset: Dataset, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")

    with pytest.raises(CacheError, match="cannot be written"):
        extract(dataset, NAME, cache_folder=blocked)


def test_no_thread_is_left_behind(dataset: Dataset, cache: Path) -> None:
    with pytest.raises(CancelledError):
        extract(dataset, NAME, cache_folder=cache, progress=StopAfter(64))

    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_missing_weights_are_told_before_anything_is_decoded(
    dataset: Dataset, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coreset_studio.core.features.weights.weight_folders", lambda: (tmp_path,))
    progress = StopAfter()

    with pytest.raises(MissingWeightsError):
        extract(dataset, "resnet101v2", cache_folder=cache, progress=progress)

    assert progress.reports == []


def test_decoding_stays_a_bounded_number_ahead(dataset: Dataset) -> None:
    prepared: list[int] = []

    def prepare(rgb: np.ndarray) -> np.ndarray:
        prepared.append(1)
        return rgb

    batches = prepared_batches(dataset, images_to_decode(dataset, range(150)), prepare, 10)
    next(batches)
    deadline = time.monotonic() + 5
    while len(prepared) < 30 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)

    assert len(prepared) == 30
    batches.close()


def test_batches_keep_the_order_however_long_each_image_takes(dataset: Dataset) -> None:
    def prepare(rgb: np.ndarray) -> np.ndarray:
        time.sleep(float(rgb[0, 0, 0]) / 255 * 0.004)
        return rgb

    wanted = images_to_decode(dataset, range(50))
    batches = list(prepared_batches(dataset, wanted, prepare, 7))

    assert [key for batch in batches for key in batch.keys] == [item.key for item in wanted]
    assert [batch.n_images for batch in batches] == [7] * 7 + [1]
    np.testing.assert_array_equal(batches[3].prepared[2], read_image(dataset, 23))


def test_wanted_images_are_each_content_once(dataset: Dataset) -> None:
    twice = replace(dataset, images=(*dataset.images[:2], replace(dataset.images[0], path="b/copy.jpg")))

    assert images_to_decode(twice, [2, 1, 0]) == [
        ImageToDecode(dataset.images[0].pixels, (2, 0)),
        ImageToDecode(dataset.images[1].pixels, (1,)),
    ]


def test_cost_is_measured_once_it_ran(dataset: Dataset, cache: Path) -> None:
    before = extractor_cost(NAME, cache)
    extract(dataset, NAME, cache_folder=cache)
    after = extractor_cost(NAME, cache)

    assert before.seconds_per_image == EXTRACTORS[NAME].cost.seconds_per_image
    assert "another machine" in before.basis
    assert "as measured on this machine" in after.basis
    assert 0 < after.seconds_per_image < 1


@pytest.fixture
def small_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Weight files of random numbers, by the name of a weight set."""

    def write(name: str) -> Path:
        file = tmp_path / f"{name}.weights.h5"
        weights = WEIGHT_SETS[name]
        write_tensors(file, weights.layers, untrained_tensors(weights.layers, seed=3))
        return file

    return write


@pytest.mark.slow
def test_network_features_know_their_weights(
    dataset: Dataset, cache: Path, small_network: Callable[[str], Path]
) -> None:
    indices = np.arange(3)
    file = small_network("mobilenetv2")
    unverified = extract(dataset, "mobilenetv2", cache_folder=cache, indices=indices, weights_file=file)
    untrained = extract(dataset, "mobilenetv2", cache_folder=cache, indices=indices, untrained=True)

    assert unverified.weights.state == "unverified"
    assert untrained.weights.state == "untrained"
    assert unverified.fingerprint != untrained.fingerprint
    assert untrained.n_computed == 3
    rows = untrained.rows("average", indices)
    assert rows.shape == (3, 1280)
    assert not np.allclose(rows, unverified.rows("average", indices))
    assert extract(dataset, "mobilenetv2", cache_folder=cache, indices=indices, untrained=True).n_computed == 0


@pytest.mark.slow
def test_averaged_vgg16_follows_from_the_flattened_one_in_the_cache(dataset: Dataset, cache: Path) -> None:
    flat = extract(dataset, "vgg16", cache_folder=cache, indices=np.arange(2), untrained=True)
    averaged = extract(dataset, "vgg16-avg", cache_folder=cache, indices=np.arange(2), untrained=True)

    assert (flat.n_computed, averaged.n_computed) == (2, 0)
    assert averaged.weights.digest == flat.weights.digest
    fresh = extract(dataset, "vgg16-avg", cache_folder=cache / "other", indices=np.arange(2), untrained=True)
    assert fresh.n_computed == 2
    np.testing.assert_array_equal(
        averaged.rows("block5_pool_average", np.arange(2)), fresh.rows("block5_pool_average", np.arange(2))
    )


VGG16_WEIGHTS = "d9a27cc1fc7f975ef8cff49180e794ccd7c4bc868ebb49740803b3bbaa8dbefd"
MOBILENETV2_WEIGHTS = "54dce3c7c7ccd97485398392bdb66ddb9adf062fec8438adbe4fdf275ec7da89"
UNTRAINED_RESNET = "2746f9e1d9d70ec9315579b95c7fd3afa82c13ad27646369ba921579736404c5"
# What version 1 of each extractor wrote before descriptions existed; what is in a cache today must be found.
KEPT = {
    "colour-texture": ("none", "", "5be837e51caca1dec07dc8ce8aa86d52"),
    "vgg16": ("verified", VGG16_WEIGHTS, "7869447f282d1e8868f8fb8ed4fbb3a6"),
    "vgg16-avg": ("verified", VGG16_WEIGHTS, "969122a8234239d1d1b306608d7b266e"),
    "mobilenetv2": ("verified", MOBILENETV2_WEIGHTS, "ce7b449b970a6917d2f1b69e0e8325bd"),
    "resnet101v2": ("untrained", UNTRAINED_RESNET, "c0917d705e9cc66b2b954d7061ff142b"),
}
BLOCKS = {
    "colour-texture": {"colour": 344, "thumbnail": 768, "gradients": 576, "rings": 54},
    "vgg16": {"block5_pool": 25088},
    "vgg16-avg": {"block5_pool_average": 512},
    "mobilenetv2": {"average": 1280},
    "resnet101v2": {"average": 2048},
}


@pytest.mark.parametrize("name", list(KEPT))
def test_features_in_the_cache_from_before_are_found(
    dataset: Dataset, cache: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, digest, mark = KEPT[name]
    monkeypatch.setattr(extraction_module, "weights_used", lambda *given, **named: WeightsUsed(name, digest, state))  # type: ignore[arg-type]
    keys = [image.pixels for image in dataset.images]
    rows = {
        block: np.random.default_rng(width).random((len(keys), width), dtype=np.float32)
        for block, width in BLOCKS[name].items()
    }
    for block, width in BLOCKS[name].items():
        RowStore(cache / "features" / f"{name}-{mark[:16]}" / block, width).append(keys, rows[block])

    extracted = extract(dataset, name, cache_folder=cache)

    assert (extracted.n_computed, extracted.fingerprint, extracted.blocks) == (0, mark, BLOCKS[name])
    for block in rows:
        np.testing.assert_array_equal(extracted.rows(block, np.arange(len(keys))), rows[block])


def test_an_extractor_that_needs_more_memory_than_is_free_is_not_loaded(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = scan(folder, cache_folder=cache)
    with monkeypatch.context() as patch:
        patch.setattr(memory, "free_memory", lambda: memory.FreeMemory(149_000_000))
        patch.setattr(extraction_module, "loaded", lambda *_args, **_named: pytest.fail("it has begun"))
        with pytest.raises(MemoryShortError, match=r"images\) needs about 150 MB of memory, but 149 MB are free"):
            extract(dataset, NAME, cache_folder=cache)
    assert extract(dataset, NAME, cache_folder=cache).n_computed == 150
