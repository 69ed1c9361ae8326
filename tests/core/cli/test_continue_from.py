"""Coresets that continue from an earlier export, on the command line: ``--continue-from``."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.output.tables import read_rows

Run = Callable[..., int]


@pytest.fixture
def folder(cells: Path, tmp_path: Path) -> Path:
    """A copy of the cells that more can be put into."""
    return Path(shutil.copytree(cells, tmp_path / "cells"))


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Run:
    def run(command: str, *words: str, out: str = "out") -> int:
        place = ["--out", str(tmp_path / out), "--cache", str(tmp_path / "cache")]
        chosen = ["--extractor", "colour-texture", "--sampler", "even-herding", "--test-fraction", "0"]
        return main([command, str(folder), *place, *chosen, "--validation-fraction", "0", *words])

    return run


def add_images(folder: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("blue", "red"):
        for i in range(8):
            pixels = rng.integers(0, 255, (40, 44, 3)).astype(np.uint8)
            PIL.Image.fromarray(pixels).save(folder / name / f"a_new_{i}.png")


def contents(manifest: Path) -> set[tuple[str, str]]:
    return {(each.class_name, each.pixels) for each in read_manifest(manifest).chosen}


@pytest.mark.slow
def test_the_earlier_images_are_kept_when_new_ones_come(
    run: Run, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", "--images", "12", out="one") == 0
    first = tmp_path / "one" / "coreset.json"
    add_images(folder)
    (folder / "red" / "red_00.png").rename(folder / "red" / "renamed.png")
    capsys.readouterr()
    assert run("export", "--images", "20", "--continue-from", str(first), out="two") == 0
    assert "note: All 12 images of the earlier coreset are kept." in capsys.readouterr().out
    second = tmp_path / "two" / "coreset.json"
    assert contents(first) < contents(second)
    values = json.loads(second.read_text())
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    assert values["parent"] == {"name": "one", "sha256": digest, "images": 12, "kept": 12}
    reasons = [row["reason"] for row in read_rows(tmp_path / "two" / "coreset.csv") if row["selected"] == "1"]
    assert reasons.count("kept from the earlier coreset") == 12
    assert "parent" not in json.loads(first.read_text())
    # What it takes to make it again stands in the manifest: the earlier export is not needed.
    shutil.rmtree(tmp_path / "one")
    assert main(["rerun", str(second), str(folder), "--cache", str(tmp_path / "cache")]) == 0
    assert "The same 20 images were selected again." in capsys.readouterr().out
    # And again from the second one.
    assert run("export", "--images", "26", "--continue-from", str(tmp_path / "two"), out="three") == 0
    assert contents(second) < contents(tmp_path / "three" / "coreset.json")


@pytest.mark.slow
def test_a_private_export_continues_and_names_nothing(
    run: Run, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", "--images", "12", out="Mary Smith") == 0
    assert run("export", "--images", "12", "--private", out="hidden") == 0
    first, hidden = (tmp_path / name / "coreset.json" for name in ("Mary Smith", "hidden"))
    gone = read_manifest(first).chosen[0].path
    (folder / gone).unlink()
    for parent, out in ((first, "three"), (hidden, "four")):
        assert run("export", "--images", "20", "--private", "--continue-from", str(parent), out=out) == 0
        manifest = tmp_path / out / "coreset.json"
        assert len(contents(first) & contents(manifest)) == 11
        text = manifest.read_text() + (tmp_path / out / "coreset.csv").read_text()
        assert "Mary" not in text
        assert Path(gone).name not in text
        assert not any(file.name in text for file in folder.rglob("*.png"))
        assert main(["rerun", str(manifest), str(folder), "--cache", str(tmp_path / "cache")]) == 0
    capsys.readouterr()


def test_the_list_next_to_a_manifest_is_taken_for_it_with_a_note(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", "--images", "12", out="one") == 0
    first = tmp_path / "one" / "coreset.json"
    first.write_text(first.read_text().replace('"rank": 1\n', '"rank": 2\n', 1))
    earlier = str(tmp_path / "one" / "coreset.csv")
    assert run("select", "--images", "20", "--continue-from", earlier, out="grown.csv") == 0
    said = capsys.readouterr().err
    assert f"note: {first} was read instead of the list next to it." in said
    assert f"note: {first} was changed after it was written; its list of images was used." in said
    rows = [row for row in read_rows(tmp_path / "grown.csv") if row["selected"] == "1"]
    assert len(rows) == 20
    assert sum(row["reason"] == "kept from the earlier coreset" for row in rows) == 12


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda place, _first: place / "none.json", "none.json cannot be read"),
        (lambda place, _first: write(place / "a.json", "{}"), "a.json is not the coreset.json of an export."),
        (lambda place, _first: write(place / "coreset.csv", "path\n"), "is a list without a coreset.json next to it"),
        (lambda place, _first: place, "is not an export: it contains no coreset.json"),
        (lambda place, first: empty(place / "coreset.json", first), "names no images"),
    ],
)  # fmt: skip
def test_what_is_no_earlier_coreset_is_refused(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any, sentence: str
) -> None:
    assert run("export", "--images", "12", out="one") == 0
    place = tmp_path / "place"
    place.mkdir()
    file = make(place, tmp_path / "one" / "coreset.json")
    capsys.readouterr()
    assert run("select", "--images", "20", "--continue-from", str(file), out="grown.csv") == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    assert not (tmp_path / "grown.csv").exists()


def write(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def empty(file: Path, first: Path) -> Path:
    return write(file, json.dumps({**json.loads(first.read_text()), "chosen": []}))


@pytest.mark.slow
def test_a_sampler_that_does_not_rank_and_a_small_budget_are_refused(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", "--images", "12", out="one") == 0
    capsys.readouterr()
    words = ["--continue-from", str(tmp_path / "one")]
    assert run("export", "--images", "20", "--sampler", "medoid", *words, out="two") == 2
    assert "Medoid coreset cannot continue from an earlier coreset" in capsys.readouterr().err
    assert run("export", "--images", "11", *words, out="two") == 2
    assert "12 images are kept from the earlier coreset, but the budget is 11." in capsys.readouterr().err
    assert not (tmp_path / "two").exists()


@pytest.mark.slow
def test_all_rows_of_a_comparison_keep_them_and_those_that_cannot_are_left_out(
    run: Run, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", "--images", "6", out="one") == 0
    add_images(folder)
    words = ["--samplers", "even-herding,medoid", "--fractions", "0.3", "--networks", "head"]
    words += ["--continue-from", str(tmp_path / "one"), "--test-fraction", "0.3", "--fraction", "0.3"]
    capsys.readouterr()
    assert run("run", *words, out="study") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Without Medoid coreset: Medoid coreset cannot continue from an earlier coreset" in said
    assert "images of the earlier coreset are kept" in said
    parent = json.loads((tmp_path / "study" / "coreset" / "coreset.json").read_text())["parent"]
    assert parent["images"] == 6
    report = (tmp_path / "study" / "report.html").read_text()
    assert parent["sha256"] in report
    assert "images of the earlier coreset are kept" in report
