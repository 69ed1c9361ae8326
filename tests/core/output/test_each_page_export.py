"""Pages of files that are images of their own leave as such."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.images import read_image
from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.export import export_coreset
from coreset_studio.core.output.formats import EXPORT_FORMATS
from coreset_studio.core.output.verification import verify
from coreset_studio.core.results import Coreset, Dataset, Split
from coreset_studio.core.settings import DataSettings, ExportSettings


def write_stack(file: Path, seed: int, dtype: type = np.uint8) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    high = 256 if dtype == np.uint8 else 4096
    pages = np.random.default_rng(seed).integers(0, high, (3, 16, 16)).astype(dtype)
    first, *others = (Pillow.fromarray(page) for page in pages)
    first.save(file, "TIFF", save_all=True, append_images=others)


def stacks(root: Path, dtype: type = np.uint8) -> tuple[Dataset, Split, Coreset]:
    """Four stacks of three pages of two classes; the coreset has two pages of each of the first and the last."""
    for number in range(4):
        write_stack(root / "images" / "ab"[number // 2] / f"{number}.tif", number, dtype)
    dataset = scan(root / "images", cache_folder=root / "cache", settings=DataSettings(pages="each"))
    everything = np.arange(len(dataset.images))
    chosen = np.array([0, 2, 9, 11])
    none = np.array([], dtype=np.int64)
    coreset = Coreset(
        sampler="random", seed=0, indices=chosen, ranks=np.array([0, 1, 0, 1]), reasons=("drawn",) * 4,
        budgets={"a": 2, "b": 2}, pool_sizes={"a": 6, "b": 6}, nested=True,
    )  # fmt: skip
    return dataset, Split(everything, none, none), coreset


def contents(dataset: Dataset) -> Counter[tuple[str, str]]:
    return Counter((image.class_name, image.pixels) for image in dataset.images)


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("name", list(EXPORT_FORMATS))
def test_pages_leave_in_every_format_and_open_again(tmp_path: Path, name: str, private: bool) -> None:
    if EXPORT_FORMATS.refusal(name, private=private):
        pytest.skip("links are never private")
    dataset, split, coreset = stacks(tmp_path)
    target = tmp_path / "out"
    result = export_coreset(dataset, split, coreset, target, ExportSettings(files=name, private=private))
    assert verify(target).ok
    chosen = Counter((dataset.images[i].class_name, dataset.images[i].pixels) for i in coreset.indices)
    if EXPORT_FORMATS[name].holds_images:
        assert contents(scan(target, cache_folder=tmp_path / "cache")) == chosen
        assert any("4 images are pages of files and were written as PNG" in note for note in result.notes)
    if not private:
        listed = scan(target / "coreset.csv", cache_folder=tmp_path / "cache")
        assert contents(listed) == chosen
        files = sorted(image.path for image in listed.images)
        if not EXPORT_FORMATS[name].holds_images:
            assert [file.rpartition("/")[2] for file in files] == [
                "0.tif#page=1", "0.tif#page=3", "3.tif#page=1", "3.tif#page=3",
            ]  # fmt: skip


def test_files_are_named_after_stack_and_page(tmp_path: Path) -> None:
    dataset, split, coreset = stacks(tmp_path, np.uint16)
    export_coreset(dataset, split, coreset, tmp_path / "out", ExportSettings(files="copy"))
    written = {file.name: file for file in (tmp_path / "out").rglob("*.png")}
    assert sorted(written) == ["0_page-1.png", "0_page-3.png", "3_page-1.png", "3_page-3.png"]
    with Pillow.open(written["3_page-3.png"]) as page:
        assert np.array_equal(np.asarray(page.convert("RGB")), read_image(dataset, 11))


def test_a_stack_that_changed_since_is_not_exported(tmp_path: Path) -> None:
    dataset, split, coreset = stacks(tmp_path)
    write_stack(tmp_path / "images" / "a" / "0.tif", 77)
    with pytest.raises(ExportError, match=r"a/0\.tif#page=1 has changed since it was scanned; scan the dataset again"):
        export_coreset(dataset, split, coreset, tmp_path / "out", ExportSettings(files="copy"))
    assert not (tmp_path / "out").exists()
