"""Size of the cache, and emptying it."""

from pathlib import Path

import pytest

from core.cache import default_cache_folder
from core.errors import CacheError
from core.housekeeping import FOLDER_NAME, CacheSize, clear_cache, measure_cache


def fill(folder: Path) -> Path:
    (folder / "features" / "a").mkdir(parents=True)
    (folder / "features" / "a" / "rows.npy").write_bytes(b"x" * 100)
    (folder / "speeds.json").write_bytes(b"x" * 10)
    return folder


def test_the_size_counts_files_and_bytes(tmp_path: Path) -> None:
    assert measure_cache(fill(tmp_path / "cache")) == CacheSize(2, 110)
    assert measure_cache(tmp_path / "nowhere") == CacheSize(0, 0)


def test_emptying_removes_everything_inside(tmp_path: Path) -> None:
    folder = fill(tmp_path / FOLDER_NAME)
    assert clear_cache(folder) == CacheSize(0, 0)
    assert list(folder.iterdir()) == []
    assert clear_cache(tmp_path / "x" / FOLDER_NAME) == CacheSize(0, 0)


def test_the_default_folder_may_be_emptied() -> None:
    assert clear_cache(fill(default_cache_folder())) == CacheSize(0, 0)


def test_any_other_folder_is_left_alone(tmp_path: Path) -> None:
    folder = fill(tmp_path / "holiday pictures")
    with pytest.raises(CacheError, match="was not made by this program"):
        clear_cache(folder)
    assert measure_cache(folder) == CacheSize(2, 110)


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside")
    folder = tmp_path / FOLDER_NAME
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    assert measure_cache(folder).n_bytes == 0
    clear_cache(folder)
    assert measure_cache(outside) == CacheSize(2, 110)
