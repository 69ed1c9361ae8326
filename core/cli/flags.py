"""Flags made from the facts of settings: every setting has one, with its tip as help."""

import argparse
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from core.descriptions import Choice, SettingsPart, choices_of
from core.descriptions.registry import registry
from core.errors import SettingsError
from core.settings import Settings, with_own
from core.settings.own import described, kind_of

# In the order in which help shows them, with the title of the group.
SECTIONS: Mapping[str, str] = {
    "data": "images and split",
    "features": "features",
    "clusters": "clusters",
    "selection": "selection",
    "comparison": "comparison",
    "training": "training",
    "export": "export",
}


@dataclass(frozen=True)
class Flag:
    """The flag of one setting.

    Attributes
    ----------
    section : str
        Of `Settings`.
    name : str
        Of the field.
    owner : str
        The description whose own setting it is; empty for a setting of the section.
    words : str
        Such as ``"--test-fraction"``.
    facts : Choice
    kind : object
        The field's type, as annotated.
    default : object
        What the program does without it.
    """

    section: str
    name: str
    owner: str
    words: str
    facts: Choice
    kind: Any
    default: Any

    @property
    def dest(self) -> str:
        """Name in the parsed options."""
        return ".".join(part for part in (self.section, self.owner, self.name) if part)

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return typing.get_origin(self.kind) is tuple

    @property
    def is_mapping(self) -> bool:
        """Whether it takes values by name."""
        return typing.get_origin(self.kind) in (dict, Mapping)

    @property
    def is_repeated(self) -> bool:
        """Whether it is given once for each value: free text may hold commas."""
        return self.is_mapping or (self.is_list and not self.facts.kind and typing.get_args(self.kind)[0] is str)


def flags_of(section: str) -> Iterator[Flag]:
    """Yield the flags of a section of `Settings`, those of descriptions' own settings last."""
    part: SettingsPart = getattr(Settings(), section)
    taken = set()
    for flag in _flags(section, "", type(part), part):
        taken.add(flag.words)
        yield flag
    for owner, kind in described(part):
        for flag in _flags(section, owner, kind, kind()):
            free = flag if flag.words not in taken else replace(flag, words=f"--{owner}-{_hyphened(flag.name)}")
            taken.add(free.words)
            yield free


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
            if flag.name not in sections[section]:
                _add(group, flag, (defaults or {}).get(flag.dest))


def said_settings(options: argparse.Namespace, settings: Settings) -> Settings:
    """Return `settings` changed by what was said on the command line.

    Raises
    ------
    SettingsError
        On a value that is not valid, naming it.
    """
    for section in SECTIONS:
        part = getattr(settings, section)
        said = [(flag, getattr(options, flag.dest)) for flag in flags_of(section) if _was_said(options, flag)]
        changes = {flag.name: _value(flag, value) for flag, value in said if not flag.owner}
        if changes:
            part = replace(part, **changes)
        for flag, value in said:
            if flag.owner:
                part = with_own(part, flag.owner, **{flag.name: _value(flag, value)})
        settings = replace(settings, **{section: part})
    return settings


def _was_said(options: argparse.Namespace, flag: Flag) -> bool:
    return getattr(options, flag.dest, None) is not None


def _flags(section: str, owner: str, kind: type[SettingsPart], defaults: SettingsPart) -> Iterator[Flag]:
    kinds = typing.get_type_hints(kind)
    for name, facts in choices_of(kind):
        plain = f"--{_hyphened(name)}" if not owner or facts.flat else f"--{owner}-{_hyphened(name)}"
        yield Flag(section, name, owner, facts.flag or plain, facts, kinds[name], getattr(defaults, name))


def _hyphened(name: str) -> str:
    return name.replace("_", "-")


def _add(group: "argparse._ArgumentGroup", flag: Flag, default: str | None) -> None:
    facts = flag.facts
    about = f"{registry(kind_of(getattr(Settings(), flag.section)))[flag.owner].title}: " if flag.owner else ""
    parts = [about + (facts.tip[0].lower() + facts.tip[1:] if about else facts.tip)]
    if facts.kind:
        parts.append(", ".join(registry(facts.kind)))
    if flag.is_repeated:
        parts.append("may be given again")
    default = _default_words(flag.default) if default is None else default
    words = "; ".join([*parts, f"default {default}"] if default else parts)
    add = partial(group.add_argument, flag.words, dest=flag.dest, default=None, help=words)
    plain = _plain_kind(flag.kind)
    if plain is bool:
        add(action=argparse.BooleanOptionalAction)
    elif facts.values:
        add(choices=tuple(facts.values))
    elif flag.is_mapping:
        add(action="append", metavar="CLASS=NUMBER")
    elif flag.is_repeated:
        add(action="append", metavar="CLASS" if "class" in flag.words else "PATH")
    elif flag.is_list:
        add(metavar="NAME,…" if facts.kind else "NUMBER,…")
    else:
        kind = plain if plain in (int, float) else str
        add(type=kind, metavar="NAME" if facts.kind else {int: "N", float: "F"}.get(kind, "TEXT"))


def _default_words(default: Any) -> str:
    if default is None or default is False or default == "" or default == () or default == {}:
        return ""
    if default is True:
        return "yes"
    if isinstance(default, tuple):
        return ",".join(_default_words(each) for each in default)
    return f"{default:g}" if isinstance(default, float) else str(default)


def _plain_kind(kind: Any) -> Any:
    """Return the type without its None."""
    inner = [each for each in typing.get_args(kind) if each is not type(None)]
    return inner[0] if type(None) in typing.get_args(kind) and len(inner) == 1 else kind


def _value(flag: Flag, said: Any) -> Any:
    if flag.is_mapping:
        number: Callable[[str], Any] = typing.get_args(flag.kind)[1]
        return dict(_pair(flag, text, number) for text in said)
    if flag.is_repeated:
        return tuple(said)
    if flag.is_list:
        kind = typing.get_args(flag.kind)[0]
        return words(said) if kind is str else tuple(kind(each) for each in numbers(said, flag.words))
    return said


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
        If one is no number.
    """
    try:
        return tuple(float(word) for word in words(text))
    except ValueError as error:
        raise SettingsError(f"{flag} is {text!r}; expected numbers between commas, such as 0.05,0.25,1.") from error
