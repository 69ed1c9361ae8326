"""The frozen backbone: what it says of an image is computed once, whatever stops it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.errors import CancelledError, LostImagesError
from coreset_studio.core.results import Dataset
from coreset_studio.core.training import backbones
from coreset_studio.core.training.backbones import backbone_features
from coreset_studio.core.training.network import BackboneChoice
from coreset_studio.core.training.pixels import ImageSource

CHOICE = BackboneChoice("mobilenetv2", 48, untrained=True)


@pytest.mark.slow
def test_features_are_computed_once_for_each_content(
    cells: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    original = ImageSource.readable

    def counting(self: ImageSource, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        taken.extend(self._indices[rows].tolist())
        return original(self, rows)

    monkeypatch.setattr(ImageSource, "readable", counting)
    first = backbone_features(cells, np.array([9, 2, 9, 5]), CHOICE, cache_folder=tmp_path)
    assert sorted(taken) == [2, 5, 9]
    assert np.array_equal(first[0], first[2])
    again = backbone_features(cells, np.array([5, 30, 2]), CHOICE, cache_folder=tmp_path)
    assert sorted(taken) == [2, 5, 9, 30]
    assert np.array_equal(again[[0, 2]], first[[3, 1]])


@pytest.mark.slow
def test_a_stopped_computation_goes_on_where_it_was(
    cells: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbones, "IMAGES_AT_ONCE", 4)
    monkeypatch.setattr(backbones, "IMAGES_PER_CHUNK", 8)
    told: list[tuple[int, int, str]] = []

    class Stop:
        def report(self, done: int, total: int, message: str = "") -> None:
            told.append((done, total, message))
            if len(told) == 3:
                raise CancelledError

        def publish(self, result: object) -> None: ...

    indices = np.arange(20)
    with pytest.raises(CancelledError):
        backbone_features(cells, indices, CHOICE, cache_folder=tmp_path, progress=Stop())
    backbone_features(cells, indices, CHOICE, cache_folder=tmp_path, progress=Stop())
    assert [done for done, _, _ in told] == [4, 8, 12, 4, 8, 12]
    assert told[3][1] == 12, "the first eight images were kept"
    assert told[0][2] == "Computing mobilenetv2 at 48 px: images"


@pytest.mark.slow
def test_sizes_and_backbones_do_not_share_features(cells: Dataset, tmp_path: Path) -> None:
    small = backbone_features(cells, np.array([0]), CHOICE, cache_folder=tmp_path)
    large = backbone_features(cells, np.array([0]), replace(CHOICE, image_size=64), cache_folder=tmp_path)
    other = backbone_features(cells, np.array([0]), replace(CHOICE, extractor="vgg16"), cache_folder=tmp_path)
    assert small.shape == large.shape == (1, 1280)
    assert not np.array_equal(small, large)
    assert other.shape == (1, 512)


@pytest.mark.slow
def test_an_image_that_is_lost_leaves_no_features_and_the_others_are_kept(
    fresh_cells: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbones, "IMAGES_AT_ONCE", 2)
    dataset = fresh_cells
    (dataset.root / dataset.images[3].path).write_bytes((dataset.root / dataset.images[40].path).read_bytes())
    with pytest.raises(LostImagesError, match=r"blue/003\.png \(The image has changed"):
        backbone_features(dataset, np.arange(5), CHOICE, cache_folder=tmp_path / "cache")
    for image in dataset.images:
        (dataset.root / image.path).unlink()
    kept = backbone_features(dataset, np.array([0, 1, 2, 4]), CHOICE, cache_folder=tmp_path / "cache")
    assert len(kept) == 4
    with pytest.raises(LostImagesError):
        backbone_features(dataset, np.array([3]), CHOICE, cache_folder=tmp_path / "cache")
