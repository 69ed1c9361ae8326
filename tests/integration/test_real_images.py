"""The whole engine on real blood-cell images, from the command line."""

import csv
from pathlib import Path

import pytest

from coreset_studio.core.cli import main

pytestmark = [pytest.mark.slow, pytest.mark.real_data, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the module, so that features are computed once."""
    return tmp_path_factory.mktemp("cache")


def chosen(file: Path) -> list[str]:
    with file.open(encoding="utf-8", newline="") as stream:
        return [row["path"] for row in csv.DictReader(stream) if row["selected"] == "1"]


def test_the_same_seed_chooses_the_same_images_twice(shared_folder: Path, cache: Path, tmp_path: Path) -> None:
    source = str(shared_folder / "data" / "pbc_sample")
    for sampler in ("intelligent", "balanced-herding"):
        files = [tmp_path / f"{sampler}-{n}.csv" for n in range(2)]
        for file in files:
            arguments = ["select", source, "--extractor", "colour-texture", "--sampler", sampler, "--fraction", "0.05"]
            assert main([*arguments, "--seed", "1", "--cache", str(cache), "--out", str(file)]) == 0
        assert files[0].read_bytes() == files[1].read_bytes()
        assert len(chosen(files[0])) == 150


def test_a_comparison_by_the_head_says_what_is_in_the_folder(
    shared_folder: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stray file and the label conflict are in the report, and so is the first control."""
    out = tmp_path / "study"
    arguments = ["run", str(shared_folder / "data" / "pbc_sample"), "--extractor", "colour-texture"]
    arguments += ["--samplers", "balanced-herding,intelligent", "--fractions", "0.05,1", "--networks", "head"]
    arguments += ["--sampler", "balanced-herding", "--fraction", "0.05", "--seeds", "3"]
    assert main([*arguments, "--cache", str(cache), "--out", str(out)]) == 0
    html = (out / "report.html").read_text(encoding="utf-8")
    for words in (".DS_169665.jpg", "EO_225902.jpg", "BNE_191112.jpg", "stratified random"):
        assert words in html
    said = capsys.readouterr().out
    assert "The linear probe uses the same features (colour-texture)" in said
    assert main(["verify", str(out / "coreset")]) == 0
    assert main(["rerun", str(out / "coreset"), str(shared_folder / "data" / "pbc_sample"), "--cache", str(cache)]) == 0
