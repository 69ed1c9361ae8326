"""JSON from anywhere: what is no JSON, or cannot be believed, is refused with a few words."""

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from coreset_studio.core import forms
from coreset_studio.core.forms import FormError, is_number, parse_json, read_form, read_json, write_form
from coreset_studio.core.reading import IrregularFileError, OversizeError


@dataclass(frozen=True)
class Counted:
    n: int = 0
    share: float = 0.0
    names: tuple[str, ...] = ()
    pair: tuple[int, int] = (0, 0)
    by_name: dict[str, tuple[int, ...]] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'{"a": NaN}', "NaN, which is not valid JSON"),
        (b'{"a": -Infinity}', "-Infinity, which is not valid JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "nested too deeply"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' twice in one object"),
        (b"\xff\xfe{}", "not UTF-8 text"),
        (b'{"a": ' + b"1" * 5000 + b"}", "digits"),
        (b'{"a": 1', "delimiter"),
        (b"", "Expecting value"),
    ],
)
def test_json_that_is_none_is_refused(text: bytes, says: str) -> None:
    with pytest.raises(FormError, match=says):
        parse_json(text)


def test_numbers_that_json_does_not_know_can_be_taken_as_null() -> None:
    assert parse_json(b"[NaN, 1, -Infinity]", not_finite="null") == [None, 1, None]
    kept = parse_json(b"[NaN, 1, -Infinity]", not_finite="kept")
    assert math.isnan(kept[0])
    assert kept[1:] == [1, -math.inf]


def test_only_regular_files_of_a_size_that_is_looked_at_first_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(IrregularFileError, match="not a regular file"):
        read_json(tmp_path / "pipe")
    with pytest.raises(IrregularFileError, match="not a regular file"):
        read_json(Path("/dev/zero"))
    with pytest.raises(IsADirectoryError):
        read_json(tmp_path)
    with pytest.raises(OSError, match="null"):
        read_json(tmp_path / "a\0b")
    large = tmp_path / "large.json"
    with large.open("wb") as stream:
        stream.truncate(300_000_000)
    with pytest.raises(OversizeError, match="300,000,000 bytes; at most 256,000,000"):
        read_json(large)
    large.write_bytes(b"[1]")
    assert read_json(large) == [1]

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(forms.json, "loads", full)
    with pytest.raises(OversizeError, match="not enough memory"):
        read_json(large)


@pytest.mark.parametrize("value", [True, math.nan, math.inf, 10**400, 2**64, "1", None, [1]])
def test_what_a_whole_number_cannot_be(value: object) -> None:
    assert not is_number(value, int)
    with pytest.raises(FormError, match="expected a whole number"):
        read_form({"n": value}, Counted)


@pytest.mark.parametrize("value", [False, math.nan, -math.inf, 10**400, "1", None])
def test_what_a_number_cannot_be(value: object) -> None:
    with pytest.raises(FormError, match="expected a number"):
        read_form({"share": value}, Counted)


def test_numbers_that_are_fine() -> None:
    assert read_form({"n": 3.0, "share": 1e300}, Counted) == Counted(3, 1e300)
    assert read_form({"n": -(2**62), "share": 2}, Counted) == Counted(-(2**62), 2.0)


def test_what_json_does_not_know_is_written_as_null() -> None:
    assert write_form({"a": [math.nan, math.inf, -math.inf, 1.5]}) == {"a": [None, None, None, 1.5]}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"names": "abc"}, "names: expected a list, found 'abc'"),
        ({"names": {"a": 1}}, "names: expected a list"),
        ({"names": ["a", 1]}, r"names\.1: expected text, found 1"),
        ({"pair": [1, 2, 3]}, "pair: expected 2 values, found 3"),
        ({"by_name": [["a", [1]]]}, "by_name: expected an object in braces"),
        ({"by_name": {"a": [1], "b": "12"}}, r"by_name\.b: expected a list, found '12'"),
    ],
)
def test_lists_and_objects_are_not_made_of_anything_else(values: dict, says: str) -> None:
    with pytest.raises(FormError, match=says):
        read_form(values, Counted)
