"""The Methods paragraph on the command line: of an export and of a study."""

import json
from pathlib import Path

import pytest

from coreset_studio.core.cli import main

COMMON = ["--extractor", "colour-texture", "--sampler", "intelligent"]


@pytest.mark.slow
def test_an_export_is_described_with_what_it_cites(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, bib = tmp_path / "out", tmp_path / "references.bib"
    words = ["export", str(cells), "--cache", str(tmp_path / "cache"), "--out", str(out), "--fraction", "0.5"]
    assert main([*words, *COMMON, "--leave-out-pattern", "blue_0*", "--private"]) == 0
    sets = json.loads((out / "coreset.json").read_text())["sets"]
    assert sets["excluded"] == 10
    assert sets["pool"] + sets["validation"] + sets["test"] == 44
    capsys.readouterr()
    assert main(["methods", str(out / "coreset.json"), "--bibtex", str(bib)]) == 0
    said = capsys.readouterr()
    assert "The dataset consisted of 54 images of 3 classes. 10 images were excluded." in said.out
    assert f"into {sets['pool']} training images (the pool), 0 validation images and {sets['test']} test" in said.out
    assert (
        "intelligent sampling, which draws images at random from each cluster of a class (Ashraf et al., 2025"
        in said.out
    )
    assert "blue_0" not in said.out
    assert "@misc{ashraf2025," in bib.read_text()
    assert main(["methods", str(out), "--bibtex", str(bib)]) == 2
    assert "already exists. Name another file, or add --overwrite." in capsys.readouterr().err
    assert main(["methods", str(out), "--bibtex", str(bib), "--overwrite"]) == 0


@pytest.mark.slow
def test_a_study_is_described_with_its_trainings(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "study"
    words = ["run", str(cells), "--cache", str(tmp_path / "cache"), "--out", str(out), "--fraction", "0.5"]
    words += ["--samplers", "intelligent", "--fractions", "0.5,1", "--networks", "head", "--seeds", "2"]
    assert main([*words, *COMMON]) == 0
    capsys.readouterr()
    assert main(["methods", str(out)]) == 0
    said = capsys.readouterr().out
    # Two repetitions of intelligent, stratified random and the whole pool.
    assert "6 trainings were done in total, with up to 2 repetitions, each with its own seed" in said
    assert "The network trained was a linear probe" in said
    report = (out / "report.html").read_text()
    assert "Methods paragraph" in report
    assert "6 trainings were done in total" in report
    assert "@misc{ashraf2025," in report


def test_what_is_neither_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", str(tmp_path)]) == 2
    assert "is neither a study nor a search nor an export" in capsys.readouterr().err
