"""Windows' rules for open files, on Linux; and what a power cut would leave of what was written."""

import errno
import os
import random
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DENIED, IN_USE, EXISTS = 5, 32, 183
WORDS = {DENIED: "Access is denied", IN_USE: "It is used by another process", EXISTS: "It exists already"}


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


@pytest.fixture
def windows_rules(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Put Windows' rules in force for what lies below a folder, in this process.

    Called with the folder and, on request, the share of replacements that is refused at random, as a program that looks
    at every fresh file does. Returns the list of what was refused, which grows.
    """
    if not Path("/proc/self/maps").exists():
        pytest.skip("what is open is known on Linux only")

    def hold_to(folder: Path, refused_share: float = 0.0) -> list[str]:
        rules = _Rules(folder, refused_share)
        for name in ("rename", "replace", "unlink", "rmdir"):
            monkeypatch.setattr(os, name, getattr(rules, name))
        monkeypatch.setattr(os, "remove", rules.unlink)
        monkeypatch.setattr("shutil._use_fd_functions", False)
        return rules.refused

    return hold_to


class _Rules:
    def __init__(self, folder: Path, refused_share: float) -> None:
        self.refused: list[str] = []
        self._folder = str(folder)
        self._share = refused_share
        self._chance = random.Random(0)
        self._real = {name: getattr(os, name) for name in ("rename", "replace", "unlink", "rmdir")}

    def rename(self, source: Any, target: Any, **named: Any) -> None:
        if self._ruled(source, target):
            self._check_source("rename", source)
            if os.path.lexists(target):
                self._refuse("rename", target, EXISTS)
        self._real["rename"](source, target, **named)

    def replace(self, source: Any, target: Any, **named: Any) -> None:
        if self._ruled(source, target):
            if self._chance.random() < self._share:
                self._refuse("replace", target, DENIED)
            self._check_source("replace", source)
            if Path(target).is_dir() or _is_open(target):
                self._refuse("replace", target, DENIED)
        self._real["replace"](source, target, **named)

    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        self._remove("unlink", path, dir_fd)

    def rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        self._remove("rmdir", path, dir_fd)

    def _remove(self, name: str, path: Any, dir_fd: int | None) -> None:
        if dir_fd is None and self._ruled(path) and _is_open(path):
            self._refuse(name, path, IN_USE)
        self._real[name](path, dir_fd=dir_fd)

    def _check_source(self, name: str, source: Any) -> None:
        if _is_open(source):
            self._refuse(name, source, DENIED if Path(source).is_dir() else IN_USE)

    def _ruled(self, *paths: Any) -> bool:
        return any(os.path.realpath(os.fspath(path)).startswith(self._folder) for path in paths)

    def _refuse(self, what: str, path: Any, code: int) -> None:
        self.refused.append(f"{what} {path}")
        error = OSError(errno.EEXIST if code == EXISTS else errno.EACCES, WORDS[code], os.fspath(path))
        error.winerror = code  # type: ignore[attr-defined]
        raise error


def _is_open(path: Any) -> bool:
    """Return whether this process has `path`, or something in it, open or mapped."""
    place = os.path.realpath(os.fspath(path))
    held = []
    for number in Path("/proc/self/fd").iterdir():
        try:
            held.append(str(number.readlink()))
        except OSError:
            continue
    maps = Path("/proc/self/maps").read_text()
    held += [line[line.index("/") :] for line in maps.splitlines() if "/" in line]
    return any(each == place or each.startswith(place + "/") for each in held)
