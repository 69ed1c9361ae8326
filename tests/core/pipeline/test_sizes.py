"""Sizes over a pool: nothing is classified by what it was a candidate for, and each unusual pool has its sentence."""

import math
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import CancelledError, LostImagesError, SelectionError, TrainingError
from coreset_studio.core.pipeline import sizes
from coreset_studio.core.pipeline.size_folds import Chooser
from coreset_studio.core.pipeline.size_networks import NetworkOfFold
from coreset_studio.core.pipeline.sizes import FRACTIONS, find_sizes
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.results import Note
from coreset_studio.core.selection.selecting import select
from coreset_studio.core.settings import (
    ClusterSettings,
    DataSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
    TrainingSettings,
)
from coreset_studio.core.settings.earlier import EarlierCoreset, EarlierImage
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.fitting import TrainingTask
from coreset_studio.core.training.teacher import embedded_by, penalty_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    place = tmp_path_factory.mktemp("sizes")
    make_demo(place / "demo", n_images=150, side=64)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        selection=SelectionSettings(sampler="even-herding"),
    )
    return Study(place / "demo", settings, place / "cache")


def selecting(study: Study, **changes: Any) -> Study:
    return replace(study, settings=replace(study.settings, selection=replace(study.settings.selection, **changes)))


def test_what_is_measured_is_what_a_fold_by_hand_gives(study: Study) -> None:
    pool = sizes._open(study, NO_PROGRESS)
    chosen, random = sizes._held(pool, None, NO_PROGRESS)
    indices, labels = pool.together.indices, pool.labels
    inside = pool.folds != 1
    with threadpool_limits(limits=1):
        chooser = Chooser(pool, inside, NO_PROGRESS)
        size = chosen.sizes[-2]
        coreset = select(
            pool.dataset, chooser._split, chooser._embeddings, (), replace(study.settings.selection, images=size)
        ).indices
        assert len(coreset) == size
        assert set(coreset.tolist()) <= set(indices[inside].tolist())
        rows = embedded_by(pool.extracted, indices, inside, NO_PROGRESS).astype(np.float64)
        groups = pool.together.numbers[inside]
        n_classes = len(pool.dataset.classes)
        penalty = penalty_of(rows[inside].astype(np.float32), labels[inside], groups, n_classes, 0, NO_PROGRESS)
        at = np.searchsorted(indices, np.sort(coreset))
        probe = LogisticRegression(C=penalty, max_iter=1000).fit(rows[at], labels[at])
        everything = LogisticRegression(C=penalty, max_iter=1000).fit(rows[inside], labels[inside])
    held_out = ~inside
    assert np.array_equal(chosen.right[-2, 0, held_out], probe.predict(rows[held_out]) == labels[held_out])
    assert np.array_equal(chosen.everything[held_out], everything.predict(rows[held_out]) == labels[held_out])
    assert (chosen.right.shape[1], random.right.shape[1]) == (1, 3)


def test_sizes_are_fractions_of_what_a_fold_trains_on_and_all_are_measured_on_the_same_images(study: Study) -> None:
    found = find_sizes(study)
    pool = sizes._open(study, NO_PROGRESS)
    n_least = min(int((pool.folds != fold).sum()) for fold in range(5))
    # At least one image of each of the five classes.
    expected = sorted({max(5, math.floor(f * n_least + 0.5)) for f in FRACTIONS})
    measured = [point.n_images for point in found.chosen.points]
    assert measured == [point.n_images for point in found.random.points] == expected
    for curve in (found.chosen, found.random):
        for point in curve.points:
            assert point.loss == pytest.approx(found.everything.accuracy - point.accuracy)
    assert found.chosen.sizes[-1] == found.n_pool
    assert len(found.seconds) == len(found.chosen.sizes)
    assert found.network == "custom network"


def test_the_same_on_any_number_of_threads_and_at_once_from_the_cache(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_sizes(study)
    with threadpool_limits(limits=2):
        assert find_sizes(replace(study, cache_folder=tmp_path / "other")) == found
    monkeypatch.setattr(sizes, "_measure", None)
    assert find_sizes(study) == found
    assert find_sizes(selecting(study, images=10, fraction=0.5)) == found


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["intelligent", "global-graph-coverage", "stratified"])
def test_samplers_of_every_scope_are_measured(study: Study, sampler: str) -> None:
    found = find_sizes(selecting(study, sampler=sampler))
    assert found.chosen.sampler == sampler
    if sampler == "stratified":
        assert found.chosen == found.random


@pytest.mark.parametrize("named", ["pinned", "earlier"])
def test_pinned_and_earlier_images_have_no_special_role_and_it_is_said(study: Study, named: str) -> None:
    pool = sizes._open(study, NO_PROGRESS)
    image = pool.dataset.images[int(pool.together.indices[0])]
    earlier = EarlierCoreset("before", "0" * 64, (EarlierImage(image.path, image.class_name, image.pixels),))
    changes: dict[str, Any] = {"pinned_out": (image.path,)} if named == "pinned" else {"continue_from": earlier}
    found = find_sizes(selecting(study, **changes))
    assert any(
        note.startswith("Pinned images and images of an earlier coreset have no special") for note in found.notes
    )
    assert found.chosen == find_sizes(study).chosen


def test_a_group_stays_in_one_fold(study: Study) -> None:
    data = replace(study.settings.data, group_pattern=r"(\d)\.[a-z]+$")
    pool = sizes._open(replace(study, settings=replace(study.settings, data=data)), NO_PROGRESS)
    for number in np.unique(pool.together.numbers):
        assert len(np.unique(pool.folds[pool.together.numbers == number])) == 1
    assert len(np.unique(pool.together.numbers)) <= 10


class Stop:
    def report(self, done: int, total: int, message: str = "") -> None:
        if message.startswith("Measuring learning curves"):
            raise CancelledError

    def publish(self, result: object) -> None: ...


def test_it_can_be_cancelled(study: Study, tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        find_sizes(replace(study, cache_folder=tmp_path / "cache"), progress=Stop())


# --- the network to be trained ----------------------------------------------------------------------------------------


class Notes:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def report(self, done: int, total: int, message: str = "") -> None: ...

    def publish(self, result: object) -> None:
        if isinstance(result, Note):
            self.notes.append(result.sentence)


def test_curves_of_a_network_are_its_trainings_each_done_once(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that is right about a fixed share of the classes, by how many images it was trained on."""
    tasks: list[TrainingTask] = []

    def training(network: str, task: TrainingTask, key: Any, progress: Any) -> Any:
        tasks.append(task)
        if len(tasks) == 40:
            raise CancelledError
        test = task.split.test
        true = task.dataset.labels[test]
        wrong = np.arange(len(test)) < 10 / np.sqrt(len(task.indices))
        return SimpleNamespace(result=SimpleNamespace(true=true, predicted=np.where(wrong, -1, true)))

    monkeypatch.setattr("coreset_studio.core.pipeline.size_networks.train", training)
    asked = replace(study, cache_folder=tmp_path / "cache")
    listener = Notes()
    with pytest.raises(CancelledError):
        find_sizes(asked, network="custom", trains_network=True, progress=listener)
    found = find_sizes(asked, network="custom", trains_network=True)
    n_sizes = len(found.chosen.points)
    n_runs = 5 * (1 + 2 * n_sizes)
    assert len(tasks) == n_runs + 1, "the one that was stopped is done again, and no other"
    (note,) = listener.notes
    assert note.startswith(f"Measuring with the custom network takes {n_runs} trainings, about ")
    assert "Measured with the custom network, one training for each coreset." in found.notes
    pool = sizes._open(asked, NO_PROGRESS)
    for task in tasks:
        assert set(task.indices.tolist()) <= set(task.split.pool.tolist())
        assert not set(task.split.test.tolist()) & set(task.split.pool.tolist())
        assert np.array_equal(task.split.validation, pool.split.validation)
    tested = np.concatenate([task.split.test for task in tasks[: 1 + 2 * n_sizes] if len(task.indices) > 60])
    assert set(tested.tolist()) <= set(pool.together.indices.tolist())
    expected = np.mean([np.ceil(10 / np.sqrt(found.chosen.points[0].n_images)) / 17])
    assert 1 - found.chosen.points[0].accuracy == pytest.approx(expected, abs=0.05)
    find_sizes(asked, network="custom", trains_network=True)
    assert len(tasks) == n_runs + 1


def test_the_linear_probe_as_the_network_is_the_usual_way(study: Study) -> None:
    assert find_sizes(study, network="head", trains_network=True).chosen == find_sizes(study).chosen


def test_an_image_that_is_lost_is_left_out_and_counts_as_wrong(study: Study, tmp_path: Path) -> None:
    pool = sizes._open(study, NO_PROGRESS)
    indices = pool.together.indices
    fold = NetworkOfFold(
        replace(study, cache_folder=tmp_path), pool.dataset, pool.extracted, NETWORKS["custom"],
        indices[10:], pool.split.validation, indices[:10],
    )  # fmt: skip
    seen: list[int] = []

    def training(network: str, task: TrainingTask, key: Any, progress: Any) -> Any:
        seen.append(len(task.indices))
        if len(seen) == 1:
            raise LostImagesError("gone", {int(indices[0]): "gone", int(indices[12]): "gone"})
        true = task.dataset.labels[task.split.test]
        return SimpleNamespace(result=SimpleNamespace(true=true, predicted=true))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coreset_studio.core.pipeline.size_networks.train", training)
        right = fold.right(indices[10:20])
    assert seen == [10, 9]
    assert right.tolist() == [False, *[True] * 9]


@pytest.mark.slow
def test_a_real_network_classifies_what_was_held_out(study: Study, tmp_path: Path) -> None:
    training = TrainingSettings(image_size=32, epochs=1, min_steps=2)
    pool = sizes._open(replace(study, settings=replace(study.settings, training=training)), NO_PROGRESS)
    indices = pool.together.indices
    fold = NetworkOfFold(
        replace(pool.study, cache_folder=tmp_path), pool.dataset, pool.extracted, NETWORKS["custom"],
        indices[20:], pool.split.validation, indices[:20],
    )  # fmt: skip
    right = fold.right(indices[20:60])
    assert (right.shape, right.dtype) == ((20,), np.dtype(bool))
    assert np.array_equal(fold.right(indices[20:60]), right), "from the cache"


# --- unusual pools ----------------------------------------------------------------------------------------------------


def of_classes(study: Study, place: Path, counts: dict[int, int]) -> Study:
    """The study on the first images of some classes of the demo, none set aside for validation or test."""
    classes = sorted(each for each in study.source.iterdir() if each.is_dir())
    for number, n in counts.items():
        target = place / "few" / classes[number].name
        target.mkdir(parents=True)
        files = sorted(each for each in classes[number].iterdir() if each.suffix == ".jpg")[:n]
        assert len(files) == n
        for file in files:
            shutil.copy(file, target)
    data = DataSettings(test_fraction=0.0, validation_fraction=0.0)
    return Study(place / "few", replace(study.settings, data=data), place / "cache")


def test_one_class_is_refused(study: Study, tmp_path: Path) -> None:
    alone = of_classes(study, tmp_path, {0: 20})
    with pytest.raises(TrainingError, match=r"the pool has one class, .*\. Add images of another class"):
        find_sizes(alone)


def test_a_pool_of_nine_images_is_refused(study: Study, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"The pool has 9 images in 9 groups.*at least 20"):
        find_sizes(of_classes(study, tmp_path, {0: 5, 1: 4}))


def test_a_class_of_two_images_is_measured_and_told(study: Study, tmp_path: Path) -> None:
    found = find_sizes(of_classes(study, tmp_path, {0: 16, 1: 14, 4: 2}))
    assert found.n_available == 0
    assert any("fewer than 5 images in the pool" in note for note in found.notes)
    assert found.chosen.points[-1].accuracy > 0.5


def test_a_class_in_one_group_is_told(study: Study, tmp_path: Path) -> None:
    few = of_classes(study, tmp_path, {0: 16, 1: 14, 4: 6})
    last = sorted(each.name for each in few.source.iterdir())[2]
    data = replace(few.settings.data, group_pattern=rf"({last})/")
    found = find_sizes(replace(few, settings=replace(few.settings, data=data)))
    assert any(f"All images of class {last} are in one fold" in note for note in found.notes)


def test_an_unknown_sampler_is_told_before_anything_is_scanned(study: Study) -> None:
    with pytest.raises(SelectionError, match="nothing"):
        find_sizes(replace(selecting(study, sampler="nothing"), source=Path("/nowhere")))
