"""The synthetic demo."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.data.cells import CLASSES, draw_cell
from coreset_studio.core.data.dataset import find_duplicates, scan
from coreset_studio.core.data.demo import demo_truth, make_demo
from coreset_studio.core.errors import CancelledError, DatasetError
from coreset_studio.core.results import Dataset
from coreset_studio.core.seeds import generator

N_IMAGES = 80


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    place = tmp_path_factory.mktemp("demo")
    make_demo(place / "cells", n_images=N_IMAGES, seed=3, side=64)
    return scan(place / "cells", cache_folder=place / "cache")


def test_its_faults_are_found(demo: Dataset) -> None:
    assert len(demo.images) == N_IMAGES
    found = {skipped.path: skipped.reason for skipped in demo.skipped}
    assert found.pop(".truth.csv") == "It is a hidden file."
    assert list(found.values()) == ["The JPEG file is truncated."]
    conflicting = [same for same in find_duplicates(demo) if same.conflicting]
    plain = [same for same in find_duplicates(demo) if not same.conflicting]
    assert [len(same.indices) for same in conflicting] == [2]
    assert [len(same.indices) for same in plain] == [2]
    assert {demo.images[index].class_name for index in conflicting[0].indices} == {"eosinophil", "neutrophil"}


def test_classes_are_imbalanced_and_every_kind_is_there(demo: Dataset) -> None:
    sizes = Counter(image.class_name for image in demo.images)
    assert set(sizes) == set(CLASSES)
    assert sizes.most_common()[0][1] >= 3 * sizes.most_common()[-1][1]
    kinds = Counter(demo_truth(demo.root).values())
    assert set(kinds) == {kind for one in CLASSES.values() for kind in one.kinds}
    assert set(demo_truth(demo.root)) == {image.path for image in demo.images}
    neutrophils = Counter(kind for path, kind in demo_truth(demo.root).items() if path.startswith("neutrophil/"))
    assert neutrophils["segmented"] > neutrophils["band"] > neutrophils["toxic"] >= 1


def test_shares_add_up() -> None:
    assert sum(one.share for one in CLASSES.values()) == pytest.approx(1)
    for one in CLASSES.values():
        assert sum(kind.share for kind in one.kinds.values()) == pytest.approx(1)
        assert 2 <= len(one.kinds) <= 4
        assert len({kind.share for kind in one.kinds.values()}) == len(one.kinds)


def test_file_names_say_nothing_of_the_kind(demo: Dataset) -> None:
    truth = demo_truth(demo.root)
    numbers: dict[str, list[int]] = {}
    for path, kind in truth.items():
        found = re.fullmatch(r"(\w+)/synthetic_(\d{5})\.jpg", path)
        assert found
        if found[1] == "neutrophil":
            numbers.setdefault(kind, []).append(int(found[2]))
    lower = np.mean([number < N_IMAGES / 2 for number in numbers["segmented"]])
    assert 0.2 < lower < 0.8  # no kind stands in one half of the numbers


def test_same_seed_same_files(tmp_path: Path) -> None:
    for name, seed in (("one", 5), ("same", 5), ("other", 6)):
        make_demo(tmp_path / name, n_images=20, seed=seed, side=32)
    contents = [
        {str(file.relative_to(tmp_path / name)): file.read_bytes() for file in (tmp_path / name).rglob("*.*")}
        for name in ("one", "same", "other")
    ]
    assert contents[0] == contents[1]
    assert set(contents[0]) != set(contents[2])


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_images_look_like_stained_cells(name: str) -> None:
    for kind in CLASSES[name].kinds:
        pictures = [draw_cell(name, kind, 80, generator(number, kind)) for number in range(3)]
        for rgb in pictures:
            assert rgb.shape == (80, 80, 3)
            assert np.percentile(rgb, 95) > 200  # bright ground
            assert rgb[30:50, 30:50].min() < 140  # something stained in the middle
        assert len({rgb.tobytes() for rgb in pictures}) == 3


def test_smallest_demo_has_every_class(tmp_path: Path) -> None:
    make_demo(tmp_path / "small", n_images=20, side=32)
    dataset = scan(tmp_path / "small", cache_folder=tmp_path / "cache")
    assert len(dataset.images) == 20
    assert set(dataset.classes) == set(CLASSES)
    with pytest.raises(DatasetError, match="at least 20 images; found 19"):
        make_demo(tmp_path / "smaller", n_images=19)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DatasetError, match="already contains files"):
        make_demo(tmp_path, n_images=20)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot be written"):
        make_demo(tmp_path / "file" / "demo", n_images=20)


def test_a_folder_that_is_no_demo(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a demo"):
        demo_truth(tmp_path)


def test_cancelling(tmp_path: Path) -> None:
    class Stop:
        def report(self, done: int, total: int, message: str = "") -> None:
            if done:
                raise CancelledError

        def publish(self, result: object) -> None:
            pytest.fail("nothing to publish")

    with pytest.raises(CancelledError):
        make_demo(tmp_path / "demo", n_images=60, side=32, progress=Stop())
