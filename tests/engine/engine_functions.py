"""Functions, requests and a service that tests run in engine processes."""

import inspect
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from coreset_studio.core.errors import DatasetError
from coreset_studio.core.limits import Limits, limited, limits_of
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.service.model_requests import AddModel, ModelSummary
from coreset_studio.core.service.requests import Request, ServiceRequest


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


def second_modules() -> list[str]:
    """Return what was imported by the name of its folder, as a second module beside that of `coreset_studio`."""
    return sorted(name for name in sys.modules if name.split(".")[0] in ("core", "desktop_app", "resources"))


def second_modules_after_a_select(images: str, folder: str) -> list[str]:
    """Run a command of the engine, and return the same."""
    from coreset_studio.core.cli import main

    flags = ["--extractor", "colour-texture", "--fraction", "0.3", "--cache", f"{folder}/cache"]
    assert main(["select", images, *flags, "--out", f"{folder}/list.csv"]) == 0
    return second_modules()


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


@dataclass(frozen=True)
class Call(Request[Any]):
    """Call a function of this module, with `progress` where it takes it."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)

    def run(self, progress: Progress) -> Any:
        more = {"progress": progress} if "progress" in inspect.signature(self.function).parameters else {}
        return self.function(*self.arguments, **self.keywords, **more)

    @property
    def limits(self) -> Limits | None:
        return limits_of(self.function)


@dataclass(frozen=True)
class ReadACutFile(Request[float]):
    """Read an array of the cache that another program cuts short meanwhile."""

    study: Any

    def run(self, progress: Progress) -> float:
        import numpy as np

        from coreset_studio.core.cache import ArrayCache

        cache = ArrayCache(self.study.cache_folder)
        stored = cache.store("clusters", "0" * 32, {"labels": np.ones(1_000_000)}, {})
        os.truncate(cache.path("clusters", "0" * 32) / "labels.npy", 1000)
        return float(stored.arrays["labels"].sum())


class Counter:
    """An object that stays in a process."""

    def __init__(self, start: int = 0) -> None:
        if start < 0:
            raise DatasetError("The counter starts at 0 or above.")
        self.value = start


@dataclass(frozen=True)
class OpenCounter(Request[Counter]):
    start: int = 0

    def run(self, progress: Progress) -> Counter:
        return Counter(self.start)


@dataclass(frozen=True)
class Add(ServiceRequest[Counter, int]):
    number: int

    def run(self, service: Counter, progress: Progress) -> int:
        service.value += self.number
        return service.value


@dataclass(frozen=True)
class SlowEcho(ServiceRequest[Counter, int]):
    value: int
    seconds: float

    def run(self, service: Counter, progress: Progress) -> int:
        time.sleep(self.seconds)
        return self.value


@dataclass(frozen=True)
class Count(ServiceRequest[Counter, int]):
    n: int
    seconds: float

    def run(self, service: Counter, progress: Progress) -> int:
        return count(self.n, self.seconds, progress)


@dataclass(frozen=True)
class Open(ServiceRequest[Counter, int]):
    n_bytes: int

    @limited(seconds=1.0, n_bytes=300_000_000)
    def run(self, service: Counter, progress: Progress) -> int:
        return len(bytearray(self.n_bytes)) or len(str(open_for_ever()))


@dataclass(frozen=True)
class Fail(ServiceRequest[Counter, None]):
    def run(self, service: Counter, progress: Progress) -> None:
        raise DatasetError("No such image.")


@dataclass(frozen=True)
class Die(ServiceRequest[Counter, None]):
    def run(self, service: Counter, progress: Progress) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)


@dataclass(frozen=True)
class ReturnALambda(ServiceRequest[Counter, Any]):
    def run(self, service: Counter, progress: Progress) -> Any:
        return lambda: None


@dataclass(frozen=True)
class AddModelSoon(AddModel):
    """Add a model within seconds, as a test cannot wait for minutes."""

    @limited(seconds=8.0)
    def run(self, progress: Progress) -> ModelSummary:
        return super().run(progress)
