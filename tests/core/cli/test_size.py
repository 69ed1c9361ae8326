"""`coreset size`: what it prints and writes, how a margin is read, and how it refuses."""

import csv
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.cli.size_command import read_margin
from coreset_studio.core.errors import SettingsError

pytestmark = pytest.mark.slow

FEW = ["--extractor", "colour-texture", "--sampler", "even-herding", "--k-max", "3"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 70 images that overlap in brightness."""
    place = tmp_path_factory.mktemp("size") / "cells"
    rng = np.random.default_rng(0)
    for name, level in (("dark", 90), ("light", 130)):
        (place / name).mkdir(parents=True)
        for number in range(70):
            pixels = np.clip(rng.normal(level + rng.normal(0, 25), 20, (32, 32, 3)), 0, 255).astype(np.uint8)
            PIL.Image.fromarray(pixels).save(place / name / f"{number:02}.png")
    return place


def test_it_prints_the_table_and_the_sentence_and_writes_the_curves(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sizes.csv"
    assert main(["size", str(images), "--margin", "0.3", "--out", str(out), *FEW]) == 0
    said = capsys.readouterr().out
    assert "images  even-herding  95 % interval   stratified" in said
    assert "images selected, " in said
    assert " validation labels; training the custom network takes about " in said
    assert "The smallest margin that these images can show is " in said
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    measured = [row for row in rows if row["row"] == "measured"]
    assert {row["sampler"] for row in measured} == {"even-herding", "stratified", "everything"}
    whole = next(row for row in measured if row["sampler"] == "everything")
    for row in measured:
        assert float(row["loss"]) == pytest.approx(float(whole["accuracy"]) - float(row["accuracy"]), abs=1e-9)
        assert float(row["loss_low"]) <= float(row["loss"]) <= float(row["loss_high"])
    assert main(["size", str(images), "--out", str(out), *FEW]) == 2
    assert "already exists" in capsys.readouterr().err


def test_a_size_by_features_from_a_file_is_labelled(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = sorted(each.relative_to(images).as_posix() for each in images.rglob("*.png"))
    brightness = [[np.asarray(PIL.Image.open(images / path)).mean()] for path in paths]
    np.save(tmp_path / "own.npy", np.array(brightness))
    (tmp_path / "own.csv").write_text("\n".join(["path", *paths]), encoding="utf-8")
    own = ["--features-file", str(tmp_path / "own.npy"), *FEW[2:]]
    assert main(["size", str(images), "--margin", "0.3", *own]) == 0
    said = capsys.readouterr().out
    assert "note: Features from a file (own.npy, 140 × 1, SHA-256 " in said
    assert "not checked by this program." in said


def test_a_margin_that_these_images_cannot_show_is_refused(images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", str(images), "--margin", "0.0001", *FEW]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("coreset: A margin of 0.01 points cannot be shown with the ")
    assert "the smallest margin that they can show is " in last


def test_a_check_trains_once_and_ends_with_1_if_it_does_not_confirm(
    images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["size", str(images), "--margin", "0.3", "--network", "head", "--check", *FEW])
    said = capsys.readouterr().out
    assert "the linear probe, trained once on " in said
    assert code == (0 if "The size held" in said else 1)


@pytest.mark.parametrize(
    ("text", "share", "notes"),
    [
        ("0.02", 0.02, ""),
        ("2 %", 0.02, ""),
        ("2%", 0.02, ""),
        ("0,02", 0.02, ""),
        ("2", 0.02, "--margin 2 was read as 2 points; a share, such as 0.02, is unambiguous."),
        ("1", 0.01, "--margin 1 was read as 1 point; a share, such as 0.01, is unambiguous."),
    ],
)
def test_margins_are_shares_and_percentages_and_points(text: str, share: float, notes: str) -> None:
    value, note = read_margin(text)
    assert value == pytest.approx(share)
    assert note == notes


@pytest.mark.parametrize("text", ["0", "-0.02", "nan", "inf", "0.7", "60", "two", "", "60 %"])
def test_what_is_no_margin_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--margin is .*such as 0\.02 for 2 points"):
        read_margin(text)


def test_one_class_is_one_sentence(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "alone"
    place.mkdir()
    (place / "dark").symlink_to(images / "dark")
    assert main(["size", str(place), *FEW]) == 2
    assert "one class" in capsys.readouterr().err.strip().splitlines()[-1]
