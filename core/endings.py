"""Sentences for processes that ended unexpectedly. It imports hardly anything, because it must be fast."""

import signal
from pathlib import Path


def process_died(
    exit_code: int | None, cache_folder: Path | None = None, *, what: str = "engine process", again: str = "step"
) -> str:
    """Return a sentence for an engine process that ended without a last word, and what to do.

    Parameters
    ----------
    exit_code : int or None
    cache_folder : Path, optional
        The cache that it worked with.
    what, again : str
        What ended, and what is to be run again.
    """
    advice = f"Finished work is kept; run the {again} again"
    if exit_code is not None and exit_code == -getattr(signal, "SIGKILL", 9):
        advice += ", with fewer images or extractors if necessary"
    if _is_bus_error(exit_code):
        advice += " to recompute damaged files, and check whether the disk is full or failing"
    return f"{how_it_died(exit_code, cache_folder, what)} {advice}."


def how_it_died(exit_code: int | None, cache_folder: Path | None = None, what: str = "engine process") -> str:
    """Return a sentence for how an engine process ended without a last word; see `process_died`."""
    if _is_bus_error(exit_code):
        which = f", probably one in the cache folder {cache_folder}" if cache_folder is not None else ""
        return (
            f"The {what} crashed (SIGBUS), because a file that it was reading was truncated or its disk failed{which}."
        )
    if exit_code is None or exit_code >= 0:
        return f"The {what} ended unexpectedly (exit code {exit_code})."
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    if name == "SIGKILL":
        return f"The {what} was killed (SIGKILL), often because memory ran out."
    return f"The {what} crashed ({name})."


def _is_bus_error(exit_code: int | None) -> bool:
    number = getattr(signal, "SIGBUS", None)
    return number is not None and exit_code == -number
