"""Start children by `multiprocessing` from any process, wherever it runs itself."""

import contextlib
import multiprocessing
import sys
import threading
from collections.abc import Iterator

_LOCK = threading.RLock()


@contextlib.contextmanager
def plain_main_module() -> Iterator[None]:
    """Keep a child process from importing the main module of this process, which the engine does not need.

    Otherwise the child would import pytest or the script of a notebook a second time.
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


@contextlib.contextmanager
def children_allowed() -> Iterator[None]:
    """Let a process start children that `multiprocessing` considers a daemon, such as a worker of Dask.

    It refuses that because such a process is terminated without its children; those started here must end themselves
    when their pipes close.
    """
    with _LOCK:
        settings = multiprocessing.current_process().__dict__.get("_config", {})
        is_daemon = settings.get("daemon")
        try:
            if is_daemon:
                settings["daemon"] = False
            yield
        finally:
            if is_daemon:
                settings["daemon"] = True
