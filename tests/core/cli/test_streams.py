"""Output that is missing, closed, of an old code page or without escape codes."""

import ctypes
import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.cli import main, program, streams
from coreset_studio.core.cli.streams import is_unread, n_cells, prepare_streams, takes_escapes, usable
from coreset_studio.core.cli.terminal import TerminalProgress, say, table
from coreset_studio.core.service import child


class Terminal(io.TextIOWrapper):
    """A terminal of an encoding."""

    def isatty(self) -> bool:
        return True


def stream_of(encoding: str, kind: type[io.TextIOWrapper] = io.TextIOWrapper) -> io.TextIOWrapper:
    return kind(io.BytesIO(), encoding=encoding, write_through=True, newline="\n")


def written(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(stream.encoding)


@pytest.mark.parametrize(
    ("encoding", "rules", "sentence"),
    [
        ("utf-8", "─────  ─", "“eos” – 3 × 4 · τ ≥ 0 … −1 日本"),
        ("cp1252", "-----  -", "“eos” – 3 × 4 · tau >= 0 … -1 \\u65e5\\u672c"),
        ("cp437", "─────  ─", '"eos" - 3 x 4 · τ ≥ 0 ... -1 \\u65e5\\u672c'),
        ("ascii", "-----  -", '"eos" - 3 x 4 | tau >= 0 ... -1 \\u65e5\\u672c'),
    ],
)
def test_every_code_page_takes_tables_and_sentences(
    encoding: str, rules: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = stream_of(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", stream_of(encoding))
    prepare_streams()
    print(table(["class", "n"], [["eos", "1"]], {1}))
    say("“eos” – 3 × 4 · τ ≥ 0 … −1 日本")
    assert written(out).splitlines() == ["class  n", rules, "eos    1", sentence]


@pytest.mark.parametrize(("encoding", "bar"), [("cp437", "█" * 12 + "░" * 12), ("cp1252", "#" * 12 + "." * 12)])
def test_a_bar_has_characters_of_the_code_page(encoding: str, bar: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream_of(encoding, Terminal))
    monkeypatch.setattr(sys, "stdout", stream_of(encoding))
    monkeypatch.setenv("TERM", "xterm")
    prepare_streams()
    TerminalProgress().report(1, 2, "Scanning: images")
    assert written(sys.stderr) == f"\r\x1b[KScanning {bar} 1 of 2 images"  # type: ignore[arg-type]


def test_without_escape_codes_spaces_cover_the_longer_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("coreset_studio.core.cli.terminal.SECONDS_BETWEEN_UPDATES", 0.0)
    stream = stream_of("utf-8", Terminal)
    progress = TerminalProgress(stream)
    progress.report(1, 4, "Reading the long 日本: images")
    progress.report(4, 4, "Reading: images")
    said = written(stream)
    assert "\x1b" not in said
    first, second = said.removesuffix("\n").split("\r")[1:]
    assert n_cells(second) == n_cells(first)
    assert second.rstrip().endswith("4 of 4 images")
    assert second.endswith(" " * len(" the long 日本__"))


@pytest.mark.parametrize("missing", ["none", "closed"])
def test_a_command_without_standard_error_runs_and_keeps_its_output_clean(
    missing: str, cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.StringIO()
    closed.close()
    out = stream_of("utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", None if missing == "none" else closed)
    assert main(["scan", str(cells), "--cache", str(tmp_path / "cache")]) == 0
    assert "blue" in written(out)
    assert main(["scan", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" not in written(out)  # errors are not put among results
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["scan", str(cells), "--cache", str(tmp_path / "cache")]) == 0


def test_progress_has_somewhere_to_go() -> None:
    closed = io.StringIO()
    closed.close()
    TerminalProgress(closed).report(1, 2, "Scanning: images")
    assert usable(None).write("text") == 4
    assert not usable(closed).isatty()


ENGINE = """
import os, sys
from pathlib import Path
for number in {closed}:
    os.close(number)
from coreset_studio.core.service.child import _redirect_output
_redirect_output(Path({output!r}))
print("printed")
print("told", file=sys.stderr)
os.write(1, b"written\\n")
os.write(2, b"warned\\n")
os.system("echo inherited")
"""


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2), (0, 1, 2)])
@pytest.mark.skipif(os.name == "nt", reason="a shell of another kind")
def test_an_engine_process_of_a_program_without_a_console_keeps_its_output(
    closed: tuple[int, ...], tmp_path: Path
) -> None:
    assert child._redirect_output
    output = tmp_path / "output.txt"
    subprocess.run([sys.executable, "-c", ENGINE.format(closed=closed, output=str(output))], check=True, timeout=60)
    assert output.read_text().split() == ["printed", "told", "written", "warned", "inherited"]


def test_a_closed_pipe_of_windows_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    invalid = OSError(errno.EINVAL, "Invalid argument")
    assert is_unread(BrokenPipeError())
    assert not is_unread(invalid)
    monkeypatch.setattr(streams, "_WINDOWS", True)
    assert is_unread(invalid)
    assert not is_unread(OSError(errno.EINVAL, "Invalid argument", "a?.png"))
    assert not is_unread(ValueError())


class Kernel:
    """Stands for kernel32: a console with a mode."""

    def __init__(self, *, is_console: bool = True, knows_escapes: bool = True) -> None:
        self.is_console, self.knows_escapes = is_console, knows_escapes
        self.modes: list[int] = []

        def handle(number: int) -> int:
            assert number == -12
            return 3

        self.GetStdHandle: Any = handle

    def GetConsoleMode(self, handle: Any, mode: Any) -> int:
        assert handle.value == 3
        mode._obj.value = 0x2
        return int(self.is_console)

    def SetConsoleMode(self, handle: Any, mode: int) -> int:
        self.modes.append(mode)
        return int(self.knows_escapes)


@pytest.mark.parametrize(
    ("kernel", "takes", "modes"),
    [(Kernel(), True, [0x7]), (Kernel(knows_escapes=False), False, [0x7]), (Kernel(is_console=False), False, [])],
)
def test_a_console_of_windows_is_asked_for_escape_codes(
    kernel: Kernel, takes: bool, modes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "WinDLL", lambda *_: kernel, raising=False)
    stream = stream_of("utf-8")
    monkeypatch.setattr(stream, "fileno", lambda: 2, raising=False)
    monkeypatch.setattr(streams, "_WINDOWS", True)
    assert takes_escapes(stream) is takes
    assert kernel.modes == modes
    assert not takes_escapes(io.StringIO())  # without a number


def test_what_ended_is_told_by_the_exit_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stop(_: object) -> int:
        raise BrokenPipeError

    errors = stream_of("utf-8")
    monkeypatch.setattr(sys, "stderr", errors)
    monkeypatch.setattr(program, "_run", stop)
    assert main(["scan", str(tmp_path)]) == 0
    assert errors.closed
