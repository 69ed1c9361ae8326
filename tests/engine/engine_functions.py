"""Functions and a class that tests run in engine processes."""

import os
import re
import signal
import subprocess
import sys
import time
from typing import Any

from core.errors import DatasetError
from core.limits import limited
from core.progress import NO_PROGRESS, Progress


def add(a: int, b: int = 0) -> int:
    return a + b


def count(n: int, seconds: float = 0.0, progress: Progress = NO_PROGRESS) -> int:
    """Report n units, `seconds` apart."""
    for done in range(n):
        progress.report(done, n, "Counting: units")
        time.sleep(seconds)
    progress.report(n, n, "Counting: units")
    return n


def publish(parts: tuple[object, ...], progress: Progress = NO_PROGRESS) -> None:
    for number, part in enumerate(parts):
        progress.report(number, len(parts), "Parts")
        progress.publish(part)


def fail_on_purpose() -> None:
    raise DatasetError("The folder holds no image. Choose a folder of class folders.")


def fail_by_mistake() -> None:
    {}["nothing"]


def return_a_lambda() -> Any:
    return lambda: None


def print_lines() -> None:
    print("printed by the engine")
    os.write(2, b"written by a library\n")


def die(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def leave_at_once() -> None:
    os._exit(7)


def report_bytes(done: int, total: int, progress: Progress = NO_PROGRESS) -> None:
    progress.report(done, total, "Downloading: bytes")


def tell_pid_and_count(seconds: float, progress: Progress = NO_PROGRESS) -> int:
    progress.publish(os.getpid())
    return count(100_000, seconds, progress)


def ignore_cancel(seconds: float) -> None:
    time.sleep(seconds)


def start_a_child_and_wait(seconds: float, progress: Progress = NO_PROGRESS) -> None:
    child = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({seconds})"])
    progress.publish(child.pid)
    time.sleep(seconds)


def start_a_child_and_die(progress: Progress = NO_PROGRESS) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    progress.publish(child.pid)
    os.kill(os.getpid(), signal.SIGKILL)


def read_a_cut_file(study: Any) -> float:
    """Read an array of the cache that another program cuts short meanwhile."""
    import numpy as np

    from core.cache import ArrayCache

    cache = ArrayCache(study.cache_folder)
    stored = cache.store("clusters", "0" * 32, {"labels": np.ones(1_000_000)}, {})
    os.truncate(cache.path("clusters", "0" * 32) / "labels.npy", 1000)
    return float(stored.arrays["labels"].sum())


def facts_of_the_process() -> dict[str, Any]:
    import psutil

    return {
        "nice": psutil.Process().nice(),
        "pid": os.getpid(),
        "modules": sorted(sys.modules),
        "threads": os.environ.get("OMP_NUM_THREADS"),
    }


@limited(seconds=1.0)
def open_for_ever() -> object:
    """A library that never comes back, and lets no other thread of Python run meanwhile."""
    return re.match("(a+)+$", "a" * 60 + "b")


@limited(seconds=1.0)
def open_step_by_step(n: int, seconds: float, progress: Progress = NO_PROGRESS) -> int:
    return count(n, seconds, progress)


@limited(seconds=60.0, n_bytes=300_000_000)
def open_what_fills_the_memory(progress: Progress = NO_PROGRESS) -> None:
    kept = []
    for done in range(2000):
        progress.report(done, 2000, "Unpacking: megabytes")
        kept.append(bytearray(b"x") * 10_000_000)


@limited(seconds=60.0)
def open_what_crashes() -> None:
    die(signal.SIGSEGV)


class Counter:
    """A resident object for tests."""

    def __init__(self, start: int = 0) -> None:
        if start < 0:
            raise DatasetError("The counter starts at 0 or above.")
        self.value = start

    def add(self, number: int) -> int:
        self.value += number
        return self.value

    def slow_echo(self, value: int, seconds: float) -> int:
        time.sleep(seconds)
        return value

    def count(self, n: int, seconds: float, progress: Progress = NO_PROGRESS) -> int:
        return count(n, seconds, progress)

    @limited(seconds=1.0, n_bytes=300_000_000)
    def open(self, n_bytes: int) -> int:
        return len(bytearray(n_bytes)) or len(str(open_for_ever()))

    def fail(self) -> None:
        raise DatasetError("No such image.")

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    def pid(self) -> int:
        return os.getpid()
