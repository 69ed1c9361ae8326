"""Sizes over a pool: nothing is classified by what it was a candidate for, and each unusual pool has its sentence."""

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from core.data.demo import make_demo
from core.errors import CancelledError, SelectionError, TrainingError
from core.pipeline import sizes
from core.pipeline.sizes import FRACTIONS, find_sizes
from core.pipeline.study import Study
from core.progress import NO_PROGRESS
from core.selection.selecting import select
from core.settings import ClusterSettings, DataSettings, FeatureSettings, SelectionSettings, Settings
from core.training.teacher import embedded_by, penalty_of


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
    chosen, random = sizes._held(pool, NO_PROGRESS)
    indices, labels = pool.together.indices, pool.labels
    inside = pool.folds != 1
    with threadpool_limits(limits=1):
        chooser = sizes._Chooser(pool, inside, NO_PROGRESS)
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


@pytest.mark.parametrize("sampler", ["intelligent", "global-graph-coverage", "stratified"])
def test_samplers_of_every_scope_are_measured(study: Study, sampler: str) -> None:
    found = find_sizes(selecting(study, sampler=sampler))
    assert found.chosen.sampler == sampler
    if sampler == "stratified":
        assert found.chosen == found.random


def test_pinned_images_are_told_not_to_count(study: Study) -> None:
    pool = sizes._open(study, NO_PROGRESS)
    path = pool.dataset.images[int(pool.together.indices[0])].path
    found = find_sizes(selecting(study, pinned_out=(path,)))
    assert "Pinned images are not considered when sizes are measured." in found.notes
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
