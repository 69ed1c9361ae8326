"""Paths that a user typed or pasted, with quotes that do not belong to them."""

import os

__all__ = ["QUOTE", "is_quote_impossible", "unquoted"]

QUOTE = '"'


def is_quote_impossible() -> bool:
    """Return whether no file of this system can have a quote in its name."""
    return os.name == "nt"


def unquoted(text: str) -> str:
    r"""Return a path without the quotes around it.

    Explorer's *Copy as path* puts quotes around a path. On Windows, where no name contains a quote, a single one at
    either end is removed, too: ``"C:\cells\"`` reaches a program as ``C:\cells"``, because a backslash before a quote
    keeps the quote. Elsewhere, a path with quotes that exists is kept.

    Parameters
    ----------
    text : str
        As typed.

    Returns
    -------
    str
        Without spaces at the ends if quotes were removed.
    """
    bare = text.strip()
    if is_quote_impossible():
        return bare.strip(QUOTE).strip() if QUOTE in (bare[:1], bare[-1:]) else text
    is_pair = len(bare) > 2 and bare[0] == bare[-1] == QUOTE
    return bare[1:-1] if is_pair and not os.path.lexists(text) else text
