"""What a power cut would leave of what was written."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Disk:
    """What of a folder's files has reached the disk.

    Attributes
    ----------
    late : list of str
        Files that were not flushed when something was moved to its place, which is when work is called done.
    unsure : set of str
        Folders in which names have changed since they were flushed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.late: list[str] = []
        self.unsure: set[str] = set()
        self._flushed = self._now()

    def _now(self) -> dict[Path, tuple[int, ...]]:
        found = {}
        for file in self.folder.rglob("*"):
            facts = file.lstat()
            if stat.S_ISREG(facts.st_mode):
                found[file] = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        return found

    def flush(self, handle: int) -> None:
        facts = os.fstat(handle)
        if stat.S_ISDIR(facts.st_mode):
            self.unsure.discard(str(Path(f"/proc/self/fd/{handle}").readlink()))
        else:
            self._flushed[Path(f"#{facts.st_ino}")] = (facts.st_ino, facts.st_size, facts.st_mtime_ns)

    def flush_all(self) -> None:
        self._flushed |= self._now()
        self.unsure.clear()

    def moved(self, target: Path) -> None:
        known = set(self._flushed.values())
        self.late += [f"{file} before {target}" for file, facts in self._now().items() if facts not in known]
        self.unsure.add(os.path.realpath(target.parent))


@pytest.fixture
def unnumbered_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network drives number no files: Python finds 0 as the device and number of each."""
    real = Path.stat

    def stat_of(file: Path, **named: Any) -> os.stat_result:
        found = real(file, **named)
        facts = list(found)
        facts[stat.ST_INO] = facts[stat.ST_DEV] = 0
        others = {name: getattr(found, name) for name in dir(found) if name.startswith("st_") and name.endswith("_ns")}
        return os.stat_result(facts, others)

    monkeypatch.setattr(Path, "stat", stat_of)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """The disk below `tmp_path`, from now on."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("what is flushed is known on Linux only")
    disk = Disk(tmp_path)
    real = {name: getattr(os, name) for name in ("rename", "replace")}

    def moving(name: str) -> Callable[..., None]:
        def act(source: Any, target: Any, **named: Any) -> None:
            disk.moved(Path(target))
            real[name](source, target, **named)

        return act

    for name in real:
        monkeypatch.setattr(os, name, moving(name))
    monkeypatch.setattr(os, "fsync", disk.flush)
    monkeypatch.setattr(os, "sync", disk.flush_all)
    return disk
