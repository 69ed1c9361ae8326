"""Networks of a plugin, from the plan to the report: no other file of the program knows them."""

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.output.model_bundle import load_bundle
from coreset_studio.core.output.report import write_report
from coreset_studio.core.pipeline.comparing import compare_stored, run_comparison
from coreset_studio.core.pipeline.outlook import plan_view
from coreset_studio.core.pipeline.search_space import search_ranges
from coreset_studio.core.pipeline.searching import search_study
from coreset_studio.core.pipeline.stages import Prepared, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.whole import demo_settings, predict, report_content
from coreset_studio.core.settings import (
    ClusterSettings,
    ComparisonSettings,
    FeatureSettings,
    SearchSettings,
    Settings,
    TrainingSettings,
)
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.runs import load_runs

COMPARISON = ComparisonSettings(
    samplers=("random",), fractions=(0.5, 1.0), networks=("nearest-mean", "tiny"), controls=False
)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    place = tmp_path_factory.mktemp("plugin")
    make_demo(place / "demo", n_images=80, side=48)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        training=TrainingSettings(image_size=32, epochs=2, min_steps=4),
        comparison=COMPARISON,
    )
    return prepare(Study(place / "demo", settings, place / "cache"))


@pytest.fixture
def prepared(first: Prepared, plugin_networks: str) -> Prepared:
    assert plugin_networks
    return first


def asking(prepared: Prepared, **changes: Any) -> Prepared:
    settings = prepared.study.settings
    wanted = replace(settings, comparison=replace(settings.comparison, **changes))
    return replace(prepared, study=replace(prepared.study, settings=wanted))


@pytest.mark.slow
def test_they_are_planned_trained_kept_compared_and_told(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_view(prepared.study, 40, 10)
    assert plan.problem == ""
    # The nearest mean is said to take half a second an image, whatever the epochs.
    assert [run.estimate.seconds for run in plan.runs if run.network == "nearest-mean"] == [20.0, 10.0]

    found = run_comparison(asking(prepared, repetitions=2), tmp_path / "runs", keep_models=tmp_path / "models")
    assert [(row.network, row.sampler) for row in found.rows] == [
        ("nearest-mean", "random"), ("nearest-mean", "everything"), ("tiny", "random"), ("tiny", "everything")
    ]  # fmt: skip
    assert found.sentences[0].startswith("Nearest mean: keeping 50 % (23 images) at random: ")
    assert found.sentences[2].startswith("Nearest mean: 50 % selected by random reaches an accuracy of")
    assert any("The nearest mean uses the same features (colour-texture)" in sentence for sentence in found.sentences)

    # What is stored is compared again, and nothing is trained again.
    monkeypatch.setattr("coreset_studio.core.pipeline.comparing.train", None)
    again = run_comparison(asking(prepared, repetitions=2), tmp_path / "runs")
    assert again.sentences == found.sentences
    np.testing.assert_equal([vars(row) for row in again.rows], [vars(row) for row in found.rows])

    models = sorted((tmp_path / "models").iterdir())
    assert len(models) == 2, "of the first repetition, and of the network that can be saved"
    assert all(model.name.startswith("tiny-") for model in models)
    assert load_bundle(models[0]).image_size == 32
    predicted = predict(models[0], Path(prepared.study.source), tmp_path / "p.csv")
    assert predicted.n_images == 80

    content = report_content(prepared, comparison=found)
    write_report(tmp_path / "report.html", content)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "nearest-mean: test results with 95 % intervals" in html
    assert "Accuracy of tiny by epoch" in html
    (caption,) = set(re.findall("Training time of tiny against coreset size.*?without features", html))
    assert "Fig" not in caption, "it is not the paper's"


@pytest.mark.slow
def test_remarks_of_a_network_stand_beside_differences(prepared: Prepared, tmp_path: Path) -> None:
    wanted = asking(prepared, networks=("tiny",), fractions=(0.5,), controls=True)
    assert "A tiny network sees colours alone." in run_comparison(wanted, tmp_path).sentences


@pytest.mark.slow
def test_its_hyperparameters_can_be_searched(prepared: Prepared, tmp_path: Path) -> None:
    grid: dict[str, Any] = {"method": "grid", "learning_rates": (0.01,), "dropouts": (0.0, 0.5), "epoch_counts": (1,)}

    def searching(network: str) -> Study:
        search = SearchSettings(network=network, **grid)
        return replace(prepared.study, settings=replace(prepared.study.settings, search=search))

    search_study(searching("tiny"), tmp_path)
    assert len({run.history[0].loss for run in load_runs(tmp_path / "runs").runs}) == 2, "the dropout is the network's"
    titles = [each.title for each in search_ranges(SearchSettings(network="tiny"), prepared.study.settings.training)]
    assert "Dropout of the colours" in titles
    with pytest.raises(SettingsError, match=r"nearest mean has none .* custom network or transfer network or tiny"):
        search_study(searching("nearest-mean"), tmp_path / "other")


def test_the_demo_trains_the_programs_own_networks_alone(plugin_networks: str) -> None:
    assert plugin_networks
    trained = set(demo_settings().comparison.networks)
    assert {"custom", "head"} <= trained
    assert not trained & set(NETWORKS.plugins)


def test_without_the_plugin_its_runs_are_left_out_and_the_way_out_is_told(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = asking(prepared, networks=("nearest-mean", "head"))
    run_comparison(wanted, tmp_path)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    NETWORKS.reload()
    assert "nearest-mean" not in NETWORKS
    assert {row.network for row in compare_stored(wanted, tmp_path).rows} == {"head"}
    problem = plan_view(wanted.study, 40, 10).problem
    assert problem.startswith("There is no network named 'nearest-mean'; choose from custom, transfer, head")
    with pytest.raises(SettingsError, match="the packaged program does not load plugins"):
        run_comparison(wanted, tmp_path)
