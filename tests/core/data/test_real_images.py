"""The real blood-cell images beside the repository."""

from pathlib import Path

import pytest

from coreset_studio.core.data.dataset import find_duplicates, scan
from coreset_studio.core.data.split import make_split
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import DataSettings

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def blood(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    cache = tmp_path_factory.mktemp("cache")
    return scan(shared_folder / "data" / "pbc_sample", cache_folder=cache)


def test_all_but_the_stray_file_are_read(blood: Dataset) -> None:
    assert len(blood.images) == 4275
    assert len(blood.classes) == 8
    assert [(skipped.path, skipped.reason) for skipped in blood.skipped] == [
        ("neutrophil/.DS_169665.jpg", "It is a hidden file.")
    ]
    assert blood.warnings == ()


def test_the_label_conflict_is_found(blood: Dataset) -> None:
    found = [
        [blood.images[index].path for index in same.indices] for same in find_duplicates(blood) if same.conflicting
    ]
    assert found == [["eosinophil/EO_225902.jpg", "neutrophil/BNE_191112.jpg"]]


def test_the_paper_s_split(blood: Dataset) -> None:
    split = make_split(blood, DataSettings(near_duplicates_together=True))
    assert len(split.test) == pytest.approx(0.3 * 4275, abs=4)
    assert len(split.validation) == pytest.approx(0.2 * 0.7 * 4275, abs=4)
    assert split.warnings == ()
    sets = [set(part.tolist()) for part in (split.pool, split.validation, split.test)]
    for same in find_duplicates(blood):
        assert any(set(same.indices) <= one for one in sets)
