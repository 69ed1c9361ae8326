"""Windows' rules for open files hold in every test where the environment asks for it, and the program keeps to them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coreset_studio.core.files import replace_atomically

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


@pytest.mark.skipif(
    os.environ.get("CORESET_WINDOWS_REFUSED", "0") in ("", "0"), reason="no share of replacements is refused"
)
def test_a_share_of_replacements_is_refused_and_tried_again(tmp_path: Path) -> None:
    refused = 0
    for number in range(300):
        (tmp_path / "new").write_text(str(number))
        try:
            (tmp_path / "new").replace(tmp_path / "file")
        except PermissionError:
            refused += 1
    assert 0 < refused < 30
    for number in range(300):
        replace_atomically(tmp_path / "file", b"%d" % number)
    assert (tmp_path / "file").read_bytes() == b"299"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what is open is known on Linux only")
def test_what_writes_files_keeps_to_the_rules() -> None:
    """A part of `make test-windows-rules`."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", __file__, *WRITERS]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "CORESET_WINDOWS_RULES": "1", "CORESET_WINDOWS_REFUSED": "0.01"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "the rules are not in force" not in done.stdout
    assert "no share of replacements is refused" not in done.stdout
