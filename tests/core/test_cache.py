"""Arrays on disk: whole or not at all, and a damaged one counts as none."""

import errno
import json
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coreset_studio.core.cache import ArrayCache, fingerprint
from coreset_studio.core.errors import CacheError
from coreset_studio.core.estimate import Speeds
from coreset_studio.core.files import reason_of
from coreset_studio.core.row_store import RowStore
from coreset_studio.core.training.pixels import PixelStore


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


def _entry(folder: Path) -> tuple[ArrayCache, Path]:
    cache = ArrayCache(folder)
    cache.store("stage", "key", {"rows": np.arange(12.0).reshape(4, 3)}, {"curve": {"2": 0.25}, "by": "größe"})
    return cache, cache.path("stage", "key")


def _is_sound_or_none(cache: ArrayCache) -> bool:
    """Whether an entry loads as it was stored, or is gone."""
    found = cache.load("stage", "key")
    if found is None:
        return not list((cache.folder / "stage").iterdir())
    np.testing.assert_array_equal(found.arrays["rows"], np.arange(12.0).reshape(4, 3))
    return found.facts == {"curve": {"2": 0.25}, "by": "größe"}


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(["rows.npy", "facts.json"]),
    at=st.integers(0, 300),
    new=st.one_of(st.none(), st.binary(min_size=0, max_size=6)),
)
def test_whatever_bytes_change_an_entry_is_sound_or_none(name: str, at: int, new: bytes | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache, place = _entry(Path(folder))
        content = (place / name).read_bytes()
        at %= len(content)
        changed = content[:at] if new is None else content[:at] + new + content[at + len(new) :]
        (place / name).write_bytes(changed)
        assert _is_sound_or_none(cache)


def _header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1")


@pytest.mark.parametrize(
    "content",
    [
        _header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 9999999999), }\n"),
        _header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({'9' * 5000},), }}\n"),
        _header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({'1,' * 200}), }}\n") + bytes(8),
        _header("{'descr': '<f3', 'fortran_order': False, 'shape': (1,), }\n"),
        _header("{'descr': '|O8', 'fortran_order': False, 'shape': (1,), }\n") + bytes(8),
        _header("{'descr': '<f8', 'fortran_order': False, 'shape': (1L,), \n"),
        _header("(" * 5000),
        b"\x93NUMPY\x03\x00\xff\xff\xff\xff\xfe",
        b"",
    ],
)
def test_absurd_headers_are_none(tmp_path: Path, content: bytes) -> None:
    cache, place = _entry(tmp_path)
    (place / "rows.npy").write_bytes(content)
    assert cache.load("stage", "key") is None
    assert _is_sound_or_none(cache)
    store = RowStore(tmp_path / "rows", 2)
    store.append(["a"], np.ones((1, 2), dtype=np.float32))
    (rows,) = (tmp_path / "rows").glob("*.npy")
    rows.write_bytes(content)
    assert len(RowStore(tmp_path / "rows", 2)) == 0
    assert list((tmp_path / "rows").iterdir()) == []


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"null", b"[1]", b'{"a": 1}'])
def test_absurd_json_is_none(tmp_path: Path, content: bytes) -> None:
    cache, place = _entry(tmp_path)
    (place / "facts.json").write_bytes(content)
    assert cache.load("stage", "key") is None
    assert _is_sound_or_none(cache)
    store = RowStore(tmp_path / "rows", 2)
    store.append(["a"], np.ones((1, 2), dtype=np.float32))
    (keys,) = (tmp_path / "rows").glob("*.json")
    keys.write_bytes(content)
    assert len(RowStore(tmp_path / "rows", 2)) == 0
    Speeds.file(tmp_path).write_bytes(content)
    Speeds.read(tmp_path)


def test_an_entry_without_checks_is_of_an_earlier_version_and_loads(tmp_path: Path) -> None:
    cache, place = _entry(tmp_path)
    entry = json.loads((place / "facts.json").read_text())
    assert entry.pop("checks")
    assert entry.pop("check")
    (place / "facts.json").write_text(json.dumps(entry))
    assert cache.load("stage", "key") is not None
    assert _is_sound_or_none(cache)


def test_an_entry_that_may_not_be_read_is_kept_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, place = _entry(tmp_path)
    store = RowStore(tmp_path / "rows", 2)
    store.append(["a"], np.ones((1, 2), dtype=np.float32))
    real = os.open

    def refused(file: Path, *arguments: object, **named: object) -> object:
        if str(file).endswith(".npy"):
            raise PermissionError(errno.EACCES, "Permission denied", str(file))
        return real(file, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(CacheError, match=r"cannot be read \(Permission denied\)"):
        cache.load("stage", "key")
    with pytest.raises(CacheError, match=r"cannot be read \(Permission denied\)"):
        RowStore(tmp_path / "rows", 2)
    monkeypatch.undo()
    assert (place / "facts.json").is_file()
    assert "a" in RowStore(tmp_path / "rows", 2)


def test_what_there_is_no_memory_to_read_is_kept_and_not_taken_for_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ArrayCache(tmp_path)
    cache.store("stage", "key", {"rows": np.arange(3.0)}, {})
    store = RowStore(tmp_path / "rows", 2)
    store.append(["a"], np.zeros((1, 2), dtype=np.float32))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    with monkeypatch.context() as patch:
        patch.setattr("coreset_studio.core.cache.read_array", full)
        patch.setattr("coreset_studio.core.row_store.read_array", full)
        with pytest.raises(MemoryError):
            cache.load("stage", "key")
        with pytest.raises(MemoryError):
            RowStore(tmp_path / "rows", 2)
    assert cache.load("stage", "key") is not None
    assert "a" in RowStore(tmp_path / "rows", 2)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.timeout(30)
def test_a_pipe_in_the_cache_is_not_waited_for(tmp_path: Path) -> None:
    cache, place = _entry(tmp_path)
    [array, *_] = place.glob("*.npy")
    array.unlink()
    os.mkfifo(array)
    assert cache.load("stage", "key") is None


def test_a_file_cut_while_it_is_mapped_is_one_sentence(tmp_path: Path) -> None:
    store = RowStore(tmp_path, 1000)
    store.append(["a", "b"], np.ones((2, 1000), dtype=np.float32))
    store.append([str(n) for n in range(200)], np.ones((200, 1000), dtype=np.float32))
    large = max(tmp_path.glob("*.npy"), key=lambda file: file.stat().st_size)
    os.truncate(large, 5000)
    with pytest.raises(CacheError, match="was truncated while in use"):
        store.rows(["5"])
    np.testing.assert_array_equal(store.rows(["a"]), np.ones((1, 1000)))
    assert RowStore(tmp_path, 1000).missing(["a", "5"]) == ["5"]


class _FullDisk:
    """A stream that takes a thousand bytes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __enter__(self) -> "_FullDisk":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def write(self, content: bytes) -> int:
        if self._stream.tell() + len(content) > 1000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._stream.write(content)


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def full(file: Path, mode: str = "r", *rest: object, **named: object) -> object:
        stream = real(file, mode, *rest, **named)  # type: ignore[arg-type]
        return _FullDisk(stream) if mode == "xb" else stream  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", full)
    rows = np.ones((40, 30), dtype=np.float32)
    with pytest.raises(CacheError, match=r"\(No space left on device\)\. Free some space"):
        RowStore(tmp_path / "rows", 30).append([str(n) for n in range(40)], rows)
    with pytest.raises(CacheError, match=r"\(No space left on device\)\. Free some space"):
        ArrayCache(tmp_path).store("stage", "key", {"rows": rows}, {})
    with pytest.raises(OSError, match="No space left"):
        PixelStore(tmp_path / "pixels", 8).append([str(n) for n in range(9)], np.ones((9, 8, 8, 3), dtype=np.uint8))
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]
    assert list((tmp_path / "stage").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError("4096 requested and 12 written"), "it could only be written partly; the disk may be full"),
        (OSError("cannot identify"), "cannot identify"),
        (OSError(), "OSError"),
    ],
)
def test_there_is_always_a_reason(error: OSError, said: str) -> None:
    assert reason_of(error) == said
