"""Runs that earlier versions stored are read with every value right, and tell what they told then."""

import json
import math
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.results import RunResult
from coreset_studio.core.settings import ComparisonSettings
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.comparison_words import points_words
from coreset_studio.core.training.metrics import METRICS
from coreset_studio.core.training.runs import load_runs, save_run

GOLDEN = Path(__file__).parent / "golden"
# The sentences of that version are kept as they were written; the words of them that changed since. The linear probe
# was called "head", which is still its stored name.
WORDS = {
    '"Head, ': '"Linear probe, ',
    '"The head ': '"The linear probe ',
    " % chosen by ": " % selected by ",
    ", everything ": ", the whole pool ",
    "would be needed": "would be required",
    "sees the same features (vgg16) that": "uses the same features (vgg16) as",
    "the images were chosen by.": "the selection.",
    "lost by a network that sees other features; judge by another extractor too.": (
        "smaller for a network with other features; also evaluate with another extractor."
    ),
    "hold the chance of the split too, and that splits": "include the variation between splits; splits",
}


def expected_today() -> dict[str, Any]:
    """Return what runs gave when they were stored, in the words of today."""
    text = (GOLDEN / "format-1" / "expected.json").read_text(encoding="utf-8")
    for before, now in WORDS.items():
        text = text.replace(before, now)
    found: dict[str, Any] = json.loads(text)
    return found


EXPECTED = expected_today()
FORMATS, FOLDERS = (1, 2), ("one-split", "splits")
# Of rows, what was not told then.
MEASURED_LATER = ("validation_seconds", "feature_seconds", "class_measures", "unknown", "curves")
SEVEN = ("accuracy", "precision", "recall", "f1", "balanced_accuracy", "worst_class_recall", "worst_cluster_recall")

# Fields that came later, as runs that were stored before have them.
LATER = {"teacher_seconds": 0.0}


def read(number: int, folder: str) -> list[RunResult]:
    found = load_runs(GOLDEN / f"format-{number}" / folder)
    assert found.notes == ()
    return sorted(found.runs, key=lambda run: (run.key.split, run.key.sampler, run.key.repetition))


def plain(value: Any) -> Any:
    """As it stands in JSON: NaN is null."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return None if isinstance(value, float) and math.isnan(value) else value


def as_it_was(run: RunResult) -> dict[str, Any]:
    """A run with the fields that the first format had."""
    metrics = asdict(run.metrics)
    values = metrics.pop("values")
    for later in ("failed", "class_values", "class_sizes", "unknown", "curves"):
        del metrics[later]
    facts = asdict(run) | {"metrics": metrics | {name: values[name] for name in SEVEN}}
    del facts["probabilities"]
    if facts["weights"] is not None:
        assert facts["weights"].pop("model") is None
    return without_later(dict(plain(facts)))


def without_later(facts: dict[str, Any]) -> dict[str, Any]:
    """A run or a row with the fields that there were then; a later one has its neutral value."""
    assert {name: facts[name] for name in LATER} == LATER
    return {name: value for name, value in facts.items() if name not in LATER}


@pytest.fixture(scope="module")
def probabilities() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "format-1" / "probabilities.npz") as archive:
        return {name: archive[name] for name in archive.files}


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("number", FORMATS)
def test_every_value_is_read_as_it_was_stored(number: int, folder: str) -> None:
    runs, expected = read(number, folder), EXPECTED[folder]["runs"]
    assert len(runs) == len(expected)
    for run, one in zip(runs, expected, strict=True):
        wanted = {name: value for name, value in one.items() if name != "file"}
        assert as_it_was(run) == wanted
        assert (run.true.dtype, run.predicted.dtype, run.test_indices.dtype) == (np.int64,) * 3
        assert run.confidence.dtype == np.float32


def test_the_files_are_of_the_formats_that_they_stand_for() -> None:
    for number in FORMATS:
        files = list((GOLDEN / f"format-{number}").glob("*/*.json"))
        assert len(files) == 9
        assert {json.loads(file.read_text(encoding="utf-8"))["format"] for file in files} == {number}


def test_the_first_format_has_no_probabilities_and_the_second_has_those_of_all_classes(
    probabilities: dict[str, np.ndarray],
) -> None:
    assert all(run.probabilities is None for folder in FOLDERS for run in read(1, folder))
    for run in (run for folder in FOLDERS for run in read(2, folder)):
        if run.key.sampler == "everything":
            assert run.probabilities is None, "it was stored without, as one read from the first format is"
            continue
        assert run.probabilities is not None
        assert run.probabilities.dtype == np.float32
        np.testing.assert_array_equal(run.probabilities, probabilities[run.key.fingerprint])
        np.testing.assert_array_equal(run.probabilities.argmax(axis=1), run.predicted)


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("number", FORMATS)
def test_metrics_are_those_in_the_file(number: int, folder: str) -> None:
    """They are computed anew when a run is read; the file holds what was computed when it was stored."""
    for run, one in zip(read(number, folder), EXPECTED[folder]["runs"], strict=True):
        file = GOLDEN / f"format-{number}" / folder / one["file"]
        stored = json.loads(file.read_text(encoding="utf-8"))["metrics"]
        values = stored if number == 1 else stored["values"]
        assert {name: values[name] for name in SEVEN} == {name: plain(run.metrics[name]) for name in SEVEN}
        assert list(run.metrics.values) == list(METRICS)


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("number", FORMATS)
def test_they_are_found_by_the_names_that_they_had(number: int, folder: str, tmp_path: Path) -> None:
    for run, one in zip(read(number, folder), EXPECTED[folder]["runs"], strict=True):
        assert save_run(run, tmp_path).name == one["file"]
    assert {file.name for file in tmp_path.glob("*.json")} == {one["file"] for one in EXPECTED[folder]["runs"]}


def test_a_run_of_the_first_format_gives_way_to_one_of_the_same_key(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "format-1" / "splits", tmp_path / "runs")
    for run in read(2, "splits"):
        save_run(run, tmp_path / "runs")
    found = load_runs(tmp_path / "runs")
    assert len(found.runs) == 4
    assert all(run.probabilities is not None for run in found.runs)
    assert len(list((tmp_path / "runs").iterdir())) == 8


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("number", FORMATS)
def test_a_comparison_tells_the_same(number: int, folder: str) -> None:
    found = compare(
        read(number, folder), ComparisonSettings(), chosen_by=("vgg16",), probe_extractors={"head": "vgg16"}
    )
    expected = EXPECTED[folder]
    differences = [possible(one) for one in expected["differences"]]
    told = {
        before["sentence"]: now["sentence"] for before, now in zip(expected["differences"], differences, strict=True)
    }
    assert list(found.sentences[len(found.answers) :]) == [told.get(one, one) for one in expected["sentences"]]
    rows = [without_later(asdict(row)) for row in found.rows]
    told = [{name: row[name] for name in row if name not in MEASURED_LATER} for row in rows]
    same_numbers(told, expected["rows"])
    assert all(math.isnan(row["validation_seconds"]) or row["validation_seconds"] >= 0 for row in rows)
    same_numbers([asdict(one) for one in found.differences if one.metric in SEVEN], differences)


def possible(difference: dict[str, Any]) -> dict[str, Any]:
    """Return a difference as it is told today: intervals were not clipped at what is possible then."""
    low, high = difference["low"], difference["high"]
    if low is None or high is None:
        return difference
    ends = (low < -1) + (high > 1)
    if not ends:
        return difference
    sentence = difference["sentence"]
    for end in (low, high):
        words = points_words(end)
        sentence = sentence.replace(words, points_words(max(-1.0, min(1.0, end))))
    figures, _, rest = sentence.partition(").")
    how = "both ends" if ends == 2 else "one end"
    told = f"The interval reaches {how} of the possible range: these runs do not show how large the difference is."
    sentence = f"{figures}). {told}{rest}"
    return {**difference, "low": max(low, -1.0), "high": min(high, 1.0), "sentence": sentence}


def same_numbers(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert len(found) == len(expected)
    for mine, wanted in zip(found, expected, strict=True):
        assert mine.keys() == wanted.keys()
        for name, value in wanted.items():
            for key, number in value.items() if isinstance(value, dict) else ((wanted.get("metric", ""), value),):
                one = plain(mine[name][key] if isinstance(value, dict) else mine[name])
                # The recall of clusters under resampling was computed in single precision then.
                within = 1e-7 if key == "worst_cluster_recall" else 1e-12
                same = one == pytest.approx(number, rel=0, abs=within) if isinstance(number, float) else one == number
                assert same, (name, key, one, number)
