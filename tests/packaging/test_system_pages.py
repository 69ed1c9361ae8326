"""The page of each system states what its installer checks, and is found from the README."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["linux", "macos"])
def test_a_page_says_how_to_install_update_and_remove_and_what_was_never_run(name: str) -> None:
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert f"(docs/{name}.md)" in README
    for heading in ("## Requirements", "## Install", "## Update", "## Remove"):
        assert heading in page
    assert re.search(r"not tested|never run", page, re.IGNORECASE)
    for target in re.findall(r"\]\(([^)#:]+)\)", page):
        assert (ROOT / "docs" / target).is_file(), target


def test_all_say_the_same_oldest_macos() -> None:
    spec = importlib.util.spec_from_file_location("check_system", ROOT / "packaging" / "check_system.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    words = f"macOS {module.MACOS[0]} or later"
    for file in ("README.md", "docs/macos.md", "packaging/macos/read_me.txt"):
        assert words in (ROOT / file).read_text(encoding="utf-8")
