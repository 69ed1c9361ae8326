"""Names of archives that belong together, such as ``train-000000.tar`` and ``train-000001.tar``."""

import fnmatch
import itertools
import os
import re
from collections import defaultdict
from pathlib import Path

from coreset_studio.core.data.braces import MOST_NAMES, expand_braces, is_pattern
from coreset_studio.core.data.folder_names import split_word
from coreset_studio.core.data.sources.tar.settings import NONE
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.results import SplitName

SUFFIX = ".tar"
PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tar.lz4")


def split_of(name: str) -> SplitName | None:
    """Return the set that the name of an archive says, such as that of ``"imagenet-val-0001.tar"``."""
    found = split_word(name.removesuffix(SUFFIX))
    return found[0] if found is not None else None


def archives_of(source: Path, pattern: str) -> tuple[list[Path], list[str]]:
    """Return the archives that are read, in order of their names, and notes on those that are not.

    Parameters
    ----------
    source : Path
        An archive, a folder of archives, or a pattern with braces that is no file.
    pattern : str
        Setting `shards`.

    Raises
    ------
    DatasetError
        If there are none.
    """
    folder = source if source.is_dir() else source.parent
    if not pattern and not source.exists() and is_pattern(source.name):
        pattern = source.name
    names = _names(folder)
    if pattern == NONE and not source.is_dir():
        return [source], []
    if pattern and pattern != NONE:
        return _matching(folder, names, pattern)
    families: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in names:
        families[_frame(name)].append(name)
    if source.is_dir():
        if not names:
            raise DatasetError(f"{source} contains no .tar files.")
        chosen = max(families.values(), key=len)
        rest = [name for name in names if name not in chosen]
        note = 'which was not read; to read all, use --shards "*.tar".'
        notes = [f"The folder also contains {_some(rest)}, {note}"] if rest else []
        return [folder / name for name in chosen], notes
    if not _is_part(source.name):
        return [source], []
    chosen = sorted({*families.get(_frame(source.name), ()), source.name})
    if len(chosen) == 1:
        return [source], []
    note = f"{_some(chosen)} were read together. To read {source.name} only, enter - under “Archives” (--shards -)."
    return [folder / name for name in chosen], [note]


def _matching(folder: Path, names: list[str], pattern: str) -> tuple[list[Path], list[str]]:
    if "/" in pattern or os.sep in pattern:
        raise DatasetError(f"--shards {pattern} contains a folder; expected names of files in {folder}.")
    known = set(names)
    found: list[str] = []
    missing: list[str] = []
    for one in expand_braces(pattern):
        matched = fnmatch.filter(names, one)
        if matched or (one in known) or (folder / one).is_file():
            found += matched or [one]
        else:
            missing.append(one)
    if not found:
        raise DatasetError(f"{folder} contains no file {pattern}; found {_some(names) if names else 'no .tar files'}.")
    notes = [f"{_some(missing)} of {pattern} {'was' if len(missing) == 1 else 'were'} not found."] if missing else []
    return [folder / name for name in dict.fromkeys(found)], notes


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            few = itertools.islice(entries, MOST_NAMES)
            return sorted(e.name for e in few if e.name.lower().endswith(SUFFIX) and not e.name.startswith("."))
    except OSError:
        return []


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+|(?<=\D)(?=\d)|(?<=\d)(?=\D)", name.lower().removesuffix(SUFFIX)) if word]


def _frame(name: str) -> tuple[str, ...]:
    """Return the words that the archives of one dataset share: all but sets and numbers."""
    return tuple(word for word in _words(name) if not word.isdecimal() and split_word(word) is None)


def _is_part(name: str) -> bool:
    """Return whether an archive is named like one of several."""
    return any(word.isdecimal() or split_word(word) is not None for word in _words(name))


def _some(names: list[str]) -> str:
    if len(names) <= 3:
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"{names[0]} to {names[-1]} ({len(names):,} files)"
