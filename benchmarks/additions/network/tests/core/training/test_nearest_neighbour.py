"""Nearest neighbour: the answers of brute force, and runs that are estimated, stored and compared."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.pipeline.outlook import plan_view
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import Dataset, PoolEmbedding, RunKey, Split
from coreset_studio.core.settings import ComparisonSettings, Settings, TrainingSettings
from coreset_studio.core.training.fitting import Places, Seen, TrainingTask, train
from coreset_studio.core.training.runs import load_runs

NAME = "nearest-neighbour"


def test_it_answers_as_the_nearest_image_is_labelled(
    cells: Dataset, split: Split, embedding: PoolEmbedding, store: Path
) -> None:
    task = TrainingTask(cells, split, split.pool, TrainingSettings(), seen=Seen(embedding), places=Places(store))
    run = train(NAME, task, RunKey(NAME, "random", 1.0, 0, "mark"))
    rows = embedding.embedding.astype(np.float64)
    distances = ((rows[split.test][:, None] - rows[split.pool][None]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(run.result.predicted, cells.labels[split.pool][distances.argmin(axis=1)])
    few = dataclasses.replace(task, indices=split.pool[cells.labels[split.pool] != 1])
    assert 1 not in train(NAME, few, RunKey(NAME, "random", 0.5, 0, "few")).result.predicted


def test_a_comparison_is_estimated(tmp_path: Path) -> None:
    settings = Settings(comparison=ComparisonSettings(networks=(NAME,), fractions=(0.1, 1.0)))
    seen = plan_view(Study(tmp_path, settings, tmp_path / "cache"), 10_000, 1_000)
    assert {run.network for run in seen.runs} == {NAME}
    assert max(run.estimate.seconds for run in seen.runs) == pytest.approx(0.1)
    assert seen.problem == ""


def test_the_command_line_compares_it_and_trains_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_demo(tmp_path / "cells", 80, side=48)
    out = tmp_path / "study"
    words = ["compare", str(tmp_path / "cells"), "--extractor", "colour-texture", "--networks", NAME]
    words += ["--samplers", "herding", "--fractions", "0.2,1", "--out", str(out)]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.count(f"{NAME}, herding 20 %") == 1
    assert "Nearest neighbour: 20 % chosen by" in said
    runs = load_runs(out / "runs").runs
    assert {run.key.network for run in runs} == {NAME}
    assert "Nearest neighbour" in (out / "report.html").read_text(encoding="utf-8")
    assert main([*words, "--overwrite"]) == 0
    again = load_runs(out / "runs").runs
    assert [run.train_seconds for run in again] == [run.train_seconds for run in runs]
