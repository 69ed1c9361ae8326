"""Starting and ending operating-system processes; knows nothing of requests."""

import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil


def kill_tree(pid: int) -> None:
    """Kill what the process started, then, where it leads a group of its own, the whole group."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            if os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)


def kill_group(pid: int) -> None:
    """Kill what a dead process left behind. The system gives its number to nobody else while its group has members."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def read_from(output: Path | None, position: int) -> bytes:
    """Return the output of a process from `position` on; empty where there is no file."""
    try:
        with output.open("rb") if output is not None else io.BytesIO() as stream:
            stream.seek(position)
            return stream.read()
    except OSError:
        return b""


def tail(output: Path | None, n_characters: int = 4000) -> str:
    """Return the end of what a process printed, where a crash leaves its stack."""
    if output is None:
        return ""
    try:
        with output.open("rb") as stream:
            stream.seek(max(0, output.stat().st_size - n_characters))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


@contextlib.contextmanager
def plain_main_module() -> Iterator[None]:
    """Keep the child from importing this process's main module: it has nothing that the engine needs.

    The start of a child would otherwise import, say, pytest or a notebook's script a second time.
    """
    main = sys.modules.get("__main__")
    saved = {name: getattr(main, name) for name in ("__spec__", "__file__") if hasattr(main, name)}
    if main is None:
        yield
        return
    main.__spec__ = None
    if hasattr(main, "__file__"):
        del main.__file__
    try:
        yield
    finally:
        for name, value in saved.items():
            setattr(main, name, value)
