"""Recipes: what they come to, and what of them is stored."""

from dataclasses import fields, replace

import pytest

from coreset_studio.core.errors import SettingsError
from coreset_studio.core.settings import (
    RECIPES,
    Parts,
    Settings,
    TrainingSettings,
    parts_of,
    recipe_notes,
    recipe_sentence,
    settings_from_dict,
    settings_to_dict,
)

RECOMMENDED = TrainingSettings(recipe="recommended", orientation="free")


def test_the_papers_recipe_has_no_parts_and_is_what_stored_forms_without_one_mean() -> None:
    assert RECIPES["paper"].parts == Parts()
    assert parts_of(TrainingSettings()) == Parts()
    assert parts_of(settings_from_dict({"training": {"epochs": 3}}).training) == Parts()
    assert not set(settings_to_dict(TrainingSettings())) & {
        "recipe", "orientation", "checks", "steps", *(part.name for part in fields(Parts))
    }  # fmt: skip


def test_a_recipe_is_stored_by_name_and_comes_back() -> None:
    settings = Settings(training=replace(RECOMMENDED, label_smoothing=0.0, checks=5))
    stored = settings_to_dict(settings)["training"]
    assert {name: stored[name] for name in ("recipe", "orientation", "label_smoothing", "checks")} == {
        "recipe": "recommended", "orientation": "free", "label_smoothing": 0.0, "checks": 5,
    }  # fmt: skip
    assert settings_from_dict({"training": stored}).training == settings.training


def test_a_part_is_as_the_recipe_says_unless_it_says_so_itself() -> None:
    assert parts_of(RECOMMENDED) == RECIPES["recommended"].parts
    assert parts_of(RECOMMENDED).flips_and_turns
    assert not parts_of(replace(RECOMMENDED, flips_and_turns="off")).flips_and_turns
    assert parts_of(replace(RECOMMENDED, recipe="paper", class_weights="on", zoom=0.1)) == Parts(
        class_weights=True, zoom=0.1
    )
    every = {name: 0.0 for name, value in vars(Parts()).items() if value is not False}
    switches = {name: "off" for name, value in vars(Parts()).items() if value is False}
    off = replace(RECOMMENDED, **switches, **every)
    assert parts_of(off) == Parts()


@pytest.mark.parametrize(
    ("orientation", "said", "flips", "noted"),
    [
        ("free", "recipe", True, ""),
        ("fixed", "recipe", False, ""),
        ("unanswered", "recipe", False, "--orientation free"),
        ("unanswered", "on", False, "--orientation free"),
        ("unanswered", "off", False, ""),
        ("fixed", "on", False, "--flips-and-turns off"),
    ],
)
def test_flips_and_turns_want_images_without_an_up_and_a_down(
    orientation: str, said: str, flips: bool, noted: str
) -> None:
    training = TrainingSettings(recipe="recommended", orientation=orientation, flips_and_turns=said)  # type: ignore[arg-type]
    assert parts_of(training).flips_and_turns is flips
    notes = recipe_notes(training)
    assert len(notes) == bool(noted)
    assert all(noted in note for note in notes)


def test_how_networks_are_trained_is_told_in_one_sentence() -> None:
    assert recipe_sentence(TrainingSettings()) == (
        "Recipe “Paper”; steps that fall with the images, so that accuracy is reported with its cost."
    )
    training = TrainingSettings(weight_decay=0.05, class_weights="on", steps="equal")
    assert recipe_sentence(training) == (
        "Recipe “Paper”, modified: class weights, weight decay 0.05; equal steps at every fraction, so that "
        "differences are in accuracy per image."
    )


def test_parts_of_a_frozen_backbone_are_told_of_networks_that_stand_on_one() -> None:
    of = "regularised output on a frozen backbone"
    assert f"“Recommended”: flips and turns, {of};" in recipe_sentence(RECOMMENDED)
    assert "“Recommended”: flips and turns;" in recipe_sentence(RECOMMENDED, on_backbone=False)
    by_hand = TrainingSettings(regularised_output="on")
    assert f"“Paper”, modified: {of};" in recipe_sentence(by_hand)
    assert recipe_sentence(by_hand, on_backbone=False) == recipe_sentence(TrainingSettings())
    tuned = TrainingSettings(fine_tuning="on")
    assert "“Paper”, modified: fine-tuning of the last block;" in recipe_sentence(tuned)
    assert recipe_sentence(tuned, on_backbone=False) == recipe_sentence(TrainingSettings())


def test_no_recipe_has_fine_tuning() -> None:
    assert [name for name, recipe in RECIPES.items() if recipe.parts.fine_tuning] == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("recipe", "best", "one of paper, recommended"),
        ("label_smoothing", 1.0, "from 0 to below 1"),
        ("orientation", "upside", "one of unanswered, free, fixed"),
        ("checks", 0, "at least 1"),
    ],
)
def test_what_is_no_such_value_is_refused(name: str, value: object, expected: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be .*{expected}.*; found {value}"):
        TrainingSettings(**{name: value})  # type: ignore[arg-type]
