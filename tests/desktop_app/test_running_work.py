"""The names of jobs that are asked about."""

import pytest

from core.calls import resolve
from desktop_app import running_work


@pytest.mark.parametrize("name", [*running_work._WORK, *running_work._LOOKS])
def test_every_function_that_is_named_is_there(name: str) -> None:
    assert callable(resolve(name))


def test_the_sentence() -> None:
    assert running_work.sentence(["an export"]) == "An export is still running."
    assert running_work.sentence(["an export", "a report", "other work"]) == (
        "An export, a report and other work are still running."
    )
