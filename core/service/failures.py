"""Sentences for the user about requests that fail."""

import traceback

from coreset_studio.core.errors import CoresetError
from coreset_studio.core.files import reason_of
from coreset_studio.core.service.messages import Failed


def failure(error: BaseException) -> Failed:
    """Return the message for the user about `error`."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, CoresetError):
        return Failed(str(error), details, expected=True)
    if isinstance(error, MemoryError):
        return Failed(
            "There was not enough memory for this step. Close other programs, or use fewer images or extractors.",
            details,
            expected=True,
        )
    if isinstance(error, OSError) and (error.strerror or error.errno):
        where = f" ({error.filename})" if error.filename else ""
        return Failed(f"A file could not be read or written{where}: {reason_of(error)}.", details, expected=True)
    what = str(error).strip().splitlines()
    short = f"{type(error).__name__}: {what[0][:160]}" if what else type(error).__name__
    return Failed(f"This step stopped at an error inside the program ({short}). Finished work is kept.", details)
