"""The teacher of soft labels: folds that keep together what belongs together, and what it says out of fold."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import coreset_studio.core.memory as memory
from coreset_studio.core.errors import CancelledError, MemoryShortError, TrainingError
from coreset_studio.core.memory import FreeMemory
from coreset_studio.core.results import Dataset, FloatArray, Image, IntArray, Teacher
from coreset_studio.core.settings import DataSettings
from coreset_studio.core.training.teacher import STRENGTHS, Units, fit_teacher, grouped_folds, pool_units

ROOT = Path(__file__).resolve().parents[3]


class Given:
    """Features held in memory, of one extractor."""

    def __init__(self, extractor: str, blocks: Mapping[str, FloatArray]) -> None:
        self.extractor, self.fingerprint = extractor, extractor
        self.block_names = tuple(blocks)
        self._blocks = blocks

    def rows(self, block: str, indices: IntArray) -> FloatArray:
        return self._blocks[block][indices].copy()


def dataset_of(
    names: Sequence[str], *, groups: Sequence[str] = (), hashes: Sequence[int] = (), pixels: Sequence[str] = ()
) -> Dataset:
    images = tuple(
        Image(
            f"{number:04}.png", name, None, groups[number] if groups else "", 8, 8,
            pixels[number] if pixels else f"pixels {number}", f"file {number}", 1, 0,
            f"{hashes[number] if hashes else number * 0x9E3779B97F4A7C15 % 2**64:016x}",
        )
        for number, name in enumerate(names)
    )  # fmt: skip
    return Dataset(Path("x"), Path("x"), "folder", images)


def each_alone(n: int) -> Units:
    return Units(np.arange(n), np.arange(n))


def separable(names: Sequence[str], n_features: int = 6, apart: float = 2.0) -> FloatArray:
    rng = np.random.default_rng(0)
    places = {name: rng.normal(size=n_features) * apart for name in sorted(set(names))}
    return np.stack([places[name] + rng.normal(size=n_features) for name in names]).astype(np.float32)


# --- what stays together ----------------------------------------------------------------------------------------------


def test_copies_groups_and_near_duplicates_are_units_whether_or_not_the_split_keeps_them() -> None:
    far = [number * 0x9E3779B97F4A7C15 % 2**64 for number in range(1, 31)]
    far[9] = far[8] ^ 0b11  # two bits apart
    far[11] = far[10] ^ 0b111  # three bits apart
    pixels = [f"pixels {number}" for number in range(30)]
    pixels[1] = pixels[0]
    groups = [""] * 30
    groups[4] = groups[5] = groups[6] = "patient"
    dataset = dataset_of(["a", "b"] * 15, groups=groups, hashes=far, pixels=pixels)
    pool = np.array([*range(29, -1, -1)])
    found = pool_units(dataset, pool, DataSettings())
    assert found.indices.tolist() == list(range(30))
    together = [np.flatnonzero(found.numbers == number).tolist() for number in np.unique(found.numbers)]
    assert [unit for unit in together if len(unit) > 1] == [[0, 1], [4, 5, 6], [8, 9]]
    assert found.notes == ()
    wider = pool_units(dataset, pool, DataSettings(near_duplicate_bits=3))
    assert wider.numbers[10] == wider.numbers[11]
    # What is not in the pool ties nothing together.
    assert len(np.unique(pool_units(dataset, np.arange(1, 30), DataSettings()).numbers)) == 29 - 3


def test_near_duplicates_that_chain_the_pool_together_are_left_out_and_it_is_said() -> None:
    groups = ["one" if number < 4 else "" for number in range(20)]
    dataset = dataset_of(["a", "b"] * 10, groups=groups, hashes=[7] * 20)
    found = pool_units(dataset, np.arange(20), DataSettings())
    assert len(np.unique(found.numbers)) == 17
    assert len(set(found.numbers[:4].tolist())) == 1
    assert len(found.notes) == 1
    assert found.notes[0].startswith("Near-duplicates link 20 of the 20 images of the pool")
    assert "--near-duplicate-bits" in found.notes[0]


def test_folds_keep_groups_whole_and_classes_even() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [100, 50, 25])
    singly = grouped_folds(labels, np.arange(175), 5, 0)
    assert singly is not None
    counts = np.array([np.bincount(labels[singly == fold], minlength=3) for fold in range(5)])
    assert counts.tolist() == [[20, 10, 5]] * 5
    groups = rng.integers(0, 40, 175)
    folds = grouped_folds(labels, groups, 5, 0)
    assert folds is not None
    assert all(len(set(folds[groups == group].tolist())) == 1 for group in np.unique(groups))
    assert np.array_equal(folds, grouped_folds(labels, groups, 5, 0))
    assert not np.array_equal(singly, grouped_folds(labels, np.arange(175), 5, 1))
    assert grouped_folds(labels, np.zeros(175, dtype=np.int64), 5, 0) is None
    assert grouped_folds(np.arange(3), np.arange(3), 5, 0) is None
    two = grouped_folds(labels, np.arange(175) % 2, 5, 0)
    assert two is not None
    assert set(two.tolist()) == {0, 1}


# --- what it says -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_image_is_evaluated_by_what_belongs_to_it() -> None:
    # Pairs of copies whose class is by chance: who has seen the other one knows it, who has not cannot.
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(60, 100)), 2, axis=0).astype(np.float32)
    names = np.repeat(np.where(rng.random(60) < 0.5, "a", "b"), 2).tolist()
    dataset = dataset_of(names)
    labels = dataset.labels

    def right(numbers: IntArray) -> float:
        found = fit_teacher(dataset, [Given("one", {"all": rows})], Units(np.arange(120), numbers))
        return float((found.probabilities.argmax(axis=1) == labels).mean())

    assert right(np.arange(120)) > 0.85
    assert right(np.arange(120) // 2) < 0.65


@pytest.mark.slow
def test_the_probabilities_are_those_of_pca_and_logistic_regression_on_the_other_folds() -> None:
    names = ["a"] * 40 + ["b"] * 30 + ["c"] * 20
    dataset, rows = dataset_of(names), separable(names, apart=0.8)
    more = np.random.default_rng(5).normal(size=(90, 3)).astype(np.float32) * 7
    together = each_alone(90)
    found = fit_teacher(dataset, [Given("one", {"x": rows, "y": more})], together)
    labels = dataset.labels
    folds = grouped_folds(labels, together.numbers, 5, 0)
    assert folds is not None
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert found.knows.all()
    assert found.seconds > 0
    for fold in range(5):
        inside, outside = folds != fold, folds == fold
        views = []
        for view in (rows.astype(np.float64), more.astype(np.float64)):
            centred = view - view[inside].mean(axis=0)
            axes = np.linalg.svd(centred[inside], full_matrices=False)[2]
            scores = centred @ axes.T
            views.append(scores / np.sqrt(2 * (scores[inside] ** 2).sum(axis=1).mean()))
        joined = np.concatenate(views, axis=1)
        # The penalty is one of those that can be chosen; it is the same for a whole fold.
        differences = []
        for strength in STRENGTHS:
            model = LogisticRegression(C=strength, max_iter=1000).fit(joined[inside], labels[inside])
            differences.append(np.abs(model.predict_proba(joined[outside]) - found.probabilities[outside]).max())
        assert min(differences) < 2e-3
        assert sorted(differences)[1] > 0.01


@pytest.mark.slow
def test_the_penalty_is_the_one_of_the_least_log_loss() -> None:
    rng = np.random.default_rng(2)
    names = [f"{place}" for place in rng.integers(0, 2, 200)]
    noise = rng.normal(size=(200, 40)).astype(np.float32)
    flat = fit_teacher(dataset_of(names), [Given("one", {"x": noise})], each_alone(200))
    # Of noise nothing can be known, and a strong penalty says so.
    assert np.abs(flat.probabilities - 0.5).max() < 0.25
    clear = fit_teacher(dataset_of(names), [Given("one", {"x": separable(names, apart=6)})], each_alone(200))
    assert (clear.probabilities.max(axis=1) > 0.99).mean() > 0.95


@pytest.mark.slow
def test_a_class_in_one_fold_alone_has_probability_0_there_and_no_soft_label() -> None:
    names = ["a"] * 40 + ["b"] * 40 + ["rare"] * 6 + ["pair"] * 2
    groups = [""] * 80 + ["one patient"] * 6 + ["", ""]
    dataset = dataset_of(names, groups=groups)
    together = pool_units(dataset, np.arange(88), DataSettings())
    found = fit_teacher(dataset, [Given("one", {"x": separable(names)})], together)
    rare = dataset.labels == dataset.classes.index("rare")
    assert np.array_equal(found.knows, ~rare)
    assert (found.probabilities[rare, dataset.classes.index("rare")] == 0).all()
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)
    # The few images of a class that nothing ties together are spread over folds.
    assert (found.probabilities[86:, dataset.classes.index("pair")] > 0).all()
    (note,) = found.notes
    assert note == (
        "6 images of class rare have no soft label: all images of the class are in one fold, so every probe that "
        "has not seen them lacks the class."
    )
    targets = found.targets(np.array([80, 0]), ("a", "b", "pair", "rare"))
    assert (targets[0] == 0).all()
    assert np.array_equal(targets[1], found.probabilities[0, [0, 1, 2, 3]])


def test_targets_are_by_class_name_and_nothing_is_known_of_an_image_outside_of_the_pool() -> None:
    probabilities = np.array([[0.1, 0.2, 0.7, 0.0], [0.3, 0.3, 0.4, 0.0]], dtype=np.float32)
    teacher = Teacher(("a", "b", "c", "unused"), np.array([3, 8]), probabilities, np.ones(2, dtype=bool), 1.0)
    found = teacher.targets(np.array([8, 5, 9, 3]), ("a", "c", "b"))
    np.testing.assert_allclose(found, [[0.3, 0.4, 0.3], [0, 0, 0], [0, 0, 0], [0.1, 0.7, 0.2]], rtol=1e-6)


def test_a_pool_that_cannot_be_divided_is_refused_with_what_to_do() -> None:
    names = ["a"] * 6 + ["b"] * 6
    dataset, given = dataset_of(names), [Given("one", {"x": separable(names)})]
    with pytest.raises(TrainingError, match=r"all 12 images of the pool are copies or of one group.*--soft-labels 0"):
        fit_teacher(dataset, given, Units(np.arange(12), np.zeros(12, dtype=np.int64)))
    singly = dataset_of(["a", "b", "c"])
    with pytest.raises(TrainingError, match="no class has two of the 3 images of the pool"):
        fit_teacher(singly, [Given("one", {"x": separable(["a", "b", "c"])})], each_alone(3))


# --- progress, memory, threads ----------------------------------------------------------------------------------------


class Stopping:
    """Stops at a report, and remembers how far it was told that the work is."""

    def __init__(self, after: int) -> None:
        self.left, self.told = after, list[float]()

    def report(self, done: int, total: int, message: str = "") -> None:
        assert message.startswith("Fitting the teacher of soft labels")
        self.told.append(done / total)
        self.left -= 1
        if self.left == 0:
            raise CancelledError

    def publish(self, result: object) -> None:
        pass


@pytest.mark.slow
def test_it_tells_how_far_it_is_and_stops_when_asked() -> None:
    names = ["a", "b"] * 30
    dataset, given = dataset_of(names), [Given("one", {"x": separable(names)})]
    whole = Stopping(10_000)
    fit_teacher(dataset, given, each_alone(60), progress=whole)
    assert whole.told == sorted(whole.told)
    assert whole.told[-1] == 1
    assert len(whole.told) > 5 * 4
    with pytest.raises(CancelledError):
        fit_teacher(dataset, given, each_alone(60), progress=Stopping(len(whole.told) // 2))


@pytest.mark.slow
def test_too_little_memory_is_told_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["a", "b"] * 2500
    read: list[int] = []

    class Counted(Given):
        def rows(self, block: str, indices: IntArray) -> FloatArray:
            read.append(len(indices))
            return super().rows(block, indices)

    monkeypatch.setattr(memory, "free_memory", lambda: FreeMemory(10_000_000))
    given = [Counted("one", {"x": separable(names)})]
    with pytest.raises(MemoryShortError, match=r"Fitting the teacher of soft labels \(5,000 images\) needs about"):
        fit_teacher(dataset_of(names), given, each_alone(5000))
    assert read == [1]


THREADS = """
import hashlib
from tests.core.training.test_teacher import Given, dataset_of, each_alone, separable
from coreset_studio.core.training.teacher import fit_teacher
names = [f"class {number % 4}" for number in range(600)]
found = fit_teacher(dataset_of(names), [Given("one", {"x": separable(names, 700, 0.05)})], each_alone(600))
print(hashlib.sha256(found.probabilities.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_it_says_the_same_on_one_and_two_threads() -> None:
    found = []
    for threads in ("1", "2"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", THREADS], cwd=ROOT, env={**environment, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found.append(done.stdout.strip())
    assert found[0] == found[1]


@pytest.mark.slow
def test_another_seed_divides_otherwise() -> None:
    names = ["a", "b"] * 30
    dataset, given = dataset_of(names), [Given("one", {"x": separable(names, apart=0.5)})]
    first, same, other = (fit_teacher(dataset, given, each_alone(60), seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.probabilities, same.probabilities)
    assert not np.array_equal(first.probabilities, other.probabilities)
    assert np.array_equal(replace(first, seconds=0.0).indices, other.indices)
