"""Stored forms: JSON read into plain dataclasses by cattrs, strictly, with one sentence for what is wrong.

A field that was added to a form later has a default: what the program did before the field existed. A key that a form
does not know is passed over, so that a form may contain more for human readers.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin

import cattrs
import psutil
from cattrs.errors import ClassValidationError, IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from coreset_studio.core.reading import OversizeError, read_regular

T = TypeVar("T")
NotFinite = Literal["refused", "null", "kept"]
_KEY = "key"

JSON_BYTES = 256_000_000
"""Largest JSON file that is read; lists of millions of images have a limit of their own."""

LIST_BYTES = 4_000_000_000
"""Largest JSON file that lists images: some ten million of them."""

JSON_DEPTH = 64
"""How deep JSON may be nested; stored forms are nested about six deep."""

_MEMORY_RATIO = 6  # of parsed to written lists of images
_WHOLE_LIMIT = 2**63


class FormError(ValueError):
    """JSON that is not a valid stored form; the text states where and what, without a full stop."""


def read_json(file: Path, *, limit: int = JSON_BYTES, not_finite: NotFinite = "refused") -> Any:
    """Return the JSON values in a file, after checking all that can be wrong with JSON from anywhere.

    Parameters
    ----------
    file : Path
        UTF-8; a byte order mark is fine.
    limit : int
        The most bytes that are read.
    not_finite : {"refused", "null", "kept"}
        What becomes of NaN and Infinity, which JSON does not know and Python writes.

    Raises
    ------
    OSError
        If it is not a regular file, is larger than `limit` or than the memory that is free, or cannot be read.
    FormError
        If it is no JSON, is nested too deeply, or has a key twice in one object.
    """
    free = psutil.virtual_memory().available
    try:
        data = read_regular(file, min(limit, free // _MEMORY_RATIO))
        return parse_json(data, not_finite=not_finite)
    except MemoryError as error:
        raise OversizeError(12, "there is not enough memory to read it", str(file)) from error


def parse_json(data: bytes, *, not_finite: NotFinite = "refused") -> Any:
    """Return JSON values as `read_json` does, from bytes.

    Raises
    ------
    FormError
        If they are no JSON, are nested too deeply, or have a key twice in one object.
    """
    taken: dict[NotFinite, Callable[[str], Any]] = {"refused": _refuse, "null": _as_null, "kept": float}
    constant = taken[not_finite]
    try:
        values = json.loads(data.decode("utf-8-sig"), parse_constant=constant, object_pairs_hook=_distinct)
    except RecursionError as error:
        raise FormError("it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise FormError("it is not UTF-8 text") from error
    except FormError:
        raise
    except ValueError as error:
        raise FormError(str(error)) from error
    _check_depth(values)
    return values


def _refuse(word: str) -> NoReturn:
    raise FormError(f"it has the number {word}, which is not valid JSON")


def _as_null(word: str) -> None:  # noqa: ARG001 - the parser passes it
    return None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise FormError(f"it has {_short(twice)} twice in one object; expected it once")
    return values


def _check_depth(values: Any) -> None:
    level: list[Any] = [values]
    depth = 0
    while level:
        if depth > JSON_DEPTH:
            raise FormError("it is nested too deeply")
        depth += 1
        level = [child for each in level for child in _children(each) if isinstance(child, dict | list)]


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


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
    except (cattrs.BaseValidationError, FormError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise FormError(_first_fault(error)) from error


def is_number(value: Any, kind: type = float) -> bool:
    """Return whether a JSON value is a number that `kind`, int or float, can hold: finite, whole, of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_WHOLE_LIMIT <= value < _WHOLE_LIMIT:
        return kind is float and isinstance(value, float) and math.isfinite(value)
    return kind is float or value == int(value)


def key(name: str) -> Any:
    """Return a dataclass field that is in JSON under another name, such as a keyword of Python."""
    return field(metadata={_KEY: name})


def write_form(form: Any) -> Any:
    """Return a dataclass as JSON values; NaN and infinity, which JSON does not know, become null."""
    return _without_nan(_CONVERTER.unstructure(form))


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nan(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter()

    def number(value: Any, kind: type) -> Any:
        if not is_number(value, kind):
            raise FormError(f"expected a {'whole ' if kind is int else ''}number, found {_short(value)}")
        return kind(value)

    def plain(value: Any, kind: type) -> Any:
        if not isinstance(value, kind):
            raise FormError(f"expected {'text' if kind is str else 'true or false'}, found {_short(value)}")
        return value

    strict_containers(converter)
    converter.register_structure_hook(int, number)
    converter.register_structure_hook(float, number)
    converter.register_structure_hook(str, plain)
    converter.register_structure_hook(bool, plain)
    converter.register_structure_hook_factory(_has_keys, _structure_renamed)
    return converter


def strict_containers(converter: cattrs.Converter) -> None:
    """Let a converter take lists from lists and mappings from mappings alone; cattrs makes a list of a text's letters.

    Where it does not, it raises `FormError` inside of the errors of cattrs.
    """
    converter.register_structure_hook_factory(_is_sequence, _structure_sequence)
    converter.register_structure_hook_factory(_is_mapping, _structure_mapping)


def _is_sequence(kind: Any) -> bool:
    return get_origin(kind) in (list, tuple)


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) in (dict, Mapping)


def _structure_sequence(kind: Any, converter: cattrs.Converter) -> Any:
    make: Any = get_origin(kind)
    kinds = get_args(kind)
    length = None if make is list or kinds[-1] is Ellipsis else len(kinds)

    def structure(values: Any, _: Any) -> Any:
        if not isinstance(values, list | tuple):
            raise FormError(f"expected a list, found {_short(values)}")
        if length is not None and len(values) != length:
            raise FormError(f"expected {length} values, found {len(values)}")
        if length is None and kinds[0] is str and all(type(value) is str for value in values):
            return make(values)  # 100,000 excluded images: 8 ms instead of 60
        inner = kinds if length is not None else [kinds[0]] * len(values)
        return make(_structured(enumerate(values), inner, converter, kind))

    return structure


def _structure_mapping(kind: Any, converter: cattrs.Converter) -> Any:
    key_kind, value_kind = get_args(kind)

    def structure(values: Any, _: Any) -> Any:
        if not isinstance(values, Mapping):
            raise FormError(f"expected an object in braces, found {_short(values)}")
        names = _structured(((name, name) for name in values), [key_kind] * len(values), converter, kind)
        found = _structured(values.items(), [value_kind] * len(values), converter, kind)
        return dict(zip(names, found, strict=True))

    return structure


def _structured(
    named: Iterable[tuple[Any, Any]], kinds: Sequence[Any], converter: cattrs.Converter, whole: Any
) -> list[Any]:
    """Return values in their kinds; an error states its position."""
    found = []
    for (where, value), kind in zip(named, kinds, strict=True):
        try:
            found.append(converter.structure(value, kind))
        except Exception as error:
            error.add_note(IterableValidationNote(f"at {where}", where, kind))
            raise IterableValidationError("a value is not valid", [error], whole) from error
    return found


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
    text = str(error).strip() or type(error).__name__
    return f"{where}: {text}" if where else text
