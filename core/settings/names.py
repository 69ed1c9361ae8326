"""Names in settings that lead to descriptions: samplers, extractors, networks, export formats."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from coreset_studio.core.descriptions.choice import SettingsPart, choices_of
from coreset_studio.core.descriptions.registry import NO_PLUGINS, registry, takes_plugins
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.settings.choices import Settings
from coreset_studio.core.settings.own import described, kind_of, own_settings

MATCHED = "matched:"


def names_used(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the names in the settings by kind of description, each once."""
    found: dict[str, list[str]] = {}
    for part in _parts(settings):
        for name, facts in choices_of(part):
            if facts.kind:
                value = getattr(part, name)
                several = value if isinstance(value, tuple) else (value,)
                found.setdefault(facts.kind, []).extend(each.removeprefix(MATCHED) for each in several if each)
    return {kind: tuple(dict.fromkeys(names)) for kind, names in found.items()}


def renamed(settings: Settings, kind: str, names: Mapping[str, str]) -> Settings:
    """Return settings in which names of descriptions are replaced.

    Parameters
    ----------
    kind : str
        Of description, such as ``"extractor"``.
    names : mapping of str to str
        New names by old ones.
    """
    for section in fields(settings):
        part = getattr(settings, section.name)
        changes: dict[str, Any] = {}
        for name, facts in choices_of(part):
            value = getattr(part, name)
            if facts.kind == kind:
                several = isinstance(value, tuple)
                changes[name] = tuple(names.get(each, each) for each in value) if several else names.get(value, value)
        settings = replace(settings, **{section.name: replace(part, **changes)})
    return settings


def unknown_names(settings: Settings) -> tuple[str, ...]:
    """Return a sentence for each name in the settings that is not known, such as one of a plugin that is missing."""
    return tuple(registry(kind).unknown(name) for kind, name in _unknown(settings))


def unknown_words(settings: Settings) -> str:
    """Return what names in the settings that are not known mean, in one sentence or two; empty where all are known."""
    unknown = _unknown(settings)
    if len(unknown) < 2:
        return "".join(unknown_names(settings))
    each = [f"the {kind} {name}" for kind, name in unknown]
    way = "install those" if takes_plugins() else NO_PLUGINS[0].lower() + NO_PLUGINS[1:].rstrip(".")
    return f"Missing: {', '.join(each[:-1])} and {each[-1]}. If they belong to plugins, {way}; or select others."


def _unknown(settings: Settings) -> list[tuple[str, str]]:
    """Return kind and name of what is not known."""
    used = names_used(settings)
    return [(kind, name) for kind, names in used.items() for name in names if name not in registry(kind)]


def check_names(settings: Settings) -> None:
    """Refuse names that are not known.

    Raises
    ------
    SettingsError
        Naming the first, and those that there are.
    """
    unknown = unknown_names(settings)
    if unknown:
        raise SettingsError(unknown[0])


def _parts(settings: Settings) -> Iterator[SettingsPart]:
    for each in fields(settings):
        part = getattr(settings, each.name)
        yield part
        for owner, _ in described(part):
            yield own_settings(part, registry(kind_of(part))[owner])
