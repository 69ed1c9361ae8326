"""The teacher of soft labels in a comparison: fitted once, known by what it rests on, told of beside the result."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import CancelledError, SettingsError
from coreset_studio.core.output.content import Labels
from coreset_studio.core.output.training_tables import cost_table, run_table
from coreset_studio.core.pipeline import comparing, teaching
from coreset_studio.core.pipeline.comparing import compare_stored, run_comparison
from coreset_studio.core.pipeline.outlook import plan_view
from coreset_studio.core.pipeline.planning import PlannedRun
from coreset_studio.core.pipeline.searching import search_study
from coreset_studio.core.pipeline.split_parts import open_split
from coreset_studio.core.pipeline.stages import Prepared, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.teaching import Teaching, missing_baselines, teacher_seconds
from coreset_studio.core.results import Note, RunKey, RunResult, Teacher
from coreset_studio.core.settings import (
    ClusterSettings,
    ComparisonSettings,
    DataSettings,
    FeatureSettings,
    Settings,
    TrainingSettings,
)
from coreset_studio.core.training.evaluation import evaluate
from coreset_studio.core.training.fitting import TrainedRun, TrainingTask, used_classes

pytestmark = pytest.mark.slow

SOFT = TrainingSettings(image_size=32, epochs=1, min_steps=2, soft_labels=0.5)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    place = tmp_path_factory.mktemp("teaching")
    make_demo(place / "demo", n_images=150, side=64)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        training=SOFT,
        comparison=ComparisonSettings(samplers=("random",), fractions=(0.5, 1.0), networks=("custom", "head")),
    )
    return prepare(Study(place / "demo", settings, place / "cache"))


def asking(prepared: Prepared, training: TrainingSettings = SOFT, **changes: Any) -> Prepared:
    """The same study with another comparison or training, and a cache of its own where one is given."""
    study = prepared.study
    cache = changes.pop("cache", study.cache_folder)
    comparison = replace(study.settings.comparison, **changes)
    settings = replace(study.settings, comparison=comparison, training=training)
    return replace(prepared, study=replace(study, settings=settings, cache_folder=cache))


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> list[TrainingTask]:
    """What was trained; every training is right about every image and takes 10 seconds."""
    seen: list[TrainingTask] = []

    def training(network: str, task: TrainingTask, key: RunKey, progress: Any) -> TrainedRun:
        seen.append(task)
        classes = used_classes(task.dataset, task.split)
        true = np.array([classes.index(task.dataset.images[index].class_name) for index in task.split.test])
        result = RunResult(
            key=key, n_images=len(task.indices), classes=classes, history=(), best_epoch=0,
            metrics=evaluate(true, true, classes), test_indices=task.split.test, true=true, predicted=true,
            confidence=np.ones(len(true), dtype=np.float32), train_seconds=10.0 * len(task.indices) / 100,
            feature_seconds=0.0, select_seconds=task.select_seconds, device="CPU",
            teacher_seconds=task.teacher.seconds if task.teacher is not None else 0.0,
        )  # fmt: skip
        return TrainedRun(result, None)

    monkeypatch.setattr(comparing, "train", training)
    return seen


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[Teacher]:
    """The teachers that were fitted."""
    made: list[Teacher] = []
    original: Callable[..., Teacher] = teaching.fit_teacher

    def counting(*given: Any, **more: Any) -> Teacher:
        made.append(replace(original(*given, **more), seconds=7.0))
        return made[-1]

    monkeypatch.setattr(teaching, "fit_teacher", counting)
    return made


class Listener:
    def __init__(self, stop_at: str = "") -> None:
        self.notes: list[str] = []
        self.messages: list[str] = []
        self.shares: list[float] = []
        self._stop_at = stop_at

    def report(self, done: int, total: int, message: str = "") -> None:
        self.messages.append(message)
        if message.startswith("Fitting the teacher") and total:
            self.shares.append(done / total)
        if self._stop_at and message.startswith(self._stop_at):
            raise CancelledError

    def publish(self, result: object) -> None:
        if isinstance(result, Note):
            self.notes.append(result.sentence)


def key_of(prepared: Prepared, network: str = "custom") -> str:
    return open_split(prepared, 0).key(PlannedRun(network, "random", 0.5, 0)).fingerprint


# --- a comparison -----------------------------------------------------------------------------------------------------


def test_every_row_is_trained_with_one_teacher_that_is_fitted_once(
    prepared: Prepared, tasks: list[TrainingTask], fitted: list[Teacher], tmp_path: Path
) -> None:
    asked = asking(prepared, cache=tmp_path / "cache")
    listener = Listener()
    found = run_comparison(asked, tmp_path / "runs", listener)
    assert len(fitted) == 1
    by_network: dict[str, list[RunResult]] = {}
    for run in found.runs:
        by_network.setdefault(run.key.network, []).append(run)
    assert {run.key.sampler for run in by_network["custom"]} == {"random", "stratified", "everything"}
    assert {run.teacher_seconds for run in by_network["custom"]} == {7.0}
    assert {run.teacher_seconds for run in by_network["head"]} == {0.0}
    taught = [task.teacher for task in tasks if task.teacher is not None]
    assert len(taught) == 3
    assert np.array_equal(taught[0].indices, prepared.split.pool)
    assert any("They also improve random coresets" in sentence for sentence in found.sentences)
    assert any("Fitting the teacher of soft labels" in message for message in listener.messages)
    again = run_comparison(asking(prepared, cache=tmp_path / "cache", repetitions=2), tmp_path / "runs")
    assert len(fitted) == 1
    assert len(again.runs) == 12
    assert {run.teacher_seconds for run in again.runs if run.key.network == "custom"} == {7.0}
    stored = compare_stored(asked, tmp_path / "runs")
    assert [run.key for run in stored.runs] == [run.key for run in found.runs]
    assert any("They also improve random coresets" in sentence for sentence in stored.sentences)


def test_looking_at_what_is_stored_fits_nothing_nor_does_what_is_trained_without(
    prepared: Prepared, tasks: list[TrainingTask], fitted: list[Teacher], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    assert compare_stored(asking(prepared, cache=cache), tmp_path / "runs").runs == ()
    run_comparison(asking(prepared, cache=cache, networks=("head",)), tmp_path / "runs")
    run_comparison(asking(prepared, replace(SOFT, soft_labels=0.0), cache=cache), tmp_path / "runs")
    assert fitted == []
    assert all(task.teacher is None for task in tasks)


def test_the_teacher_can_be_stopped_and_says_what_it_has_to(
    prepared: Prepared, tasks: list[TrainingTask], fitted: list[Teacher], tmp_path: Path
) -> None:
    asked = asking(prepared, cache=tmp_path / "cache", fractions=(0.5,))
    with pytest.raises(CancelledError):
        run_comparison(asked, tmp_path / "runs", Listener("Fitting the teacher"))
    assert tasks == []
    alike = replace(
        prepared.dataset, images=tuple(replace(image, perceptual="0" * 16) for image in prepared.dataset.images)
    )
    listener = Listener()
    found = run_comparison(replace(asked, dataset=alike), tmp_path / "runs", listener)
    (chained,) = (note for note in listener.notes if note.startswith("Near-duplicates link"))
    assert found.sentences.count(chained) == 1
    assert compare_stored(replace(asked, dataset=alike), tmp_path / "runs").sentences.count(chained) == 1


def test_what_the_teacher_takes_stands_in_the_answer_and_counts_until_selecting_has_paid(
    prepared: Prepared, tasks: list[TrainingTask], fitted: list[Teacher], tmp_path: Path
) -> None:
    found = run_comparison(
        asking(prepared, cache=tmp_path / "cache", networks=("custom",), samplers=("even-herding",)), tmp_path / "runs"
    )
    (row,) = (row for row in found.rows if row.sampler == "even-herding")
    assert row.teacher_seconds == 7.0
    whole = next(row for row in found.rows if row.sampler == "everything")
    saved = whole.train_seconds - row.train_seconds
    assert row.pays_after == int(np.ceil((row.select_seconds + 7.0) / saved))
    assert "the teacher of the soft labels took 7 s, once for all trainings" in found.answers[0].sentence
    labels = Labels(prepared.dataset)
    for table in (cost_table(found), run_table(found, labels)):
        at = [column.name for column in table.columns].index("teacher_seconds")
        assert {cells[at] for cells in table.rows} == {7.0}
    plain = run_comparison(asking(prepared, replace(SOFT, soft_labels=None), networks=("custom",)), tmp_path / "plain")
    assert "teacher" not in plain.answers[0].sentence
    for table in (cost_table(plain), run_table(plain, labels)):
        assert "teacher_seconds" not in [column.name for column in table.columns]


# --- rows that have to stand beside -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("changes", "lacking", "ways"), [
    ({"samplers": ("random", "even-herding")}, "", ()),
    ({"samplers": ("even-herding",)}, "random is not", ("--samplers even-herding,random (“Samplers”)",)),
    (
        {"samplers": ("even-herding",), "controls": False, "fractions": (0.1,)},
        "random, stratified and the whole pool are not",
        ("--samplers even-herding,random,stratified (“Samplers”)", "--fractions 0.1,1 (“Fractions of the pool”)"),
    ),
    ({"samplers": ("random",), "fractions": (0.05,)}, "the whole pool is not", ("--fractions 0.05,1",)),
    ({"samplers": ("random",), "fractions": (1.0,)}, "random and stratified are not", ("--fractions 0.1,1",)),
    ({"samplers": ("even-herding",), "networks": ("head",)}, "", ()),
])  # fmt: skip
def test_rows_that_soft_labels_are_evaluated_by_are_suggested_in_one_note(
    changes: dict[str, Any], lacking: str, ways: tuple[str, ...]
) -> None:
    comparison = replace(ComparisonSettings(fractions=(0.1, 1.0), networks=("custom", "head")), **changes)
    notes = missing_baselines(comparison, SOFT)
    assert len(notes) == bool(lacking)
    assert all(f"Soft labels are on, but {lacking} trained, so" in note for note in notes)
    assert all(way in note for way in ways for note in notes)
    assert missing_baselines(comparison, TrainingSettings()) == ()


def test_the_note_stands_beside_the_result_and_nothing_is_added(
    prepared: Prepared, tasks: list[TrainingTask], tmp_path: Path
) -> None:
    asked = asking(prepared, networks=("custom",), samplers=("even-herding",), controls=False, fractions=(0.5,))
    found = run_comparison(asked, tmp_path / "runs")
    assert {run.key.sampler for run in found.runs} == {"even-herding"}
    assert sum("are not trained, so the gain from soft labels" in sentence for sentence in found.sentences) == 1


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_run_is_known_by_amount_temperature_and_teacher_and_without_soft_labels_by_none(prepared: Prepared) -> None:
    plain = key_of(asking(prepared, replace(SOFT, soft_labels=None)))
    assert key_of(asking(prepared, replace(SOFT, soft_labels=0.0))) == plain
    assert key_of(asking(prepared, replace(SOFT, soft_labels=None, soft_label_temperature=5.0))) == plain
    found = {
        plain,
        key_of(prepared),
        key_of(asking(prepared, replace(SOFT, soft_labels=0.4))),
        key_of(asking(prepared, replace(SOFT, soft_label_temperature=5.0))),
        key_of(other_bits(prepared)),
        key_of(replace(prepared, extracted=(Renamed(prepared.extracted[0]),))),  # type: ignore[arg-type]
    }
    assert len(found) == 6
    assert key_of(prepared, "head") == key_of(asking(prepared, TrainingSettings()), "head")


class Renamed:
    """Features of another extractor."""

    def __init__(self, one: Any) -> None:
        self._one = one
        self.fingerprint = "other"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._one, name)


def other_bits(prepared: Prepared) -> Prepared:
    """The same study with other near-duplicates."""
    images = list(prepared.dataset.images)
    first, second = (int(index) for index in prepared.split.pool[:2])
    images[second] = replace(images[second], perceptual=images[first].perceptual)
    return replace(prepared, dataset=replace(prepared.dataset, images=tuple(images)))


def test_a_teacher_is_another_for_another_pool_and_comes_back_from_the_cache_as_it_was(
    prepared: Prepared, fitted: list[Teacher], tmp_path: Path
) -> None:
    asked = asking(prepared, cache=tmp_path / "cache")
    first = Teaching(asked).teacher()
    again = Teaching(asked).teacher()
    assert len(fitted) == 1
    for name in ("classes", "seconds", "notes"):
        assert getattr(first, name) == getattr(again, name)
    for name in ("indices", "probabilities", "knows"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    mark = Teaching(asked).mark
    assert Teaching(asking(prepared, TrainingSettings(epochs=3))).mark == mark
    smaller = replace(asked, split=replace(asked.split, pool=asked.split.pool[:-1]))
    assert Teaching(smaller).mark != mark
    bits = replace(asked.study.settings, data=DataSettings(near_duplicate_bits=20))
    assert Teaching(replace(asked, study=replace(asked.study, settings=bits))).mark != mark


# --- before it starts, and the search ---------------------------------------------------------------------------------


def test_the_estimate_counts_a_teacher_for_each_split(prepared: Prepared) -> None:
    # What a small pool took, as other tests did here, is not remembered as this machine's speed.
    study = asking(prepared, splits=3).study
    wide = replace(study, settings=replace(study.settings, features=FeatureSettings(extractors=("vgg16",))))
    assert teacher_seconds(wide, 1000) > 3 * teacher_seconds(study, 1000)
    assert teacher_seconds(study, 1000) == pytest.approx(3 * teacher_seconds(prepared.study, 1000))
    assert teacher_seconds(prepared.study, 1000) > 0
    plain = asking(prepared, replace(SOFT, soft_labels=None)).study
    assert teacher_seconds(plain, 1000) == 0
    difference = plan_view(prepared.study, 1000, 100).seconds - plan_view(plain, 1000, 100).seconds
    assert difference == pytest.approx(teacher_seconds(prepared.study, 1000))


def test_with_label_smoothing_nothing_is_fitted_or_trained(
    prepared: Prepared, tasks: list[TrainingTask], fitted: list[Teacher], tmp_path: Path
) -> None:
    both = asking(prepared, replace(SOFT, label_smoothing=0.1), cache=tmp_path / "cache")
    with pytest.raises(SettingsError, match="are both on"):
        run_comparison(both, tmp_path / "runs")
    with pytest.raises(SettingsError, match="are both on"):
        search_study(both.study, tmp_path / "search")
    assert "are both on" in plan_view(both.study, 100, 10).problem
    assert fitted == []
    assert tasks == []
