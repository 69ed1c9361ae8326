"""Hyperparameter search: the orders on coreset and pool, in figures and words."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import kendalltau

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import ExportError, SettingsError
from coreset_studio.core.output.search_files import read_search
from coreset_studio.core.pipeline import comparing, search_trials
from coreset_studio.core.pipeline.grid import Grid
from coreset_studio.core.pipeline.methods import read_methods
from coreset_studio.core.pipeline.search_outlook import estimate_search
from coreset_studio.core.pipeline.search_space import configured, search_ranges
from coreset_studio.core.pipeline.search_summary import Searched, summarise_search
from coreset_studio.core.pipeline.searching import search_study
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS, NoProgress
from coreset_studio.core.results import Epoch
from coreset_studio.core.results.searches import SearchResult, SearchTrial, TrialResult
from coreset_studio.core.search_answer import search_sentences
from coreset_studio.core.service.comparison_requests import EstimateSearch, SearchHyperparameters
from coreset_studio.core.settings import (
    DataSettings,
    FeatureSettings,
    SearchSettings,
    SelectionSettings,
    Settings,
    TrainingSettings,
    read_settings,
    with_own,
)
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.loop import n_epochs
from coreset_studio.core.training.runs import load_runs

RATES = (0.001, 0.002, 0.004, 0.008)


def a_trial(number: int, coreset: float, pool: float | None = None, pruned: int | None = None) -> SearchTrial:
    on_pool = None if pool is None else TrialResult(pool, 5, 20.0)
    return SearchTrial(number, {"learning_rate": RATES[number]}, TrialResult(coreset, 5, 2.0, pruned), on_pool)


def summary(trials: Sequence[SearchTrial], once_seconds: float = 0.0) -> SearchResult:
    titles = {"learning_rate": "Learning rate"}
    n_pool = 300 if trials[0].pool is not None else 0
    return summarise_search(Searched("tpe", "custom", "random", titles, trials, 30, n_pool, once_seconds))


def both(coreset: Sequence[float], pool: Sequence[float]) -> list[SearchTrial]:
    return [a_trial(number, *pair) for number, pair in enumerate(zip(coreset, pool, strict=True))]


def test_agreement_is_kendalls_tau_and_the_regret_that_on_the_pool() -> None:
    coreset, pool = [0.70, 0.80, 0.75, 0.60], [0.85, 0.88, 0.90, 0.80]
    found = summary(both(coreset, pool))
    expected = kendalltau(coreset, pool)
    assert found.agreement is not None
    assert found.agreement.tau == pytest.approx(expected.statistic)
    assert found.agreement.p_value == pytest.approx(expected.pvalue)
    assert found.agreement.n_ranked == 4
    assert found.agreement.regret == pytest.approx(0.02)
    assert [trial.number for trial in found.trials] == [1, 2, 0, 3]
    assert (found.coreset_seconds, found.pool_seconds) == (8.0, 80.0)
    text = "\n".join(search_sentences(found))
    assert "learning rate 0.002" in text
    assert "2.0 points below the best of the pool" in text
    assert f"Kendall's τ, is 0.67 (p = {expected.pvalue:.3f})" in text
    assert "10.0 times as fast on the coreset" in text


def test_the_selection_is_paid_back_after_as_many_trials_as_save_its_time() -> None:
    # Each of the trials saves 18 seconds.
    for seconds, trials in ((0.0, 1), (18.0, 1), (18.1, 2), (90.0, 5)):
        agreement = summary(both([0.7, 0.8, 0.6], [0.7, 0.8, 0.6]), seconds).agreement
        assert agreement is not None
        assert agreement.pays_after == trials
    slow = [replace(trial, pool=TrialResult(0.5, 5, 2.0)) for trial in both([0.7, 0.8, 0.6], [0.7, 0.8, 0.6])]
    agreement = summary(slow, 1.0).agreement
    assert agreement is not None
    assert agreement.pays_after is None
    assert "does not pay off" in search_sentences(summary(slow, 1.0))[-1]


def test_pruned_trials_are_last_and_not_ranked_but_count_for_the_regret() -> None:
    trials = both([0.70, 0.80, 0.75], [0.85, 0.88, 0.90])
    trials.append(a_trial(3, 0.95, 0.99, pruned=2))
    found = summary(trials)
    assert [trial.number for trial in found.trials] == [1, 2, 0, 3]
    assert (found.best.number, found.n_pruned) == (1, 1)
    assert found.agreement is not None
    assert found.agreement.n_ranked == 3
    assert found.agreement.tau == pytest.approx(kendalltau([0.70, 0.80, 0.75], [0.85, 0.88, 0.90]).statistic)
    assert found.agreement.regret == pytest.approx(0.99 - 0.88)
    assert "1 of them pruned" in search_sentences(found)[0]
    assert "pruned trials are not ranked" in "\n".join(search_sentences(found))


def test_opposite_orders_have_a_real_minus() -> None:
    found = summary(both([0.1, 0.2, 0.3], [0.3, 0.2, 0.1]))
    assert found.agreement is not None
    assert found.agreement.tau == pytest.approx(-1)
    assert "is −1.00" in "\n".join(search_sentences(found))


@pytest.mark.parametrize(("coreset", "pool"), [([0.7, 0.8], [0.8, 0.9]), ([0.7, 0.7, 0.7], [0.8, 0.9, 0.7])])
def test_too_little_to_agree_on_is_said(coreset: list[float], pool: list[float]) -> None:
    found = summary(both(coreset, pool))
    assert found.agreement is not None
    assert found.agreement.tau is None
    assert "is not defined" in "\n".join(search_sentences(found))


def test_without_the_pool_nothing_is_said_of_it() -> None:
    found = summary([a_trial(0, 0.7), a_trial(1, 0.8)])
    assert found.agreement is None
    text = "\n".join(search_sentences(found))
    assert "pool" not in text
    assert "Kendall" not in text


def test_a_grid_is_every_combination_and_not_empty() -> None:
    assert Grid((0.1, 0.2), (0.0,), (5, 6)).points() == [(0.1, 0.0, 5), (0.1, 0.0, 6), (0.2, 0.0, 5), (0.2, 0.0, 6)]
    with pytest.raises(SettingsError, match="at least one"):
        Grid(learning_rates=())


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    place = tmp_path_factory.mktemp("searching")
    make_demo(place / "demo", n_images=80, side=48)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        selection=SelectionSettings(sampler="stratified", fraction=0.5),
        training=TrainingSettings(image_size=32, min_steps=2),
    )
    return Study(place / "demo", settings, place / "cache")


def searching(study: Study, **changes: Any) -> Study:
    """The study with a grid of one point, or with other settings of the search."""
    grid: dict[str, Any] = {"method": "grid", "learning_rates": (0.01,), "dropouts": (0.0,), "epoch_counts": (1,)}
    return replace(study, settings=replace(study.settings, search=SearchSettings(**{**grid, **changes})))


def training_with(study: Study, **changes: Any) -> Study:
    training = replace(study.settings.training, **changes)
    return replace(study, settings=replace(study.settings, training=training))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Sampler and learning rate of every training that is done."""
    done: list[tuple[str, float]] = []
    original = comparing.train

    def counting(network: str, task: Any, key: Any, progress: Any) -> Any:
        done.append((key.sampler, task.settings.learning_rate))
        return original(network, task, key, progress)

    monkeypatch.setattr(comparing, "train", counting)
    return done


@pytest.mark.slow
def test_a_search_goes_on_where_it_stopped_and_is_not_overwritten_unasked(
    study: Study, tmp_path: Path, trained: list[tuple[str, float]]
) -> None:
    grid = searching(study, learning_rates=(0.01, 0.002))
    first = search_study(grid, tmp_path)
    assert trained == [("stratified", 0.01), ("stratified", 0.002)]
    assert "were searched with 2 configurations of a grid, each trained on the coreset." in read_methods(tmp_path).text
    with pytest.raises(ExportError, match="finished search"):
        search_study(grid, tmp_path)
    again = search_study(searching(study, learning_rates=(0.01, 0.002), with_pool=True), tmp_path, overwrite=True)
    assert trained[2:] == [("everything", 0.01), ("everything", 0.002)]
    assert [trial.coreset for trial in again.trials] == [trial.coreset for trial in first.trials]
    assert again.n_pool > again.n_coreset == first.n_coreset
    assert f"were trained on the whole pool of {again.n_pool} images" in read_methods(tmp_path).text
    lines = (tmp_path / "search.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == (
        "learning_rate,dropout,epochs,coreset_accuracy,coreset_seconds,pool_accuracy,pool_seconds,coreset_epochs,"
        "pool_epochs"
    )
    assert len(lines) == 3


def test_what_cannot_be_searched_is_told(study: Study, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="none of these hyperparameters"):
        search_study(searching(study, network="head"), tmp_path)
    with pytest.raises(SettingsError, match="Augmentation strength cannot be searched: the recipe has none; set an"):
        search_study(searching(study, method="tpe", parameters=("augmentation",)), tmp_path)
    with pytest.raises(
        SettingsError, match="Augmentation strength cannot be searched: the transfer network is trained"
    ):
        search_study(searching(study, method="tpe", network="transfer", parameters=("augmentation",)), tmp_path)
    settings = replace(study.settings, data=DataSettings(validation_fraction=0.0))
    with pytest.raises(SettingsError, match="no validation images"):
        search_study(searching(replace(study, settings=settings)), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="is a file; expected a folder"):
        search_study(searching(study), tmp_path / "file")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"trials": 0}, "trials must be a whole number of at least 1; found 0."),
        ({"dropout_range": (0.5, 0.1)}, "dropout_range must have the lowest dropout first; found 0.5 and then 0.1."),
        ({"learning_rate_range": (0.0, 0.1)}, "learning_rate_range must be above 0; found 0."),
        ({"learning_rate_range": (0.1,)}, "the lowest and the highest learning rate, such as 0.0002,0.02; found 0.1."),
        ({"image_size_range": (8, 64)}, "image_size_range must be whole numbers from 32 to 4096; found 8."),
        ({"augmentation_range": (0.0, float("nan"))}, "augmentation_range must be at least 0; found nan."),
        ({"parameters": ("momentum",)}, "parameters must be some of learning_rate, image_size, dropout, augmentation"),
        ({"dropouts": (1.5,)}, "dropouts must be from 0 to below 1; found 1.5."),
        ({"epoch_counts": (0,)}, "epoch_counts must be whole numbers of at least 1; found 0."),
        ({"method": "bayes"}, "method must be one of tpe, random, grid; found bayes."),
    ],
)
def test_settings_of_a_search_are_checked(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        SearchSettings(**wrong)


def test_what_is_varied_follows_from_network_and_recipe() -> None:
    plain, amounts = TrainingSettings(image_size=96), TrainingSettings(image_size=96, shifts=0.1, contrast=0.4)

    def varied(network: str, training: TrainingSettings, **changes: Any) -> dict[str, tuple[float, float]]:
        found = search_ranges(SearchSettings(network=network, **changes), training)
        return {each.name: (each.low, each.high) for each in found}

    three = {"learning_rate": (0.0002, 0.02), "image_size": (48, 96), "dropout": (0.0, 0.5)}
    assert varied("custom", plain) == varied("transfer", plain) == varied("transfer", amounts) == three
    assert varied("custom", amounts) == {**three, "augmentation": (0.0, 1.0)}
    assert varied("custom", plain, parameters=("dropout",)) == {"dropout": (0.0, 0.5)}
    assert varied("custom", plain, image_size_range=(40, 100))["image_size"] == (52, 100)
    assert "image_size" not in varied("custom", TrainingSettings(image_size=32))
    with pytest.raises(SettingsError, match=r"goes up to 3, but contrast 0.4 times 3 is not below 1; lower --augment"):
        varied("custom", amounts, augmentation_range=(0.0, 3.0))


def test_a_configuration_is_what_is_trained() -> None:
    training = TrainingSettings(dropout=0.3, dropout_before_norm=0.05, shifts=0.1, contrast=0.4)
    values = {"learning_rate": 0.003, "image_size": 64, "dropout": 0.2, "augmentation": 0.5}
    custom = configured(NETWORKS["custom"], training, values)
    expected = replace(training, learning_rate=0.003, image_size=64, dropout=0.2, shifts=0.05, contrast=0.2)
    assert custom == expected
    assert configured(NETWORKS["transfer"], training, {"dropout": 0.2}) == replace(training, dropout_before_norm=0.2)
    none = configured(NETWORKS["custom"], training, {"augmentation": 0.0})
    assert NETWORKS["custom"].amounts_of_augmentation(none) == {}
    assert NETWORKS["custom"].parts(none).used() == {}


def test_a_search_varies_the_dropout_that_the_network_has() -> None:
    settings = TrainingSettings(dropout=0.3, dropout_before_norm=0.05)
    grid = Grid((0.01,), (0.0, 0.2), (5,))
    custom, transfer = (grid.training(settings, name, (0.01, 0.2, 5)) for name in ("custom", "transfer"))
    assert (custom.dropout, custom.dropout_before_norm) == (0.2, 0.05)
    assert (transfer.dropout, transfer.dropout_before_norm) == (0.3, 0.2)
    titles = [
        next(each.title for each in search_ranges(SearchSettings(network=name), settings) if each.name == "dropout")
        for name in ("custom", "transfer")
    ]
    assert titles == ["Dropout after pooling", "Dropout before batch normalisation"]


@pytest.mark.parametrize("n_images", [1, 20, 100, 900, 5000])
def test_the_epochs_asked_for_differ_on_any_number_of_images(n_images: int) -> None:
    settings = TrainingSettings()
    grid = Grid((0.002,), (0.0,), (5, 10, 25, 26))
    done = [n_epochs(n_images, grid.training(settings, "custom", point)) for point in grid.points()]
    assert done == sorted(set(done))
    # The largest is trained as any network is; the others in proportion.
    assert done[-1] == n_epochs(n_images, replace(settings, epochs=26))
    assert done[0] / done[-1] == pytest.approx(5 / 26, abs=0.2)
    one = Grid((0.002,), (0.0,), (25,))
    assert one.training(settings, "custom", (0.002, 0.1, 25)) == settings


@pytest.mark.slow
def test_trained_epochs_and_dropouts_differ_and_are_told(study: Study, tmp_path: Path) -> None:
    training = TrainingSettings(image_size=32, min_steps=12)
    training = with_own(training, "transfer", backbone="mobilenetv2", untrained_backbone=True)
    asked = searching(study, network="transfer", dropouts=(0.0, 0.5), epoch_counts=(1, 3))
    asked = replace(asked, settings=replace(asked.settings, training=training))
    found = search_study(asked, tmp_path)
    assert {(trial.values["epochs"], trial.coreset.epochs) for trial in found.trials} == {(1, 4), (3, 12)}
    runs = load_runs(tmp_path / "runs").runs
    assert len({run.history[0].loss for run in runs}) == 2, "the dropout is there from the first step on"
    assert len({tuple(epoch.loss for epoch in run.history[:4]) for run in runs}) == 4, "no two points are alike"
    assert "on so few images, to reach the minimum training steps" in search_sentences(found)[0]
    assert "coreset_epochs" in (tmp_path / "search.csv").read_text(encoding="utf-8-sig").splitlines()[0]


@pytest.mark.slow
def test_the_search_is_on_as_many_images_as_the_coreset_has(study: Study, tmp_path: Path) -> None:
    settings = replace(study.settings, selection=replace(study.settings.selection, images=17))
    found = search_study(searching(replace(study, settings=settings)), tmp_path)
    assert found.n_coreset == 17


# --- trials -----------------------------------------------------------------------------------------------------------


TRIALS: dict[str, Any] = {"method": "random", "trials": 2, "parameters": ("learning_rate", "dropout")}


@pytest.mark.slow
def test_trials_are_trained_tested_stored_and_continued(
    study: Study, tmp_path: Path, trained: list[tuple[str, float]]
) -> None:
    first = search_study(searching(study, **{**TRIALS, "trials": 1}), tmp_path)
    assert [trial.number for trial in first.trials] == [0]
    assert len(trained) == 1
    assert {rate for _, rate in trained} == {trial.values["learning_rate"] for trial in first.trials}
    runs = load_runs(tmp_path / "runs").runs
    best = next(
        run for run in runs if run.history[0].learning_rate == pytest.approx(first.best.values["learning_rate"])
    )
    assert first.test is not None
    assert first.test.accuracy == best.metrics["accuracy"]
    assert first.test.n_images == len(best.true)
    kept = read_settings(tmp_path / "best-settings.json").training
    assert (kept.learning_rate, kept.dropout) == tuple(first.best.values[name] for name in ("learning_rate", "dropout"))
    assert read_search(tmp_path) == first
    lines = (tmp_path / "search.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == (
        "trial,state,pruned_after,learning_rate,dropout,coreset_accuracy,coreset_epochs,pool_accuracy,pool_epochs"
    )
    assert (tmp_path / "search-times.csv").is_file()
    assert "Hyperparameter search" not in (tmp_path / "search-report.html").read_text(encoding="utf-8").split("<h2")[0]

    more = search_study(searching(study, **TRIALS, with_pool=True), tmp_path, overwrite=True)
    assert [sampler for sampler, _ in trained[1:]] == ["stratified", "everything", "everything"]
    by_number = {trial.number: trial for trial in more.trials}
    assert by_number[0].coreset == first.best.coreset
    assert all(trial.pool is not None for trial in more.trials)
    assert more.agreement is not None
    assert more.test is not None
    assert more.test.regret is not None
    assert read_search(tmp_path) == more


@pytest.mark.slow
def test_another_search_in_the_same_folder_is_refused(study: Study, tmp_path: Path) -> None:
    one = {**TRIALS, "trials": 1}
    search_study(searching(study, **one), tmp_path)
    (tmp_path / "search.csv").unlink()
    with pytest.raises(ExportError, match="contains a search with other settings or images"):
        search_study(searching(study, **{**one, "search_seed": 1}), tmp_path)
    found = search_study(searching(study, **{**one, "search_seed": 1}), tmp_path, overwrite=True)
    assert len(found.trials) == 1


@pytest.mark.slow
def test_a_pruned_trial_is_shown_with_its_epoch(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # So that the second trial is pruned as soon as it may be, which is in the first epoch in which it is below.
    monkeypatch.setattr(search_trials, "COMPLETE_FIRST", 1)
    ends = {1: 2}
    monkeypatch.setattr(
        search_trials.ProposedTrial, "report", lambda self, epoch, accuracy: ends.get(self.number) == epoch
    )
    asked = training_with(searching(study, **TRIALS), epochs=3)
    told: list[object] = []

    class Listener(NoProgress):
        def publish(self, result: object) -> None:
            told.append(result)

    found = search_study(asked, tmp_path, progress=Listener())
    pruned = found.trials[-1]
    assert (pruned.number, pruned.coreset.pruned_after, pruned.coreset.epochs) == (1, 2, 2)
    assert len(load_runs(tmp_path / "runs").runs) == 1, "a pruned trial is no run"
    epochs = [each for each in told if isinstance(each, Epoch)][-2:]
    assert pruned.coreset.accuracy == max(epoch.validation_accuracy for epoch in epochs)
    assert pruned.coreset.seconds == pytest.approx(sum(epoch.seconds for epoch in epochs))
    assert [each for each in told if isinstance(each, SearchTrial)] == sorted(found.trials, key=lambda one: one.number)
    row = (tmp_path / "search.csv").read_text(encoding="utf-8-sig").splitlines()[-1]
    assert row.startswith("2,pruned,2,")
    assert "pruned after epoch 2" in (tmp_path / "search-report.html").read_text(encoding="utf-8")


def test_estimates_grow_with_trials_and_pool(study: Study) -> None:
    few, many = (estimate_search(searching(study, **{**TRIALS, "trials": n})) for n in (2, 20))
    assert many.seconds == pytest.approx(10 * few.seconds)
    assert few.n_images < few.n_pool
    assert "whole pool" not in few.sentence
    assert "on the whole pool" in estimate_search(searching(study, **TRIALS, with_pool=True)).sentence
    with pytest.raises(SettingsError, match="none of these"):
        estimate_search(searching(study, network="head"))


@pytest.mark.slow
def test_the_window_is_told_why_a_search_cannot_be_estimated_and_what_is_done(study: Study, tmp_path: Path) -> None:
    plan = EstimateSearch(searching(study, network="head"), tmp_path).run(NO_PROGRESS)
    assert (plan.n_trials, plan.sentence[:60]) == (0, "The linear probe has none of these hyperparameters; search w")
    settings = replace(study.settings, data=DataSettings(validation_fraction=0.0))
    plan = EstimateSearch(searching(replace(study, settings=settings), **TRIALS), tmp_path).run(NO_PROGRESS)
    assert plan.sentence == "There are no validation images to select by; set the validation fraction above 0."
    outcome = SearchHyperparameters(searching(study, **TRIALS), tmp_path).run(NO_PROGRESS)
    assert outcome.training.learning_rate == outcome.result.best.values["learning_rate"]
    assert outcome.table.is_file()
    assert outcome.report.is_file()
    more = searching(study, **{**TRIALS, "trials": 5})
    assert EstimateSearch(more, tmp_path).run(NO_PROGRESS).n_done == 2
