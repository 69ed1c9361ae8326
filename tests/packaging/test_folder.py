"""The packaging folder stays a folder."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_packaging_is_no_package() -> None:
    """An __init__.py would hide the `packaging` library from every tool."""
    assert not list((ROOT / "packaging").rglob("__init__.py"))


def test_the_packaging_library_is_found() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "import packaging.version as v; print(v.Version('1.0') < v.Version('2.0'))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "True"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the check reads Linux libraries")
def test_a_missing_library_is_named_with_what_installs_it() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "import start; print(start.how_to_install(['libxcb-cursor.so.0', 'libEGL.so.1']))"],
        cwd=ROOT / "packaging",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "libxcb-cursor.so.0" in answer.stdout
    assert "sudo apt-get install -y libegl1 libxcb-cursor0" in answer.stdout
