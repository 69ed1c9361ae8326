"""Every system checks out the same bytes, whatever Git is set to there."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="this is no checkout of Git"
)


def git(*words: str, root: Path = ROOT) -> str:
    command = ["git", "-c", "core.quotePath=false", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, encoding="utf-8").stdout


def test_scripts_and_documents_have_line_feeds_where_git_would_change_them(tmp_path: Path) -> None:
    """As with core.autocrlf=true, which Git for Windows suggests: sh and make cannot run a file of its line ends."""
    copy = tmp_path / "copy"
    files = [
        "packaging/set_up.sh",
        "Makefile",
        "README.md",
        "tests/golden/format-2",
        "packaging/windows",
        ".gitattributes",
    ]
    git("init", "-q", str(copy), root=tmp_path)
    for name in files:
        source, target = ROOT / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    git("add", ".", root=copy)
    before = {file: file.read_bytes() for file in copy.rglob("*") if file.is_file() and ".git" not in file.parts}
    for file in before:
        file.unlink()
    git("-c", "core.autocrlf=true", "checkout", "-q", ".", root=copy)
    assert len(before) > 30
    assert [file for file in before if file.read_bytes() != before[file]] == []


def test_no_tracked_file_has_line_ends_that_git_would_change() -> None:
    changed = [line for line in git("ls-files", "--eol").splitlines() if "i/crlf" in line or "i/mixed" in line]
    assert [line for line in changed if "attr/-text" not in line] == []


def test_what_is_compared_byte_by_byte_is_left_alone() -> None:
    files = [
        name for name in git("ls-files").splitlines() if "/golden/" in name or name.startswith("tests/fuzz/corpus/")
    ]
    told = git("check-attr", "text", "--", *files).splitlines()
    assert len(told) == len(files) > 100
    assert [line for line in told if not line.endswith(": text: unset")] == []
