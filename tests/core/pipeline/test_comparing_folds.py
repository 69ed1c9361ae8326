"""A comparison over folds: what is prepared, what is trained, what is found again, what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import CancelledError, SettingsError
from coreset_studio.core.output.content import Labels
from coreset_studio.core.output.training_tables import accuracy_table, comparison_table, run_table
from coreset_studio.core.pipeline import comparing, whole
from coreset_studio.core.pipeline.comparing import compare_stored, run_comparison
from coreset_studio.core.pipeline.outlook import plan_view
from coreset_studio.core.pipeline.planning import n_splits, plan, splits_problem, study_of_split
from coreset_studio.core.pipeline.stages import Prepared, prepare, split_dataset
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.results import RunResult
from coreset_studio.core.service.comparison_requests import EstimateComparison
from coreset_studio.core.settings import ClusterSettings, ComparisonSettings, DataSettings, FeatureSettings, Settings
from coreset_studio.core.training import fitting

COMPARISON = ComparisonSettings(
    samplers=("random",), fractions=(0.5, 1.0), networks=("head",), repetitions=2, controls=False
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    place = tmp_path_factory.mktemp("folds")
    make_demo(place / "demo", n_images=120, side=64)
    settings = Settings(
        data=DataSettings(folds=3),
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        comparison=COMPARISON,
    )
    return prepare(Study(place / "demo", settings, place / "cache"))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, str]]:
    seen: list[tuple[int, int, str]] = []
    train = fitting.train

    def counting(network: str, task: Any, key: Any, progress: Any) -> Any:
        seen.append((key.split, key.repetition, key.sampler))
        return train(network, task, key, progress)

    monkeypatch.setattr(comparing, "train", counting)
    return seen


class Listener:
    def __init__(self, stop_after: int = 10**9) -> None:
        self.left = stop_after
        self.messages: list[str] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        self.messages.append(message)
        if self.left <= 0:
            raise CancelledError

    def publish(self, result: object) -> None:
        self.left -= isinstance(result, RunResult)


def with_settings(prepared: Prepared, section: str, **changes: Any) -> Prepared:
    settings = prepared.study.settings
    changed = replace(settings, **{section: replace(getattr(settings, section), **changes)})
    return replace(prepared, study=replace(prepared.study, settings=changed))


@pytest.mark.slow
def test_each_fold_is_the_test_set_once_and_the_first_is_that_of_everything_else(
    prepared: Prepared, tmp_path: Path, trained: list[tuple[int, int, str]]
) -> None:
    listener = Listener()
    found = run_comparison(prepared, tmp_path, listener)
    assert trained == [(f, r, name) for f in range(3) for r in range(2) for name in ("everything", "random")]
    assert (found.folds, found.n_splits) == (3, 3)
    tests = {run.key.split: run.test_indices for run in found.runs}
    np.testing.assert_array_equal(np.sort(np.concatenate(list(tests.values()))), np.arange(120))
    np.testing.assert_array_equal(tests[0], prepared.split.test)
    np.testing.assert_array_equal(tests[0], split_dataset(prepared.dataset, prepared.study.settings).test)
    second = study_of_split(prepared.study, 1)
    assert (second.fold, second.settings) == (1, prepared.study.settings)
    np.testing.assert_array_equal(tests[1], split_dataset(prepared.dataset, second.settings, 1).test)
    assert any("Preparing fold 2 of 3" in message for message in listener.messages)
    assert any("random 50 % (fold 3 of 3, run 12 of 12)" in message for message in listener.messages)
    assert found.sentences[-1].startswith("Measured over 3 folds, 2 repetitions each")


@pytest.mark.slow
def test_runs_are_found_again_and_other_folds_are_other_runs(
    prepared: Prepared, tmp_path: Path, trained: list[tuple[int, int, str]]
) -> None:
    with pytest.raises(CancelledError):
        run_comparison(prepared, tmp_path, Listener(stop_after=6))
    half = compare_stored(prepared, tmp_path)
    assert half.folds == 3
    assert {run.key.split for run in half.runs} == {0, 1}
    assert "2 of 3 folds" in half.sentences[-1]
    found = run_comparison(prepared, tmp_path)
    assert len(trained) == 12
    again = compare_stored(prepared, tmp_path)
    assert again.sentences == found.sentences
    two = prepare(with_settings(prepared, "data", folds=2).study)
    assert compare_stored(two, tmp_path).rows == ()
    without = prepare(with_settings(prepared, "data", folds=None).study)
    assert compare_stored(without, tmp_path).rows == ()


def test_folds_and_splits_at_once_are_refused(
    prepared: Prepared, tmp_path: Path, trained: list[tuple[int, int, str]]
) -> None:
    both = with_settings(prepared, "comparison", splits=4)
    said = (
        "3 folds and 4 splits are set, but a comparison has either folds or splits; set the number of splits to 1, "
        "or do not use folds."
    )
    with pytest.raises(SettingsError) as caught:
        run_comparison(both, tmp_path)
    assert str(caught.value) == said
    assert plan_view(both.study, 60, 15).problem == said
    for do in (whole.compare_study, whole.run_study):
        with pytest.raises(SettingsError, match="3 folds and 4 splits"):
            do(both.study, tmp_path / "study")
    assert not (tmp_path / "study").exists(), "refused before anything is computed or written"
    assert trained == []
    assert "has a predefined split" in splits_problem(COMPARISON, is_predefined=True, folds=3)
    assert splits_problem(COMPARISON, is_predefined=False, folds=3) == ""


@pytest.mark.slow
def test_a_fold_that_lacks_a_class_is_told(prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a patient has most images of a class."""
    first = run_comparison(prepared, tmp_path)
    assert not any("Fold" in note for note in first.notes)
    open_split = comparing.open_split
    lacking = "The class “amber cell” has no test images, because its images belong together and are not divided."

    def opened(study: Prepared, split: int, *given: Any) -> Any:
        part = open_split(study, split, *given)
        warned = replace(part.prepared.split, warnings=(lacking, "Another."))
        return replace(part, prepared=replace(part.prepared, split=warned))

    monkeypatch.setattr(comparing, "open_split", opened)
    for found in (run_comparison(prepared, tmp_path), compare_stored(prepared, tmp_path)):
        assert found.notes == (f"Fold 2 of 3: {lacking}", f"Fold 3 of 3: {lacking}")
        assert found.sentences[-2:] == found.notes


def test_the_plan_and_the_estimate_count_folds(prepared: Prepared) -> None:
    settings = prepared.study.settings
    assert n_splits(settings) == 3
    assert [one.split for one in plan(settings.comparison, 3)] == [0] * 4 + [1] * 4 + [2] * 4
    view = plan_view(prepared.study, 60, 15, preparing=5.0)
    assert (view.n_splits, view.folds) == (3, 3)
    assert view.seconds == pytest.approx(sum(run.estimate.seconds for run in view.runs) + 10.0)
    estimated = EstimateComparison(prepared.study).run(NO_PROGRESS)
    assert estimated.problem == ""
    assert estimated.seconds > sum(run.estimate.seconds for run in estimated.runs), "preparing two more folds"


@pytest.mark.slow
def test_tables_and_report_say_folds(prepared: Prepared, tmp_path: Path) -> None:
    found = run_comparison(prepared, tmp_path / "runs")
    assert "over 3 folds" in accuracy_table(found, "head").title
    names = [column.name for column in comparison_table(found).columns]
    assert "folds" in names
    assert "splits" not in names
    assert "fold" in [column.name for column in run_table(found, Labels(prepared.dataset)).columns]
    outcome = whole.compare_study(prepared.study, tmp_path / "study", progress=NO_PROGRESS)
    report = outcome.report.read_text(encoding="utf-8")
    assert "into 3 folds, of which this is fold 1" in report
    assert "In each fold all rows have the same test images" in report
    assert "3 folds, 2 repetitions each" in report
    assert " 3 splits" not in report
