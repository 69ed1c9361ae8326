"""The command line with a source and an export format that only plugins know."""

import csv
import tarfile
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.cli import main

FEW = ["--extractor", "colour-texture"]


@pytest.fixture
def shelf(install_plugin_module: Any, cells: Path, tmp_path: Path) -> Path:
    """The cells in one file of a plugin's kind."""
    images = {file.name: (file.parent.name, file.read_bytes()) for file in cells.rglob("*.png")}
    file: Path = install_plugin_module("source", "shelf").write_shelf(tmp_path / "cells.shelf", images)
    return file


@pytest.mark.slow
def test_a_source_of_a_plugin_goes_the_whole_way(
    shelf: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "coreset"
    assert main(["scan", str(shelf)]) == 0
    assert "54 images in 3 classes, shelf, " in capsys.readouterr().out
    assert main(["export", str(shelf), *FEW, "--fraction", "0.3", "--out", str(out)]) == 0
    assert main(["verify", str(out)]) == 0
    written = list(out.rglob("*.png"))
    assert len(written) > 10
    for file in written:
        assert file.read_bytes() == (cells / file.parent.name / file.name).read_bytes()
    assert main(["rerun", str(out / "coreset.json"), str(shelf)]) == 0


def test_a_format_of_a_plugin_can_be_asked_for(
    install_plugin_module: Any, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "coreset"
    words = ["export", str(cells), *FEW, "--fraction", "0.3", "--files", "tarred", "--out", str(out)]
    assert main(words) == 2
    assert "There is no export format named 'tarred'; choose from copy" in capsys.readouterr().err
    install_plugin_module("export format", "tarred")
    assert main(words) == 0
    assert {file.name for file in out.iterdir()} == {"coreset.tar", "coreset.csv", "coreset.json"}
    with (out / "coreset.csv").open(newline="", encoding="utf-8") as stream:
        chosen = {row["path"] for row in csv.DictReader(stream) if row["selected"] == "1"}
    with tarfile.open(out / "coreset.tar") as archive:
        assert set(archive.getnames()) == chosen
    assert main(["verify", str(out)]) == 0


def test_the_help_names_what_plugins_bring(install_plugin_module: Any, capsys: pytest.CaptureFixture[str]) -> None:
    install_plugin_module("source", "shelf")
    install_plugin_module("export format", "tarred")
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "a MedMNIST .npz, " in said
    assert "a shelf of images" in said
    formats = said.partition("How the images are written to the folder; ")[2].partition("; default copy")[0].split(", ")
    assert formats[:4] == ["copy", "hardlink", "symlink", "list"]
    assert "tarred" in formats[4:]
