"""Facts about a worker: its processor, and the versions of the libraries that results depend on."""

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.errors import CacheError
from coreset_studio.core.files import reason_of
from coreset_studio.core.forms import read_form, read_json
from coreset_studio.core.libraries import LIBRARIES, library_versions
from coreset_studio.core.threads import n_threads
from coreset_studio.core.version import __version__

PROGRAM = "Coreset Studio"


@dataclass(frozen=True)
class WorkerFacts:
    """The processor of a worker, and its versions.

    Attributes
    ----------
    processor : str
        Name of its model, as the system gives it.
    versions : mapping of str to str
        Of the program, of Python (major and minor) and of the libraries that results depend on, by name; libraries
        that are not installed are missing.
    n_threads : int
        Threads that numerical work uses there.
    """

    processor: str
    versions: Mapping[str, str]
    n_threads: int

    def differences(self, other: "WorkerFacts") -> tuple[str, ...]:
        """Return what has another version than in `other`, in words: that here, then that of `other`."""
        names = sorted({*self.versions, *other.versions}, key=lambda name: (name != PROGRAM, name))
        pairs = [(name, self.versions.get(name, ""), other.versions.get(name, "")) for name in names]
        return tuple(f"{name} {a or '(none)'} instead of {b or '(none)'}" for name, a, b in pairs if a != b)


def workers_of(file: Path) -> tuple[WorkerFacts, ...]:
    """Return the workers that `remember_workers` has written; none if there is no such file, or it is damaged."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return tuple(read_form(each, WorkerFacts) for each in read_json(file))
    return ()


def remember_workers(file: Path, workers: Sequence[WorkerFacts]) -> None:
    """Add workers to those of a file in the cache.

    Raises
    ------
    CacheError
        If it cannot be written.
    """
    known = workers_of(file)
    new = [each for each in workers if each not in known]
    if not new:
        return
    try:
        write_atomically(file, json.dumps([asdict(each) for each in (*known, *new)], indent=1).encode())
    except OSError as error:
        raise CacheError(f"The cache cannot be written to {file.parent} ({reason_of(error)}).") from error


@cache
def facts_here() -> WorkerFacts:
    """Return the facts about this process; workers call it, too."""
    major, minor, _ = platform.python_version_tuple()
    versions = {PROGRAM: __version__, "Python": f"{major}.{minor}"}
    versions |= {LIBRARIES[name]: number for name, number in library_versions().items() if name in LIBRARIES}
    return WorkerFacts(_processor(), versions, n_threads())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
