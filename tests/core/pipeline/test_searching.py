"""Hyperparameter search: the orders on coreset and pool, in figures and words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from core.data.demo import make_demo
from core.errors import ExportError, SettingsError
from core.pipeline import comparing
from core.pipeline.grid import Grid
from core.pipeline.searching import search_study, summarise_search
from core.pipeline.study import Study
from core.results import Epoch, RunKey, RunResult
from core.settings import DataSettings, FeatureSettings, SelectionSettings, Settings, TrainingSettings, with_own
from core.training.evaluation import evaluate
from core.training.loop import n_epochs
from core.training.runs import load_runs

POINTS = [(0.001, 0.0, 5), (0.002, 0.0, 5), (0.004, 0.0, 5), (0.008, 0.0, 5)]


def a_run(validated: float, *, n_images: int = 30, seconds: float = 2.0) -> RunResult:
    """A run whose second epoch, of three, was kept."""
    true = np.array([0, 1])
    accuracies = (validated - 0.1, validated, validated - 0.05)
    return RunResult(
        key=RunKey("custom", "random", 0.1, 0, "x"),
        n_images=n_images,
        classes=("a", "b"),
        history=tuple(Epoch(i + 1, 1.0, 0.5, 1.0, accuracy, 0.1, 1.0) for i, accuracy in enumerate(accuracies)),
        best_epoch=2,
        metrics=evaluate(true, true, ("a", "b")),
        test_indices=true,
        true=true,
        predicted=true,
        confidence=np.ones(2, dtype=np.float32),
        train_seconds=seconds,
        feature_seconds=0.0,
        select_seconds=0.0,
        device="CPU",
    )


def summary(coreset: list[float], pool: list[float] | None) -> Any:
    whole = [a_run(value, n_images=300, seconds=20.0) for value in pool] if pool is not None else None
    return summarise_search(POINTS[: len(coreset)], [a_run(value) for value in coreset], whole, Path("search.csv"))


def test_agreement_is_kendalls_tau_and_the_loss_that_on_the_pool() -> None:
    coreset, pool = [0.70, 0.80, 0.75, 0.60], [0.85, 0.88, 0.90, 0.80]
    found = summary(coreset, pool)
    assert found.tau == pytest.approx(kendalltau(coreset, pool).statistic)
    assert found.lost == pytest.approx(0.02)
    assert [point.learning_rate for point in found.points] == [0.002, 0.004, 0.001, 0.008]
    assert (found.coreset_seconds, found.pool_seconds) == (8.0, 80.0)
    assert (found.n_coreset, found.n_pool) == (30, 300)
    assert "learning rate 0.002" in found.text
    assert "2.0 points below the best of the pool" in found.text
    assert "Kendall's τ, is 0.67" in found.text


def test_opposite_orders_have_a_real_minus() -> None:
    found = summary([0.1, 0.2, 0.3], [0.3, 0.2, 0.1])
    assert found.tau == pytest.approx(-1)
    assert "is −1.00" in found.text


@pytest.mark.parametrize(("coreset", "pool"), [([0.7, 0.8], [0.8, 0.9]), ([0.7, 0.7, 0.7], [0.8, 0.9, 0.7])])
def test_too_little_to_agree_on_is_said(coreset: list[float], pool: list[float]) -> None:
    found = summary(coreset, pool)
    assert found.tau is None
    assert "is not defined" in found.text


def test_without_the_pool_nothing_is_said_of_it() -> None:
    found = summary([0.7, 0.8], None)
    assert found.tau is None
    assert found.lost is None
    assert found.points[0].pool_accuracy is None
    assert "On the pool" not in found.text
    assert "Kendall" not in found.text


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


def test_a_search_goes_on_where_it_stopped_and_is_not_overwritten_unasked(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[tuple[str, float]] = []
    original = comparing.train

    def counting(network: str, task: Any, key: Any, progress: Any) -> Any:
        trained.append((key.sampler, task.settings.learning_rate))
        return original(network, task, key, progress)

    monkeypatch.setattr(comparing, "train", counting)
    grid = Grid((0.01, 0.002), (0.0,), (1,))
    first = search_study(study, grid, "custom", tmp_path)
    assert trained == [("stratified", 0.01), ("stratified", 0.002)]
    with pytest.raises(ExportError, match="finished search"):
        search_study(study, grid, "custom", tmp_path)
    again = search_study(study, grid, "custom", tmp_path, with_pool=True, overwrite=True)
    assert trained[2:] == [("everything", 0.01), ("everything", 0.002)]
    assert [point.coreset_accuracy for point in again.points] == [point.coreset_accuracy for point in first.points]
    assert again.n_pool > again.n_coreset == first.n_coreset
    lines = (tmp_path / "search.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("learning_rate,dropout,epochs,coreset_accuracy")
    assert len(lines) == 3


def test_what_cannot_be_searched_is_told(study: Study, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="none of these hyperparameters"):
        search_study(study, Grid(), "head", tmp_path)
    settings = replace(study.settings, data=DataSettings(validation_fraction=0.0))
    with pytest.raises(SettingsError, match="no validation images"):
        search_study(replace(study, settings=settings), Grid(), "custom", tmp_path)


def test_a_search_varies_the_dropout_that_the_network_has() -> None:
    settings = TrainingSettings(dropout=0.3, dropout_before_norm=0.05)
    grid = Grid((0.01,), (0.0, 0.2), (5,))
    custom, transfer = (grid.training(settings, name, (0.01, 0.2, 5)) for name in ("custom", "transfer"))
    assert (custom.dropout, custom.dropout_before_norm) == (0.2, 0.05)
    assert (transfer.dropout, transfer.dropout_before_norm) == (0.3, 0.2)
    assert "dropout before batch normalisation" in replace_network(summary([0.7, 0.8], None), "transfer").text
    assert "dropout after pooling" in summary([0.7, 0.8], None).text


def replace_network(found: Any, network: str) -> Any:
    return summarise_search(POINTS[:2], [a_run(0.7), a_run(0.8)], None, found.file, network)


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


def test_trained_epochs_and_dropouts_differ_and_are_told(study: Study, tmp_path: Path) -> None:
    training = TrainingSettings(image_size=32, min_steps=12)
    training = with_own(training, "transfer", backbone="mobilenetv2", untrained_backbone=True)
    settings = replace(study.settings, training=training)
    found = search_study(replace(study, settings=settings), Grid((0.01,), (0.0, 0.5), (1, 3)), "transfer", tmp_path)
    assert {(point.epochs, point.coreset_epochs) for point in found.points} == {(1, 4), (3, 12)}
    runs = load_runs(tmp_path / "runs").runs
    assert len({run.history[0].loss for run in runs}) == 2, "the dropout is there from the first step on"
    assert len({tuple(epoch.loss for epoch in run.history[:4]) for run in runs}) == 4, "no two points are alike"
    assert "on so few images, to reach the minimum training steps" in found.text
    assert "coreset_epochs" in (tmp_path / "search.csv").read_text(encoding="utf-8-sig").splitlines()[0]


def test_the_search_is_on_as_many_images_as_the_coreset_has(study: Study, tmp_path: Path) -> None:
    settings = replace(study.settings, selection=replace(study.settings.selection, images=17))
    found = search_study(replace(study, settings=settings), Grid((0.01,), (0.0,), (1,)), "custom", tmp_path)
    assert found.n_coreset == 17
