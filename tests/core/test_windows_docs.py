"""What docs/windows.md states is what holds."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from coreset_studio.core.windows import LONGEST_FOLDER, LONGEST_PATH

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "windows.md").read_text(encoding="utf-8")


def test_the_limits_are_those_of_the_program() -> None:
    assert f"Windows allows paths of {LONGEST_PATH} characters, of folders {LONGEST_FOLDER}," in TEXT


def test_how_deep_the_environment_may_lie() -> None:
    try:
        files = distribution("tensorflow-cpu").files or ()
    except PackageNotFoundError:
        pytest.skip("TensorFlow is another package here")
    longest = max(len(str(file)) for file in files)
    found = re.search(r"at most (\d+) characters, because TensorFlow contains paths of (\d+) characters", TEXT)
    assert found is not None
    assert int(found[2]) == longest
    assert int(found[1]) == LONGEST_PATH - longest - len("\\.venv\\Lib\\site-packages\\")


def test_it_says_that_nothing_was_run_there() -> None:
    assert TEXT.startswith("# Windows\n\n**Not run on Windows.**")
    assert "## What has never been run\n" in TEXT
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    assert "(docs/windows.md)" in readme
