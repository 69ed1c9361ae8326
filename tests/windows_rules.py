"""Windows' rules for files, on Linux: what is open or mapped is not moved or removed, what is read-only not removed.

A test asks for the fixture `windows_rules`. With CORESET_WINDOWS_RULES=1 in the environment every test is held to them,
below the folder that pytest makes temporary folders in: `make test-windows-rules`. CORESET_WINDOWS_REFUSED=0.01 also
refuses this share of replacements at random, as if a program that looks for viruses had the file open.
"""

import errno
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.windows import is_read_only

DENIED, IN_USE, EXISTS = 5, 32, 183
WORDS = {DENIED: "Access is denied", IN_USE: "It is used by another process", EXISTS: "It exists already"}


changes_open_files = pytest.mark.skipif(
    sys.platform == "win32" or os.environ.get("CORESET_WINDOWS_RULES", "0") not in ("", "0"),
    reason="Windows lets nobody change a file that is open",
)
"""Marks tests of what happens if a file is changed while it is read."""


@pytest.fixture
def windows_rules(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Put Windows' rules in force for what lies below a folder, in this process.

    Called with the folder and, on request, the share of replacements that is refused at random, as a program that looks
    at every fresh file does. Returns the list of what was refused, which grows.
    """
    if not Path("/proc/self/maps").exists():
        pytest.skip("what is open is known on Linux only")

    def hold_to(folder: Path, refused_share: float = 0.0) -> list[str]:
        return _put_in_force(monkeypatch, folder, refused_share)

    return hold_to


@pytest.fixture(autouse=True)
def _windows_rules_on_request(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hold every test to the rules where the environment asks for it."""
    if os.environ.get("CORESET_WINDOWS_RULES", "0") in ("", "0"):
        yield
        return
    # Not that of the test: what the test itself patches and takes back must not end the rules.
    with pytest.MonkeyPatch.context() as patch:
        share = float(os.environ.get("CORESET_WINDOWS_REFUSED", "0"))
        _put_in_force(patch, tmp_path_factory.getbasetemp(), share)
        yield


def _put_in_force(patch: pytest.MonkeyPatch, folder: Path, refused_share: float) -> list[str]:
    rules = _Rules(folder, refused_share)
    for name in ("rename", "replace", "unlink", "rmdir"):
        patch.setattr(os, name, getattr(rules, name))
    patch.setattr(os, "remove", rules.unlink)
    patch.setattr("shutil._use_fd_functions", False)
    return rules.refused


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
        if dir_fd is None and self._ruled(path):
            if _is_open(path):
                self._refuse(name, path, IN_USE)
            if is_read_only(Path(os.fspath(path))):
                self._refuse(name, path, DENIED)
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
