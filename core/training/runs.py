"""Finished runs on disk: an append-only folder, one .npz and one .json a run, readable after any crash."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from coreset_studio.core.cache import fingerprint, write_atomically
from coreset_studio.core.errors import TrainingError
from coreset_studio.core.files import flush, maker_is_gone, process_mark, reason_of, removed_on_failure, try_to_remove
from coreset_studio.core.forms import is_number, read_form, read_json, write_form
from coreset_studio.core.reading import check_member, open_regular
from coreset_studio.core.results import Epoch, FloatArray, IntArray, ModelUsed, RunKey, RunResult, WeightsUsed
from coreset_studio.core.training.evaluation import evaluate

FORMAT = 2
_LARGEST_ARRAY = 8 << 30  # probabilities of two million test images in a thousand classes
NAMED = 3
"""Number of unreadable files that a sentence names."""


@dataclass(frozen=True)
class StoredRuns:
    """The runs in a folder of finished runs.

    Attributes
    ----------
    runs : tuple of RunResult
        In the sequence in which they were saved.
    notes : tuple of str
        Sentences on runs that could not be read.
    """

    runs: tuple[RunResult, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StoredKey:
    """Stored form of `RunKey`."""

    network: str
    sampler: str
    fraction: float
    repetition: int
    fingerprint: str
    split: int = 0


@dataclass(frozen=True, kw_only=True)
class StoredEpoch:
    """Stored form of `Epoch`; NaN is stored as null."""

    number: int
    loss: float | None
    accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float | None
    seconds: float | None
    validation_seconds: float | None = 0.0


@dataclass(frozen=True, kw_only=True)
class StoredWeights:
    """Stored form of `WeightsUsed`."""

    extractor: str
    digest: str
    state: Literal["none", "verified", "unverified", "untrained", "file"]
    model: ModelUsed | None = None


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """The .json of a run; `arrays` is the name of its .npz.

    Its metrics are in the file for human readers. They are computed again from the arrays when a run is read, so that
    it has values of metrics that were added later. A field that did not exist in the first format has a default, which
    is its value in runs that were stored earlier.

    Notes
    -----
    History of the format:

    1. Arrays ``test_indices``, ``true``, ``predicted``, ``confidence`` (the largest probability of each test image),
       ``confusion`` and, where there are clusters, ``clusters``.
    2. ``probabilities`` of all classes in place of ``confidence``, where they are known; no ``confusion``; the metrics
       by name under ``metrics.values``.
    """

    format: int
    arrays: str
    key: StoredKey
    n_images: int
    classes: tuple[str, ...]
    history: tuple[StoredEpoch, ...]
    best_epoch: int
    train_seconds: float
    feature_seconds: float
    select_seconds: float
    device: str
    weights: StoredWeights | None = None
    note: str = ""
    teacher_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class StoredArrays:
    """The .npz of a run.

    Raises
    ------
    ValueError
        If arrays are of another kind, of different lengths, or out of range.
    """

    test_indices: IntArray
    true: IntArray
    predicted: IntArray
    confidence: FloatArray | None = None
    probabilities: FloatArray | None = None
    clusters: IntArray | None = None

    def __post_init__(self) -> None:
        n_test = len(self.true)
        if n_test == 0:
            raise ValueError("it has no test images")
        for name, kind in (("test_indices", "i"), ("true", "i"), ("predicted", "i"), ("clusters", "i"),
                           ("confidence", "f"), ("probabilities", "f")):  # fmt: skip
            array = getattr(self, name)
            if array is None:
                continue
            if array.dtype.kind != kind or array.shape[:1] != (n_test,) or array.ndim != 1 + (name == "probabilities"):
                raise ValueError(f"its {name} are {array.dtype} of shape {array.shape}")

    @property
    def largest(self) -> FloatArray:
        """Probability of the predicted class; ValueError if it is not stored."""
        if self.probabilities is not None:
            return np.asarray(self.probabilities.max(axis=1))
        if self.confidence is None:
            raise ValueError("it has neither probabilities nor confidence")
        return self.confidence

    def check(self, n_classes: int) -> None:
        """Raise ValueError if they have another number of classes."""
        answers = (self.true, self.predicted)
        if any(array.min() < 0 or array.max() >= n_classes for array in answers):
            raise ValueError("it predicts classes that it does not list")
        if self.probabilities is not None and self.probabilities.shape[1] != n_classes:
            raise ValueError(f"its probabilities are of {self.probabilities.shape[1]} classes, not of {n_classes}")


def save_run(run: RunResult, folder: Path) -> Path:
    """Add a run to the store; a run of the same key is replaced by this one.

    A file that a newer version of the program wrote is unchanged, and the run is stored next to it.

    Returns
    -------
    Path
        Path of its .json; the .npz of the same name is written first, so that a run is stored completely or not at all.

    Raises
    ------
    TrainingError
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        name = _free_name(folder, fingerprint(_known_by(run.key)))
        file = folder / f"{name}.json"
        before = _arrays_named(file)
        arrays = folder / f"{name}-{process_mark()}.npz"
        with removed_on_failure(arrays):
            with arrays.open("xb") as stream:
                np.savez_compressed(stream, **_arrays_of(run))
            flush(arrays)
            text = json.dumps({"format": FORMAT, "arrays": arrays.name, **_facts(run)}, indent=1)
            write_atomically(file, text.encode())
    except OSError as error:
        raise TrainingError(f"The finished run cannot be written to {folder} ({reason_of(error)}).") from error
    # Of others only earlier files or those of ended processes: another one may be writing the same run now.
    kept = {arrays.name, _arrays_named(file)}
    for old in folder.glob(f"{name}-*.npz"):
        if old.name not in kept and (old.name == before or maker_is_gone(old)):
            try_to_remove(old)
    return file


def load_runs(folder: Path) -> StoredRuns:
    """Return all runs of the store that can be read, and notes on the others.

    A run that is damaged, or was written by a newer version of the program, is trained again when it is requested.
    """
    found: list[tuple[int, str, RunResult]] = []
    damaged: dict[str, str] = {}
    newer: list[str] = []
    for file in sorted(folder.glob("*.json")):
        try:
            try:
                run = _stored(file)
            except FileNotFoundError:
                run = _stored(file)  # another process has just replaced the run, and with it the arrays
            if run is None:
                newer.append(file.name)
                continue
            found.append((file.stat().st_mtime_ns, file.name, run))
        except OSError as error:
            damaged[file.name] = f"{Path(error.filename).name if error.filename else file.name}: {reason_of(error)}"
        except Exception as error:  # NumPy raises nearly any exception on damaged arrays
            damaged[file.name] = " ".join(str(error).split()) or type(error).__name__
    runs = tuple(run for _, _, run in sorted(found, key=lambda one: one[:2]))
    return StoredRuns(runs, tuple(_notes(damaged, newer)))


# --- writing ------------------------------------------------------------------------------------------------------


def _known_by(key: RunKey) -> dict[str, Any]:
    """Return the name of the files of a run, without the split, since its images are in the fingerprint."""
    known = asdict(key)
    del known["split"]
    return known


def _arrays_named(file: Path) -> str:
    """Return the name of the arrays of a stored run; empty if there is none."""
    try:
        return str(_json(file).get("arrays", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _free_name(folder: Path, name: str) -> str:
    """Return `name`, or one next to it where a newer version of the program has written a run of that name."""
    try:
        newer = _is_newer(_json(folder / f"{name}.json"))
    except (OSError, ValueError):
        newer = False
    return f"{name}.format-{FORMAT}" if newer else name


def _arrays_of(run: RunResult) -> dict[str, Any]:
    arrays: dict[str, Any] = {"test_indices": run.test_indices, "true": run.true, "predicted": run.predicted}
    if run.probabilities is not None:
        arrays["probabilities"] = run.probabilities
    else:
        arrays["confidence"] = run.confidence
    if run.clusters is not None:
        arrays["clusters"] = run.clusters
    return arrays


def _facts(run: RunResult) -> dict[str, Any]:
    # The rest is computed again from the arrays when the run is read.
    computed = ("confusion", "failed", "class_values", "class_sizes", "unknown", "curves")
    metrics = {name: value for name, value in vars(run.metrics).items() if name not in computed}
    facts = {
        "key": asdict(run.key),
        "n_images": run.n_images,
        "classes": run.classes,
        "history": [asdict(epoch) for epoch in run.history],
        "best_epoch": run.best_epoch,
        "train_seconds": run.train_seconds,
        "feature_seconds": run.feature_seconds,
        "select_seconds": run.select_seconds,
        **({"teacher_seconds": run.teacher_seconds} if run.teacher_seconds else {}),
        "device": run.device,
        "weights": run.weights.values if run.weights is not None else None,
        "note": run.note,
        "metrics": metrics,
    }
    return dict(write_form(facts))


# --- reading ------------------------------------------------------------------------------------------------------


def _json(file: Path) -> dict[str, Any]:
    # Losses of a training that went astray were written as Infinity.
    values = read_json(file, not_finite="null")
    if not isinstance(values, dict):
        raise ValueError(f"it contains a {type(values).__name__}, not a run")
    return values


def _stored(file: Path) -> RunResult | None:
    """Return the run of a .json, or None where a newer version of the program wrote it."""
    values = _json(file)
    return None if _is_newer(values) else _run(values, file.parent)


def _is_newer(values: Mapping[str, Any]) -> bool:
    number = values.get("format")
    return isinstance(number, int | float) and is_number(number, int) and number > FORMAT


def _run(values: Mapping[str, Any], folder: Path) -> RunResult:
    stored = read_form(values, StoredRun)
    if stored.format < 1:
        raise ValueError(f"there is no format {stored.format}")
    arrays = _arrays(folder / Path(stored.arrays).name)
    arrays.check(len(stored.classes))
    return RunResult(
        key=RunKey(**vars(stored.key)),
        n_images=stored.n_images,
        classes=stored.classes,
        history=tuple(_epoch(each) for each in stored.history),
        best_epoch=stored.best_epoch,
        metrics=evaluate(arrays.true, arrays.predicted, stored.classes, arrays.clusters, arrays.probabilities),
        test_indices=arrays.test_indices,
        true=arrays.true,
        predicted=arrays.predicted,
        confidence=arrays.largest,
        train_seconds=stored.train_seconds,
        feature_seconds=stored.feature_seconds,
        select_seconds=stored.select_seconds,
        device=stored.device,
        weights=WeightsUsed(**vars(stored.weights)) if stored.weights is not None else None,
        note=stored.note,
        clusters=arrays.clusters,
        probabilities=arrays.probabilities,
        teacher_seconds=stored.teacher_seconds,
    )


def _arrays(file: Path) -> StoredArrays:
    # Opened here, since NumPy leaves a damaged archive open.
    with open_regular(file) as stream, np.load(stream, allow_pickle=False) as archive:
        for member in archive.zip.infolist():
            check_member(archive.zip, member, _LARGEST_ARRAY)
        found = {each.name: archive[each.name] for each in fields(StoredArrays) if each.name in archive.files}
    lacking = [each.name for each in fields(StoredArrays) if each.default is MISSING and each.name not in found]
    if lacking:
        raise ValueError(f"{lacking[0]!r} is missing in {file.name}")
    return StoredArrays(**found)


def _epoch(stored: StoredEpoch) -> Epoch:
    values: dict[str, Any] = {name: math.nan if value is None else value for name, value in vars(stored).items()}
    return Epoch(**values)


def _notes(damaged: Mapping[str, str], newer: Iterable[str]) -> Iterable[str]:
    if damaged:
        it_is = "they are" if len(damaged) > 1 else "it is"
        files = _some([f"file {name}: {why}" for name, why in damaged.items()])
        yield f"{_count(len(damaged))} could not be read ({files}); {it_is} trained again when required."
    if names := list(newer):
        was, it_is, file = ("were", "they are", "files") if len(names) > 1 else ("was", "it is", "a file")
        yield (
            f"{_count(len(names))} {was} written by a newer version of the program "
            f"({_some([f'file {name}' for name in names])}); {it_is} kept, and trained again into {file} of "
            f"{'their' if len(names) > 1 else 'its'} own when required."
        )


def _count(n: int) -> str:
    return "1 stored run" if n == 1 else f"{n:,} stored runs"


def _some(texts: list[str]) -> str:
    more = f"; and {len(texts) - NAMED:,} more" if len(texts) > NAMED else ""
    return "; ".join(texts[:NAMED]) + more
