"""Read the class of an image from the file next to it in an archive: a .cls, a .json or a .txt."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coreset_studio.core.data.listing import class_text
from coreset_studio.core.reading import read_regular

FORMS = ("cls", "json", "txt")
LABEL_BYTES = 1_000_000
"""Largest file next to an image that is read."""

_FIELDS = (
    "label", "class", "cls", "classname", "labelname", "target", "category", "dx", "diagnosis", "diagnose",
    "celltype", "tissue", "tissuetype", "grade", "y",
)  # fmt: skip
_GROUPS = frozenset({
    "group", "groupid", "patient", "patientid", "subject", "subjectid", "case", "caseid", "donor", "donorid", "slide",
    "slideid", "slidename", "wsi", "wsiid", "animal", "animalid", "mouse", "mouseid", "specimen", "lesion", "lesionid",
    "pid",
})  # fmt: skip
_NAME_FILES = frozenset({"classnames", "classes", "categories", "labels", "labelnames", "classtoidx", "idxtoclass"})
_LONGEST = 200
_MOST_FIELDS = 40
_MOST_CLASSES = 100_000


@dataclass(frozen=True)
class Said:
    """The contents of a file next to an image.

    Attributes
    ----------
    label : str
        The class as it is written; empty if there is none.
    fault : str
        Why there is none, as a sentence.
    fields : mapping of str to str
        The other fields of a .json, as text.
    """

    label: str = ""
    fault: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def plain(name: str) -> str:
    """Return a name in small letters, without spaces and signs."""
    return re.sub(r"[\W_]+", "", name).casefold()


def is_names_file(name: str) -> bool:
    """Return whether a file of this name lists the names of the classes."""
    stem, _, suffix = name.rpartition("/")[2].rpartition(".")
    return suffix.lower() in ("txt", "json") and plain(stem) in _NAME_FILES


def is_group_field(name: str) -> bool:
    """Return whether a field of this name says which patient or slide an image is of."""
    return plain(name) in _GROUPS


def read_label(form: str, content: bytes, class_field: str) -> Said:
    """Return what a file next to an image says.

    Parameters
    ----------
    form : {"cls", "json", "txt"}
    content : bytes
    class_field : str
        Of a .json; empty for a guess.
    """
    try:
        text = content.decode("utf-8-sig").strip().strip("\0")
    except UnicodeDecodeError:
        return Said(fault=f"Its .{form} is not UTF-8 text.")
    if form != "json":
        return _one(text, form)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return Said(fault="Its .json is not valid JSON.")
    if not isinstance(values, dict):
        return _one(_scalar(values), form)
    name = _field(values, class_field)
    fields = {
        str(key): _scalar(value)
        for key, value in list(values.items())[:_MOST_FIELDS]
        if key != name and not isinstance(value, dict | list)
    }
    if name is None:
        wanted = f"field {class_field}" if class_field else "field such as label or class"
        found = ", ".join(list(map(str, values))[:8]) or "nothing"
        return Said(fault=f"Its .json has no {wanted}; found {found[:200]}.", fields=fields)
    value = values[name]
    if isinstance(value, list):
        if len(value) != 1:
            return Said(fault=f"Its .json has {len(value)} classes in {name}; expected one.", fields=fields)
        value = value[0]
    said = _one(_scalar(value), form)
    return Said(said.label, said.fault, fields)


def _one(text: str, form: str) -> Said:
    label = class_text(text)
    if not label:
        return Said(fault=f"Its .{form} contains no class.")
    if len(label) > _LONGEST or "\n" in label:
        return Said(fault=f"Its .{form} is a text of {len(text):,} characters, not a class.")
    if form == "cls" and re.fullmatch(r"\d+(?:[\s,;]+\d+)+", label):
        return Said(fault="Its .cls has several classes; expected one.")
    return Said("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in label))


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = "true" if value is True else "false" if value is False else str(value)
    return "".join(char if char.isprintable() else " " for char in text[: _LONGEST + 1])


def _field(values: Mapping[str, Any], wanted: str) -> str | None:
    if wanted:
        return next((key for key in values if key == wanted), None) or next(
            (key for key in values if plain(key) == plain(wanted)), None
        )
    by_name: dict[str, str] = {}
    for key in values:
        by_name.setdefault(plain(key), key)
    return next((by_name[name] for name in _FIELDS if name in by_name), None)


def names_from(content: bytes, name: str) -> Mapping[str, str]:
    """Return the names of classes by their numbers, as text, from a file that lists them; empty if it does not.

    Parameters
    ----------
    content : bytes
        Lines of names; or a JSON list, or object of names to numbers or of numbers to names.
    name : str
        Of the file.
    """
    try:
        text = content.decode("utf-8-sig")
        if not name.lower().endswith(".json"):
            lines = [class_text(line) for line in text.strip().splitlines()]
            found = dict(enumerate(lines))
        else:
            values = json.loads(text)
            if isinstance(values, list):
                found = {at: class_text(str(value)) for at, value in enumerate(values)}
            elif isinstance(values, dict) and all(str(key).isdecimal() for key in values):
                found = {int(key): class_text(str(value)) for key, value in values.items()}
            elif isinstance(values, dict):
                found = {int(value): class_text(str(key)) for key, value in values.items()}
            else:
                return {}
    except (ValueError, TypeError, RecursionError):
        return {}
    usable = all(one and len(one) <= _LONGEST and one.isprintable() for one in found.values())
    if not found or not usable or len(set(found.values())) != len(found) or len(found) > _MOST_CLASSES:
        return {}
    return {str(number): one for number, one in found.items()}


def names_beside(folder: Path) -> tuple[Mapping[str, str], str]:
    """Return the names of the classes from a file in the folder of the archives, and its name."""
    for file in sorted(folder.glob("*")) if folder.is_dir() else ():
        if is_names_file(file.name) and file.is_file():
            try:
                found = names_from(read_regular(file, LABEL_BYTES), file.name)
            except OSError:
                continue
            if found:
                return found, file.name
    return {}, ""


def named_classes(labels: Sequence[str], names: Mapping[str, str]) -> tuple[list[str], bool]:
    """Return the classes of labels, and whether they were named: numbers by their names, or with as many digits.

    Labels that are not all numbers stay as they are, and names that do not name all numbers are not used.
    """
    different = Counter(labels)
    if not all(label.isascii() and label.isdecimal() and len(label) < 10 for label in different):
        return list(labels), False
    numbers = {label: str(int(label)) for label in different}
    if names and all(number in names for number in numbers.values()):
        return [names[numbers[label]] for label in labels], True
    width = max((len(number) for number in numbers.values()), default=1)
    return [numbers[label].zfill(width) for label in labels], False
