"""The names of jobs that are asked about."""

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from desktop_app import running_work


@pytest.mark.parametrize("name", [*running_work._WORK, *running_work._LOOKS])
def test_every_function_that_is_named_is_there(name: str) -> None:
    module, _, function = name.partition(":")
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    functions = [
        node.name for node in ast.parse(Path(spec.origin).read_text("utf-8")).body if isinstance(node, ast.FunctionDef)
    ]
    assert function in functions


def test_the_sentence() -> None:
    assert running_work.sentence(["an export"]) == "An export is still running."
    assert running_work.sentence(["an export", "a report", "other work"]) == (
        "An export, a report and other work are still running."
    )
