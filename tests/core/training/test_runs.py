"""The store of finished runs: whole or not at all, whatever happens to its files."""

import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.errors import TrainingError
from coreset_studio.core.results import Epoch, RunKey, RunResult, WeightsUsed
from coreset_studio.core.training import runs
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.runs import (
    FORMAT,
    StoredArrays,
    StoredEpoch,
    StoredKey,
    StoredRun,
    StoredRuns,
    load_runs,
    save_run,
)

CLASSES = ("Zellen α", "b", "never tested")


def a_run(repetition: int = 0, *, clusters: bool = True, probabilities: bool = True) -> RunResult:
    true = np.array([0, 0, 1, 1, 1], dtype=np.int64)
    predicted = np.array([0, 1, 1, 1, 0], dtype=np.int64)
    of_test = np.array([0, 0, 0, 1, -1], dtype=np.int64) if clusters else None
    of_classes = np.full((5, 3), 0.125, dtype=np.float32)
    of_classes[np.arange(5), predicted] = 0.75
    return RunResult(
        key=RunKey("custom", "intelligent", 0.25, repetition, f"mark {repetition}"),
        n_images=12,
        classes=CLASSES,
        history=(Epoch(1, 1.5, 0.5, math.nan, math.nan, 0.002, 3.0, 0.5), Epoch(2, math.nan, 0.6, 1.0, 0.5, 0.0, 3.0)),
        best_epoch=2,
        metrics=evaluate(true, predicted, CLASSES, of_test, of_classes if probabilities else None),
        test_indices=np.arange(10, 15),
        true=true,
        predicted=predicted,
        confidence=np.full(5, 0.75, dtype=np.float32),
        train_seconds=6.5,
        feature_seconds=0.0,
        select_seconds=0.25,
        device="CPU",
        weights=WeightsUsed("vgg16", "d9a2", "verified"),
        note="unverified weights",
        clusters=of_test,
        probabilities=of_classes if probabilities else None,
    )


def read(folder: Path) -> tuple[RunResult, ...]:
    """The runs of a folder in which every file can be read."""
    found = load_runs(folder)
    assert found.notes == ()
    return found.runs


def same(one: RunResult, other: RunResult) -> bool:
    """Equal in every field, NaN equal to NaN, arrays by value and type."""
    try:
        np.testing.assert_equal(_plain(one), _plain(other))
    except AssertionError:
        return False
    return one.confidence.dtype == other.confidence.dtype and one.true.dtype == other.true.dtype


def _plain(run: RunResult) -> dict[str, object]:
    curves = run.metrics.curves
    metrics = vars(run.metrics) | {"curves": None if curves is None else vars(curves)}
    return vars(run) | {"history": [vars(epoch) for epoch in run.history], "metrics": metrics}


@pytest.mark.parametrize("probabilities", [True, False])
@pytest.mark.parametrize("clusters", [True, False])
def test_a_run_comes_back_as_it_was(tmp_path: Path, clusters: bool, probabilities: bool) -> None:
    run = a_run(clusters=clusters, probabilities=probabilities)
    file = save_run(run, tmp_path / "new" / "runs")
    [loaded] = read(tmp_path / "new" / "runs")
    assert (loaded.probabilities is None) != probabilities
    assert same(loaded, run)
    assert "NaN" not in file.read_text(encoding="utf-8")
    assert not same(replace(loaded, note="other"), run)


def test_runs_come_in_the_order_in_which_they_were_saved(tmp_path: Path) -> None:
    for number, repetition in enumerate((3, 1, 2)):
        file = save_run(a_run(repetition), tmp_path)
        os.utime(file, ns=(number * 10**9, number * 10**9))
    assert [run.key.repetition for run in read(tmp_path)] == [3, 1, 2]


def test_runs_are_saved_under_the_rules_of_windows(tmp_path: Path, windows_rules: Callable[..., list[str]]) -> None:
    windows_rules(tmp_path, refused_share=0.2)
    for number in range(12):
        save_run(replace(a_run(number % 3), train_seconds=float(number)), tmp_path)
    assert sorted(run.train_seconds for run in read(tmp_path)) == [9.0, 10.0, 11.0]
    assert len(list(tmp_path.iterdir())) == 6


def test_a_run_that_was_saved_is_on_disk(tmp_path: Path, disk: Any) -> None:
    for _ in range(2):
        save_run(a_run(), tmp_path / "runs")
    assert disk.late == []
    assert disk.unsure == set()


def test_two_writers_of_one_run_leave_it_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, met = runs.write_atomically, []

    def meanwhile(file: Path, content: bytes) -> None:
        if not met:
            met.append(file)
            save_run(replace(a_run(), train_seconds=9.0), tmp_path)
        real(file, content)

    monkeypatch.setattr(runs, "write_atomically", meanwhile)
    save_run(a_run(), tmp_path)
    [kept] = read(tmp_path)
    assert kept.train_seconds == a_run().train_seconds


def test_a_run_replaced_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_run(a_run(), tmp_path)
    real, met = runs.read_json, []

    def meanwhile(file: Path, **options: Any) -> object:
        values = real(file, **options)
        if not met:
            met.append(file)
            save_run(replace(a_run(), train_seconds=9.0), tmp_path)
        return values

    monkeypatch.setattr(runs, "read_json", meanwhile)
    [kept] = read(tmp_path)
    assert kept.train_seconds == 9.0


def test_a_run_of_the_same_key_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    save_run(a_run(), tmp_path)
    save_run(replace(a_run(), train_seconds=9.0), tmp_path)
    save_run(a_run(1), tmp_path)
    assert sorted(run.train_seconds for run in read(tmp_path)) == [6.5, 9.0]
    assert len(list(tmp_path.iterdir())) == 4, "nothing of the old run is left"


def rewritten(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def arrays_with(file: Path, **changed: object) -> None:
    with np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(file, **{name: value for name, value in (arrays | changed).items() if value is not None})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda file, arrays: file.write_text(file.read_text()[:80]), "delimiter|Unterminated|Expecting"),
        (lambda file, arrays: file.write_text("[]"), "it contains a list, not a run"),
        (lambda file, arrays: rewritten(file, key={"network": "x"}), "'sampler' is missing in key"),
        (lambda file, arrays: rewritten(file, format="2"), "format: expected a whole number, found '2'"),
        (lambda file, arrays: rewritten(file, format=0), "there is no format 0"),
        (lambda file, arrays: rewritten(file, n_images="12"), "n_images: expected a whole number, found '12'"),
        (lambda file, arrays: rewritten(file, train_seconds=None), "train_seconds: expected a number, found None"),
        (lambda file, arrays: rewritten(file, classes=["a"]), "it predicts classes that it does not list"),
        (lambda file, arrays: rewritten(file, classes=["a", "b"]), "its probabilities are of 3 classes, not of 2"),
        (lambda file, arrays: rewritten(file, weights={"extractor": "x", "digest": "", "state": "odd"}), "state"),
        (lambda file, arrays: rewritten(file, arrays="../x.npz"), "x.npz: No such file"),
        (lambda file, arrays: file.write_bytes(b"\xff\xfe\x00"), "not UTF-8 text"),
        (lambda file, arrays: arrays.unlink(), r"\.npz: No such file"),
        (lambda file, arrays: arrays.write_bytes(b""), "No data left in file"),
        (lambda file, arrays: arrays.write_bytes(arrays.read_bytes()[:200]), "not a zip file"),
        (lambda file, arrays: arrays.write_bytes(arrays.read_bytes()[:150] + b"????" + arrays.read_bytes()[154:]), ""),
        (lambda file, arrays: np.savez(arrays, true=np.zeros(2, dtype=int)), "'test_indices' is missing"),
        (lambda file, arrays: np.savez(arrays, true=np.array([{}], dtype=object)), "Object arrays"),
        (lambda file, arrays: arrays_with(arrays, true=np.zeros(4, dtype=int)), r"int64 of shape \(5,\)"),
        (lambda file, arrays: arrays_with(arrays, predicted=np.zeros(5)), "its predicted are float64"),
        (lambda file, arrays: arrays_with(arrays, probabilities=None), "neither probabilities nor confidence"),
        (lambda file, arrays: arrays_with(arrays, probabilities=np.ones(5)), r"float64 of shape \(5,\)"),
    ],
)
def test_a_damaged_run_is_told_and_the_others_are_read(tmp_path: Path, damage: object, reason: str) -> None:
    file = save_run(a_run(1), tmp_path)
    save_run(a_run(2), tmp_path)
    [arrays] = tmp_path.glob(f"{file.stem}-*.npz")
    damage(file, arrays)  # type: ignore[operator]
    found = load_runs(tmp_path)
    assert [run.key.repetition for run in found.runs] == [2]
    [note] = found.notes
    assert note.startswith(f"1 stored run could not be read (file {file.name}: ")
    assert note.endswith("); it is trained again when required.")
    assert re.search(reason, note)
    save_run(a_run(1), tmp_path)
    assert len(read(tmp_path)) == 2


def test_of_many_that_are_damaged_a_few_are_named(tmp_path: Path) -> None:
    for repetition in range(5):
        save_run(a_run(repetition), tmp_path).write_text("{}")
    [note] = load_runs(tmp_path).notes
    assert note.startswith("5 stored runs could not be read (file ")
    assert note.count("file ") == 3
    assert note.endswith("; and 2 more); they are trained again when required.")


def test_a_run_of_a_newer_version_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    file = save_run(a_run(), tmp_path)
    rewritten(file, format=FORMAT + 1, something="new")
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    found = load_runs(tmp_path)
    assert found.runs == ()
    told = (
        f"1 stored run was written by a newer version of the program (file {file.name}); it is kept, and "
        "trained again into a file of its own when required."
    )
    assert found.notes == (told,)
    for seconds in (8.0, 9.0):
        own = save_run(replace(a_run(), train_seconds=seconds), tmp_path)
        assert own != file
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    again = load_runs(tmp_path)
    assert [run.train_seconds for run in again.runs] == [9.0]
    assert again.notes == (told,)
    assert len(list(tmp_path.iterdir())) == 4


def test_what_the_first_format_had_not_is_neutral_where_a_stored_run_lacks_it() -> None:
    """A field that comes later needs a default in the stored form, or no run from before could be read."""
    first = {
        "format", "arrays", "key", "n_images", "classes", "history", "best_epoch", "train_seconds", "feature_seconds",
        "select_seconds", "device", "network", "sampler", "fraction", "repetition", "fingerprint", "number", "loss",
        "accuracy", "validation_loss", "validation_accuracy", "learning_rate", "seconds", "test_indices", "true",
        "predicted",
    }  # fmt: skip
    for form in (StoredRun, StoredKey, StoredEpoch, StoredArrays):
        wanted = {each.name for each in fields(form) if each.default is MISSING and each.default_factory is MISSING}
        assert wanted <= first, form


def test_a_stored_run_has_values_of_metrics_that_came_later(tmp_path: Path) -> None:
    file = save_run(a_run(), tmp_path)
    stored = json.loads(file.read_text())
    rewritten(file, metrics={"values": {"accuracy": 0.0}})
    [loaded] = read(tmp_path)
    assert loaded.metrics.values == pytest.approx(
        {name: math.nan if value is None else value for name, value in stored["metrics"]["values"].items()}, nan_ok=True
    )
    assert loaded.metrics["accuracy"] == 0.6


def test_no_folder_holds_no_runs(tmp_path: Path) -> None:
    assert load_runs(tmp_path / "none") == StoredRuns((), ())


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(TrainingError, match="cannot be written"):
        save_run(a_run(), tmp_path / "runs")
