"""Seeding of k-means++: draws as the paper has them, chosen by and compared on the command line."""

import csv
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.palette import sampler_mark
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.sampling import ClassPool
from coreset_studio.core.training.runs import load_runs

NAME = "k-means-plus-plus"


def drawn(points: np.ndarray, n: int, seed: int) -> list[int]:
    zeros = np.zeros(len(points), dtype=np.int64)
    pool = ClassPool("cells", points.astype(np.float32), zeros, zeros[:1], seed)
    return SAMPLERS[NAME].order(pool, n).rows.tolist()


def test_the_second_image_is_drawn_by_squared_distance() -> None:
    points = np.array([[0.0], [0.0], [1.0], [3.0]])
    pairs = [drawn(points, 2, seed) for seed in range(4000)]
    after_zero = [second for first, second in pairs if first in (0, 1)]
    shares = np.bincount(after_zero, minlength=4) / len(after_zero)
    np.testing.assert_allclose(shares, [0, 0, 0.1, 0.9], atol=0.03)


def test_images_are_distinct_nested_and_drawn_anew_with_another_seed() -> None:
    points = np.random.default_rng(0).normal(size=(40, 3))
    whole = drawn(points, 40, 0)
    assert sorted(whole) == list(range(40))
    assert drawn(points, 15, 0) == whole[:15]
    assert drawn(points, 15, 1) != whole[:15]
    assert sorted(drawn(np.zeros((5, 2)), 5, 0)) == list(range(5))


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "cells"
    make_demo(folder, 80, side=48)
    return folder


def test_the_command_line_chooses_by_it_and_makes_the_choice_again(cells: Path, tmp_path: Path) -> None:
    chosen = []
    for seed in ("0", "0", "1"):
        file = tmp_path / f"{len(chosen)}.csv"
        words = ["--extractor", "colour-texture", "--sampler", NAME, "--fraction", "0.25", "--seed", seed]
        assert main(["select", str(cells), *words, "--out", str(file)]) == 0
        with file.open(encoding="utf-8", newline="") as stream:
            chosen.append([row["path"] for row in csv.DictReader(stream) if row["selected"] == "1"])
    assert chosen[0] == chosen[1] != chosen[2]
    out = tmp_path / "coreset"
    words = ["--extractor", "colour-texture", "--sampler", NAME, "--fraction", "0.25", "--files", "list"]
    assert main(["export", str(cells), *words, "--out", str(out)]) == 0
    assert read_manifest(out).settings.selection.sampler == NAME
    assert main(["rerun", str(out / "coreset.json"), str(cells)]) == 0


def test_it_is_compared_with_its_control(cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "study"
    words = ["--extractor", "colour-texture", "--networks", "head", "--samplers", NAME, "--fractions", "0.2,1"]
    assert main(["compare", str(cells), *words, "--out", str(out)]) == 0
    assert f"{NAME} against stratified random" in capsys.readouterr().out.replace("k-means++ seeding", NAME)
    assert {run.key.sampler for run in load_runs(out / "runs").runs} == {NAME, "stratified", "everything"}
    report = (out / "report.html").read_text(encoding="utf-8")
    assert sampler_mark(NAME).title in report
    assert sampler_mark(NAME).colour != sampler_mark("no such sampler").colour
