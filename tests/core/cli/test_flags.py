"""Flags: every setting has one, and it arrives."""

import argparse
from dataclasses import fields
from typing import Any

import pytest

from coreset_studio.core.cli.choices import settings_of
from coreset_studio.core.cli.flags import SECTIONS, Flag, add_flags, flags_of, given_settings
from coreset_studio.core.descriptions import choices_of
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.settings import Settings, own_settings
from coreset_studio.core.settings.own import described

FLAGS = [flag for section in SECTIONS for flag in flags_of(section)]


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_flags(parser, dict.fromkeys(SECTIONS, ()))
    return parser.parse_args(words)


# Settings whose text has a grammar of its own.
WRITTEN = {"grey_levels": "0:4095", "alpha": "ignore", "pages": "max", "window": "40:400", "channels": "3,1,2"}
# Lists that do not take any number.
LISTS: dict[str, tuple[str, Any]] = {
    "parameters": ("dropout, image_size", ("dropout", "image_size")),
    "learning_rate_range": ("0.001, 0.01", (0.001, 0.01)),
    "image_size_range": ("64, 128", (64, 128)),
    "dropout_range": ("0.1, 0.2", (0.1, 0.2)),
    "dropouts": ("0.1, 0.2", (0.1, 0.2)),
    "epoch_counts": ("5, 10", (5, 10)),
}


def spoken(flag: Flag) -> tuple[list[str], Any]:
    """Return words for a value that is not the default, and that value."""
    value: Any
    if flag.setting.name in WRITTEN:
        text = WRITTEN[flag.setting.name]
        return [flag.words, text], (text,) if flag.setting.is_list else text
    if flag.setting.name in LISTS:
        text, value = LISTS[flag.setting.name]
        return [flag.words, text], value
    if flag.setting.is_mapping:
        given, value = ("3", 3) if "int" in str(flag.setting.kind) else ("0.5", 0.5)
        return [flag.words, f"a,b={given}", flag.words, f"c=d={given}"], {"a,b": value, "c=d": value}
    if flag.is_repeated:
        return [flag.words, "a, b", flag.words, "c"], ("a, b", "c")
    if flag.setting.is_list:
        return (
            ([flag.words, "0.5, 1"], (0.5, 1.0)) if not flag.setting.facts.kind else ([flag.words, "x, y"], ("x", "y"))
        )
    if isinstance(flag.setting.default, bool):
        return [flag.words.replace("--", "--no-", 1) if flag.setting.default else flag.words], not flag.setting.default
    if flag.setting.facts.values:
        value = next(each for each in flag.setting.facts.values if each != flag.setting.default)
        return [flag.words, value], value
    if flag.setting.default is None and flag.setting.plain_kind is float:
        return [flag.words, "0.25"], 0.25
    if flag.setting.default is None and flag.setting.plain_kind is int:
        return [flag.words, "7"], 7
    if isinstance(flag.setting.default, float):
        value = flag.setting.default / 2 or 0.25
        return [flag.words, repr(value)], value
    if isinstance(flag.setting.default, int) or flag.setting.name == "images":
        value = (flag.setting.default or 6) + 1
        return [flag.words, str(value)], value
    return [flag.words, "a b"], "a b"


def test_every_setting_has_a_flag_and_no_two_share_one() -> None:
    named = set()
    for section in fields(Settings):
        part = getattr(Settings(), section.name)
        named |= {(section.name, "", name) for name, _ in choices_of(part)}
        named |= {(section.name, owner, name) for owner, kind in described(part) for name, _ in choices_of(kind)}
    assert {(flag.setting.section, flag.setting.owner, flag.setting.name) for flag in FLAGS} == named
    assert len({flag.words for flag in FLAGS}) == len(FLAGS)


TYPED = [flag for flag in FLAGS if not flag.setting.facts.from_file]


@pytest.mark.parametrize("flag", TYPED, ids=[flag.words for flag in TYPED])
def test_what_is_said_arrives_and_nothing_else_changes(flag: Flag) -> None:
    words, value = spoken(flag)
    settings = given_settings(parsed(*words), Settings())
    part = getattr(settings, flag.setting.section)
    if flag.setting.owner:
        owners = dict(described(part))
        assert list(part.own) == [flag.setting.owner]
        assert getattr(part.own[flag.setting.owner], flag.setting.name) == value
        assert type(part.own[flag.setting.owner]) is owners[flag.setting.owner]
    else:
        assert getattr(part, flag.setting.name) == value
        others = {name for name, _ in choices_of(part) if getattr(part, name) != getattr(type(part)(), name)}
        assert others == {flag.setting.name}
    unchanged = [each.name for each in fields(Settings) if each.name != flag.setting.section]
    assert all(getattr(settings, name) == getattr(Settings(), name) for name in unchanged)


def test_nothing_said_changes_nothing() -> None:
    assert given_settings(parsed(), Settings()) == Settings()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--k-of-class", "lymphocyte"], "--k-of-class is 'lymphocyte'; expected a class and a number"),
        (["--k-of-class", "a=b"], "such as lymphocyte=3"),
        (["--fraction-of-class", "=0.5"], "such as lymphocyte=0.5"),
        (["--fractions", "0.1,x"], "--fractions is '0.1,x'; expected numbers separated by commas"),
        (["--mu", "2"], "mu must be from 0 to 1; found 2"),
        (["--test-fraction", "1"], "test_fraction must be a fraction from 0 to below 1"),
    ],
)
def test_what_cannot_be_is_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        given_settings(parsed(*words), Settings())
    assert sentence in str(caught.value)


def test_fractions_of_classes_are_a_budget_by_hand_and_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of(parsed("--fraction-of-class", "a=0.5"))
    assert settings.selection.budget_over_classes == "by-hand"
    assert "budgets are set by hand" in capsys.readouterr().err
    settings = settings_of(parsed("--fraction-of-class", "a=0.5", "--budget-over-classes", "equal"))
    assert settings.selection.budget_over_classes == "equal"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--sampler", "bets"], "There is no sampler named 'bets'; choose from random, "),
        (["--samplers", "random,bets"], "'bets'"),
        (["--networks", "bets"], "There is no network named 'bets'; choose from custom, "),
        (["--files", "bets"], "There is no export format named 'bets'"),
        (["--extractor", "bets"], "There is no extractor named 'bets'"),
        (["--backbone", "bets"], "There is no extractor named 'bets'"),
        (["--judge-extractor", "bets"], "There is no extractor named 'bets'"),
    ],
)
def test_a_name_that_is_not_known_is_refused_before_anything_is_read(words: list[str], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(parsed(*words))
    assert sentence in str(caught.value)


def test_matched_random_of_a_sampler_can_be_asked_for() -> None:
    settings = settings_of(parsed("--samplers", "matched:even-herding"))
    assert settings.comparison.samplers == ("matched:even-herding",)
    assert own_settings(settings.selection, _sampler("balanced-herding")).mu == 0.25


def _sampler(name: str) -> Any:
    from coreset_studio.core.descriptions import registry

    return registry("sampler")[name]
