"""Windows' rules for open files hold in every test where the environment asks for it, and the program keeps to them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WRITERS = ("tests/core/test_files.py", "tests/core/test_cache.py", "tests/core/output/test_export.py")


@pytest.mark.skipif(os.environ.get("CORESET_WINDOWS_RULES", "0") in ("", "0"), reason="the rules are not in force")
def test_what_is_open_is_not_moved_or_removed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with file.open("w"):
        for act in (file.unlink, lambda: file.rename(tmp_path / "other"), lambda: tmp_path.rename(f"{tmp_path}-moved")):
            with pytest.raises(PermissionError):
                act()
    file.unlink()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what is open is known on Linux only")
def test_what_writes_files_keeps_to_the_rules() -> None:
    """A part of `make test-windows-rules`."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", __file__, *WRITERS]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "CORESET_WINDOWS_RULES": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "the rules are not in force" not in done.stdout
