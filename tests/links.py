"""Tests that make symbolic links are skipped where links need a privilege, as on Windows, or do not exist."""

import errno
import pathlib
import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
PRIVILEGE_NOT_HELD = 1314
"""The number of Windows' error; developer mode or an administrator's terminal gives the privilege."""
NO_LINKS = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
"""What file systems without links, such as exFAT, answer."""


def refused_to_a_test(error: OSError) -> bool:
    """Return whether a test itself could not make a symbolic link; what the program cannot do is no such case."""
    frames = traceback.extract_tb(error.__traceback__)
    calls = [position for position, frame in enumerate(frames) if frame.name == "symlink_to"]
    if not calls or calls[0] == 0 or not frames[calls[0]].filename.startswith(str(Path(pathlib.__file__).parent)):
        return False
    by_a_test = Path(frames[calls[0] - 1].filename).is_relative_to(TESTS)
    return by_a_test and (getattr(error, "winerror", None) == PRIVILEGE_NOT_HELD or error.errno in NO_LINKS)


def _run() -> Generator[None, Any, Any]:
    try:
        return (yield)
    except OSError as error:
        if refused_to_a_test(error):
            pytest.skip(f"symbolic links cannot be made here ({error.strerror})")
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, Any, Any]:
    """Skip a test whose fixture could not make a link."""
    return (yield from _run())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    """Skip a test that could not make a link."""
    return (yield from _run())
