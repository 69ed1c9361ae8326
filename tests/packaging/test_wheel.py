"""A wheel holds every package and every resource, so that an installed program is the checkout's."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_package_is_named() -> None:
    """setuptools is given a list; a folder missing from it would be missing from the wheel."""
    named = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"])
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for top in ("core", "desktop_app", "resources")
        for file in (ROOT / top).rglob("__init__.py")
    }
    assert found == named
