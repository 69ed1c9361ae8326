"""Paths among the arguments of a command."""

import argparse
import sys
from pathlib import Path

from coreset_studio.core.cli.terminal import say
from coreset_studio.core.typed_paths import QUOTE, is_quote_impossible, unquoted


def path_of(text: str) -> Path:
    r"""Return the path that an argument names, without quotes that came with it; a note says if there were any.

    Raises
    ------
    argparse.ArgumentTypeError
        If a quote remains that cannot be part of a name: on Windows, ``"C:\cells\" --out x`` is one argument.
    """
    path = unquoted(text)
    if is_quote_impossible() and QUOTE in path:
        raise argparse.ArgumentTypeError(
            f"{text} contains a quote, which no path can. A backslash before a closing quote joins what follows to "
            f'the path; leave it out: "{path.partition(QUOTE)[0]}"'
        )
    if path != text:
        why = ""
        if text.count(QUOTE) == 1:
            why = "; a backslash before a closing quote keeps the quote, so leave the backslash out"
        say(f"note: {text} was read as {path}, without quotes{why}.", file=sys.stderr)
    return Path(path)
