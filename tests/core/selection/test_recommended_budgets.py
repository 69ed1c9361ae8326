"""The recommended rule over classes: what it comes to, what it is stored as, and what older forms keep meaning."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.pipeline.planning import rows_of
from coreset_studio.core.project import Project, read_project, write_project
from coreset_studio.core.results import Coreset
from coreset_studio.core.selection.class_budgets import rule_over_classes
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.selecting import select
from coreset_studio.core.selection.selector import CoresetSelector
from coreset_studio.core.settings import (
    ComparisonSettings,
    SelectionSettings,
    Settings,
    settings_from_dict,
    settings_to_dict,
)

SIZES = {"a": 100, "b": 25, "c": 16, "d": 4}
DIFFICULTY = {"a": 0.05, "b": 0.8, "c": 0.1, "d": 0.9}
# 40 images: d gives all of its 4, the others 10 each, then √n: a 10, b 5, c 4 by the highest averages.
BY_NEW_RULE = {"a": 16, "b": 10, "c": 10, "d": 4}


@pytest.fixture(scope="module")
def scene(make_scene: Callable[..., Any]) -> Any:
    return make_scene(SIZES, n_test=0)


@pytest.fixture(scope="module")
def make_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two classes, of 60 and 20 images; 42 and 14 of them are in the pool."""
    root = tmp_path_factory.mktemp("two classes")
    rng = np.random.default_rng(0)
    for name, n in (("large", 60), ("small", 20)):
        (root / name).mkdir()
        for number in range(n):
            pixels = rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)
            PIL.Image.fromarray(pixels).save(root / name / f"{number:02d}.png")
    return root


def choose(scene: Any, settings: SelectionSettings) -> Coreset:
    return select(scene.dataset, scene.split, scene.embeddings, scene.clusters, settings, difficulty=DIFFICULTY)


def of_even_herding(**choices: Any) -> SelectionSettings:
    return SelectionSettings(sampler="even-herding", images=40, **choices)


def test_of_all_samplers_it_changes_even_herding_alone() -> None:
    rules = {name: (each.budget_rule("recommended"), each.budget_rule("sampler")) for name, each in SAMPLERS.items()}
    changed = {name: both for name, both in rules.items() if both[0] != both[1]}
    assert changed == {"even-herding": ("equal-then-square-root", "difficulty")}
    assert {rules[name][0] for name in ("intelligent", "random", "stratified")} == {"proportional"}
    assert rules["balanced-herding"][0] == "difficulty"
    assert rules["global-graph-coverage"][0] == "equal"
    assert all(each.budget_rule("equal") == "equal" for each in SAMPLERS.values())


def test_nothing_said_is_the_new_rule_and_the_old_word_the_old_one(scene: Any) -> None:
    new, explicit = (
        choose(scene, of_even_herding(**said)) for said in ({}, {"budget_over_classes": "equal-then-square-root"})
    )
    assert new.budgets == explicit.budgets == BY_NEW_RULE
    np.testing.assert_array_equal(new.indices, explicit.indices)
    old, by_name = (choose(scene, of_even_herding(budget_over_classes=rule)) for rule in ("sampler", "difficulty"))  # type: ignore[arg-type]
    np.testing.assert_array_equal(old.indices, by_name.indices)
    assert old.budgets != new.budgets
    assert rule_over_classes(new, of_even_herding()) == "equal-then-square-root"
    assert rule_over_classes(old, of_even_herding(budget_over_classes="sampler")) == "difficulty"


@pytest.mark.parametrize("sampler", ["intelligent", "stratified", "random", "balanced-herding"])
def test_other_samplers_choose_the_same_images_as_before(scene: Any, sampler: str) -> None:
    settings = SelectionSettings(sampler=sampler, images=40)
    before = choose(scene, replace(settings, budget_over_classes="sampler"))
    now = choose(scene, settings)
    np.testing.assert_array_equal(now.indices, before.indices)
    assert now.notes == before.notes == ()


def test_both_are_written_and_a_form_without_it_means_the_old_one() -> None:
    assert settings_to_dict(Settings())["selection"]["budget_over_classes"] == "recommended"
    old = replace(Settings(), selection=SelectionSettings(budget_over_classes="sampler"))
    assert settings_to_dict(old)["selection"]["budget_over_classes"] == "sampler"
    for settings in (Settings(), old):
        assert settings_from_dict(settings_to_dict(settings)) == settings
    assert settings_from_dict({}).selection.budget_over_classes == "sampler"
    assert settings_from_dict({"selection": {"sampler": "even-herding"}}).selection.budget_over_classes == "sampler"


def test_an_old_project_keeps_its_images_and_its_keys_and_a_new_one_has_the_new_rule(
    scene: Any, tmp_path: Path
) -> None:
    new = Project(settings=Settings(selection=of_even_herding()))
    write_project(new, tmp_path / "new.coreset")
    values = json.loads((tmp_path / "new.coreset").read_text(encoding="utf-8"))
    assert values["settings"]["selection"]["budget_over_classes"] == "recommended"
    values["settings"]["selection"]["budget_over_classes"] = "sampler"  # as every project of before has it
    (tmp_path / "old.coreset").write_text(json.dumps(values), encoding="utf-8")
    old = read_project(tmp_path / "old.coreset")
    assert read_project(tmp_path / "new.coreset").settings == new.settings
    assert choose(scene, new.settings.selection).budgets == BY_NEW_RULE
    before = choose(scene, of_even_herding(budget_over_classes="difficulty"))
    np.testing.assert_array_equal(choose(scene, old.settings.selection).indices, before.indices)
    write_project(old, tmp_path / "again.coreset")
    again = json.loads((tmp_path / "again.coreset").read_text(encoding="utf-8"))
    assert again["settings"] == values["settings"]
    assert old.key("coreset") != new.key("coreset")


@pytest.mark.slow
def test_the_command_line_takes_the_new_rule_and_the_manifest_says_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make_images: Path
) -> None:
    few = [str(make_images), "--sampler", "even-herding", "--extractor", "colour-texture", "--images", "20"]
    assert main(["select", *few, "--out", str(tmp_path / "new.csv")]) == 0
    assert "sampler even-herding, class budgets equal-then-square-root, seed 0" in capsys.readouterr().out
    assert main(["export", *few, "--out", str(tmp_path / "new")]) == 0
    values = json.loads((tmp_path / "new" / "coreset.json").read_text(encoding="utf-8"))
    assert values["settings"]["selection"]["budget_over_classes"] == "recommended"
    assert values["coreset"]["class_budgets"] == "equal-then-square-root"
    assert values["coreset"]["budgets"] == {"large": 10, "small": 10}
    assert read_manifest(tmp_path / "new").intact
    assert main(["export", *few, "--budget-over-classes", "sampler", "--out", str(tmp_path / "old")]) == 0
    values = json.loads((tmp_path / "old" / "coreset.json").read_text(encoding="utf-8"))
    assert (values["settings"]["selection"]["budget_over_classes"], values["coreset"]["class_budgets"]) == (
        "sampler", "difficulty",
    )  # fmt: skip
    capsys.readouterr()
    assert main(["rerun", str(tmp_path / "old" / "coreset.json"), str(make_images)]) == 0
    assert "images were selected again" in capsys.readouterr().out


def test_controls_are_those_of_before_and_count_the_recommended_rule() -> None:
    asked = ComparisonSettings(samplers=("intelligent", "even-herding"))
    assert rows_of(asked) == ("intelligent", "even-herding", "stratified", "matched:even-herding")
    plain = Sampler(name="x", title="X", tip="x", does="x:x")
    assert not plain.has_own_budgets
    assert replace(plain, recommended_budget="equal").has_own_budgets
    assert replace(plain, class_budget="equal", recommended_budget="proportional").has_own_budgets


def test_the_selector_for_notebooks_takes_it_too() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b"], [200, 20])
    features = rng.normal(size=(220, 4))
    chosen = CoresetSelector(sampler="even-herding", fraction=0.1, k_max=2).fit(features, y)
    assert chosen.budgets_ == {"a": 12, "b": 10}
    named = CoresetSelector(sampler="even-herding", fraction=0.1, k_max=2, budgets="sampler").fit(features, y)
    assert named.budgets_["b"] < 10
