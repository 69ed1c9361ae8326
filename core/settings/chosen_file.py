"""A file that settings name: known by its content, wherever it is."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import PurePath
from typing import Any

from coreset_studio.core.descriptions.choice import SettingsPart
from coreset_studio.core.errors import SettingsError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK = re.compile(r"[A-Za-z0-9_-]{1,60}")

IN_NO_KEY = ("name", "place", "paths_name")
"""Fields of a chosen file that change no result: how it is called, and where it is."""


@dataclass(frozen=True, kw_only=True)
class ChosenFile:
    """A file that was chosen.

    Attributes
    ----------
    digest : str
        SHA-256 (hex) of its bytes: what it is known by in keys and fingerprints.
    name : str
        Of the file, without folders; empty in a private export.
    place : str
        Where it was when it was chosen, absolute with forward slashes; empty in every export.

    Raises
    ------
    SettingsError
        If the digest is none, or the name has folders.
    """

    digest: str
    name: str = ""
    place: str = ""

    def __post_init__(self) -> None:
        _check_digest(self.digest)
        _check_name(self.name)

    @property
    def in_words(self) -> str:
        """Which file it is, for people."""
        return self.name or f"SHA-256 {self.digest[:12]}…"

    def without_place(self, *, private: bool) -> "ChosenFile":
        """Return what an export says of it: not where it is, and in a private export not how it is called."""
        found = replace(self, place="")
        return replace(found, name="") if private else found


@dataclass(frozen=True, kw_only=True)
class FeaturesFile(ChosenFile):
    """A features file that was chosen.

    Attributes
    ----------
    rows : int
        >= 1; one for each image.
    blocks : mapping of str to int
        Numbers of a row in each feature block; ``{"features": d}`` for a plain table of d columns.
    paths_name, paths_digest : str
        Of the list of paths next to it, where there is one: which row is of which image. Else empty.

    Raises
    ------
    SettingsError
        If a value is out of its range.
    """

    rows: int
    blocks: Mapping[str, int] = field(default_factory=dict)
    paths_name: str = ""
    paths_digest: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_name(self.paths_name)
        if self.paths_digest:
            _check_digest(self.paths_digest)
        if self.rows < 1 or not self.blocks or any(width < 1 for width in self.blocks.values()):
            raise SettingsError("A features file has at least one row and one number in each block.")
        for name in self.blocks:
            if not _BLOCK.fullmatch(name):  # it names a folder of the cache
                raise SettingsError(f"A feature block is named by letters, digits, - and _; found {name[:80]!r}.")

    @property
    def n_features(self) -> int:
        """Numbers in a row, over all blocks."""
        return sum(self.blocks.values())

    @property
    def in_words(self) -> str:
        """Which file it is and its size, for people."""
        beside = f" with {self.paths_name}" if self.paths_name else ""
        return f"{super().in_words}{beside}, {self.rows:,} images × {self.n_features:,} features"

    def without_place(self, *, private: bool) -> "FeaturesFile":
        """Return what an export says of it, see `ChosenFile.without_place`."""
        found = replace(self, place="")
        return replace(found, name="", paths_name="") if private else found


def changed_files(part: SettingsPart, change: Callable[[ChosenFile], ChosenFile]) -> Any:
    """Return a section, or a description's own settings, with every chosen file in it replaced by what `change` gives.

    Own settings that the section holds are gone through, too. A section without files is returned as it is.
    """
    found: dict[str, Any] = {}
    for each in fields(part):
        value = getattr(part, each.name)
        if isinstance(value, ChosenFile):
            found[each.name] = change(value)
        elif each.name == "own" and isinstance(value, Mapping):
            inner = {name: changed_files(own, change) if isinstance(own, SettingsPart) else own
                     for name, own in value.items()}  # fmt: skip
            if any(inner[name] is not value[name] for name in value):
                found["own"] = inner
    changes = {name: value for name, value in found.items() if value is not getattr(part, name)}
    return replace(part, **changes) if changes else part


def without_places(part: SettingsPart, *, private: bool) -> Any:
    """Return a section, or own settings, as an export has them; see `ChosenFile.without_place`."""
    return changed_files(part, lambda file: file.without_place(private=private))


def _check_digest(digest: str) -> None:
    if not _SHA256.fullmatch(digest):
        raise SettingsError(f"The digest of a file must be 64 hexadecimal digits; found {digest[:80]!r}.")


def _check_name(name: str) -> None:
    if name and PurePath(name.replace("\\", "/")).name != name:
        raise SettingsError(f"The name of a file must have no folders; found {name[:80]!r}.")
