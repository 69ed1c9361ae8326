"""A wheel holds every package and every resource, so that an installed program is the checkout's."""

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_package_is_found() -> None:
    """setuptools looks for packages by their names; one that no pattern fits would be missing from the wheel."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    patterns = tool["packages"]["find"]["include"]
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for top in ("core", "desktop_app", "resources")
        for file in (ROOT / top).rglob("__init__.py")
    }
    assert {"core.data.sources.npz", "desktop_app", "resources"} <= found
    assert [name for name in sorted(found) if not any(fnmatchcase(name, pattern) for pattern in patterns)] == []
