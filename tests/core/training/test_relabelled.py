"""Test accuracy with the labels of the dataset, from the predictions of each run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.results import Dataset, Image, RelabelledRow, RunKey, RunResult, Split
from coreset_studio.core.settings import ComparisonSettings
from coreset_studio.core.training.comparison import compare
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.relabelled import BIAS, original_accuracy, relabelled_in, relabelled_sentences

CLASSES = ("a", "b")


def a_dataset(*labels: tuple[str, str]) -> Dataset:
    """Images with their class and, where they were relabelled, the class in the dataset."""
    images = [
        Image(f"{n:02}.png", name, None, "", 8, 8, f"{n:064}", f"{n:064}", 1, 0, "0" * 16, original_class=original)
        for n, (name, original) in enumerate(labels)
    ]
    return Dataset(Path(), Path(), "folder", tuple(images))


# Images 0 to 3 are tested on, 4 is of the pool, 5 of the validation images.
DATASET = a_dataset(("a", ""), ("b", "a"), ("b", ""), ("a", "gone"), ("b", "a"), ("a", ""))
SPLIT = Split(np.array([4]), np.array([5]), np.array([0, 1, 2, 3]))


def a_run(predicted: list[int], *, sampler: str = "random", split: int = 0, test: list[int] | None = None) -> RunResult:
    tested = np.array([0, 1, 2, 3] if test is None else test)
    true = np.array([CLASSES.index(DATASET.images[at].class_name) for at in tested])
    found = np.array(predicted)
    return RunResult(
        key=RunKey("head", sampler, 0.5, 0, f"{sampler} {split}", split), n_images=10, classes=CLASSES, history=(),
        best_epoch=0, metrics=evaluate(true, found, CLASSES), test_indices=tested, true=true, predicted=found,
        confidence=np.ones(len(true), dtype=np.float32), train_seconds=1.0, feature_seconds=0.0, select_seconds=0.0,
        device="CPU",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("predicted", "corrected", "original"),
    [
        # Corrected labels a b b a; of the dataset a a b and a class that is gone.
        ([0, 1, 1, 0], 1.0, 0.5),
        ([0, 0, 1, 0], 0.75, 0.75),
        ([0, 0, 1, 1], 0.5, 0.75),
        ([1, 1, 0, 0], 0.5, 0.0),
    ],
)
def test_accuracy_with_the_labels_of_the_dataset(predicted: list[int], corrected: float, original: float) -> None:
    run = a_run(predicted)
    assert run.metrics["accuracy"] == corrected
    assert original_accuracy(run, DATASET) == original


def test_rows_have_both_accuracies_and_the_sentences_warn() -> None:
    runs = [a_run([0, 0, 1, 0]), a_run([0, 1, 1, 0], sampler="stratified")]
    comparison = compare(runs, ComparisonSettings())
    found = relabelled_in(comparison, DATASET, SPLIT)
    assert found is not None
    assert (found.n_pool, found.n_validation, found.n_test, found.n_tested) == (1, 0, 2, 4)
    assert {row.sampler: row for row in found.rows} == {
        "random": RelabelledRow("head", "random", 0.5, 0.75, 0.75, 2),
        "stratified": RelabelledRow("head", "stratified", 0.5, 1.0, 0.5, 2),
    }
    assert found.row("head", "stratified", 0.5) == RelabelledRow("head", "stratified", 0.5, 1.0, 0.5, 2)
    assert found.row("head", "stratified", 0.25) is None
    assert relabelled_sentences(found) == (
        "Relabelled: 1 image in the pool, 0 validation images, 2 of 4 test images.", BIAS
    )  # fmt: skip


def test_every_split_counts_the_same() -> None:
    runs = [a_run([0, 1, 1, 0]), a_run([0, 1], split=1, test=[0, 2])]
    found = relabelled_in(compare(runs, ComparisonSettings(splits=2)), DATASET, SPLIT)
    assert found is not None
    [row] = found.rows
    assert (row.accuracy, row.original_accuracy, row.n_images) == (1.0, 0.75, 2)


def test_changes_of_the_pool_alone_are_counted_and_leave_the_score() -> None:
    images = tuple(replace(image, original_class="") for image in DATASET.images[:4])
    dataset = replace(DATASET, images=(*images, *DATASET.images[4:]))
    found = relabelled_in(compare([a_run([0, 1, 1, 0])], ComparisonSettings()), dataset, SPLIT)
    assert found is not None
    assert found.rows == ()
    assert relabelled_sentences(found) == ("Relabelled: 1 image in the pool, 0 validation images, 0 of 4 test images.",)


def test_nothing_is_said_where_nothing_was_relabelled() -> None:
    images = tuple(replace(image, original_class="") for image in DATASET.images)
    comparison = compare([a_run([0, 1, 1, 0])], ComparisonSettings())
    assert relabelled_in(comparison, replace(DATASET, images=images), SPLIT) is None
    assert relabelled_sentences(None) == ()
