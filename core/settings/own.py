"""The settings of single descriptions (samplers, networks, …), which the sections hold by name in `own`."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from coreset_studio.core.descriptions.choice import SettingsPart, own_kind
from coreset_studio.core.descriptions.description import Description
from coreset_studio.core.descriptions.registry import registry
from coreset_studio.core.errors import SettingsError

S = TypeVar("S", bound=SettingsPart)


def kind_of(section: SettingsPart | type[SettingsPart]) -> str:
    """Return the kind of description whose own settings a section holds; empty where it holds none."""
    return next((own_kind(each) for each in fields(section) if own_kind(each)), "")


def described(section: SettingsPart | type[SettingsPart]) -> Iterator[tuple[str, type[SettingsPart]]]:
    """Yield name and settings class of each description that has settings of its own in a section."""
    kind = kind_of(section)
    for name, description in registry(kind).items() if kind else ():
        if description.settings is not None:
            yield name, description.settings


def own_settings(section: SettingsPart, description: Description) -> Any:
    """Return what a description has as settings of its own: an instance of its class, or None where it has none.

    Parameters
    ----------
    section : SettingsPart
        The section that holds those of its kind, such as `SelectionSettings` for a sampler.
    """
    if description.settings is None:
        return None
    held = getattr(section, "own", {}).get(description.name)
    return held if isinstance(held, description.settings) else description.settings()


def with_own(section: S, name: str, **changes: Any) -> S:
    """Return the section with other values among the own settings of the description `name`.

    Raises
    ------
    SettingsError
        If there is no such description, it has no such setting, or a value is out of its range.
    """
    kind = kind_of(section)
    known = registry(kind)
    if name not in known:
        raise SettingsError(known.unknown(name))
    description = known[name]
    before = own_settings(section, description)
    names = {each.name for each in fields(before)} if before is not None else set()
    if set(changes) - names:
        raise SettingsError(f"{description.title} has no setting named {min(set(changes) - names)!r}.")
    held = put_own(getattr(section, "own", {}), name, replace(before, **changes))
    changed: dict[str, Any] = {"own": held}
    return replace(section, **changed)


def put_own(held: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Return own settings with those of one description put in; excluded where they are its defaults."""
    others = {each: kept for each, kept in held.items() if each != name}
    is_default = isinstance(value, SettingsPart) and value == type(value)()
    return others if is_default else dict(sorted({**others, name: value}.items()))
