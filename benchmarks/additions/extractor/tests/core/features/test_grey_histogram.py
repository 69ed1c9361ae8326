"""Histogram of greys: counts, and coresets and facts on the command line."""

import csv
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.features.extractors import EXTRACTORS

NAME = "grey-histogram"


def test_it_counts_every_pixel_once() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    extractor = EXTRACTORS[NAME]
    [row] = extractor.load(None)(extractor.prepare(rgb)[None])["grey"]
    levels = [int(sum(map(int, pixel)) / 3 // 8) for pixel in rgb.reshape(-1, 3)]
    assert row.tolist() == pytest.approx([levels.count(level) / 99 for level in range(32)])


def test_the_command_line_chooses_by_it_alone_and_beside_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_demo(tmp_path / "cells", 60, side=48)
    chosen = []
    for extractors in (NAME, NAME, f"{NAME},colour-texture"):
        file = tmp_path / f"{len(chosen)}.csv"
        words = ["--extractor", extractors, "--sampler", "k-center", "--fraction", "0.2", "--out", str(file)]
        assert main(["select", str(tmp_path / "cells"), *words]) == 0
        with file.open(encoding="utf-8", newline="") as stream:
            chosen.append([row["path"] for row in csv.DictReader(stream) if row["selected"] == "1"])
    assert chosen[0] == chosen[1] != chosen[2]
    capsys.readouterr()
    assert main(["extractors", str(tmp_path / "cells"), "--extractor", NAME, "--compute"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(NAME))
    assert "needs none" in line
    assert "60 of 60" in line
