"""The last door: no traceback on the screen, whatever happens; the details are in a file."""

import os
from pathlib import Path

import pytest

from coreset_studio.core.cli import commands, failure, main, program
from coreset_studio.core.cli.program import FAILED


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "There was not enough memory"),
        (PermissionError(13, "Permission denied", "/x/y.png"), "/x/y.png could not be read or written (Permission"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (IndexError("list index\nout of range"), "at an unexpected error (IndexError: list index out of range)"),
        (AssertionError(), "at an unexpected error (AssertionError)"),
    ],
)
def test_any_error_is_one_sentence_and_its_details_a_file(
    error: Exception, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fails(_: object) -> int:
        raise error

    monkeypatch.setattr(commands, "verify", fails)
    assert main(["verify", str(tmp_path / "a b")]) == FAILED
    said = capsys.readouterr().err
    assert said.startswith("coreset: ")
    assert says in said
    assert said.count("\n") == 1
    assert "Traceback" not in said
    log = Path(os.environ["CORESET_DATA"]) / "logs" / "coreset.log"
    assert f"the details are in {log}" in said
    kept = log.read_text(encoding="utf-8")
    assert f"coreset verify '{tmp_path / 'a b'}'" in kept
    assert "Traceback (most recent call last)" in kept
    assert type(error).__name__ in kept
    assert "numpy 2" in kept


def test_an_error_before_the_command_is_a_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise AttributeError("a plugin that is none")

    monkeypatch.setattr(program, "plugin_problems", fails)
    assert main(["scan", "somewhere"]) == FAILED
    assert "AttributeError: a plugin that is none" in capsys.readouterr().err


def test_a_log_that_cannot_be_written_takes_nothing_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CORESET_DATA", str(tmp_path / "file"))
    monkeypatch.setattr(commands, "verify", lambda _: 1 // 0)
    assert main(["verify", "x"]) == FAILED
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_the_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    log = failure.log_file()
    log.parent.mkdir(parents=True)
    log.write_bytes(b"x" * (failure.LARGEST_LOG + 1))
    assert str(log) in failure.failure_sentence(ValueError("now"), [])
    assert log.stat().st_size < 100_000
    assert log.with_name("coreset.log.1").stat().st_size > failure.LARGEST_LOG
