"""What a run is known by: to the digit as before networks had descriptions, so that nothing is trained again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.descriptions import Plugin, choice
from coreset_studio.core.pipeline.planning import PlannedRun
from coreset_studio.core.pipeline.run_keys import ProbeInput, run_key
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import Dataset, Image, Split
from coreset_studio.core.settings import TrainingSettings, settings_from_dict, settings_to_dict, with_own
from coreset_studio.core.training.architectures import NETWORKS

SPLIT = Split(np.array([0, 1, 2, 5, 6, 7]), np.array([3]), np.array([4, 8, 9]))
UNTRAINED = {"backbone": "mobilenetv2", "untrained_backbone": True}
CHANGED = {
    "image_size": 64, "epochs": 3, "min_steps": 0, "batch_size": 8, "learning_rate": 0.01, "dropout": 0.2,
    "dropout_before_norm": 0.3, "norm_momentum": 0.5,
}  # fmt: skip
OTHERS = {"backbone": "vgg16", "judge_extractor": "vgg16"}
# Computed by the program before networks had descriptions.
KNOWN = [
    ("custom", {}, "8d08eaa2e5fac06ea730036c1f5b116a"),
    ("transfer", {}, "188be7e623a50ccd3d5b55102ebb04c6"),
    ("head", {}, "f137bd962f47404e62f83066ffa9cab3"),
    ("custom", CHANGED, "cc9967fabd262c9e21385e5ecc6f5515"),
    ("transfer", CHANGED, "0d23f6df44baabf2f8db8eb22ee53486"),
    ("head", CHANGED, "f137bd962f47404e62f83066ffa9cab3"),
    ("custom", OTHERS, "8d08eaa2e5fac06ea730036c1f5b116a"),
    ("transfer", OTHERS, "d79a63b0462472bd0feeb97a706bd0c1"),
    ("head", OTHERS, "f137bd962f47404e62f83066ffa9cab3"),
]


def training_of(changes: Mapping[str, object]) -> TrainingSettings:
    return settings_from_dict({"training": {**UNTRAINED, **changes}}).training


def mark(network: str, training: TrainingSettings, strength: float | None = 10.0) -> str:
    images = tuple(
        Image(f"{name}/{n}.png", name, None, "", 8, 8, f"pixels {name} {n}", f"file {name} {n}", 1, 0, "0" * 16)
        for name in ("a", "b")
        for n in range(5)
    )
    dataset = Dataset(Path("x"), Path("x"), "folder", images)
    settings = replace(settings_from_dict({}), training=training)
    prepared: Any = SimpleNamespace(study=Study(Path("x"), settings, Path("nowhere")), dataset=dataset, split=SPLIT)
    extracted: Any = SimpleNamespace(fingerprint="seen")
    embedding: Any = None
    probe_input = (
        None if network in ("custom", "transfer", "tiny") else ProbeInput("vgg16", embedding, strength, extracted)
    )
    return run_key(prepared, PlannedRun(network, "random", 0.5, 2), np.array([0, 5, 6]), probe_input).fingerprint


@pytest.mark.parametrize(("network", "changes", "expected"), KNOWN)
def test_runs_are_known_by_what_they_always_were(network: str, changes: dict[str, object], expected: str) -> None:
    assert mark(network, training_of(changes)) == expected


def test_the_stored_form_of_training_is_what_it_was() -> None:
    stored = settings_to_dict(training_of(CHANGED))
    assert list(stored.items()) == [*CHANGED.items(), *UNTRAINED.items(), ("judge_extractor", "")]
    settings = with_own(TrainingSettings(), "head", judge_extractor="vgg16")
    assert settings_from_dict({"training": settings_to_dict(settings)}).training == settings


@dataclass(frozen=True, kw_only=True)
class LaterTraining(TrainingSettings):
    """Training with a setting that was added later, whose default is no longer what was done before."""

    later: float = choice(0.01, neutral=0.0, title="Later", tip="For this test")


@pytest.mark.parametrize(("network", "changes", "expected"), KNOWN)
def test_a_setting_added_later_counts_where_it_is_not_neutral(
    network: str, changes: dict[str, object], expected: str
) -> None:
    known = training_of(changes)
    later = LaterTraining(**vars(known), later=0.0)
    assert mark(network, later) == expected
    assert (mark(network, replace(later, later=0.1)) == expected) is (network == "head")


def test_a_plugins_network_is_known_by_its_own_settings_and_its_version(
    plugin_networks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = training_of({})
    ours = mark("nearest-mean", training, None)
    assert mark("nearest-mean", training_of(CHANGED), None) == ours
    sharper = with_own(training, "nearest-mean", sharpness=9.0)
    assert mark("nearest-mean", sharper, None) != ours
    # Its own settings belong to no other network.
    for network, changes, expected in KNOWN[:3]:
        assert not changes
        assert mark(network, sharper) == expected
    tiny = mark("tiny", training)
    assert mark("tiny", training_of(CHANGED)) != tiny
    assert mark("tiny", training_of(OTHERS)) == tiny
    assert NETWORKS._found is not None
    monkeypatch.setitem(NETWORKS._found, "tiny", replace(NETWORKS["tiny"], version=2))
    raised = mark("tiny", training)
    monkeypatch.setitem(NETWORKS._plugins, "tiny", Plugin("coreset_networks", "1.3"))
    assert len({tiny, raised, mark("tiny", training)}) == 3
    assert str(NETWORKS.plugins["nearest-mean"]) == plugin_networks


def test_a_recipe_counts_by_its_parts_and_the_papers_not_at_all() -> None:
    for network, _changes, expected in KNOWN[:2]:
        plain = training_of({})
        assert mark(network, replace(plain, orientation="free")) == expected
        off = replace(plain, recipe="recommended", orientation="unanswered", weight_decay=0.0, label_smoothing=0.0)
        off = replace(
            off, class_weights="off", averaged_weights=0.0, shifts=0.0, zoom=0.0, brightness=0.0, contrast=0.0,
            stain_jitter=0.0, regularised_output="off",
        )  # fmt: skip
        assert mark(network, off) == expected
        by_recipe = mark(network, replace(off, orientation="free"))
        by_hand = mark(network, replace(plain, orientation="free", flips_and_turns="on"))
        assert by_recipe == by_hand != expected
        assert (
            len({mark(network, replace(plain, checks=5)), mark(network, replace(plain, steps="equal")), expected}) == 3
        )
    # Of a frozen backbone: no other network is known by it.
    regularised = replace(training_of({}), regularised_output="on")
    tuned = replace(training_of({}), fine_tuning="on")
    assert mark("custom", regularised) == mark("custom", tuned) == KNOWN[0][2]
    assert mark("transfer", replace(tuned, fine_tuning="off")) == KNOWN[1][2]
    assert len({mark("transfer", tuned), mark("transfer", regularised), KNOWN[1][2]}) == 3
    assert mark("transfer", regularised) != KNOWN[1][2]
    recommended = replace(training_of({}), recipe="recommended", orientation="free")
    by_hand = replace(training_of({}), orientation="free", flips_and_turns="on")
    assert mark("custom", recommended) == mark("custom", by_hand)
    assert mark("transfer", recommended) == mark("transfer", replace(by_hand, regularised_output="on"))
    assert mark("head", replace(training_of({}), label_smoothing=0.1, checks=5, steps="equal")) == KNOWN[2][2]
