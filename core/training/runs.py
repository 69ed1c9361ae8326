"""Finished runs on disk: an append-only folder, one .npz and one .json a run, readable after any crash."""

import json
import math
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from core.cache import fingerprint, write_atomically
from core.errors import TrainingError
from core.results import Epoch, Metrics, RunKey, RunResult, WeightsUsed

FORMAT = 1
ARRAYS = ("test_indices", "true", "predicted", "confidence")


def save_run(run: RunResult, folder: Path) -> Path:
    """Add a run to the store; a run of the same key is replaced by this one.

    Returns
    -------
    Path
        Of its .json; the .npz of the same name is written first, so that a run is there whole or not at all.

    Raises
    ------
    TrainingError
        If the folder cannot be written.
    """
    name = fingerprint(_known_by(run.key))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {field: getattr(run, field) for field in ARRAYS} | {"confusion": run.metrics.confusion}
        if run.clusters is not None:
            arrays["clusters"] = run.clusters
        handle, part = tempfile.mkstemp(suffix=".npz", prefix=f"{name}-", dir=folder)
        with os.fdopen(handle, "wb") as stream:
            np.savez_compressed(stream, **arrays)
        text = json.dumps({"format": FORMAT, "arrays": Path(part).name, **_facts(run)}, indent=1)
        file = folder / f"{name}.json"
        write_atomically(file, text.encode())
    except OSError as error:
        raise TrainingError(f"The finished run cannot be written to {folder} ({error.strerror}).") from error
    for old in folder.glob(f"{name}-*.npz"):
        if old.name != Path(part).name:
            old.unlink(missing_ok=True)
    return file


def _known_by(key: RunKey) -> dict[str, Any]:
    """Return what names a run's files: not the split, which depends on who asks; its images are in the fingerprint."""
    known = asdict(key)
    del known["split"]
    return known


def load_runs(folder: Path) -> tuple[RunResult, ...]:
    """Return every run of the store that can be read, in the order in which they were saved.

    A file that is damaged, of a newer format, or without its arrays is passed over: that run is trained again.
    """
    found: list[tuple[int, str, RunResult]] = []
    for file in folder.glob("*.json"):
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                continue
            arrays = _arrays(folder / Path(values["arrays"]).name)
            found.append((file.stat().st_mtime_ns, file.name, _run(values, arrays)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error):
            continue
    return tuple(run for _, _, run in sorted(found, key=lambda one: one[:2]))


def _arrays(file: Path) -> dict[str, Any]:
    # Opened here, since NumPy leaves a damaged archive open.
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _facts(run: RunResult) -> dict[str, Any]:
    metrics = asdict(run.metrics)
    del metrics["confusion"]
    plain = {
        field.name: getattr(run, field.name)
        for field in fields(run)
        if field.name not in (*ARRAYS, "clusters", "metrics", "history", "key", "weights")
    }
    nested = {
        "key": asdict(run.key),
        "history": [asdict(epoch) for epoch in run.history],
        "metrics": metrics,
        "weights": asdict(run.weights) if run.weights is not None else None,
    }
    return dict(_without_nan(plain | nested))


def _run(values: Mapping[str, Any], arrays: Mapping[str, Any]) -> RunResult:
    n_test = len(arrays["true"])
    if any(arrays[name].shape != (n_test,) for name in ARRAYS):
        raise ValueError("arrays of different lengths")
    plain = {
        name: values[name]
        for name in ("n_images", "best_epoch", "train_seconds", "feature_seconds", "select_seconds", "device", "note")
    }
    weights = values["weights"]
    return RunResult(
        key=RunKey(**values["key"]),
        classes=tuple(values["classes"]),
        history=tuple(Epoch(**_with_nan(epoch)) for epoch in values["history"]),
        metrics=Metrics(**_with_nan(values["metrics"]), confusion=arrays["confusion"]),
        weights=WeightsUsed(**weights) if weights is not None else None,
        clusters=arrays.get("clusters"),
        **{name: arrays[name] for name in ARRAYS},
        **plain,
    )


def _without_nan(value: Any) -> Any:
    """Replace NaN, which JSON does not know, by null."""
    if isinstance(value, Mapping):
        return {name: _without_nan(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _with_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _with_nan(value) if isinstance(value, Mapping) else math.nan if value is None else value
        for name, value in values.items()
    }
