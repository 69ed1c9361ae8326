"""ZIP archives: written, verified and private, by the command line."""

import zipfile
from pathlib import Path

import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.output.manifest import read_manifest

CHOICE = ["--sampler", "stratified", "--extractor", "colour-texture", "--fraction", "0.2"]


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    make_demo(tmp_path / "cells", 60, side=48)
    return tmp_path / "cells"


def test_an_archive_holds_what_copies_are(cells: Path, tmp_path: Path) -> None:
    for name in ("copy", "zip", "again"):
        words = ["--files", "zip" if name == "again" else name, "--with-split", "--out", str(tmp_path / name)]
        assert main(["export", str(cells), *CHOICE, *words]) == 0
    with zipfile.ZipFile(tmp_path / "zip" / "images.zip") as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    copies = tmp_path / "copy"
    assert packed == {
        file.relative_to(copies).as_posix(): file.read_bytes()
        for file in copies.rglob("*")
        if file.is_file() and file.suffix not in (".csv", ".json")
    }
    assert len(packed) > 20
    assert (tmp_path / "zip" / "images.zip").read_bytes() == (tmp_path / "again" / "images.zip").read_bytes()
    assert read_manifest(tmp_path / "zip").settings.export.files == "zip"


def test_it_is_verified_and_a_change_is_found(cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "coreset"
    assert main(["export", str(cells), *CHOICE, "--files", "zip", "--out", str(out)]) == 0
    assert main(["verify", str(out)]) == 0
    with (out / "images.zip").open("ab") as stream:
        stream.write(b"x")
    capsys.readouterr()
    assert main(["verify", str(out)]) == 1
    assert "images.zip" in capsys.readouterr().out


def test_a_private_one_tells_no_name(cells: Path, tmp_path: Path) -> None:
    out = tmp_path / "coreset"
    assert main(["export", str(cells), *CHOICE, "--files", "zip", "--private", "--out", str(out)]) == 0
    names = {file.stem for file in cells.rglob("*.*")}
    with zipfile.ZipFile(out / "images.zip") as archive:
        assert not {Path(name).stem for name in archive.namelist()} & names
