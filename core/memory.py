"""The memory that this process may still use, and the sentence of a stage that needs more.

Results do not depend on free memory: a stage either runs with its settings, or stops with
`MemoryShortError` before it takes anything.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from coreset_studio.core.errors import MemoryShortError
from coreset_studio.core.words import byte_size

# What is needed below this is never refused: it is less than what a measurement of free memory is wrong by.
LEAST_CHECKED = 32 * 2**20
# From here on a stage logs what it needs, which the command line shows.
LEAST_REPORTED = 1e9
# What libraries take for themselves on first use, such as buffers of their threads.
LIBRARY_BYTES = 32 * 2**20
CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
# A cgroup of version 1 without a limit has a number near 2^63.
NO_LIMIT = 2**60

Ways = Callable[[int], Sequence[str]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FreeMemory:
    """Memory that may still be used.

    Attributes
    ----------
    n_bytes : int
        >= 0.
    limit : str
        What sets it, in a few words; empty for the memory of the machine.
    """

    n_bytes: int
    limit: str = ""


def no_ways(_free: int) -> Sequence[str]:
    """Offer no other way than those of every stage."""
    return ()


def free_memory() -> FreeMemory:
    """Return the least of what the machine, the limit of the process and the limit of its group leave."""
    found = [FreeMemory(int(psutil.virtual_memory().available)), below_address_limit(), below_group_limit()]
    return min((each for each in found if each is not None), key=lambda each: each.n_bytes)


def below_address_limit(mapped: int | None = None) -> FreeMemory | None:
    """Return the soft limit of the address space less what is mapped; None where there is no limit.

    Parameters
    ----------
    mapped : int, optional
        Bytes; by default what this process has mapped.
    """
    try:
        import resource
    except ImportError:  # Windows has none
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        return None
    held = int(psutil.Process().memory_info().vms) if mapped is None else mapped
    return FreeMemory(max(0, soft - held), f"its address space is limited to {byte_size(soft)}, see ulimit -v")


def below_group_limit(root: Path = CGROUPS, own: Path = OWN_CGROUPS) -> FreeMemory | None:
    """Return the least that the cgroups of this process leave, version 1 or 2; None where none limits it.

    Parameters
    ----------
    root : Path
        Where cgroups are mounted.
    own : Path
        Lists those of the process, such as ``/proc/self/cgroup``.

    Notes
    -----
    What a group uses holds files that were read, which the system drops when memory is needed; they are not counted
    (``inactive_file``), as container tools do.
    """
    found = [_left_in(folder) for folder in _own_groups(root, own)]
    left = [each for each in found if each is not None]
    return min(left, key=lambda each: each.n_bytes) if left else None


def _own_groups(root: Path, own: Path) -> Iterator[Path]:
    """Yield the folders of the groups that this process is in, inner ones first, with those they are in."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        mounted = root / "memory" if controllers else root
        # Inside a container the path is often that of the host: then the mount itself is the group.
        inner = mounted / path.lstrip("/")
        yield inner
        yield from (each for each in inner.parents if each == mounted or mounted in each.parents)


def _left_in(folder: Path) -> FreeMemory | None:
    for most, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
        try:
            limit = int((folder / most).read_text(encoding="ascii"))
            held = int((folder / used).read_text(encoding="ascii"))
        except (OSError, ValueError):  # it is not there, or "max"
            continue
        if limit < NO_LIMIT:
            free = max(0, limit - max(0, held - _droppable(folder)))
            return FreeMemory(free, f"its container or group is limited to {byte_size(limit)}")
    return None


def _droppable(folder: Path) -> int:
    try:
        lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
        values = dict(line.split() for line in lines if len(line.split()) == 2)
        return int(values.get("total_inactive_file", values.get("inactive_file", "0")))
    except (OSError, ValueError):
        return 0


@contextmanager
def memory_for(doing: str, n_bytes: float, ways: Ways = no_ways) -> Iterator[None]:
    """Stop before a stage needs more memory than is free, and raise the same error if an allocation fails inside.

    Parameters
    ----------
    doing : str
        The work and its number of images, such as ``"Clustering class a (6,000 images)"``.
    n_bytes : float
        Its peak memory.
    ways : callable, optional
        Given the bytes that are free, returns what else can be done, each as a part of a sentence that begins with a
        verb.

    Raises
    ------
    MemoryShortError
        Naming what is needed, what is free and the ways out.
    """
    if n_bytes >= LEAST_REPORTED:
        _log.info("%s needs about %s of memory.", doing, byte_size(n_bytes))
    if n_bytes > LEAST_CHECKED:
        free = free_memory()
        if n_bytes > free.n_bytes:
            raise MemoryShortError(_sentence(doing, n_bytes, free, ways))
    try:
        yield
    except MemoryError as error:
        raise MemoryShortError(_sentence(doing, n_bytes, free_memory(), ways)) from error


def _sentence(doing: str, n_bytes: float, free: FreeMemory, ways: Ways) -> str:
    where = f" ({free.limit})" if free.limit else ""
    offered = ["close other programs", *ways(free.n_bytes), "use fewer images"]
    either = f"{', '.join(offered[:-1])} or {offered[-1]}"
    needs = f"needs about {byte_size(n_bytes)} of memory"
    if n_bytes <= free.n_bytes:
        # It was let in, and took more than was foreseen, or another program took it meanwhile.
        needs = "needs more memory than there is"
    return (
        f"{doing} {needs}, but {byte_size(free.n_bytes)} are free for this program{where}. "
        f"{either[0].upper()}{either[1:]}."
    )


def round_down(number: int) -> int:
    """Return a number with its first two digits kept, such as 5,400 for 5,473."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return number // unit * unit
