"""Report in one sentence that the command crashed.

Large files of the cache are mapped, not read. Where another program or the file system cuts one short between the check
of its length and the reading, the system ends the process with SIGBUS. No Python runs in it any more, so a second
process, forked from it at the very start, waits on a pipe: `faulthandler` writes there what ended the command, and the
end of the pipe alone means that it ended in another way. The command itself stays the process that was started, so that
its number, exit code and signals, Ctrl+C and job control are what they are without. POSIX only: Windows does not let
a file be cut that is mapped.

Nothing heavy is imported here, so that the fork is fast and the sentence appears immediately.
"""

import faulthandler
import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from coreset_studio.core.endings import process_died

SIGNALS = {
    "Bus error": "SIGBUS",
    "Segmentation fault": "SIGSEGV",
    "Floating": "SIGFPE",
    "Illegal instruction": "SIGILL",
}
"""The signals that `faulthandler` reports, by the start of its message; anything else is an abort."""

_FATAL = "Fatal Python error: "
_LARGEST = 10_000
_to_watcher: int | None = None


def start() -> None:
    """Start a second process that reports a crash of this one. Call it once, before threads are started."""
    global _to_watcher
    if sys.platform == "win32" or _to_watcher is not None:
        return
    reading, writing = os.pipe()
    # Ctrl+C goes to both processes; the second one ignores signals.
    before = signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    try:
        if os.fork() == 0:
            os.close(writing)
            _watch(reading)
        _to_watcher = writing
        faulthandler.enable(writing)
    except OSError:  # one process more is not allowed: a crash is then only reported by the system
        os.close(writing)
    finally:
        os.close(reading)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def set_facts(cache_folder: Path, log_file: Path, version: str, arguments: Sequence[str]) -> None:
    """Set the facts that a sentence about a crash names.

    Parameters
    ----------
    cache_folder : Path
        That the command works with.
    log_file : Path
        For the details.
    version : str
        Of the program.
    arguments : sequence of str
        Of the command line.
    """
    if _to_watcher is None:
        return
    heading = (
        f"Coreset Studio {version}\nPython {sys.version.split()[0]}, {sys.platform}\ncoreset {shlex.join(arguments)}"
    )
    facts = (str(cache_folder), str(log_file), heading[: _LARGEST // 2])
    _write(_to_watcher, "".join(f"{fact}\0" for fact in facts))


def _write(descriptor: int, text: str) -> None:
    with suppress(OSError):  # the reader has ended
        os.write(descriptor, text.encode("utf-8", "surrogateescape"))


def _watch(reading: int) -> NoReturn:
    """Wait for the end of the command, and report a crash."""
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1):  # readers of the output only wait for the command
            os.dup2(nothing, standard)
        received = b""
        while part := os.read(reading, _LARGEST):
            received = (received + part)[: 10 * _LARGEST]
        text = received.decode("utf-8", "surrogateescape")
        if _FATAL in text:
            _report_crash(text)
    finally:
        # Neither a traceback nor anything that the command has registered for its end.
        os._exit(0)


def _report_crash(report: str) -> None:
    """Write the sentence, and to the log where the threads of the command were."""
    facts, fatal, crash = report.partition(_FATAL)
    # The last that were reported; none where it crashed before it knew them.
    cache_folder, log_file, heading = ["", "", "", *facts.split("\0")[:-1]][-3:]
    message = _sentence(crash, cache_folder)
    log = _opened(log_file)
    _write(2, _one_line(f"coreset: {message}" + (f" The details are in {log_file}." if log is not None else "")) + "\n")
    if log is not None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        threads, _, _ = crash.partition("\nExtension modules: ")
        _write(log, f"{now} {heading}\n{fatal}{threads}\n")


def _sentence(crash: str, cache_folder: str) -> str:
    name = next((name for words, name in SIGNALS.items() if crash.startswith(words)), "SIGABRT")
    folder = Path(cache_folder) if cache_folder else None
    return process_died(-signal.Signals[name], folder, what="command", again="command")


def _opened(log_file: str) -> int | None:
    """Return a descriptor of the log, to be added to; None where it cannot be written."""
    if not log_file:
        return None
    try:
        os.makedirs(os.path.dirname(log_file), exist_ok=True)  # noqa: PTH103, PTH120
        return os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:
        return None


def _one_line(text: str) -> str:
    """Return `text` without what would steer a terminal: a folder may be called anything."""
    return "".join(each if each.isprintable() or "\udc80" <= each <= "\udcff" else repr(each)[1:-1] for each in text)
