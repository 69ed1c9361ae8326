"""Names that are equal to a reader and differ in their bytes.

A letter with an accent can be one character (NFC) or two (NFD), see Unicode Standard Annex 15. Some file systems and
archive programs, above all of macOS, change one spelling into the other.
"""

import os
import unicodedata
from collections.abc import Iterable


def composed(name: str) -> str:
    """Return a name in the spelling with the fewest characters (NFC), in which equal names are the same text."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def by_composed(names: Iterable[str]) -> dict[str, str]:
    """Return names by their NFC spelling, without those of which there are several."""
    found: dict[str, str] = {}
    twice = set()
    for name in names:
        if found.setdefault(composed(name), name) != name:
            twice.add(composed(name))
    return {spelling: name for spelling, name in found.items() if spelling not in twice}


class SpellingsOnDisk:
    """Find files that are spelled in another way on disk than in a list; lists each folder once."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, str]] = {}

    def find(self, file: str) -> str:
        """Return a file as it is spelled on disk, or an empty text where there is none or several are meant.

        Parameters
        ----------
        file : str
            Absolute.
        """
        if file.isascii():
            return ""
        folder, name = os.path.split(file)
        if not name:
            return ""
        if not os.path.isdir(folder):  # noqa: PTH112 - of many files, whose paths are texts
            folder = self.find(folder)
        there = self._names_in(folder).get(composed(name), "") if folder else ""
        return os.path.join(folder, there) if there else ""  # noqa: PTH118

    def _names_in(self, folder: str) -> dict[str, str]:
        if folder not in self._names:
            try:
                self._names[folder] = by_composed(os.listdir(folder))  # noqa: PTH208
            except OSError:
                self._names[folder] = {}
        return self._names[folder]
