"""Settings as plain JSON values and back, with a sentence for each fault."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import cattrs
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from core.errors import SettingsError
from core.settings.choices import (
    ClusterSettings,
    ComparisonSettings,
    DataSettings,
    ExportSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
    TrainingSettings,
)


def settings_to_dict(settings: Any) -> dict[str, Any]:
    """Return `settings` (any dataclass of this module) as plain JSON values."""
    return dict(_CONVERTER.unstructure(settings))


def settings_from_dict(values: Mapping[str, Any]) -> Settings:
    """Build `Settings` from plain JSON values; what is not named keeps its default.

    Raises
    ------
    SettingsError
        On an unknown key or a value of the wrong kind, naming it.
    """
    try:
        return _CONVERTER.structure(dict(values), Settings)
    except cattrs.BaseValidationError as error:
        raise SettingsError(_first_fault(error)) from error


def read_settings(file: Path) -> Settings:
    """Read a settings file, or the settings inside a `coreset.json`.

    Raises
    ------
    SettingsError
        If the file cannot be read, is no JSON, or holds an unknown key or a value of the wrong kind.
    """
    try:
        values = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"The settings file {file} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise SettingsError(f"The settings file {file} is not valid JSON ({error}).") from error
    if not isinstance(values, dict):
        raise SettingsError(f"The settings file {file} holds a {type(values).__name__}; expected an object in braces.")
    inner = values.get("settings", values)
    return settings_from_dict(inner)


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)

    def strict_number(value: Any, kind: type) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise SettingsError(f"expected a number, found {value!r}")
        if kind is int and value != int(value):
            raise SettingsError(f"expected a whole number, found {value!r}")
        return kind(value)

    def strict_plain(value: Any, kind: type) -> Any:
        if not isinstance(value, kind):
            raise SettingsError(f"expected {'text' if kind is str else 'true or false'}, found {value!r}")
        return value

    converter.register_structure_hook(int, strict_number)
    converter.register_structure_hook(float, strict_number)
    converter.register_structure_hook(str, strict_plain)
    converter.register_structure_hook(bool, strict_plain)
    for part in (
        DataSettings, FeatureSettings, ClusterSettings, SelectionSettings,
        TrainingSettings, ComparisonSettings, ExportSettings, Settings,
    ):  # fmt: skip
        converter.register_structure_hook(part, make_dict_structure_fn(part, converter, _cattrs_forbid_extra_keys=True))
    # Not written where it is 1, so that what was kept before there was a choice is still current.
    one_split = make_dict_unstructure_fn(ComparisonSettings, converter, splits=override(omit_if_default=True))
    converter.register_unstructure_hook(ComparisonSettings, one_split)
    return converter


_CONVERTER = _make_converter()
_ALL_KEYS = sorted(
    {f.name for f in fields(Settings)}
    | {
        f.name
        for part in (
            DataSettings, FeatureSettings, ClusterSettings, SelectionSettings,
            TrainingSettings, ComparisonSettings, ExportSettings,
        )
        for f in fields(part)
    }
)  # fmt: skip


def _first_fault(error: BaseException, where: str = "settings") -> str:
    """Return one sentence for the first fault inside a cattrs error tree."""
    if isinstance(error, SettingsError):
        return f"In {where}: {error}" if where != "settings" else str(error)
    if isinstance(error, ForbiddenExtraKeysError):
        key = min(error.extra_fields)
        near = difflib.get_close_matches(key, _ALL_KEYS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        return f"{where.capitalize()} has no choice named {key!r}{hint}"
    if isinstance(error, ClassValidationError | cattrs.IterableValidationError):
        inner = error.exceptions[0]
        for note in getattr(inner, "__notes__", []):
            name = getattr(note, "name", None)
            if isinstance(name, str):
                where = name
        return _first_fault(inner, where)
    return f"In {where}: {error}"
