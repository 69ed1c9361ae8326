"""Features from a file on the command line: written, read again, exported, reproduced, and told wherever they count."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.project import Project, project_from_dict, project_to_dict, read_project, write_project
from coreset_studio.core.settings import settings_to_dict

FEW = ["--fraction", "0.3", "--sampler", "even-herding"]
MARK = "not checked by this program"


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))


def run(*arguments: object) -> int:
    return main([str(each) for each in arguments])


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def selected(file: Path) -> list[str]:
    return [row["path"] for row in rows_of(file) if row["selected"] == "1"]


def write_own(cells: Path, file: Path, *, without: Sequence[str] = ()) -> list[str]:
    """Write a row for each image but some, and return the paths of all."""
    paths = sorted(each.relative_to(cells).as_posix() for each in cells.rglob("*.png"))
    kept = [path for path in paths if path not in without]
    np.save(file, np.random.default_rng(3).standard_normal((len(kept), 7)).astype(np.float32))
    file.with_suffix(".csv").write_text("\n".join(["path", *kept]), encoding="utf-8")
    return paths


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".npy", ".h5", ".csv"])
def test_features_that_were_written_select_the_same_images_as_their_extractor(
    suffix: str, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"features{suffix}"
    assert run("features", cells, "--extractor", "colour-texture", "--out", file) == 0
    told = capsys.readouterr().out
    assert "54 images, 1,742 features of colour-texture (colour 344, thumbnail 768, gradients 576, rings 54)" in told
    assert run("select", cells, *FEW, "--extractor", "colour-texture", "--out", tmp_path / "a.csv") == 0
    assert MARK not in capsys.readouterr().out
    assert run("select", cells, *FEW, "--features-file", file, "--out", tmp_path / "b.csv") == 0
    said = capsys.readouterr()
    assert MARK in said.out
    assert "features are taken from the file alone" in said.err
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


@pytest.mark.slow
def test_a_written_file_is_the_form_that_is_documented(cells: Path, tmp_path: Path) -> None:
    assert run("features", cells, "--extractor", "mobilenetv2", "--untrained", "--out", tmp_path / "f.npy") == 0
    rows = np.load(tmp_path / "f.npy")
    assert (rows.dtype, rows.shape) == (np.float32, (54, 1280))
    paths = [row["path"] for row in rows_of(tmp_path / "f.csv")]
    assert paths == sorted(paths)
    assert paths[0] == "blue/blue_00.png"


def test_writing_features_is_refused_before_anything_is_computed(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f.csv").write_text("mine")
    assert run("features", cells, "--out", tmp_path / "f.npy") == 2
    assert "f.csv already exists. Name another file, or add --overwrite." in capsys.readouterr().err
    assert run("features", cells, "--out", tmp_path / "f.mat") == 2
    assert "f.mat must end in .npy, .h5 or .csv" in capsys.readouterr().err
    two = "colour-texture,mobilenetv2"
    assert run("features", cells, "--extractor", two, "--untrained", "--out", tmp_path / "g.npy") == 2
    assert "The features of one extractor are written at once" in capsys.readouterr().err
    assert (tmp_path / "f.csv").read_text() == "mine"


@pytest.mark.slow
def test_it_is_combined_with_other_extractors(cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_own(cells, tmp_path / "own.npy")
    both = ["--features-file", tmp_path / "own.npy", "--extractor", "features-file,colour-texture"]
    assert run("export", cells, *FEW, *both, "--files", "list", "--out", tmp_path / "out") == 0
    assert "taken from the file alone" not in capsys.readouterr().err
    manifest = read_manifest(tmp_path / "out")
    assert manifest.settings.features.extractors == ("features-file", "colour-texture")
    assert [(each.extractor, each.state) for each in manifest.weights] == [
        ("features-file", "file"), ("colour-texture", "none"),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_flag_that_has_no_effect_and_an_extractor_without_its_file_are_told(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_own(cells, tmp_path / "own.npy")
    out = tmp_path / "a.csv"
    unused = ["--features-file", tmp_path / "own.npy", "--extractor", "colour-texture"]
    assert run("select", cells, *FEW, *unused, "--out", out) == 0
    assert "--features-file has no effect, since features-file is not among the extractors" in capsys.readouterr().err
    assert run("select", cells, *FEW, "--extractor", "features-file", "--out", tmp_path / "b.csv") == 2
    assert "No features file is chosen. Choose one (--features-file" in capsys.readouterr().err


def test_images_without_a_row_are_excluded_and_listed_with_the_reason(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = ["blue/blue_03.png", "red/red_05.png"]
    write_own(cells, tmp_path / "own.npy", without=gone)
    everything = ["--test-fraction", "0", "--features-file", tmp_path / "own.npy"]
    assert run("select", cells, *FEW, *everything, "--out", tmp_path / "a.csv") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"2 images have no usable row in the features file and were excluded: {', '.join(gone)}." in said
    reasons = {row["path"]: row["reason"] for row in rows_of(tmp_path / "a.csv")}
    assert [path for path, reason in reasons.items() if reason == "The features file has no row for it."] == gone
    assert not set(gone) & set(selected(tmp_path / "a.csv"))


def test_a_class_without_any_row_is_left_without_images_and_the_others_are_selected(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    red = [f"red/red_{number:02d}.png" for number in range(12)]
    write_own(cells, tmp_path / "own.npy", without=red)
    everything = ["--test-fraction", "0", "--features-file", tmp_path / "own.npy"]
    assert run("select", cells, *FEW, *everything, "--out", tmp_path / "a.csv") == 0
    assert "12 images have no usable row" in capsys.readouterr().out
    assert {path.partition("/")[0] for path in selected(tmp_path / "a.csv")} == {"blue", "green"}


def test_extractors_lists_it_with_its_state_and_separation(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_own(cells, tmp_path / "own.npy", without=["blue/blue_03.png"])
    assert run("extractors", cells, "--extractor", "colour-texture") == 0
    line = next(each for each in capsys.readouterr().out.splitlines() if each.startswith("features-file "))
    assert line.split()[1:4] == ["0", "no", "file"]
    own = ["--extractor", "features-file", "--features-file", tmp_path / "own.npy"]
    assert run("extractors", cells, *own, "--compute") == 0
    line = next(each for each in capsys.readouterr().out.splitlines() if each.startswith("features-file "))
    assert line.split()[1:3] == ["7", "file"]
    assert 0 < float(line.split()[-1]) < 1


@pytest.mark.slow
def test_an_export_names_the_file_and_is_made_again_wherever_it_is(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lab").mkdir()
    own = tmp_path / "lab" / "own.npy"
    write_own(cells, own)
    out = tmp_path / "out"
    assert run("export", cells, *FEW, "--features-file", own, "--files", "list", "--out", out) == 0
    text = (out / "coreset.json").read_text(encoding="utf-8")
    assert "/lab" not in text
    file = json.loads(text)["settings"]["features"]["own"]["features-file"]["file"]
    assert (file["name"], file["place"], file["rows"], file["blocks"]) == ("own.npy", "", 54, {"features": 7})
    assert any(MARK in note for note in json.loads(text)["notes"])

    again = ["rerun", out / "coreset.json", cells, "--cache", tmp_path / "other-cache"]
    assert run(*again) == 2
    assert "The features file own.npy was not found next to the dataset" in capsys.readouterr().err
    assert run(*again, "--features-file", own) == 0
    for name in ("own.npy", "own.csv"):
        (out / name).write_bytes((own.parent / name).read_bytes())
    assert run(*again[:-1], tmp_path / "third-cache") == 0
    np.save(own, np.load(own) + 1)
    assert run(*again[:-1], tmp_path / "fourth-cache", "--features-file", own) == 1
    assert "The features file is not that of the export" in capsys.readouterr().out


@pytest.mark.slow
def test_a_private_export_names_no_file_and_is_made_again_with_it(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "Dr Smith.npy"
    write_own(cells, own, without=["blue/blue_03.png"])
    np.save(own, np.concatenate([np.load(own), np.zeros((1, 7), np.float32)]))
    own.with_suffix(".csv").write_text(own.with_suffix(".csv").read_text() + "\nMrs Smith.png", encoding="utf-8")
    out = tmp_path / "out"
    private = ["--private", "--features-file", own, "--files", "list"]
    assert run("export", cells, *FEW, *private, "--out", out) == 0
    for each in out.rglob("*"):
        if each.is_file():
            text = each.read_text(encoding="utf-8")
            assert "Smith" not in text
            assert "blue_03" not in text
    assert f"SHA-256 {read_manifest(out).weights[0].digest[:12]}" in (out / "coreset.json").read_text(encoding="utf-8")
    other = ["--cache", tmp_path / "other-cache"]
    assert run("rerun", out / "coreset.json", cells, *other) == 2
    assert "The features file with the SHA-256" in capsys.readouterr().err
    assert run("rerun", out / "coreset.json", cells, *other, "--features-file", own) == 0


def test_the_methods_paragraph_states_that_features_are_from_a_file(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_own(cells, tmp_path / "own.npy")
    own = ["--features-file", tmp_path / "own.npy", "--files", "list"]
    assert run("export", cells, *FEW, *own, "--out", tmp_path / "out") == 0
    capsys.readouterr()
    assert run("methods", tmp_path / "out") == 0
    said = capsys.readouterr().out
    digest = read_manifest(tmp_path / "out").weights[0].digest
    assert (
        "Features were extracted with a model outside of the program, from whose features a file was written (SHA-256 "
        f"of the file {digest}, not checked by the program)." in said
    )


@pytest.mark.slow
def test_the_linear_probe_learns_from_it_and_the_report_says_so(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_own(cells, tmp_path / "own.npy", without=["blue/blue_03.png"])
    compare = [
        "compare", cells, "--samplers", "stratified", "--fractions", "0.5", "--networks", "head", "--no-controls",
        "--features-file", tmp_path / "own.npy",
    ]  # fmt: skip
    assert run(*compare, "--out", tmp_path / "study") == 0
    report = next((tmp_path / "study").glob("*.html")).read_text(encoding="utf-8")
    assert MARK in report
    assert "own.npy" in report
    assert str(tmp_path) not in report
    assert MARK in capsys.readouterr().out
    judged = [*compare, "--extractor", "colour-texture", "--judge-extractor", "features-file"]
    assert run(*judged, "--out", tmp_path / "judged") == 2
    assert "which 1 image of this comparison lacks, such as blue/blue_03.png" in capsys.readouterr().err


def test_a_project_finds_the_file_again_after_both_moved_together(cells: Path, tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    write_own(cells, folder / "own.npy")
    own = ["--features-file", folder / "own.npy", "--files", "list"]
    assert run("export", cells, *FEW, *own, "--out", folder / "out") == 0
    settings = read_manifest(folder / "out").settings
    values = settings_to_dict(settings)
    values["features"]["own"]["features-file"]["file"]["place"] = (folder / "own.npy").as_posix()
    form = project_to_dict(Project(settings=settings), folder)
    project = project_from_dict({**form, "settings": values}, folder, "p")
    write_project(project, folder / "p.coreset")
    stored = json.loads((folder / "p.coreset").read_text(encoding="utf-8"))
    assert stored["settings"]["features"]["own"]["features-file"]["file"]["place"] == "own.npy"
    folder.rename(tmp_path / "two")
    read = read_project(tmp_path / "two" / "p.coreset")
    assert read.settings.features.own["features-file"].file.place == (tmp_path / "two" / "own.npy").as_posix()
    assert read.key("features") == project.key("features")
