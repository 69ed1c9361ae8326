import errno
import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.errors import CancelledError, ExportError
from coreset_studio.core.output.export import export_coreset
from coreset_studio.core.output.verification import verify
from coreset_studio.core.settings import ExportSettings


@pytest.fixture
def exported(case, tmp_path: Path) -> Path:
    export_coreset(case.dataset, case.split, case.coreset, tmp_path / "out", ExportSettings())
    return tmp_path / "out"


def some_images(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.png"))


def test_a_whole_export(exported: Path) -> None:
    result = verify(exported)
    assert result.ok
    assert result.n_files == len(some_images(exported)) + 2
    assert result.n_images == len(some_images(exported))
    assert result.sentence == f"All {result.n_files} files are as they were written, {result.n_images} of them images."
    assert verify(exported / "coreset.json") == result


def test_every_file_that_differs_is_named(exported: Path) -> None:
    changed, gone, *_ = some_images(exported)
    content = bytearray(changed.read_bytes())
    content[-20] ^= 1
    changed.write_bytes(content)
    gone.unlink()
    (exported / "eos" / "new.png").write_bytes(b"new")
    (exported / "coreset.csv").write_text("path\n")
    (exported / ".DS_Store").write_bytes(b"left by the system")
    result = verify(exported)
    assert result.differing == ("coreset.csv", changed.relative_to(exported).as_posix())
    assert result.missing == (gone.relative_to(exported).as_posix(),)
    assert result.extra == ("eos/new.png",)
    assert not result.ok
    assert result.sentence == f"Of {result.n_files} files: 2 differ, 1 missing, 1 not part of the export."


def spell_anew(export: Path, file: Path, name: str) -> None:
    """Let the manifest list a file under a name, and move the file there."""
    old = file.relative_to(export).as_posix()
    manifest = export / "coreset.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(json.dumps(old), json.dumps(name)), "utf-8")
    (export / name).parent.mkdir(exist_ok=True)
    file.rename(export / name)


def test_names_may_be_spelled_as_macos_does(exported: Path) -> None:
    """An accent is one character in NFC and two in NFD, in names of folders as of files."""
    first, second, *_ = some_images(exported)
    one, two = "Zellen grün/é.png", "Zellen grün/ö.png"
    for file, name in ((first, one), (second, two)):
        spell_anew(exported, file, unicodedata.normalize("NFC", name))
    nfd = exported / unicodedata.normalize("NFD", "Zellen grün")
    (exported / unicodedata.normalize("NFC", "Zellen grün")).rename(nfd)
    (nfd / unicodedata.normalize("NFC", "é.png")).rename(nfd / unicodedata.normalize("NFD", "é.png"))
    (nfd / "._é.png").write_bytes(b"left by the system")
    result = verify(exported)
    assert (result.missing, result.extra) == ((), ())
    assert result.differing == ("coreset.json",)  # changed by this test
    (nfd / unicodedata.normalize("NFC", "ö.png")).write_bytes(b"changed")
    assert verify(exported).differing == (unicodedata.normalize("NFC", two), "coreset.json")


def test_a_second_spelling_of_a_name_is_no_part_of_the_export(exported: Path) -> None:
    first = some_images(exported)[0]
    spell_anew(exported, first, unicodedata.normalize("NFC", "é.png"))
    second = unicodedata.normalize("NFD", "é.png")
    (exported / second).write_bytes(b"something else")
    if len(list(exported.glob("*.png"))) == 1:
        pytest.skip("this file system takes both names for one")
    result = verify(exported)
    assert (result.missing, result.extra, result.differing) == ((), (second,), ("coreset.json",))


def test_a_changed_manifest_is_named(exported: Path) -> None:
    file = exported / "coreset.json"
    values = json.loads(file.read_text())
    values["seeds"]["selection"] = 99
    file.write_text(json.dumps(values))
    assert verify(exported).differing == ("coreset.json",)


def test_folders_that_are_not_looked_into_are_named(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (exported / "locked").mkdir()
    (exported / "linked").symlink_to(exported.parent, target_is_directory=True)
    scandir = os.scandir

    def opening(folder: str) -> object:
        if Path(folder).name == "locked":  # by hand, since nothing is closed to root
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", opening)
    assert verify(exported).extra == ("linked", "locked/ (cannot be opened)")


def test_a_folder_in_the_place_of_a_file(exported: Path) -> None:
    first = some_images(exported)[0]
    first.unlink()
    first.mkdir()
    assert verify(exported).differing == (first.relative_to(exported).as_posix(),)


@pytest.mark.parametrize(
    "name", ["a\0b", "./a", "a/..", "a//b", "../secret", "/etc/passwd", "a/../../b", "C:/x", "a\\b", ""]
)
def test_a_manifest_may_not_lead_out_of_its_folder(exported: Path, name: str) -> None:
    file = exported / "coreset.json"
    values = json.loads(file.read_text())
    values["files"][0]["file"] = name
    file.write_text(json.dumps(values))
    with pytest.raises(ExportError, match="damaged"):
        verify(exported)


def test_no_export_at_all(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"is not an export: it contains no coreset\.json"):
        verify(tmp_path)


def test_verifying_can_be_cancelled(exported: Path) -> None:
    class Stop:
        def report(self, done: int, total: int, message: str = "") -> None:
            raise CancelledError

        def publish(self, result: object) -> None:
            raise AssertionError(result)

    with pytest.raises(CancelledError):
        verify(exported, Stop())


def test_a_pipe_in_the_place_of_a_file_differs_and_is_not_waited_for(exported: Path) -> None:
    first = some_images(exported)[0]
    first.unlink()
    os.mkfifo(first)
    assert verify(exported).differing == (first.relative_to(exported).as_posix(),)


@pytest.mark.parametrize("place", ["", "coreset.json"])
def test_what_may_not_be_looked_at_is_one_sentence(exported: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = exported / place

    def refuse(function: Callable[..., object]) -> Callable[..., object]:
        def asked(path: Any = ".", *rest: Any, **more: Any) -> object:
            if isinstance(path, str | os.PathLike) and Path(path) == closed:
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *rest, **more)

        return asked

    for name in ("stat", "open", "scandir"):
        monkeypatch.setattr(os, name, refuse(getattr(os, name)))
    with pytest.raises(ExportError, match=r"cannot be read \(Permission denied\)"):
        verify(exported)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": True}, "is not the coreset.json"),
        ({"format": 0}, "format 0, which does not exist"),
        ({"files": {}}, "files: expected a list"),
        ({"chosen": "abc"}, "chosen: expected a list"),
        ({"chosen": [1]}, "chosen"),
        ({"dataset": []}, "dataset"),
        ({"dataset": {"fingerprint": "", "kind": "folder", "images": float("nan")}}, "NaN, which is not valid JSON"),
        ({"dataset": {"fingerprint": "", "kind": "folder", "images": True}}, "images: expected a whole number"),
        ({"settings": {"training": {"image_size": 1_000_000}}}, "from 32 to 4096"),
        ({"settings": []}, "settings: expected an object"),
        ({"pinned": {"in": []}}, "'out' is missing"),
        ({"class_folders": ["a"]}, "class_folders: expected an object"),
    ],
)
def test_what_a_manifest_says_is_checked_before_it_is_believed(exported: Path, changes: dict, says: str) -> None:
    file = exported / "coreset.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    with pytest.raises(ExportError, match=says):
        verify(exported)


def test_a_manifest_nested_too_deeply_is_one_sentence(exported: Path) -> None:
    (exported / "coreset.json").write_text("[" * 100_000)
    with pytest.raises(ExportError, match="nested too deeply"):
        verify(exported)
