"""The citations of a publication: the entries of `resources/references.bib`, in the text and as BibTeX."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from coreset_studio.core.resources import resource_folder

FILE = "references.bib"
_ENTRY = re.compile(r"^@(\w+)\{([^,\s]+),\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*)\},?\s*$", re.MULTILINE)
_ACCENT = re.compile(r"\{\\[\"'](\w)\}")


@dataclass(frozen=True)
class Reference:
    """An entry of the file.

    Attributes
    ----------
    key : str
    kind : str
        Such as ``"article"``.
    fields : mapping of str to str
    text : str
        As written in the file.
    """

    key: str
    kind: str
    fields: Mapping[str, str]
    text: str

    @property
    def short(self) -> str:
        """How the text cites it, such as ``"Simonyan and Zisserman, 2014"``."""
        names = [author.partition(",")[0].strip() for author in self.fields["author"].split(" and ")]
        who = f"{names[0]} et al." if len(names) > 2 or "others" in names else " and ".join(names)
        plain = _ACCENT.sub(r"\1", who)
        return f"{plain}, {self.fields['year']}"


@cache
def references() -> Mapping[str, Reference]:
    """Return all entries by key."""
    text = (resource_folder() / FILE).read_text(encoding="utf-8")
    return {
        key: Reference(key, kind, dict(_FIELD.findall(body)), f"@{kind}{{{key},\n{body}}}\n")
        for kind, key, body in _ENTRY.findall(text)
    }


def short_list(keys: Iterable[str]) -> str:
    """Return how the text cites some keys, with semicolons; keys that are not known are left out."""
    return "; ".join(references()[key].short for key in dict.fromkeys(keys) if key in references())


def cited(keys: Iterable[str]) -> str:
    """Return the bracketed citation of a statement, with a space before; empty where no key is known."""
    words = short_list(keys)
    return f" ({words})" if words else ""


def bibtex(keys: Iterable[str]) -> str:
    """Return entries as BibTeX, sorted by key; keys that are not known are left out."""
    return "\n".join(references()[key].text for key in sorted(set(keys)) if key in references())
