"""A comparison over several splits: what is prepared, what is trained, what is kept."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.cache import fingerprint
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.descriptions import choices_of
from coreset_studio.core.errors import CancelledError, SettingsError
from coreset_studio.core.pipeline import comparing, split_parts
from coreset_studio.core.pipeline.comparing import compare_stored, run_comparison
from coreset_studio.core.pipeline.outlook import plan_view
from coreset_studio.core.pipeline.planning import PlannedRun, plan, splits_problem, study_of_split
from coreset_studio.core.pipeline.run_keys import RUN_VERSION, run_key
from coreset_studio.core.pipeline.split_parts import Selections, open_split
from coreset_studio.core.pipeline.stages import Prepared, choose, prepare, split_dataset
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Coreset, RunResult
from coreset_studio.core.service.comparison_requests import EstimateComparison
from coreset_studio.core.settings import (
    ClusterSettings,
    ComparisonSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
)
from coreset_studio.core.training import fitting
from coreset_studio.core.training.fitting import used_classes
from coreset_studio.core.training.runs import load_runs

COMPARISON = ComparisonSettings(
    samplers=("random",), fractions=(0.5, 1.0), networks=("head",), repetitions=2, splits=2, controls=False
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    place = tmp_path_factory.mktemp("splits")
    make_demo(place / "demo", n_images=120, side=64)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        comparison=COMPARISON,
    )
    return prepare(Study(place / "demo", settings, place / "cache"))


def asking(prepared: Prepared, **changes: Any) -> Prepared:
    settings = prepared.study.settings
    wanted = replace(settings, comparison=replace(settings.comparison, **changes))
    return replace(prepared, study=replace(prepared.study, settings=wanted))


class Counted:
    """What was prepared and trained."""

    def __init__(self) -> None:
        self.prepared: list[int] = []
        self.trained: list[tuple[int, int, str]] = []


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    seen = Counted()
    train = fitting.train

    def counting(network: str, task: Any, key: Any, progress: Any) -> Any:
        seen.trained.append((key.split, key.repetition, key.sampler))
        return train(network, task, key, progress)

    def preparing(study: Study, progress: Progress = NO_PROGRESS, **changes: Any) -> Prepared:
        seen.prepared.append(study.settings.data.split_seed)
        return prepare(study, progress, **changes)

    monkeypatch.setattr(comparing, "train", counting)
    monkeypatch.setattr(split_parts, "prepare", preparing)
    return seen


class Listener:
    def __init__(self, stop_after: int = 10**9) -> None:
        self.left = stop_after
        self.shares: list[float] = []
        self.messages: list[str] = []
        self.published: list[object] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        self.shares.append(done / total)
        self.messages.append(message)
        if self.left <= 0:
            raise CancelledError

    def publish(self, result: object) -> None:
        self.published.append(result)
        self.left -= isinstance(result, RunResult)


def test_splits_come_outermost_and_each_has_seeds_of_its_own() -> None:
    planned = plan(COMPARISON)
    assert [one.split for one in planned] == [0] * 4 + [1] * 4
    assert [one.repetition for one in planned] == [0, 0, 1, 1] * 2
    assert [one.seed for one in planned] == [0, 0, 1, 1, 1000, 1000, 1001, 1001]
    assert plan(replace(COMPARISON, splits=1)) == planned[:4]


@pytest.mark.slow
def test_two_splits_are_trained_once_on_images_of_their_own(
    prepared: Prepared, tmp_path: Path, counted: Counted
) -> None:
    listener = Listener()
    found = run_comparison(prepared, tmp_path, listener)
    assert counted.prepared == [1]
    assert counted.trained == [(s, r, name) for s in range(2) for r in range(2) for name in ("everything", "random")]
    assert found.n_splits == 2
    assert all((row.n_splits, row.n_repetitions) == (2, 4) for row in found.rows)
    tests = [run.test_indices for run in found.runs if run.key.sampler == "random" and run.key.repetition == 0]
    assert not np.array_equal(tests[0], tests[1])
    second = split_dataset(prepared.dataset, study_of_split(prepared.study, 1).settings)
    assert study_of_split(prepared.study, 1).settings.data.split_seed == 1
    np.testing.assert_array_equal(tests[1], second.test)
    assert listener.shares == sorted(listener.shares)
    assert any("Preparing split 2 of 2" in message for message in listener.messages)
    assert any("random 50 % (split 2 of 2, run 8 of 8)" in message for message in listener.messages)
    assert [run.key for run in listener.published if isinstance(run, RunResult)] == [run.key for run in found.runs]
    again = run_comparison(prepared, tmp_path)
    assert len(counted.trained) == 8
    assert again.sentences == found.sentences
    assert again.sentences[-1].startswith("Measured over 2 splits, 2 repetitions each")


@pytest.mark.slow
def test_another_split_trains_only_what_is_new(prepared: Prepared, tmp_path: Path, counted: Counted) -> None:
    one = run_comparison(asking(prepared, splits=1), tmp_path)
    assert (len(counted.trained), counted.prepared) == (4, [])
    assert one.n_splits == 1
    run_comparison(prepared, tmp_path)
    assert {split for split, _, _ in counted.trained[4:]} == {1}
    assert len(counted.trained) == 8
    run_comparison(asking(prepared, repetitions=3), tmp_path)
    assert [(split, repetition) for split, repetition, _ in counted.trained[8:]] == [(0, 2), (0, 2), (1, 2), (1, 2)]
    back = compare_stored(asking(prepared, splits=1), tmp_path)
    np.testing.assert_equal([vars(row) for row in back.rows], [vars(row) for row in one.rows])


def test_a_split_not_begun_is_not_prepared_to_look_for_its_runs(
    prepared: Prepared, tmp_path: Path, counted: Counted
) -> None:
    assert compare_stored(asking(prepared, splits=9), tmp_path).rows == ()
    run_comparison(asking(prepared, splits=1), tmp_path)
    assert compare_stored(asking(prepared, splits=9), tmp_path).n_splits == 1
    assert counted.prepared == []


def test_a_stop_in_the_second_split_keeps_whole_pairs(prepared: Prepared, tmp_path: Path, counted: Counted) -> None:
    with pytest.raises(CancelledError):
        run_comparison(prepared, tmp_path, Listener(stop_after=6))
    half = compare_stored(prepared, tmp_path)
    assert len(half.runs) >= 6
    assert all(row.n_splits == 2 for row in half.rows)
    assert [run.key.split for run in half.runs][:4] == [0] * 4
    started = len(counted.trained)
    run_comparison(prepared, tmp_path)
    assert len(counted.trained) - started == 8 - len(half.runs)


def test_runs_of_one_split_are_known_by_what_they_were_known_by_before(prepared: Prepared, tmp_path: Path) -> None:
    split = prepared.split
    images = [
        [[prepared.dataset.images[i].pixels, prepared.dataset.images[i].class_name] for i in part]
        for part in (split.pool[:9], split.validation, split.test)
    ]
    settings = prepared.study.settings.training
    training = {name: getattr(settings, name) for name, facts in choices_of(settings) if facts.kept}
    expected = fingerprint(RUN_VERSION, "custom", 3, training, used_classes(prepared.dataset, split), *images)
    planned = PlannedRun("custom", "random", 0.5, 3)
    assert run_key(prepared, planned, split.pool[:9], None).fingerprint == expected
    elsewhere = run_key(prepared, replace(planned, split=1), split.pool[:9], None)
    assert elsewhere.fingerprint != expected
    assert elsewhere.split == 1
    found = run_comparison(asking(prepared, splits=1, repetitions=1), tmp_path)
    run = found.runs[0]
    old_name = fingerprint(
        {name: getattr(run.key, name) for name in ("network", "sampler", "fraction", "repetition", "fingerprint")}
    )
    assert (tmp_path / f"{old_name}.json").is_file()


def test_a_store_of_a_time_before_splits_is_read(prepared: Prepared, tmp_path: Path) -> None:
    run_comparison(asking(prepared, splits=1, repetitions=1, fractions=(1.0,)), tmp_path)
    [file] = tmp_path.glob("*.json")
    text = file.read_text(encoding="utf-8")
    assert ',\n  "split": 0' in text
    file.write_text(text.replace(',\n  "split": 0', ""), encoding="utf-8")
    [run] = load_runs(tmp_path).runs
    assert run.key.split == 0


def test_a_split_that_was_brought_is_the_only_one(prepared: Prepared, tmp_path: Path, counted: Counted) -> None:
    brought = replace(prepared, split=replace(prepared.split, is_predefined=True))
    with pytest.raises(SettingsError, match="has a predefined split, so there is only one split, but 2 are set"):
        run_comparison(brought, tmp_path)
    assert counted.trained == []
    assert "set the number of splits to 1" in plan_view(prepared.study, 60, 15, is_predefined=True).problem
    assert plan_view(prepared.study, 60, 15).problem == ""
    assert splits_problem(replace(COMPARISON, splits=1), is_predefined=True) == ""
    run_comparison(asking(brought, splits=1), tmp_path)
    assert compare_stored(brought, tmp_path).n_splits == 1


def test_the_plan_tells_every_split_and_what_preparing_it_takes(prepared: Prepared) -> None:
    view = plan_view(prepared.study, 60, 15, preparing=5.0)
    assert view.n_splits == 2
    assert [run.split for run in view.runs] == [0] * 4 + [1] * 4
    assert view.seconds == pytest.approx(sum(run.estimate.seconds for run in view.runs) + 5.0)
    assert (
        EstimateComparison(prepared.study).run(NO_PROGRESS).seconds
        > plan_view(asking(prepared, splits=1).study, 60, 15).seconds
    )


def test_the_penalty_of_the_probe_is_chosen_once(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_split(prepared, 0).probe_inputs["head"]
    monkeypatch.setattr("coreset_studio.core.training.architectures.head.logistic.choose_head_strength", None)
    again = open_split(prepared, 0).probe_inputs["head"]
    assert first.strength is not None
    assert first.strength == again.strength


def test_a_sampler_without_chance_chooses_once_for_all_repetitions(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int]] = []

    def choosing(study: Prepared, settings: SelectionSettings) -> Coreset:
        seen.append((settings.sampler, settings.seed))
        return choose(study, settings)

    monkeypatch.setattr(split_parts, "choose", choosing)
    selections = Selections(prepared, SelectionSettings(seed=2))
    names = ("balanced-herding", "matched:balanced-herding", "random")
    found = {
        (name, repetition): selections.get(PlannedRun("head", name, 0.3, repetition))
        for repetition in range(3)
        for name in names
    }
    assert seen == [("balanced-herding", 2), ("random", 2), ("random", 3), ("random", 4)]
    assert len({found["balanced-herding", repetition][2] for repetition in range(3)}) == 1
    for (name, repetition), (_coreset, indices, _seconds) in found.items():
        alone = choose(prepared, SelectionSettings(sampler=name, fraction=0.3, seed=2 + repetition))
        np.testing.assert_array_equal(indices, np.sort(alone.indices), err_msg=f"{name} {repetition}")
