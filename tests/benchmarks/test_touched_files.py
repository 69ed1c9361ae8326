"""An addition touches what it should and nothing else: the benchmark that counts it, run for some kinds."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.descriptions import all_kinds

ROOT = Path(__file__).resolve().parents[2]
CHANGES = sorted((ROOT / "benchmarks" / "additions").glob("*/changes.diff"))


@pytest.fixture
def touched_files(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark, which is no part of what is installed."""
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("benchmarks.touched_files")


def test_one_of_every_kind_is_measured(touched_files: Any) -> None:
    measured = {kind.name.removeprefix("dataset ") for kind in touched_files.KINDS}
    assert measured == {*all_kinds(), "sampler setting", "section setting"}
    kept = touched_files.RESULTS.read_text(encoding="utf-8")
    for kind in touched_files.KINDS:
        assert any(file.startswith("tests/") for file in kind.new), kind.name
        assert f"| {kind.name} | {kind.before} |" in kept


@pytest.mark.skipif(shutil.which("git") is None, reason="git tells whether a change fits")
@pytest.mark.parametrize("changes", CHANGES, ids=lambda file: file.parent.name)
def test_the_changes_fit_the_files_as_they_are_now(changes: Path) -> None:
    subprocess.run(["git", "apply", "--check", str(changes)], cwd=ROOT, check=True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_new_export_format_and_a_new_setting_touch_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "touched.md"
    command = [sys.executable, "-m", "benchmarks.touched_files", "export format", "sampler setting", "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.strip("| ").split(" | ") for line in out.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    figures = {row[0]: row[2:] for row in rows[2:]}
    for name, n_new, n_changed in (("export format", 4, 0), ("sampler setting", 1, 3)):
        n_touched, *split, n_beyond, n_own, n_known, n_failed = map(int, figures[name])
        assert (n_touched, split, n_beyond, n_failed) == (n_new + n_changed, [n_new, n_changed], 0, 0)
        assert n_own >= 3
        assert n_known > 100


def test_what_was_not_expected_is_counted_and_fails(touched_files: Any) -> None:
    kind = touched_files.KINDS[0]
    good, bad = touched_files.Tested(3, ()), touched_files.Tested(3, ("tests.a::b",))
    as_wanted = touched_files.Measured(kind, tuple(kind.new), (), good, good, ())
    assert as_wanted.beyond == ()
    assert as_wanted.is_as_it_should_be
    more = touched_files.Measured(kind, tuple(kind.new), ("core/cli/main.py",), good, good, ())
    assert more.beyond == ("core/cli/main.py",)
    others = (
        touched_files.Measured(kind, tuple(kind.new), (), good, bad, ()),
        touched_files.Measured(kind, tuple(kind.new), (), good, good, ("mypy: no",)),
    )
    assert not any(each.is_as_it_should_be for each in (more, *others))
