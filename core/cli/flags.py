"""Flags made from the facts of settings: every setting has one, with its tip as help."""

import argparse
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from coreset_studio.core.cli.paths import path_of
from coreset_studio.core.descriptions import inside_sentence
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.settings import Settings
from coreset_studio.core.settings.listed import SECTIONS, Setting, settings_in

__all__ = [
    "AUTO",
    "SECTIONS",
    "Flag",
    "add_flags",
    "add_part_flags",
    "flags_of",
    "given_settings",
    "given_values",
    "numbers",
    "words",
]

AUTO = "auto"
"""Used instead of a value that is determined from the images; see `core.descriptions.Choice.from_dataset`."""


@dataclass(frozen=True)
class Flag:
    """The flag of one setting."""

    setting: Setting

    @property
    def words(self) -> str:
        """The text of the flag, such as ``"--test-fraction"``."""
        return self.setting.flag

    @property
    def dest(self) -> str:
        """Name in the parsed options."""
        return self.setting.where

    @property
    def is_repeated(self) -> bool:
        """Whether it is given once for each value: free text may hold commas."""
        setting = self.setting
        named = setting.facts.kind or setting.facts.values
        texts = setting.is_list and not named and typing.get_args(setting.kind)[0] is str
        return setting.is_mapping or texts


def flags_of(section: str) -> Iterator[Flag]:
    """Yield the flags of a section of `Settings`, those of descriptions' own settings last."""
    return (Flag(setting) for setting in settings_in(section))


def add_flags(
    parser: argparse.ArgumentParser,
    sections: Mapping[str, Collection[str]],
    defaults: Mapping[str, str] | None = None,
) -> None:
    """Add the flags of sections.

    Parameters
    ----------
    sections : mapping of str to collection of str
        Sections of `Settings`, each with the names of settings that the command has no use for.
    defaults : mapping of str to str
        What a command does without a flag where that is not the setting's default, in words, by `Flag.dest`.
    """
    for section, title in SECTIONS.items():
        if section not in sections:
            continue
        group = parser.add_argument_group(title)
        for flag in flags_of(section):
            if flag.setting.name not in sections[section]:
                _add(group, flag, (defaults or {}).get(flag.dest))


def add_part_flags(parser: argparse.ArgumentParser, title: str, settings: Iterable[Setting]) -> None:
    """Add the flags of settings that are no section of `Settings`."""
    group = parser.add_argument_group(title)
    for setting in settings:
        _add(group, Flag(setting), None)


def given_values(options: argparse.Namespace, settings: Iterable[Setting]) -> dict[str, Any]:
    """Return what the command line says of settings that are no section of `Settings`, by name.

    Raises
    ------
    SettingsError
        On a value that is no number.
    """
    given = [(Flag(setting), getattr(options, setting.where, None)) for setting in settings]
    return {flag.setting.name: _value(flag, value) for flag, value in given if value is not None}


def given_settings(options: argparse.Namespace, settings: Settings) -> Settings:
    """Return `settings` changed by the command line; values determined from images or files stay unchanged.

    Raises
    ------
    SettingsError
        On a value that is not valid, naming it.
    """
    for section in SECTIONS:
        for flag in flags_of(section):
            value = getattr(options, flag.dest, None)
            if value is not None and not (_is_of_images(flag, value) or flag.setting.facts.from_file):
                settings = flag.setting.put(settings, _value(flag, value))
    return settings


def flags_of_images(options: argparse.Namespace) -> tuple[Flag, ...]:
    """Return the flags whose value the images are to give."""
    flags = (flag for section in SECTIONS for flag in flags_of(section))
    return tuple(flag for flag in flags if _is_of_images(flag, getattr(options, flag.dest, None)))


def flags_of_files(options: argparse.Namespace) -> tuple[tuple[Flag, Path], ...]:
    """Return the flags whose value is read from a file, each with the file."""
    flags = (flag for section in SECTIONS for flag in flags_of(section) if flag.setting.facts.from_file)
    return tuple((flag, value) for flag in flags if (value := getattr(options, flag.dest, None)) is not None)


def _is_of_images(flag: Flag, value: Any) -> bool:
    return bool(flag.setting.facts.from_dataset) and value == AUTO


def _add(group: "argparse._ArgumentGroup", flag: Flag, default: str | None) -> None:
    setting = flag.setting
    facts, about = setting.facts, f"{setting.owner_title}: " if setting.owner else ""
    parts = [about + (inside_sentence(facts.tip) if about else facts.tip)]
    if facts.kind or (facts.values and setting.is_list):
        parts.append(", ".join(name for name in setting.names if name))
    if facts.from_dataset:
        parts.append(f"{AUTO} determines it from the images")
    if flag.is_repeated:
        parts.append("may be repeated")
    elif setting.is_list and not facts.from_file:
        parts.append("several separated by commas")
    default = _default_words(setting.default) if default is None else default
    words = "; ".join([*parts, f"default {default}"] if default else parts)
    add = partial(group.add_argument, flag.words, dest=flag.dest, default=None, help=words)
    plain = setting.plain_kind
    if plain is bool:
        add(action=argparse.BooleanOptionalAction)
    elif facts.values and not setting.is_list:
        add(choices=tuple(facts.values))
    elif facts.from_file:
        add(type=path_of, metavar=facts.typed)
    elif setting.is_mapping:
        add(action="append", metavar="CLASS=NUMBER")
    elif flag.is_repeated:
        add(action="append", metavar=facts.typed or ("CLASS" if "class" in flag.words else "PATH"))
    elif setting.is_list:
        add(metavar="NAME,…" if facts.kind or facts.values else "NUMBER,…")
    else:
        kind = plain if plain in (int, float) else str
        metavar = "NAME" if facts.kind else {int: "N", float: "F"}.get(kind, "TEXT")
        if facts.from_dataset:
            add(type=partial(_number_or_auto, kind), metavar=f"{metavar}|{AUTO}")
        else:
            add(type=kind, metavar=metavar)


def _number_or_auto(kind: Callable[[str], Any], text: str) -> Any:
    if text == AUTO:
        return AUTO
    try:
        return kind(text)
    except ValueError:
        words = f"it is {text!r}; expected a number, or {AUTO} to determine it from the images"
        raise argparse.ArgumentTypeError(words) from None


def _default_words(default: Any) -> str:
    if default is None or default is False or default == "" or default == () or default == {}:
        return ""
    if default is True:
        return "yes"
    if isinstance(default, tuple):
        return ",".join(_default_words(each) for each in default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def _value(flag: Flag, value: Any) -> Any:
    setting = flag.setting
    if setting.is_mapping:
        number: Callable[[str], Any] = typing.get_args(setting.kind)[1]
        return dict(_pair(flag, text, number) for text in value)
    if flag.is_repeated:
        return tuple(value)
    if setting.is_list:
        kind = typing.get_args(setting.kind)[0]
        return words(value) if kind is str else _numbers_of(kind, value, flag.words)
    return value


def _numbers_of(kind: Callable[[float], Any], text: str, flag: str) -> tuple[Any, ...]:
    """Split at commas into numbers of a kind.

    Raises
    ------
    SettingsError
        If one is not such a number.
    """
    found = numbers(text, flag)
    if kind is int and not all(each.is_integer() for each in found):
        raise SettingsError(f"{flag} is {text!r}; expected whole numbers separated by commas, such as 64,128.")
    return tuple(kind(each) for each in found)


def _pair(flag: Flag, text: str, number: Callable[[str], Any]) -> tuple[str, Any]:
    name, equals, value = text.rpartition("=")
    try:
        if not equals or not name:
            raise ValueError
        return name, number(value)
    except ValueError:
        example = "lymphocyte=3" if number is int else "lymphocyte=0.5"
        raise SettingsError(f"{flag.words} is {text!r}; expected a class and a number, such as {example}.") from None


def words(text: str) -> tuple[str, ...]:
    """Split at commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def numbers(text: str, flag: str) -> tuple[float, ...]:
    """Split at commas into numbers.

    Raises
    ------
    SettingsError
        If one is not a number.
    """
    try:
        return tuple(float(word) for word in words(text))
    except ValueError as error:
        raise SettingsError(
            f"{flag} is {text!r}; expected numbers separated by commas, such as 0.05,0.25,1."
        ) from error
