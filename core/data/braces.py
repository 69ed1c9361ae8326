"""Names with braces that name several files, such as ``train-{000..012}.tar``."""

import itertools
import re

from coreset_studio.core.errors import DatasetError

MOST_NAMES = 100_000
"""How many names a pattern may have."""

_BRACES = re.compile(r"\{(?:(\d{1,12})\.\.(\d{1,12})|([^{}]*,[^{}]*))\}")


def is_pattern(name: str) -> bool:
    """Return whether a name has braces with a range or with alternatives."""
    return _BRACES.search(name) is not None


def expand_braces(pattern: str) -> list[str]:
    """Return the names that a pattern represents, such as ``a-{00..11}.tar`` or ``{train,val}.tar``.

    Raises
    ------
    DatasetError
        If these are too many.
    """
    pieces: list[list[str]] = []
    at, n = 0, 1
    for found in _BRACES.finditer(pattern):
        pieces.append([pattern[at : found.start()]])
        if found[1] is not None:
            first, last = int(found[1]), int(found[2])
            step = 1 if last >= first else -1
            numbers = range(first, first + step * min(abs(last - first) + 1, MOST_NAMES + 1), step)
            pieces.append([f"{number:0{len(found[1])}d}" for number in numbers])
        else:
            pieces.append(found[3].split(","))
        n *= len(pieces[-1])
        at = found.end()
        if n > MOST_NAMES:
            raise DatasetError(f"{pattern} names more than {MOST_NAMES:,} files; use a shorter range.")
    return ["".join(parts) for parts in itertools.product(*pieces, [pattern[at:]])]
