"""Stored forms: JSON read into plain dataclasses by cattrs, strictly, with one sentence for what is wrong.

A field that was added to a form later has a default: what the program did before the field existed. A key that a form
does not know is passed over, so that a form may say more for human readers than is read.
"""

import math
from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass
from typing import Any, TypeVar

import cattrs
from cattrs.errors import ClassValidationError, IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

T = TypeVar("T")
_KEY = "key"


class FormError(ValueError):
    """JSON that is not what a stored form should be; the text says where and what, without a full stop."""


def read_form(values: Any, kind: type[T]) -> T:
    """Return JSON values as an instance of a dataclass.

    Parameters
    ----------
    values : object
        As `json.loads` returns them.
    kind : type
        A dataclass of plain types, mappings, tuples and other such dataclasses; ``Any`` is taken as it is. What may be
        NaN, which JSON does not know, is ``float | None``.

    Raises
    ------
    FormError
        On a key that is missing, or a value of another type.
    """
    if not isinstance(values, Mapping):
        raise FormError(f"expected an object in braces, found {_short(values)}")
    try:
        return _CONVERTER.structure(values, kind)
    except (cattrs.BaseValidationError, FormError, KeyError, TypeError, ValueError) as error:
        raise FormError(_first_fault(error)) from error


def key(name: str) -> Any:
    """Return a dataclass field that stands in JSON under another name, such as a keyword of Python."""
    return field(metadata={_KEY: name})


def write_form(form: Any) -> Any:
    """Return a dataclass as JSON values; NaN becomes null."""
    return _without_nan(_CONVERTER.unstructure(form))


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nan(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter()

    def number(value: Any, kind: type) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or (kind is int and value != int(value)):
            raise FormError(f"expected a {'whole ' if kind is int else ''}number, found {_short(value)}")
        return kind(value)

    def plain(value: Any, kind: type) -> Any:
        if not isinstance(value, kind):
            raise FormError(f"expected {'text' if kind is str else 'true or false'}, found {_short(value)}")
        return value

    converter.register_structure_hook(int, number)
    converter.register_structure_hook(float, number)
    converter.register_structure_hook(str, plain)
    converter.register_structure_hook(bool, plain)
    converter.register_structure_hook_factory(_has_keys, _structure_renamed)
    return converter


def _has_keys(kind: Any) -> bool:
    return is_dataclass(kind) and any(_KEY in each.metadata for each in fields(kind))


def _structure_renamed(kind: Any, converter: cattrs.Converter) -> Any:
    named: Any = {each.name: override(rename=each.metadata[_KEY]) for each in fields(kind) if _KEY in each.metadata}
    return make_dict_structure_fn(kind, converter, **named)


_CONVERTER = _make_converter()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _first_fault(error: BaseException, where: str = "") -> str:
    """Return what is wrong first inside a cattrs error tree, and in which field."""
    if isinstance(error, ClassValidationError | IterableValidationError):
        inner = error.exceptions[0]
        for note in getattr(inner, "__notes__", []):
            name = getattr(note, "name", getattr(note, "index", None))
            if name is not None:
                where = f"{where}.{name}" if where else str(name)
        return _first_fault(inner, where)
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing" + (f" in {where.rpartition('.')[0]}" if "." in where else "")
    said = str(error).strip() or type(error).__name__
    return f"{where}: {said}" if where else said
