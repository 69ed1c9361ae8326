"""What Windows does otherwise, with stand-ins for its system: nothing here runs on Windows itself."""

import ctypes
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core import files, windows
from coreset_studio.core.data.sources.csv.rows import file_fault
from coreset_studio.core.errors import ExportError
from coreset_studio.core.files import reason_of, remove, remove_tree, temporary_folder
from coreset_studio.core.output import verification
from coreset_studio.core.output.manifest import ListedFile
from coreset_studio.core.output.placing import disk_sentence
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.service.comparison_requests import SaveNetwork


@dataclass(frozen=True)
class ManifestFiles:
    """What is read of a manifest to verify an export."""

    file: Path
    files: tuple[ListedFile, ...]
    intact: bool = True


Rules = Callable[..., list[str]]
READ_ONLY = 0o444
UNLINK = os.unlink
"""That of the system, also where the rules are in force for every test."""


class Kernel:
    """Stands for kernel32: deletes a name only as Windows would, whatever the attribute."""

    def __init__(self, unlink: Callable[[str], None]) -> None:
        self.asked: list[tuple[int, int, int]] = []
        self.closed: list[Any] = []
        self.refuses = False
        self._unlink = unlink
        self._opened = ""
        self.CreateFileW = _Function(self._open)

    def _open(self, path: str, access: int, _share: int, _security: None, how: int, flags: int, _t: None) -> int:
        self.asked.append((access, how, flags))
        self._opened = path
        return 7

    def SetFileInformationByHandle(self, handle: Any, kind: int, value: Any, size: int) -> int:
        assert handle.value == 7
        assert size == 4
        self.asked.append((kind, value._obj.value, size))
        if self.refuses:
            return 0
        self._unlink(self._opened)
        return 1

    def CloseHandle(self, handle: Any) -> int:
        self.closed.append(handle.value)
        return 1


class _Function:
    restype: Any = None

    def __init__(self, does: Callable[..., int]) -> None:
        self._does = does

    def __call__(self, *given: Any) -> int:
        return self._does(*given)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel(UNLINK)
    monkeypatch.setattr(ctypes, "WinDLL", lambda *_, **__: made, raising=False)
    return made


def test_overwriting_links_to_read_only_originals_leaves_nothing(
    tmp_path: Path, kernel: Kernel, windows_rules: Rules
) -> None:
    original = tmp_path / "cells" / "1.png"
    original.parent.mkdir()
    original.write_bytes(b"pixels")
    for _ in range(2):
        with temporary_folder(tmp_path / "out") as building:
            os.link(original, building / "1.png")
            (building / "list.csv").write_text("path")
            (building / "list.csv").chmod(READ_ONLY)
        original.chmod(READ_ONLY)
        refused = windows_rules(tmp_path)
    assert len(refused) == 0
    with temporary_folder(tmp_path / "out") as building:
        os.link(original, building / "1.png")
    assert refused  # the rules were met
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cells", "out"]
    assert original.read_bytes() == b"pixels"
    assert original.stat().st_mode & 0o777 == READ_ONLY  # other names of it stay as they were
    assert original.stat().st_nlink == 2
    # Delete, existing, links and folders as such; disposition (extended): delete, POSIX, ignore the attribute.
    assert kernel.asked[-2:] == [(0x10000, 3, 0x02200000), (21, 0x13, 4)]
    assert kernel.closed[-1] == 7


def test_read_only_files_and_folders_are_removed_at_once(
    tmp_path: Path, kernel: Kernel, windows_rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.time, "sleep", lambda _: pytest.fail("it waited"))
    windows_rules(tmp_path)
    (tmp_path / "out" / "inner").mkdir(parents=True)
    for file in (tmp_path / "file", tmp_path / "out" / "inner" / "file"):
        file.touch()
        file.chmod(READ_ONLY)
    (tmp_path / "out" / "inner").chmod(0o555)
    remove(tmp_path / "file")
    remove(tmp_path / "file")
    if os.geteuid() == 0:  # others may not remove what is in such a folder here
        remove_tree(tmp_path / "out")
        assert not list(tmp_path.iterdir())
    assert not (tmp_path / "file").exists()
    assert not kernel.asked  # one name each


def test_what_cannot_be_removed_is_read_only_as_before(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.refuses = True
    file = tmp_path / "1.png"
    file.touch()
    file.chmod(READ_ONLY)
    (tmp_path / "2.png").hardlink_to(file)
    with pytest.raises(OSError, match="it is read-only"):
        windows.remove_read_only(file)
    assert kernel.closed == [7]
    UNLINK(tmp_path / "2.png")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(PermissionError):
        windows.remove_read_only(file)
    assert file.stat().st_mode & 0o777 == READ_ONLY


def test_an_error_of_another_kind_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PATIENCE_SECONDS", 0.05)
    (tmp_path / "file").touch()  # writable: another program has it open

    def refuse(*_: object, **__: object) -> None:
        error = PermissionError(13, "Access is denied")
        error.winerror = 5  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(PermissionError):
        remove(tmp_path / "file")


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are limited as on Windows without long paths."""
    monkeypatch.setattr(windows, "is_path_limited", lambda: True)


def test_a_path_that_is_too_long_is_not_called_missing(limited: None) -> None:
    long, longest = "/" + "a/" * 125, "/" + "b" * 258
    missing = FileNotFoundError(errno.ENOENT, "No such file or directory", longest)
    assert windows.excess_of(Path(longest)) == 0
    assert windows.excess_of(Path(f"{longest}cc")) == 2
    assert windows.excess_of(Path(longest), is_folder=True) == 12
    assert reason_of(missing) == "its path has 259 characters, and Windows allows 259, of folders 247"
    two = FileNotFoundError(errno.ENOENT, "No such file or directory", "x", 3, f"{long}c")
    assert reason_of(two).startswith("its path has 252 characters")
    assert disk_sentence(missing, Path("/out")) == (
        "/out cannot be written: its path has 259 characters, and Windows allows 259, of folders 247. Choose a folder "
        "with a shorter path, or turn on long paths in Windows (its setting LongPathsEnabled)."
    )
    short = FileNotFoundError(errno.ENOENT, "No such file or directory", "/a")
    assert reason_of(short) == "No such file or directory"
    assert windows.length_of("/\N{MICROSCOPE}") == 3  # two UTF-16 units


def test_files_that_are_too_deep_are_not_called_missing(limited: None, tmp_path: Path) -> None:
    deep = "d" * (250 - len(str(tmp_path)))
    assert file_fault(f"{tmp_path}/{deep}/1.png").startswith("it cannot be accessed (its path has 257 characters")
    assert file_fault(f"{tmp_path}/1.png") == "the file does not exist"
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "1.png").touch()
    found = ManifestFiles(folder / "coreset.json", (ListedFile(f"{deep}/1.png", "", 0), ListedFile("2.png", "", 0)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "read_manifest", lambda _: found)
        with pytest.raises(ExportError, match=r"1\.png cannot be read: its path has 264 characters.* Move the export"):
            verification.verify(folder)


def test_other_systems_have_no_such_limit() -> None:
    assert windows.excess_of(Path("/" + "b" * 300)) == 0
    assert reason_of(FileNotFoundError(errno.ENOENT, "No such file or directory", "/" + "b" * 300)) == (
        "No such file or directory"
    )


@pytest.mark.parametrize("has_window", [True, False])
def test_the_program_makes_itself_known(has_window: bool) -> None:
    called: list[tuple[Any, ...]] = []

    class Library:
        def __init__(self, name: str) -> None:
            self.CreateMutexW = _Function(lambda *given: called.append((name, *given)) or 5)
            self.SetCurrentProcessExplicitAppUserModelID = lambda name_: called.append((name, name_.value)) or 0

    windows._make_known(Library, has_window=has_window)
    assert called[0] == ("kernel32", None, False, "CoresetStudioIsRunning")
    assert called[1:] == ([("shell32", "CoresetStudio.CoresetStudio")] if has_window else [])

    def missing(name: str) -> Any:
        raise OSError(f"no {name}")

    windows._make_known(missing, has_window=has_window)
    windows.make_known(has_window=has_window)  # nothing here


def test_a_read_only_file_is_open_for_writing_while_it_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(READ_ONLY)
    opened: list[tuple[int, int]] = []
    real = os.open

    def watched(place: Any, flags: int, *rest: Any) -> int:
        opened.append((flags, Path(place).stat().st_mode & 0o777))
        return real(place, flags, *rest)

    monkeypatch.setattr(os, "open", watched)
    files.flush(file)
    assert opened == [(os.O_RDONLY, READ_ONLY)]
    monkeypatch.setattr(files, "_WINDOWS", True)
    files.flush(file)
    assert opened[1:] == [(os.O_RDWR, 0o644)]
    assert file.stat().st_mode & 0o777 == READ_ONLY


def test_a_folder_is_copied_where_rights_cannot_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    (tmp_path / "bundle" / "inner").mkdir(parents=True)
    (tmp_path / "bundle" / "inner" / "weights").write_bytes(b"w")
    (tmp_path / "bundle" / "bundle.json").write_bytes(b"{}")
    (tmp_path / "bundle" / "bundle.json").chmod(READ_ONLY)
    monkeypatch.setattr(os, "chmod", refuse)
    assert SaveNetwork(tmp_path / "bundle", tmp_path / "saved").run(NO_PROGRESS) == tmp_path / "saved"
    saved = tmp_path / "saved"
    assert (saved / "inner" / "weights").read_bytes() == b"w"
    assert (saved / "bundle.json").stat().st_mode & 0o200  # a copy is the user's own
    with pytest.raises(ExportError, match="cannot be written to"):
        SaveNetwork(tmp_path / "nowhere", tmp_path / "other").run(NO_PROGRESS)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bundle", "saved"]


def test_a_file_system_that_is_read_only_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any, *_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    (tmp_path / "bundle").mkdir()
    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(ExportError, match=r"cannot be written to .*saved \(Read-only file system\)"):
        SaveNetwork(tmp_path / "bundle", tmp_path / "saved").run(NO_PROGRESS)
    error = OSError(errno.EROFS, "Read-only file system")
    assert disk_sentence(error, Path("/cd/out")) == (
        "/cd/out cannot be written (Read-only file system). Choose a folder with write permission."
    )
