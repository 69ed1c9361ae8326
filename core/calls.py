"""Calling an engine function by its name, and what the user is told when it fails."""

import importlib
import inspect
import traceback
from collections.abc import Callable
from typing import Any

from core.errors import CoresetError
from core.files import reason_of
from core.job_events import Failed


def resolve(name: str) -> Callable[..., Any]:
    """Return what ``"module:function"`` names, importing the module."""
    module, _, attributes = name.partition(":")
    found: Any = importlib.import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found  # type: ignore[no-any-return]


def takes_progress(function: Callable[..., Any]) -> bool:
    """Whether `function` has a parameter named `progress`."""
    try:
        return "progress" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def failure(error: BaseException) -> Failed:
    """Return what the user is told about `error`."""
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
    return Failed(f"This step stopped at an error inside the program ({short}). What was finished is kept.", details)
