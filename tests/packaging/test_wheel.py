"""A wheel holds every package and every resource, so that an installed program is the checkout's."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASKED = """
import json, setuptools
setuptools.setup = lambda **facts: print(json.dumps(facts))
exec(open("setup.py", encoding="utf-8").read())
"""


def test_every_package_is_found() -> None:
    """setuptools looks for packages by their names; one that no pattern fits would be missing from the wheel."""
    answer = subprocess.run([sys.executable, "-c", ASKED], cwd=ROOT, capture_output=True, text=True, check=True)
    facts = json.loads(answer.stdout)
    public = "core.public"
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for top in ("core", "desktop_app", "resources")
        for file in (ROOT / top).rglob("__init__.py")
    }
    assert {"core.data.sources.npz", "desktop_app", "resources", public} <= found
    assert set(facts["packages"]) == found - {public} | {"coreset_studio"}
    assert facts["package_dir"] == {"coreset_studio": "core/public"}


def test_the_public_interface_is_one_package_from_any_folder(tmp_path: Path) -> None:
    code = "import core, coreset_studio, desktop_app, resources; print(coreset_studio.Settings.__module__)"
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=bare, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip().startswith("core.settings")
