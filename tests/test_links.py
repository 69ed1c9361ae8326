"""A test that cannot make a symbolic link is skipped; a program that cannot is an error."""

import errno
import os
from pathlib import Path

import pytest

from tests.links import PRIVILEGE_NOT_HELD, pytest_runtest_call


def refuse(monkeypatch: pytest.MonkeyPatch, number: int, winerror: int | None = None) -> None:
    def symlink(*_: object, **__: object) -> None:
        error = OSError(number, "A required privilege is not held by the client")
        error.winerror = winerror  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr(os, "symlink", symlink)


def outcome(code: str, place: Path, file: str = __file__) -> type[BaseException]:
    """Return what becomes of a test that ends with the error of some code in a file."""
    hook = pytest_runtest_call()
    next(hook)
    try:
        exec(compile(code, file, "exec"), {"link": place / "link"})
    except OSError as error:
        try:
            hook.throw(error)
        except BaseException as ended:  # a skip is no Exception
            return type(ended)
    raise AssertionError(code)


@pytest.mark.parametrize(
    ("number", "winerror"), [(errno.EINVAL, PRIVILEGE_NOT_HELD), (errno.EPERM, None), (errno.ENOTSUP, None)]
)
def test_a_test_without_the_privilege_is_skipped(
    number: int, winerror: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, number, winerror)
    assert outcome("link.symlink_to('x')", tmp_path) is pytest.skip.Exception


def test_other_errors_stay_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a link that is there already, and a program that could not make one."""
    refuse(monkeypatch, errno.EEXIST, 183)
    assert outcome("link.symlink_to('x')", tmp_path) is FileExistsError
    refuse(monkeypatch, errno.EPERM, PRIVILEGE_NOT_HELD)
    assert outcome("link.symlink_to('x')", tmp_path, "program.py") is PermissionError
