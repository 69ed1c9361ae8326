"""The store of finished runs: whole or not at all, whatever happens to its files."""

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import TrainingError
from core.results import Epoch, RunKey, RunResult, WeightsUsed
from core.training.evaluation import evaluate
from core.training.runs import load_runs, save_run


def a_run(repetition: int = 0, *, clusters: bool = True) -> RunResult:
    true = np.array([0, 0, 1, 1, 1], dtype=np.int64)
    predicted = np.array([0, 1, 1, 1, 0], dtype=np.int64)
    of_test = np.array([0, 0, 0, 1, -1], dtype=np.int64) if clusters else None
    return RunResult(
        key=RunKey("custom", "intelligent", 0.25, repetition, f"mark {repetition}"),
        n_images=12,
        classes=("Zellen α", "b", "never tested"),
        history=(Epoch(1, 1.5, 0.5, math.nan, math.nan, 0.002, 3.0, 0.5), Epoch(2, math.nan, 0.6, 1.0, 0.5, 0.0, 3.0)),
        best_epoch=2,
        metrics=evaluate(true, predicted, ("Zellen α", "b", "never tested"), of_test),
        test_indices=np.arange(10, 15),
        true=true,
        predicted=predicted,
        confidence=np.linspace(0.4, 0.9, 5, dtype=np.float32),
        train_seconds=6.5,
        feature_seconds=0.0,
        select_seconds=0.25,
        device="CPU",
        weights=WeightsUsed("vgg16", "d9a2", "verified"),
        note="unverified weights",
        clusters=of_test,
    )


def same(one: RunResult, other: RunResult) -> bool:
    """Equal in every field, NaN equal to NaN, arrays by value and type."""
    try:
        np.testing.assert_equal(_plain(one), _plain(other))
    except AssertionError:
        return False
    return one.confidence.dtype == other.confidence.dtype and one.true.dtype == other.true.dtype


def _plain(run: RunResult) -> dict[str, object]:
    return vars(run) | {"history": [vars(epoch) for epoch in run.history], "metrics": vars(run.metrics)}


@pytest.mark.parametrize("clusters", [True, False])
def test_a_run_comes_back_as_it_was(tmp_path: Path, clusters: bool) -> None:
    run = a_run(clusters=clusters)
    file = save_run(run, tmp_path / "new" / "runs")
    [loaded] = load_runs(tmp_path / "new" / "runs")
    assert same(loaded, run)
    assert "NaN" not in file.read_text(encoding="utf-8")
    assert not same(replace(loaded, note="other"), run)


def test_runs_come_in_the_order_in_which_they_were_saved(tmp_path: Path) -> None:
    for number, repetition in enumerate((3, 1, 2)):
        file = save_run(a_run(repetition), tmp_path)
        os.utime(file, ns=(number * 10**9, number * 10**9))
    assert [run.key.repetition for run in load_runs(tmp_path)] == [3, 1, 2]


def test_a_run_of_the_same_key_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    save_run(a_run(), tmp_path)
    save_run(replace(a_run(), train_seconds=9.0), tmp_path)
    save_run(a_run(1), tmp_path)
    assert sorted(run.train_seconds for run in load_runs(tmp_path)) == [6.5, 9.0]
    assert len(list(tmp_path.iterdir())) == 4, "nothing of the old run is left"


@pytest.mark.parametrize(
    "damage",
    [
        lambda file, arrays: file.write_text(file.read_text()[:80]),
        lambda file, arrays: file.write_text("[]"),
        lambda file, arrays: file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 2})),
        lambda file, arrays: file.write_text(json.dumps({**json.loads(file.read_text()), "key": {"network": "x"}})),
        lambda file, arrays: file.write_text(json.dumps({**json.loads(file.read_text()), "arrays": "../x.npz"})),
        lambda file, arrays: file.write_bytes(b"\xff\xfe\x00"),
        lambda file, arrays: arrays.unlink(),
        lambda file, arrays: arrays.write_bytes(b""),
        lambda file, arrays: arrays.write_bytes(arrays.read_bytes()[:200]),
        lambda file, arrays: arrays.write_bytes(arrays.read_bytes()[:150] + b"????" + arrays.read_bytes()[154:]),
        lambda file, arrays: np.savez(arrays, true=np.zeros(2)),
        lambda file, arrays: np.savez(arrays, true=np.array([{}], dtype=object)),
    ],
)
def test_a_damaged_run_is_passed_over_and_the_others_are_read(tmp_path: Path, damage: object) -> None:
    file = save_run(a_run(1), tmp_path)
    save_run(a_run(2), tmp_path)
    [arrays] = tmp_path.glob(f"{file.stem}-*.npz")
    damage(file, arrays)  # type: ignore[operator]
    assert [run.key.repetition for run in load_runs(tmp_path)] == [2]
    save_run(a_run(1), tmp_path)
    assert len(load_runs(tmp_path)) == 2


def test_no_folder_holds_no_runs(tmp_path: Path) -> None:
    assert load_runs(tmp_path / "none") == ()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(TrainingError, match="cannot be written"):
        save_run(a_run(), tmp_path / "runs")
