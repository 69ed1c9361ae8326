"""Arrays on disk: whole or not at all, and a damaged one counts as none."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.cache import ArrayCache, RowStore, fingerprint
from core.errors import CacheError


def test_a_cached_array_equals_a_fresh_one(tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path)
    rows = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    cache.store("stage", "key", {"rows": rows, "empty": np.zeros((0, 2))}, {"k": 2})
    found = ArrayCache(tmp_path).load("stage", "key")
    assert found is not None
    np.testing.assert_array_equal(found.arrays["rows"], rows)
    assert found.arrays["empty"].shape == (0, 2)
    assert found.facts == {"k": 2}


def test_what_was_never_stored_is_none(tmp_path: Path) -> None:
    assert ArrayCache(tmp_path).load("stage", "key") is None


@pytest.mark.parametrize("damage", ["cut", "gone", "facts", "shape"])
def test_a_damaged_entry_is_none_and_can_be_stored_again(tmp_path: Path, damage: str) -> None:
    cache = ArrayCache(tmp_path)
    rows = np.arange(1000.0)
    cache.store("stage", "key", {"rows": rows}, {})
    place = cache.path("stage", "key")
    if damage == "cut":
        content = (place / "rows.npy").read_bytes()
        (place / "rows.npy").write_bytes(content[: len(content) // 2])
    elif damage == "gone":
        (place / "rows.npy").unlink()
    elif damage == "facts":
        (place / "facts.json").write_text("{")
    else:
        np.save(place / "rows.npy", rows[:3])
    assert cache.load("stage", "key") is None
    cache.store("stage", "key", {"rows": rows}, {})
    again = cache.load("stage", "key")
    assert again is not None
    np.testing.assert_array_equal(again.arrays["rows"], rows)


def test_storing_leaves_nothing_half_done(tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path)
    with pytest.raises(TypeError):
        cache.store("stage", "key", {"rows": np.arange(3)}, {"not json": object()})
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(CacheError, match="CORESET_CACHE"):
        ArrayCache(blocked).store("stage", "key", {"rows": np.arange(3)}, {})
    with pytest.raises(CacheError, match="CORESET_CACHE"):
        RowStore(blocked / "rows", 2).append(["a"], np.zeros((1, 2), dtype=np.float32))


def test_rows_come_back_by_key_in_any_order(tmp_path: Path) -> None:
    store = RowStore(tmp_path, 2)
    store.append(["a", "b"], np.array([[1, 2], [3, 4]], dtype=np.float32))
    store.append(["c"], np.array([[5, 6]], dtype=np.float32))
    assert store.missing(["c", "d", "a", "d"]) == ["d"]
    np.testing.assert_array_equal(store.rows(["c", "a", "c"]), [[5, 6], [1, 2], [5, 6]])
    assert store.rows([]).shape == (0, 2)
    with pytest.raises(KeyError):
        store.rows(["d"])


def test_two_stores_of_one_folder_see_each_other(tmp_path: Path) -> None:
    first, second = RowStore(tmp_path, 1), RowStore(tmp_path, 1)
    first.append(["a"], np.array([[1]], dtype=np.float32))
    assert "a" not in second
    second.refresh()
    assert "a" in second
    second.append(["a", "b"], np.array([[1], [2]], dtype=np.float32))
    first.refresh()
    assert len(first) == 2


def test_a_chunk_cut_short_is_computed_again(tmp_path: Path) -> None:
    store = RowStore(tmp_path, 3)
    store.append(["a"], np.ones((1, 3), dtype=np.float32))
    store.append(["b"], np.ones((1, 3), dtype=np.float32))
    for keys_file in tmp_path.glob("*.json"):
        if json.loads(keys_file.read_text()) == ["b"]:
            rows = keys_file.with_suffix(".npy")
            rows.write_bytes(rows.read_bytes()[:-4])
    again = RowStore(tmp_path, 3)
    assert again.missing(["a", "b"]) == ["b"]


def test_fingerprints_tell_apart_what_differs() -> None:
    rows = np.arange(4, dtype=np.float32)
    marks = [
        fingerprint(1, "a"),
        fingerprint("1", "a"),
        fingerprint("a", 1),
        fingerprint(rows),
        fingerprint(rows.reshape(2, 2)),
        fingerprint(rows.astype(np.float64)),
        fingerprint(rows.tobytes()),
        fingerprint(["a", "b"]),
        fingerprint("a", "b"),
    ]
    assert len(set(marks)) == len(marks)
    assert fingerprint({"b": 1, "a": 2}) == fingerprint({"a": 2, "b": 1})
