"""Every setting there is, one by one: what flags, controls and the documentation are made from."""

import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from coreset_studio.core.descriptions.choice import Choice, SettingsPart, choices_of
from coreset_studio.core.descriptions.registry import registry
from coreset_studio.core.settings.choices import Settings
from coreset_studio.core.settings.own import described, kind_of, own_settings, with_own

# The sections in the order in which they are listed, with what they are about.
SECTIONS: Mapping[str, str] = {
    "data": "images and split",
    "quality": "quality checks",
    "features": "features",
    "clusters": "clusters",
    "selection": "selection",
    "comparison": "comparison",
    "training": "training",
    "search": "hyperparameter search",
    "export": "export",
}


@dataclass(frozen=True)
class Setting:
    """One setting of a section, or of a description that has settings of its own in it.

    Attributes
    ----------
    section : str
        Of `Settings`.
    name : str
        Of the field.
    owner : str
        The description whose own setting it is; empty for a setting of the section.
    facts : Choice
    kind : object
        The field's type, as annotated.
    default : object
    flag : str
        On the command line, such as ``"--test-fraction"``; no two settings of a section share one.
    """

    section: str
    name: str
    owner: str
    facts: Choice
    kind: Any
    default: Any
    flag: str

    @property
    def where(self) -> str:
        """Section, owner and name with dots between."""
        return ".".join(part for part in (self.section, self.owner, self.name) if part)

    @property
    def plain_kind(self) -> Any:
        """The type without its None."""
        inner = [each for each in typing.get_args(self.kind) if each is not type(None)]
        return inner[0] if type(None) in typing.get_args(self.kind) and len(inner) == 1 else self.kind

    @property
    def is_list(self) -> bool:
        """Whether it has several values."""
        return typing.get_origin(self.kind) is tuple

    @property
    def is_mapping(self) -> bool:
        """Whether it has values by name."""
        return typing.get_origin(self.kind) in (dict, Mapping)

    @property
    def owner_title(self) -> str:
        """Title of the description that owns it; empty for a setting of the section."""
        return registry(kind_of(getattr(Settings(), self.section)))[self.owner].title if self.owner else ""

    @property
    def names(self) -> dict[str, str]:
        """Titles by name of what can be selected; empty where any value of its kind can."""
        facts = self.facts
        if not facts.kind:
            return dict(facts.values)
        known = registry(facts.kind)
        offered = {name: each.title for name, each in known.items() if not facts.only or getattr(each, facts.only)}
        return {"": facts.empty, **offered} if facts.empty else offered

    def value(self, settings: Settings) -> Any:
        """Return its value in `settings`."""
        part = getattr(settings, self.section)
        if self.owner:
            part = own_settings(part, registry(kind_of(part))[self.owner])
        return getattr(part, self.name)

    def changed(self, part: SettingsPart, value: Any) -> dict[str, Any]:
        """Return the changes to its section that give it another value.

        Raises
        ------
        SettingsError
            If the value is out of its range.
        """
        if self.owner:
            return {"own": getattr(with_own(part, self.owner, **{self.name: value}), "own")}  # noqa: B009
        return {self.name: value}

    def put(self, settings: Settings, value: Any) -> Settings:
        """Return `settings` with another value of it.

        Raises
        ------
        SettingsError
            If the value is out of its range.
        """
        part = getattr(settings, self.section)
        return replace(settings, **{self.section: replace(part, **self.changed(part, value))})


def settings_in(section: str) -> Iterator[Setting]:
    """Yield the settings of a section of `Settings`, those of descriptions last."""
    part = getattr(Settings(), section)
    taken: set[str] = set()
    for setting in _listed(section, "", type(part), part):
        taken.add(setting.flag)
        yield setting
    for owner, kind in described(part):
        for setting in _listed(section, owner, kind, kind()):
            long = f"--{owner}-{_hyphened(setting.name)}"
            free = replace(setting, flag=long) if setting.flag in taken else setting
            taken.add(free.flag)
            yield free


def settings_of_part(section: str, kind: type[SettingsPart]) -> Iterator[Setting]:
    """Yield the settings of a class that is no section of `Settings`, such as what is set about a model.

    Parameters
    ----------
    section : str
        Under which flags and controls know them.
    kind : type of SettingsPart
    """
    return _listed(section, "", kind, kind())


def all_settings() -> tuple[Setting, ...]:
    """Return every setting."""
    assert set(SECTIONS) == {each.name for each in fields(Settings)}  # noqa: S101 - a new section is listed above
    return tuple(setting for section in SECTIONS for setting in settings_in(section))


def _listed(section: str, owner: str, kind: type[SettingsPart], defaults: SettingsPart) -> Iterator[Setting]:
    kinds = typing.get_type_hints(kind)
    for name, facts in choices_of(kind):
        plain = f"--{_hyphened(name)}"
        flag = facts.flag or (plain if not owner or facts.flat else f"--{owner}-{_hyphened(name)}")
        yield Setting(section, name, owner, facts, kinds[name], getattr(defaults, name), flag)


def _hyphened(name: str) -> str:
    return name.replace("_", "-")
