"""Which class of another dataset is which class of a network."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coreset_studio.core.errors import ExportError

_BETWEEN = re.compile(r"[\s_\-./]+")
NAMED = 8


@dataclass(frozen=True)
class Matching:
    """Classes of a dataset matched to those of a network.

    Attributes
    ----------
    matched : mapping of str to str
        Class of the network by class of the dataset; several may be the same one.
    unmatched : tuple of str
        Classes of the dataset that the network does not know.
    missing : tuple of str
        Classes of the network that the dataset does not have.
    assumed : mapping of str to str
        Those of `matched` that are spelt differently and that nobody asked for.
    """

    matched: Mapping[str, str]
    unmatched: tuple[str, ...]
    missing: tuple[str, ...]
    assumed: Mapping[str, str]

    @property
    def is_certain(self) -> bool:
        """Whether all classes have the same names in both."""
        return not (self.unmatched or self.missing or self.assumed)

    def notes(self) -> list[str]:
        """Return what was assumed, and which classes are not in both, as sentences."""
        lines = []
        if self.assumed:
            pairs = ", ".join(f"{theirs} = {ours}" for theirs, ours in self.assumed.items())
            lines.append(f"Classes that are spelt differently were matched: {pairs}. To change this, use --match.")
        if self.missing:
            lines.append(f"There are no images of these classes of the network: {_names(self.missing)}.")
        return lines


def match_classes(theirs: Sequence[str], ours: Sequence[str], matches: Mapping[str, str] | None = None) -> Matching:
    """Match the classes of a dataset to those of a network by name.

    Parameters
    ----------
    theirs, ours : sequence of str
        Classes of the dataset and of the network.
    matches : mapping of str to str, optional
        What the user says: class of the network by class of the dataset; an empty one leaves the class out.

    Notes
    -----
    Equal names are matched first, then names that differ by case, spaces, hyphens, underscores, dots and slashes, where
    that is unambiguous.

    Raises
    ------
    ExportError
        If a class that is named does not exist, or if no class is matched.
    """
    matches = dict(matches or {})
    for theirs_given, ours_given in matches.items():
        if theirs_given not in theirs:
            raise ExportError(
                f"--match names {theirs_given!r}, which is not a class of the dataset; it has {_names(theirs)}."
            )
        if ours_given and ours_given not in ours:
            raise ExportError(
                f"--match names {ours_given!r}, which is not a class of the network; it has {_names(ours)}."
            )
    by_plain: dict[str, list[str]] = {}
    for name in ours:
        by_plain.setdefault(_plain(name), []).append(name)
    n_theirs: dict[str, int] = {}
    for name in theirs:
        n_theirs[_plain(name)] = n_theirs.get(_plain(name), 0) + 1
    matched: dict[str, str] = {}
    assumed: dict[str, str] = {}
    for name in theirs:
        alike = by_plain.get(_plain(name), [])
        if name in matches:
            if matches[name]:
                matched[name] = matches[name]
        elif name in ours:
            matched[name] = name
        elif len(alike) == 1 and n_theirs[_plain(name)] == 1:
            matched[name] = assumed[name] = alike[0]
    if not matched:
        raise ExportError(
            f"None of the classes of the dataset ({_names(theirs)}) is a class of the network ({_names(ours)}). "
            "Match them with --match THEIRS=OURS, or choose another dataset or network."
        )
    found = set(matched.values())
    return Matching(
        matched,
        tuple(name for name in theirs if name not in matched),
        tuple(name for name in ours if name not in found),
        assumed,
    )


def parse_match(texts: Sequence[str]) -> Mapping[str, str]:
    """Read ``theirs=ours``; nothing behind the sign leaves the class out.

    Raises
    ------
    ExportError
        If one has no sign or no class before it, or if a class is named twice.
    """
    matches: dict[str, str] = {}
    for text in texts:
        theirs, sign, ours = text.partition("=")
        if not sign or not theirs.strip():
            raise ExportError(
                f"--match is {text!r}; expected a class of the dataset and one of the network, such as Baso=basophil."
            )
        if theirs.strip() in matches:
            raise ExportError(f"--match has the class {theirs.strip()!r} twice; expected it once.")
        matches[theirs.strip()] = ours.strip()
    return matches


def _plain(name: str) -> str:
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", name).casefold())


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
