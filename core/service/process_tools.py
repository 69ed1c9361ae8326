"""Functions to start and end processes of the operating system, independent of requests."""

import contextlib
import io
import os
import signal
import sys
from pathlib import Path

import psutil


def kill_tree(pid: int) -> None:
    """Kill the descendants of a process, and its process group if it leads one."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            if os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)


def kill_group(pid: int) -> None:
    """Kill the processes in the group of a process that has ended.

    The system does not reuse its number while the group has members.
    """
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def read_from(output: Path | None, position: int) -> bytes:
    """Return the output of a process from byte `position` on; empty if there is no file."""
    try:
        with output.open("rb") if output is not None else io.BytesIO() as stream:
            stream.seek(position)
            return stream.read()
    except OSError:
        return b""


def tail(output: Path | None, n_characters: int = 4000) -> str:
    """Return the end of the output of a process, which contains the stack after a crash."""
    if output is None:
        return ""
    try:
        with output.open("rb") as stream:
            stream.seek(max(0, output.stat().st_size - n_characters))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
