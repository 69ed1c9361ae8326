"""Files written whole or not at all, with patience, with the usual rights, and with nothing left behind."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core import files
from coreset_studio.core.cache import ArrayCache
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.files import (
    is_leftover,
    make_temporary_folder,
    move,
    put_in_place,
    remove_tree,
    replace_atomically,
    temporary_file,
    temporary_folder,
    temporary_name,
)
from coreset_studio.core.housekeeping import sweep, sweep_tree
from coreset_studio.core.project import Project, read_project, write_project
from coreset_studio.core.row_store import RowStore

Rules = Callable[..., list[str]]
ROOT = Path(__file__).resolve().parents[2]


def _refusing(n_times: int, code: int, real: Callable[..., None]) -> Callable[..., None]:
    left = [n_times]

    def act(*arguments: object, **named: object) -> None:
        if left[0]:
            left[0] -= 1
            error = PermissionError(errno.EACCES, "Access is denied")
            error.winerror = code  # type: ignore[attr-defined]
            raise error
        real(*arguments, **named)

    return act


@pytest.mark.parametrize("code", [5, 32, 33])
def test_what_is_held_for_a_moment_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    replace_atomically(tmp_path / "file", b"old")
    monkeypatch.setattr(os, "replace", _refusing(3, code, os.replace))
    replace_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    monkeypatch.setattr(os, "rename", _refusing(3, code, os.rename))
    move(tmp_path / "file", tmp_path / "other")
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(os, "rmdir", _refusing(3, code, os.rmdir))
    remove_tree(tmp_path / "folder")
    assert [each.name for each in tmp_path.iterdir()] == ["other"]


def test_what_stays_held_is_refused_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PATIENCE_SECONDS", 0.2)
    replace_atomically(tmp_path / "file", b"old")
    monkeypatch.setattr(os, "replace", _refusing(10**6, 32, os.replace))
    with pytest.raises(PermissionError) as caught:
        replace_atomically(tmp_path / "file", b"new")
    assert files.reason_of(caught.value) == "it is open in another program"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_what_is_refused_for_good_is_not_waited_for(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(FileNotFoundError):
        move(tmp_path / "nowhere", tmp_path / "there")
    assert time.monotonic() - begun < 1


@pytest.mark.skipif(os.name == "nt", reason="rights of another kind")
def test_what_is_kept_has_the_usual_rights(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    (tmp_path / "usual.txt").touch()
    folder, file = (tmp_path / "usual").stat().st_mode, (tmp_path / "usual.txt").stat().st_mode
    cache = ArrayCache(tmp_path / "cache")
    cache.store("stage", "key", {"rows": np.zeros(3)}, {})
    RowStore(tmp_path / "rows", 2).append(["a"], np.zeros((1, 2), dtype=np.float32))
    replace_atomically(tmp_path / "made" / "file", b"")
    for place in (tmp_path / "cache", tmp_path / "rows", tmp_path / "made"):
        for each in (place, *place.rglob("*")):
            assert each.stat().st_mode == (folder if each.is_dir() else file), each
    (tmp_path / "made" / "file").chmod(0o640)
    replace_atomically(tmp_path / "made" / "file", b"new")
    assert (tmp_path / "made" / "file").stat().st_mode & 0o777 == 0o640


def test_a_file_system_without_rights_is_no_reason_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    replace_atomically(tmp_path / "file", b"old")
    monkeypatch.setattr(os, "chmod", refuse)
    replace_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_folder_that_cannot_be_removed_is_told_and_the_new_one_stands(tmp_path: Path, windows_rules: Rules) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    building = make_temporary_folder(tmp_path / "out")
    (building / "new").touch()
    assert put_in_place(building, tmp_path / "out") is None
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["new"]
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
def test_work_is_done_under_the_rules_of_windows(tmp_path: Path, windows_rules: Rules) -> None:
    make_demo(tmp_path / "images", n_images=160, side=32)
    refused = windows_rules(tmp_path, refused_share=0.01)
    assert len(scan(tmp_path / "images", cache_folder=tmp_path / "cache").images) == 160
    rows = np.arange(120_000.0).reshape(-1, 3)
    cache = ArrayCache(tmp_path / "cache")
    first = cache.store("stage", "key", {"rows": rows}, {})
    again = cache.store("stage", "key", {"rows": rows}, {})
    np.testing.assert_array_equal(first.arrays["rows"], again.arrays["rows"])
    store = RowStore(tmp_path / "rows", 2)
    for number in range(200):
        store.append([str(number)], np.full((1, 2), number, dtype=np.float32))
    assert len(RowStore(tmp_path / "rows", 2)) == 200
    for number in range(100):
        write_project(Project(notes=str(number)), tmp_path / "a.coreset")
    assert read_project(tmp_path / "a.coreset").notes == "99"
    assert refused
    assert not list(tmp_path.rglob(".*.part"))


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from coreset_studio.core.cache import ArrayCache
from coreset_studio.core.row_store import RowStore, write_chunk
from coreset_studio.core.files import make_temporary_folder, temporary_file
from coreset_studio.core import row_store
place = Path(sys.argv[1])
(make_temporary_folder(place / "clusters" / ("0" * 32)) / "rows.npy").touch()
make_temporary_folder(place / "study" / "model").joinpath("model.keras").write_bytes(b"half")
chunk = place / "features" / ("vgg16-" + "0" * 16) / "avg"
chunk.mkdir(parents=True)
row_store.write_atomically = lambda *_: os.kill(os.getpid(), 9)
with temporary_file(place / "speeds.json") as part:
    part.write_bytes(b"half")
    write_chunk(chunk, ["a"], np.zeros((1, 2), np.float32))
"""


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len([file for file in tmp_path.rglob("*") if file.is_file()]) == 4
    mine = make_temporary_folder(tmp_path / "clusters" / ("1" * 32))
    other = mine.with_name(mine.name.replace(files._host(), "0" * 8))
    other.mkdir()
    of_the_user = tmp_path / "clusters" / ".notes.part"
    of_the_user.touch()
    assert sweep(tmp_path) == 3
    assert sweep_tree(tmp_path / "study") == 1
    assert {each.name for each in (tmp_path / "clusters").iterdir()} == {mine.name, other.name, of_the_user.name}
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [of_the_user]


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_the_next_one_removes_what_was_left_of_the_same_place(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
    building = make_temporary_folder(tmp_path / "study" / "model")
    assert list((tmp_path / "study").iterdir()) == [building]
    with temporary_file(tmp_path / "speeds.json") as part:
        part.write_bytes(b"whole")
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["speeds.json"]


@pytest.mark.parametrize("name", ["a", "x" * 250, "細胞" * 40, ".hidden", "a.b.part"])
def test_temporary_names_fit_and_are_known(tmp_path: Path, name: str) -> None:
    part = temporary_name(tmp_path / name)
    part.touch()
    assert files._TEMPORARY.fullmatch(part.name)
    assert not is_leftover(part)  # this process is there


# --- a power cut --------------------------------------------------------------------------------------------------


def _save_project(folder: Path) -> None:
    write_project(Project(source=folder), folder / "study.coreset")
    write_project(Project(source=folder / "other"), folder / "study.coreset")


def _put(folder: Path, n_files: int = 3) -> None:
    for _ in range(2):
        building = make_temporary_folder(folder / "whole")
        for number in range(n_files):
            (building / f"part {number % 7}").mkdir(exist_ok=True)
            (building / f"part {number % 7}" / f"{number}").write_text(str(number))
        put_in_place(building, folder / "whole")


def _copy_weights(folder: Path) -> None:
    with temporary_file(folder / "weights.h5") as part:
        part.write_bytes(b"weights")


def _keep_rows(folder: Path) -> None:
    RowStore(folder / "rows", 2).append(["a"], np.ones((1, 2), dtype=np.float32))


@pytest.mark.parametrize(
    "work",
    [_save_project, _put, partial(_put, n_files=300), _copy_weights, _keep_rows],
    ids=["project", "folder", "large folder", "weights", "rows"],
)
def test_what_is_called_done_is_on_disk(work: Callable[[Path], None], tmp_path: Path, disk: Any) -> None:
    work(tmp_path)
    assert disk.late == []
    assert disk.unsure == set()


def test_a_read_only_file_is_flushed_too(tmp_path: Path, disk: Any) -> None:
    building = make_temporary_folder(tmp_path / "whole")
    (building / "read only").write_text("x")
    (building / "read only").chmod(0o400)
    (tmp_path / "original").write_text("y")
    disk.flush_all()
    (building / "hard link").hardlink_to(tmp_path / "original")
    (building / "link").symlink_to(tmp_path / "original")
    put_in_place(building, tmp_path / "whole")
    assert disk.late == []


def test_a_folder_replaces_its_place_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with temporary_folder(target) as building:
        (building / "a.txt").write_text("first")
        assert not target.exists()
    with pytest.raises(FileNotFoundError), temporary_folder(target) as building:
        shutil.copy(target / "a.txt", building / "no folder" / "a.txt")
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert (target / "a.txt").read_text() == "first"
    with temporary_folder(target) as building:
        (building / "b.txt").write_text("third")
    assert {each.name for each in target.iterdir()} == {"b.txt"}
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("is_flushed", [True, False])
def test_a_file_replaces_its_place_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_flushed: bool
) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(files, "flush", flushed.append)
    place = tmp_path / "new folder" / "file"
    with temporary_file(place, is_flushed=is_flushed) as part:
        part.write_bytes(b"first")
    with pytest.raises(ZeroDivisionError), temporary_file(place, is_flushed=is_flushed) as part:
        part.write_bytes(b"sec" * (1 // part.write_bytes(b"")))
    assert place.read_bytes() == b"first"
    assert [each.name for each in place.parent.iterdir()] == ["file"]
    assert len(flushed) == is_flushed
