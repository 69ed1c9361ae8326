"""A wheel holds every package and every resource below one name, so that an installed program is the checkout's."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASKED = """
import json, setuptools
setuptools.setup = lambda **facts: print(json.dumps(facts))
exec(open("setup.py", encoding="utf-8").read())
"""
TOPS = ("core", "desktop_app", "resources")


def test_every_package_is_found() -> None:
    """setuptools looks for packages by their names; one that no pattern fits would be missing from the wheel."""
    answer = subprocess.run([sys.executable, "-c", ASKED], cwd=ROOT, capture_output=True, text=True, check=True)
    facts = json.loads(answer.stdout)
    public = "coreset_studio.core.public"
    found = {
        ".".join(("coreset_studio", *file.parent.relative_to(ROOT).parts))
        for top in TOPS
        for file in (ROOT / top).rglob("__init__.py")
    }
    names = {"coreset_studio.core.data.sources.npz", "coreset_studio.desktop_app", "coreset_studio.resources", public}
    assert names <= found
    assert set(facts["packages"]) == found - {public} | {"coreset_studio"}
    assert facts["package_dir"] == {
        "coreset_studio": "core/public", **{f"coreset_studio.{name}": name for name in TOPS}
    }  # fmt: skip


def test_one_name_is_installed(tmp_path: Path) -> None:
    """A project beside it may have a `core` of its own."""
    code = "import importlib.util as u, coreset_studio; print(coreset_studio.Settings.__module__)\n"
    code += "print([name for name in ('core', 'desktop_app', 'resources') if u.find_spec(name)])"
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=bare, capture_output=True, text=True, check=True
    )
    module, others = answer.stdout.splitlines()
    assert module.startswith("coreset_studio.core.settings")
    assert others == "[]"


def copy_of_checkout(folder: Path) -> Path:
    """Copy what is tracked, since building writes into the folder."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        if name.startswith((*(f"{top}/" for top in TOPS), "setup.py", "pyproject.toml", "README.md", "LICENSE")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.mark.slow
def test_the_wheel_works_in_an_empty_folder(tmp_path: Path) -> None:
    """It is unpacked, not installed, and comes before the checkout in the search for imports."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(tmp_path), str(copy_of_checkout(tmp_path / "checkout"))]
    subprocess.run(command, check=True, timeout=240)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "unpacked")
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"coreset_studio"}
    assert not [name for name in names if name.startswith("coreset_studio/core/public/")]
    for file in ("core/output/templates/report.html", "resources/icons/coreset-studio.svg", "core/py.typed"):
        assert f"coreset_studio/{file}" in names, file
    code = (
        "import sys; from pathlib import Path\n"
        "import coreset_studio\n"
        "from coreset_studio.core.cli import main\n"
        "from coreset_studio.core.resources import resource_folder\n"
        "assert Path(coreset_studio.__file__).is_relative_to(sys.argv[1]), coreset_studio.__file__\n"
        "assert resource_folder().is_relative_to(sys.argv[1]), resource_folder()\n"
        "from coreset_studio.core.data.demo import make_demo\n"
        "make_demo(Path('images'), n_images=60)\n"
        "flags = ['--extractor', 'colour-texture', '--fraction', '0.3', '--out', 'list.csv', '--cache', 'cache']\n"
        "assert main(['select', 'images', *flags]) == 0\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('core', 'desktop_app', 'resources')))"
    )
    (tmp_path / "empty").mkdir()
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "unpacked")], cwd=tmp_path / "empty",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "unpacked")},
        capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "[]"
