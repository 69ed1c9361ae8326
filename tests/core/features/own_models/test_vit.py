"""A vision transformer of 22 million parameters with random weights, from the file to a coreset of real images."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.features.own_models.store import OwnModel, own_models

N_OF_EACH = 10


@pytest.mark.slow
@pytest.mark.real_data
def test_a_vision_transformer_runs_from_import_to_coreset(
    tmp_path: Path, shared_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, cells = tmp_path / "vit-s.onnx", tmp_path / "cells"
    subprocess.run([sys.executable, "-m", "benchmarks.onnx_vit", str(file)], check=True, capture_output=True)
    for folder in sorted((shared_folder / "data" / "pbc_sample").iterdir())[:3]:
        (cells / folder.name).mkdir(parents=True)
        for image in sorted(folder.glob("*.jpg"))[:N_OF_EACH]:
            (cells / folder.name / image.name).symlink_to(image)
    assert main(["model", "add", str(file), "--name", "ViT-S random"]) == 0
    (added,) = [each for each in own_models() if isinstance(each, OwnModel)]
    assert (added.width, added.n_parameters, added.settings.input_size) == (384, 21_664_530, 224)
    out = tmp_path / "selection.csv"
    arguments = ["select", str(cells), "--extractor", "vit-s-random", "--sampler", "even-herding",
                 "--fraction", "0.5", "--test-fraction", "0", "--out", str(out)]  # fmt: skip
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert f"note: Unverified model: ViT-S random (extractor vit-s-random, SHA-256 {added.sha256})" in said
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 3 * N_OF_EACH
    assert sum(row["selected"] == "1" for row in rows) == 15
