"""The class of a row: one cell with a name, several names in a cell, or a column for each class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from coreset_studio.core.data.listing import class_text
from coreset_studio.core.data.sources.csv.guess import as_flag
from coreset_studio.core.data.sources.csv.settings import TableSettings

MISSING = frozenset({"nan", "<na>", "na", "n/a", "#n/a", "none", "null", "nil", "nat", "?"})
_SEPARATOR = "|"


@dataclass
class Labels:
    """Reads the classes of rows, and counts what was not plain.

    Attributes
    ----------
    names : sequence of str
        Of the columns of classes.
    settings : TableSettings
    missing, several, uncertain : Counter
        What was excluded or decided, each with how often.
    """

    names: Sequence[str]
    settings: TableSettings
    missing: Counter[str] = field(default_factory=Counter)
    several: Counter[str] = field(default_factory=Counter)
    uncertain: Counter[str] = field(default_factory=Counter)

    def read(self, cells: Sequence[str]) -> tuple[str, str]:
        """Return the class, and why there is none as the end of "Row 3 of the CSV …": one of the two is empty."""
        if len(self.names) == 1:
            return self._named(cells[0])
        found: list[str] = []
        for name, cell in zip(self.names, cells, strict=True):
            flag = as_flag(cell)
            if flag is None:
                return "", f"has “{cell[:40]}” in the column {name}; expected 1, 0, −1 or nothing"
            if flag < 0:
                self.uncertain[name] += 1
                if self.settings.uncertain_labels == "leave-out":
                    return "", f"is uncertain about {name}"
                flag = int(self.settings.uncertain_labels == "positive")
            if flag:
                found.append(class_text(name))
        return self._one_of(found) if found else ("", "has no class: no column of a class has a 1")

    def _named(self, cell: str) -> tuple[str, str]:
        name = class_text(cell)
        if not name:
            return "", "has no class"
        if name.casefold() in MISSING:
            self.missing[name] += 1
            if self.settings.leave_out_missing:
                return "", f"has no class, but “{name}”"
        if _SEPARATOR not in name:
            return name, ""
        parts = list(dict.fromkeys(filter(None, (class_text(part) for part in name.split(_SEPARATOR)))))
        return self._one_of(parts) if len(parts) > 1 else (name, "")

    def _one_of(self, found: list[str]) -> tuple[str, str]:
        if len(found) == 1:
            return found[0], ""
        self.several[_SEPARATOR.join(found)] += 1
        if self.settings.several_labels == "leave-out":
            return "", f"has several classes: {', '.join(found[:5])}"
        return (found[0] if self.settings.several_labels == "first" else _SEPARATOR.join(found)), ""

    def notes(self, name: str) -> list[str]:
        """Return what was decided about classes of the table `name`, each with how to have it otherwise."""
        notes = []
        if self.missing:
            words = ", ".join(f"“{word}”" for word in sorted(self.missing)[:4])
            n, out = self.missing.total(), self.settings.leave_out_missing
            notes.append(
                f"{n:,} rows of {name} have {words} instead of a class and "
                + ("are skipped (--no-leave-out-missing reads these as classes)." if out else "are read as classes.")
            )
        if self.several:
            did = {
                "leave-out": "are skipped (--several-labels first or own-class)",
                "first": "are read as the first (--several-labels leave-out or own-class)",
                "own-class": "are read with each combination as a class of its own (--several-labels leave-out or "
                "first)",
            }[self.settings.several_labels]
            notes.append(f"{self.several.total():,} rows of {name} have several classes and {did}.")
        if self.uncertain:
            did = {
                "leave-out": "the rows are skipped (--uncertain-labels negative or positive)",
                "negative": "these count as not of the class (--uncertain-labels leave-out or positive)",
                "positive": "these count as of the class (--uncertain-labels leave-out or negative)",
            }[self.settings.uncertain_labels]
            words = ", ".join(sorted(self.uncertain)[:3])
            notes.append(f"{name} is uncertain (−1) in {self.uncertain.total():,} cells, such as of {words}; {did}.")
        return notes
