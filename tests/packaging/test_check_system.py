"""Systems on which nothing can be installed are told so in a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(sys.platform == "win32", reason="make calls a shell script")
@pytest.mark.parametrize(
    ("system", "machine", "version", "words"),
    [
        ("darwin", "x86_64", "15.1", ["This Python is for x86_64; expected arm64", "no packages for Intel Macs"]),
        ("darwin", "arm64", "13.6.1", ["This is macOS 13.6.1; expected 14 or later"]),
        ("linux", "x86_64", "2.31", ["This system has glibc 2.31; expected 2.34 or later", "PySide6"]),
        ("win32", "ARM64", "", ["This Python is for ARM64; expected AMD64"]),
    ],
)
def test_make_says_why_nothing_can_be_installed(
    system: str, machine: str, version: str, words: list[str], tmp_path: Path
) -> None:
    """A Python that takes itself for one of another system is given to the script that make calls."""
    (tmp_path / "sitecustomize.py").write_text(
        "import platform, sys\n"
        f"sys.platform = {system!r}\n"
        f"platform.machine = lambda: {machine!r}\n"
        f"platform.libc_ver = lambda: ('glibc', {version!r})\n"
        f"platform.mac_ver = lambda: ({version!r}, ('', '', ''), {machine!r})\n"
    )
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" != packaging/check_system.py ]; then exec "{sys.executable}" "$@"; fi\n'
        f'PYTHONPATH="{tmp_path}" exec "{sys.executable}" "$1"\n'
    )
    python.chmod(0o755)
    (tmp_path / "packaging").mkdir()
    for name in ("set_up.sh", "check_system.py"):
        (tmp_path / "packaging" / name).write_bytes((ROOT / "packaging" / name).read_bytes())
    answer = subprocess.run(
        ["sh", "packaging/set_up.sh"], cwd=tmp_path, env={"PYTHON": str(python), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 1
    for each in words:
        assert each in answer.stderr
    assert not (tmp_path / ".venv").exists()


def test_systems_that_it_is_made_for_are_taken() -> None:
    answer = subprocess.run([sys.executable, "packaging/check_system.py"], cwd=ROOT, capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")
