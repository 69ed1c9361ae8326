"""Settings as plain JSON values and back, with a sentence for each fault.

A stored form only contains a setting that was added later if it is not neutral, and one that it does not contain
is neutral, regardless of the present default: see `core.descriptions.Choice`.
"""

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import cattrs
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn

from coreset_studio.core.descriptions.choice import SettingsPart, choices_of
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.files import reason_of
from coreset_studio.core.forms import LIST_BYTES, is_number, read_json, strict_containers
from coreset_studio.core.settings.choices import SelectionSettings, Settings
from coreset_studio.core.settings.chosen_file import IN_NO_KEY, ChosenFile
from coreset_studio.core.settings.data import DataSettings
from coreset_studio.core.settings.own import described, kind_of, put_own

_OWN = "own"
_RELABELLED, _WHEN = "relabelled", "when"
_EARLIER, _NAME = "continue_from", "name"
_IN_NO_KEY = ("quality", "search")


def settings_to_dict(settings: Any) -> dict[str, Any]:
    """Return settings, one section or a description's own, as plain JSON values: their stored form."""
    return dict(_CONVERTER.unstructure(settings))


def settings_in_keys(settings: Any) -> dict[str, Any]:
    """Return settings, or one section, as keys and fingerprints contain them.

    That is the stored form without what changes no result: the time at which an image was relabelled, the name of an
    earlier coreset, name and place of a file that is known by its digest, the thresholds of quality checks, and how
    hyperparameters are searched.
    """
    if isinstance(settings, Settings):
        names = (each.name for each in fields(settings) if each.name not in _IN_NO_KEY)
        return {name: settings_in_keys(getattr(settings, name)) for name in names}
    values = _without_places(settings, settings_to_dict(settings))
    if isinstance(settings, DataSettings) and _RELABELLED in values:
        values[_RELABELLED] = [{k: v for k, v in each.items() if k != _WHEN} for each in values[_RELABELLED]]
    if isinstance(settings, SelectionSettings) and _EARLIER in values:
        values[_EARLIER] = {k: v for k, v in values[_EARLIER].items() if k != _NAME}
    return values


def _without_places(part: SettingsPart, values: dict[str, Any]) -> dict[str, Any]:
    """Return the stored form of a section or of own settings without names and places of chosen files."""
    found = dict(values)
    for each in fields(part):
        value = getattr(part, each.name)
        if isinstance(value, ChosenFile):
            found[each.name] = {k: v for k, v in found[each.name].items() if k not in IN_NO_KEY}
    own = found.get(_OWN)
    if own:
        held: Mapping[str, Any] = getattr(part, _OWN)
        parts = {name: held[name] for name in own if isinstance(held.get(name), SettingsPart)}
        found[_OWN] = own | {name: _without_places(inner, own[name]) for name, inner in parts.items()}
    return found


def settings_from_dict(values: Mapping[str, Any]) -> Settings:
    """Build `Settings` from plain JSON values; what is not named is neutral.

    Raises
    ------
    SettingsError
        On an unknown key or a value of the wrong kind, naming it.
    """
    try:
        # A section that is not named is one of neutral settings, too.
        return _CONVERTER.structure({**{each.name: {} for each in fields(Settings)}, **values}, Settings)
    except cattrs.BaseValidationError as error:
        raise SettingsError(_first_fault(error)) from error


def read_settings(file: Path) -> Settings:
    """Read a settings file, or the settings inside a `coreset.json`.

    Raises
    ------
    SettingsError
        If the file cannot be read, is not JSON, or contains an unknown key or a value of the wrong kind.
    """
    try:
        values = read_json(file, limit=LIST_BYTES)
    except OSError as error:
        raise SettingsError(f"The settings file {file} cannot be read ({reason_of(error)}).") from error
    except ValueError as error:
        raise SettingsError(f"The settings file {file} is not valid JSON ({error}).") from error
    if not isinstance(values, dict):
        raise SettingsError(
            f"The settings file {file} contains a {type(values).__name__}; expected an object in braces."
        )
    inner = values.get("settings", values)
    if not isinstance(inner, dict):
        raise SettingsError(f"The settings in {file} are a {type(inner).__name__}; expected an object in braces.")
    return settings_from_dict(inner)


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)

    def strict_number(value: Any, kind: type) -> Any:
        if not is_number(value):
            raise SettingsError(f"expected a number, found {value!r}")
        if not is_number(value, kind):
            raise SettingsError(f"expected a whole number, found {value!r}")
        return kind(value)

    def strict_plain(value: Any, kind: type) -> Any:
        if not isinstance(value, kind):
            raise SettingsError(f"expected {'text' if kind is str else 'true or false'}, found {value!r}")
        return value

    def is_part(kind: Any) -> bool:
        return isinstance(kind, type) and issubclass(kind, SettingsPart)

    def is_record(kind: Any) -> bool:
        return dataclasses.is_dataclass(kind) and not is_part(kind) and kind is not Settings

    strict_containers(converter)
    converter.register_structure_hook_factory(is_record, _structure_record)
    converter.register_structure_hook(int, strict_number)
    converter.register_structure_hook(float, strict_number)
    converter.register_structure_hook(str, strict_plain)
    converter.register_structure_hook(bool, strict_plain)
    converter.register_unstructure_hook_func(is_part, _unstructure_part)
    converter.register_structure_hook_factory(is_part, _structure_part)
    converter.register_unstructure_hook(Settings, _unstructure_settings)
    converter.register_unstructure_hook_func(is_part, _unstructure_part)
    converter.register_structure_hook_factory(is_part, _structure_part)
    # Last: it looks up how its sections are structured when it is made.
    converter.register_structure_hook(
        Settings, make_dict_structure_fn(Settings, converter, _cattrs_forbid_extra_keys=True)
    )
    return converter


def _unstructure_settings(settings: Settings) -> dict[str, Any]:
    """Return the stored form of all sections; one that was added later is excluded where all of it is neutral."""
    stored = {each.name: _unstructure_part(getattr(settings, each.name)) for each in fields(settings)}
    return {name: values for name, values in stored.items() if values or _is_kept(getattr(settings, name))}


def _is_kept(part: SettingsPart) -> bool:
    """Return whether a section is of the first version, whose stored forms name all sections."""
    return any(facts.kept for _, facts in choices_of(part))


def _unstructure_part(part: SettingsPart) -> dict[str, Any]:
    """Return the stored form of a section or of a description's own settings."""
    values = {
        name: _plain(getattr(part, name))
        for name, facts in choices_of(part)
        if facts.kept or getattr(part, name) != facts.neutral
    }
    if kind_of(part):
        values |= _unstructure_own(part)
    return values


def _plain(value: object) -> object:
    """Return the stored form of one value; texts, of which there may be 100,000, without asking what each is."""
    if isinstance(value, tuple) and all(type(each) is str for each in value):
        return list(value)
    return _CONVERTER.unstructure(value)


def _unstructure_own(part: SettingsPart) -> dict[str, Any]:
    """Return own settings as a section stores them: flat ones in the section itself, the others below ``"own"``.

    Those of a plugin that is not installed now are kept as they were read.
    """
    held: Mapping[str, Any] = getattr(part, _OWN)
    flat: dict[str, Any] = {}
    nested = {name: dict(value) for name, value in held.items() if not isinstance(value, SettingsPart)}
    for name, kind in described(part):
        own = held[name] if isinstance(held.get(name), kind) else kind()
        stored = _unstructure_part(own)
        flat_names = {field for field, facts in choices_of(kind) if facts.flat}
        flat |= {field: value for field, value in stored.items() if field in flat_names}
        rest = {field: value for field, value in stored.items() if field not in flat_names}
        if rest:
            nested[name] = rest
    return {**flat, **({_OWN: dict(sorted(nested.items()))} if nested else {})}


def _structure_part(kind: type[SettingsPart], converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    plain = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)

    def structure(values: Any, _: Any) -> Any:
        if not isinstance(values, Mapping):
            raise SettingsError(f"expected an object in braces, found {values!r}")
        given = dict(values)
        own = _structure_own(kind, given, converter) if kind_of(kind) else None
        missing = {name: converter.unstructure(facts.neutral) for name, facts in choices_of(kind) if name not in given}
        part = plain({**missing, **given}, kind)
        return part if own is None else dataclasses.replace(part, **{_OWN: own})

    return structure


def _structure_record(kind: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    """Return what reads a value of several parts, such as a relabelled image."""
    plain = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)

    def structure(values: Any, _: Any) -> Any:
        if not isinstance(values, Mapping):
            raise SettingsError(f"expected an object in braces, found {str(values)[:40]!r}")
        return plain(values, kind)

    return structure


def _structure_own(kind: type[SettingsPart], given: dict[str, Any], converter: cattrs.Converter) -> dict[str, Any]:
    """Take own settings out of a section's values, and return them by name."""
    nested = given.pop(_OWN, {})
    if not isinstance(nested, Mapping):
        raise SettingsError(f"expected an object in braces for 'own', found {nested!r}")
    held: dict[str, Any] = {}
    for name, own_kind in described(kind):
        flat = {field: given.pop(field) for field, facts in choices_of(own_kind) if facts.flat and field in given}
        inner = nested.get(name, {})
        if not isinstance(inner, Mapping):
            raise SettingsError(f"expected an object in braces for {name!r}, found {inner!r}")
        held = put_own(held, name, converter.structure({**inner, **flat}, own_kind))
    known = {name for name, _ in described(kind)}
    return {**held, **{str(name): dict(value) for name, value in nested.items() if name not in known}}


_CONVERTER = _make_converter()


def _all_keys() -> list[str]:
    keys = {_OWN}
    for section in fields(Settings):
        part = getattr(Settings(), section.name)
        keys |= {section.name, *(name for name, _ in choices_of(part))}
        keys |= {name for _, kind in described(part) for name, _ in choices_of(kind)}
    return sorted(keys)


def _first_fault(error: BaseException, where: str = "settings") -> str:
    """Return one sentence for the first fault inside a cattrs error tree."""
    if isinstance(error, SettingsError):
        return f"In {where}: {error}" if where != "settings" else str(error)
    if isinstance(error, ForbiddenExtraKeysError):
        key = min(error.extra_fields)
        near = difflib.get_close_matches(key, _all_keys(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        return f"{where.capitalize()} has no setting named {key!r}{hint}"
    if isinstance(error, ClassValidationError | cattrs.IterableValidationError):
        inner = error.exceptions[0]
        for note in getattr(inner, "__notes__", []):
            name = getattr(note, "name", None)
            if isinstance(name, str):
                where = name
        return _first_fault(inner, where)
    if isinstance(error, KeyError):
        return f"In {where}: it is missing."
    return f"In {where}: {error}"
