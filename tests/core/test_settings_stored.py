"""Stored forms of settings: what a later version adds or changes leaves what is stored as it is."""

import json
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.descriptions import SettingsPart, choice, choices_of, registry
from coreset_studio.core.descriptions.choice import Choice
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.project import STAGES, Project, project_from_dict, project_to_dict, read_project
from coreset_studio.core.settings import (
    DataSettings,
    EarlierCoreset,
    EarlierImage,
    Relabelling,
    SearchSettings,
    SelectionSettings,
    Settings,
    own_settings,
    read_settings,
    settings_from_dict,
    settings_in_keys,
    settings_to_dict,
    with_own,
)
from coreset_studio.core.settings import reading as reading_module
from coreset_studio.core.settings.chosen_file import ChosenFile, FeaturesFile
from coreset_studio.core.settings.own import described, kind_of

GOLDEN = Path(__file__).parents[1] / "golden" / "format-1"
SECTIONS = [each.name for each in fields(Settings)]


def parts() -> Iterator[type[SettingsPart]]:
    for section in SECTIONS:
        part = getattr(Settings(), section)
        yield type(part)
        yield from (kind for _, kind in described(part))


ALL = [(kind, name) for kind in parts() for name, _ in choices_of(kind)]


EARLIER = EarlierCoreset("before", "0" * 64, (EarlierImage("a.png", "a", "b"),))
CHOSEN = {
    ChosenFile: ChosenFile(digest="0" * 64, name="f.csv", place="/a/f.csv"),
    FeaturesFile: FeaturesFile(digest="1" * 64, name="f.npy", place="/a/f.npy", rows=3, blocks={"a": 2, "b": 1}),
}
# Settings whose text has a grammar of its own, or that consist of several values.
WRITTEN = {
    "continue_from": EARLIER,
    "grey_levels": ("0:4095",),
    "alpha": ("ignore",),
    "pages": "max",
    "parameters": ("dropout",),
    "learning_rate_range": (0.001, 0.01),
    "image_size_range": (64, 128),
    "dropout_range": (0.1, 0.2),
    "augmentation_range": (0.5, 1.5),
    "epoch_counts": (5, 10),
    "window": "40:400",
    "channels": "3,1,2",
    "relabelled": (Relabelling("a.png", "a", "b", "2026-11-27T09:30:00+00:00"),),
}


def other_value(kind: type[SettingsPart], name: str) -> Any:
    """Return a valid value that is not the default."""
    facts: Choice = dict(choices_of(kind))[name]
    value, annotated = getattr(kind(), name), typing.get_type_hints(kind)[name]
    if ChosenFile in (chosen := typing.get_args(annotated)) or FeaturesFile in chosen:
        return CHOSEN[typing.get_args(annotated)[0]]
    if name in WRITTEN and kind in (DataSettings, SelectionSettings, SearchSettings):
        return WRITTEN[name]
    if facts.values:
        return next(each for each in facts.values if each != value)
    if facts.kind:
        names = [each for each in registry(facts.kind) if each != value and (each,) != value]
        return names[:1] if isinstance(value, tuple) else names[0]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value / 2 or 0.25
    if isinstance(value, tuple):
        return (0.5,) if typing.get_args(annotated)[0] is float else ("a",)
    if isinstance(value, dict):
        return {"a": 1}
    if value is None and float in typing.get_args(annotated):
        return 0.5
    return "a" if isinstance(value, str) else 5


def with_value(settings: Settings, kind: type[SettingsPart], name: str, value: Any) -> Settings:
    """Return settings with another value of one field, a section's or a description's own."""
    for section in SECTIONS:
        part = getattr(settings, section)
        value = tuple(value) if isinstance(value, list) else value
        if type(part) is kind:
            return replace(settings, **{section: replace(part, **{name: value})})
        for owner, own in described(part):
            if own is kind:
                return replace(settings, **{section: with_own(part, owner, **{name: value})})
    raise AssertionError(kind)


def ids(case: tuple[type[SettingsPart], str]) -> str:
    return f"{case[0].__name__}.{case[1]}"


@pytest.mark.parametrize(("kind", "name"), ALL, ids=[ids(case) for case in ALL])
def test_every_setting_has_its_facts_and_comes_back_from_its_stored_form(kind: type[SettingsPart], name: str) -> None:
    facts = dict(choices_of(kind))[name]
    assert facts.title
    assert facts.tip
    assert not facts.tip.endswith(".")
    assert facts.allows(getattr(kind(), name))
    settings = with_value(Settings(), kind, name, other_value(kind, name))
    assert settings != Settings()
    stored = json.loads(json.dumps(settings_to_dict(settings)))
    assert settings_from_dict(stored) == settings


def test_the_settings_of_the_first_version_are_all_written() -> None:
    stored = settings_to_dict(Settings())
    golden = json.loads((GOLDEN / "settings.json").read_text(encoding="utf-8"))
    later = {
        section: {name for name, facts in choices_of(part) if not facts.kept and getattr(part, name) != facts.neutral}
        for section, part in ((each, getattr(Settings(), each)) for each in SECTIONS)
    }
    later["data"] |= {"own"}  # of tables, whose defaults are not neutral
    assert {section: set(values) - later[section] for section, values in stored.items()} == {
        section: set(values) for section, values in golden.items()
    }


def golden_keys() -> dict[str, object]:
    """Return all that must not depend on defaults: stored forms as they are written again, keys, and stale marks."""
    found: dict[str, object] = {}
    for name in ("settings", "settings-changed"):
        found[name] = settings_to_dict(read_settings(GOLDEN / f"{name}.json"))
    for name in ("project", "project-changed"):
        project = read_project(GOLDEN / f"{name}.coreset")
        found[name] = project_to_dict(project, GOLDEN)
        found[f"{name} keys"] = {stage: project.key(stage) for stage in STAGES}
        found[f"{name} current"] = {stage: project.result(stage) is not None for stage in STAGES}
    return found


def test_projects_of_the_first_version_are_read_and_current() -> None:
    for name in ("project", "project-changed"):
        project = read_project(GOLDEN / f"{name}.coreset")
        stored = json.loads((GOLDEN / f"{name}.coreset").read_text(encoding="utf-8"))
        assert settings_to_dict(project.settings) == stored["settings"]
        assert project.source == GOLDEN / "images.npz"
        assert project.notes == "golden"
        assert all(project.result(stage) is not None for stage in STAGES)
        assert json.loads(json.dumps(project_to_dict(project, GOLDEN, version="golden"))) == stored
    changed = read_project(GOLDEN / "project-changed.coreset").settings
    assert own_settings(changed.selection, registry("sampler")["balanced-herding"]).mu == 0.5
    assert own_settings(changed.selection, registry("sampler")["intelligent"]).budget_over_clusters == "neyman"


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), ALL, ids=[ids(case) for case in ALL])
def test_another_default_changes_no_stored_form_no_key_and_no_stale_mark(
    kind: type[SettingsPart], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = golden_keys()
    value = other_value(kind, name)
    value = tuple(value) if isinstance(value, list) else value
    monkeypatch.setitem(kind.__init__.__kwdefaults__, name, value)
    assert getattr(kind(), name) == value
    assert golden_keys() == before


def test_what_a_stored_form_does_not_name_is_neutral_whatever_the_default() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(type(Settings().training).__init__.__kwdefaults__, "epochs", 99)
        assert Settings().training.epochs == 99
        assert settings_from_dict({"training": {"batch_size": 8}}).training.epochs == 25
        assert settings_from_dict({}).training.epochs == 25


@dataclass(frozen=True, kw_only=True)
class LaterSettings(SettingsPart):
    """A section as a later version may have it."""

    old: int = choice(3, neutral=3, kept=True, title="Old", tip="There from the beginning")
    new: int = choice(5, neutral=0, title="New", tip="Added later; before, the program did as with 0")


def test_a_setting_added_later_is_left_out_where_it_is_neutral_and_not_where_it_is_the_default() -> None:
    read = reading_module._CONVERTER.structure
    assert settings_to_dict(LaterSettings(new=0)) == {"old": 3}
    assert settings_to_dict(LaterSettings()) == {"old": 3, "new": 5}
    assert read({"old": 4}, LaterSettings) == LaterSettings(old=4, new=0)
    assert read({"old": 4, "new": 5}, LaterSettings) == LaterSettings(old=4)


def test_a_setting_without_a_neutral_value_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="no neutral value"):
        choice(5, title="New", tip="Added later")


def test_own_settings_of_a_plugin_that_is_not_installed_are_kept() -> None:
    stored = settings_to_dict(Settings())
    stored["selection"] |= {"sampler": "gone", "own": {"gone": {"start": 4}}}
    settings = settings_from_dict(stored)
    assert settings.selection.sampler == "gone"
    assert settings_to_dict(settings) == stored
    assert (
        settings_to_dict(replace(settings, data=replace(settings.data, split_seed=2)))["selection"]
        == (stored["selection"])
    )


def test_own_settings_are_checked_and_named() -> None:
    selection = Settings().selection
    with pytest.raises(SettingsError, match=r"mu must be from 0 to 1; found 2"):
        with_own(selection, "balanced-herding", mu=2)
    with pytest.raises(SettingsError, match="Balanced herding has no setting named 'nu'"):
        with_own(selection, "balanced-herding", nu=2)
    with pytest.raises(SettingsError, match="no sampler named 'none'"):
        with_own(selection, "none", mu=2)
    with pytest.raises(SettingsError, match="mu"):
        settings_from_dict({"selection": {"mu": "a"}})
    changed = with_own(selection, "balanced-herding", mu=0.5)
    assert with_own(changed, "balanced-herding", mu=0.25) == selection
    assert kind_of(selection) == "sampler"


PLUGIN = """
from dataclasses import dataclass

from coreset_studio.core.descriptions import SettingsPart, choice
from coreset_studio.core.selection.description import Sampler


@dataclass(frozen=True, kw_only=True)
class FirstSettings(SettingsPart):
    start: int = choice(7, neutral=0, title="Start", tip="Where it begins")


FIRST = Sampler(
    name="first", title="First", tip="Takes the first", does="plug.code:order", settings=FirstSettings,
    uses_embedding=False,
)
"""


def test_a_setting_that_a_plugin_adds_makes_nothing_outdated(install_plugin: Callable[..., None]) -> None:
    """Not even one whose default is not its neutral value: what was stored before means the neutral one."""
    before = golden_keys()
    install_plugin(registry("sampler"), "plug", {"__init__.py": PLUGIN}, {"first": "plug:FIRST"})
    assert golden_keys() == before
    fresh = Settings()
    assert own_settings(fresh.selection, registry("sampler")["first"]).start == 7
    assert settings_to_dict(fresh)["selection"]["own"] == {"first": {"start": 7}}
    assert settings_from_dict(settings_to_dict(fresh)) == fresh
    old = read_settings(GOLDEN / "settings.json")
    assert own_settings(old.selection, registry("sampler")["first"]).start == 0


def test_a_project_that_names_a_missing_plugin_opens() -> None:
    values = project_to_dict(Project(), None)
    values["settings"]["selection"]["sampler"] = "gone"
    assert project_from_dict(values, Path(), "x.coreset").settings.selection.sampler == "gone"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (5, "In continue_from: expected an object in braces, found '5'"),
        ({"name": "a", "digest": "0" * 64}, "In images: it is missing."),
        ({"name": "a", "digest": "0" * 64, "images": []}, "The earlier coreset has no images"),
        ({"name": "a", "digest": "x", "images": [{"path": "", "class_name": "a", "pixels": "b"}]}, "64 hexadecimal"),
        ({"name": "a", "digest": "0" * 64, "images": ["a.png"]}, "expected an object in braces, found 'a.png'"),
    ],
)
def test_an_earlier_coreset_that_is_none_is_refused(value: Any, sentence: str) -> None:
    stored = settings_to_dict(Settings())
    stored["selection"]["continue_from"] = value
    with pytest.raises(SettingsError, match=sentence):
        settings_from_dict(stored)


def test_the_name_of_an_earlier_coreset_changes_no_key() -> None:
    one, other = (SelectionSettings(continue_from=replace(EARLIER, name=name)) for name in ("one", "other"))
    assert settings_in_keys(one) == settings_in_keys(other) != settings_in_keys(SelectionSettings())
    assert "continue_from" not in settings_in_keys(SelectionSettings())
