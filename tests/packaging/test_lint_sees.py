"""`make lint` finds a planted fault: it reads the packages of the checkout, by the names they are installed by."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links require developer mode on Windows")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("core", "desktop_app", "resources"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "weights"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(file: Path, line: str) -> None:
    file.write_text(file.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")


def lint(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    subprocess.run([sys.executable, str(ROOT / "packaging" / "link.py"), str(checkout)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(checkout / "build" / "link")}
    return subprocess.run(
        [sys.executable, *words], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )


IMPORT_RULES = ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")


@pytest.mark.slow
def test_a_forbidden_import_is_found(checkout: Path) -> None:
    assert lint(checkout, *IMPORT_RULES).returncode == 0
    plant(checkout / "core" / "words.py", "from coreset_studio.desktop_app import theme as theme")
    done = lint(checkout, *IMPORT_RULES)
    assert done.returncode == 1
    assert "coreset_studio.core.words -> coreset_studio.desktop_app.theme" in done.stdout


@pytest.mark.slow
def test_a_type_error_is_found(checkout: Path) -> None:
    plant(checkout / "core" / "version.py", "N: int = __version__")
    plant(
        checkout / "core" / "public" / "plugins.py",
        "from coreset_studio.core import version as v\nM: int = v.__version__",
    )
    done = lint(checkout, "-m", "mypy", "-m", "coreset_studio.core.version", "-m", "coreset_studio.plugins")
    assert done.returncode == 1
    for file in ("core/version.py", "plugins.py"):
        assert any(f"coreset_studio/{file}:" in line and "[assignment]" in line for line in done.stdout.splitlines())


def test_an_import_that_works_in_the_checkout_alone_is_found(checkout: Path) -> None:
    for name in ("core.version", "desktop_app.theme", "resources"):
        (checkout / "core" / "planted.py").write_text(f'"""Planted."""\n\nimport {name}\n', encoding="utf-8")
        done = lint(checkout, "-m", "ruff", "check", "--select", "TID", "core/planted.py")
        assert done.returncode == 1
        assert "TID251" in done.stdout
