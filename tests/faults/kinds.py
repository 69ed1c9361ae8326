"""The faults: what is done to a study while it is worked through.

Each takes a study's folder, the way to work through it, and a source of chance, disturbs it, and leaves the folder so
that an undisturbed session can go on. What it returns is held against `Expected`.
"""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from tests.faults.study import Said, ended, start

LONGEST = 14.0
"""Seconds from the start of a session within which something happens to it; most end sooner."""

CLOCK = Path(__file__).parent / "clock"


class NotHereError(Exception):
    """This fault cannot be brought about on this machine; says why."""


@dataclass
class Happened:
    """What was done.

    Attributes
    ----------
    times : int
        How many faults it was: kills, changed files and so on.
    problems : list of str
        What a user must not see, other than the loss that is looked for afterwards.
    stopped : int
        How many sessions ended before their end, with a sentence or by a signal.
    same_images : bool
        Whether the images are as they were, so that the result must be as well.
    """

    times: int = 0
    problems: list[str] = field(default_factory=list)
    stopped: int = 0
    same_images: bool = True

    def heard(self, said: Said, *, killed: bool = False) -> None:
        """Take note of how a session ended."""
        self.stopped += said.code != 0
        if said.problem:
            self.problems.append(said.problem)
        elif said.code < 0 and not killed:
            self.problems.append(f"ended by signal {-said.code}: {said.text.strip()[-300:]}")


Fault = Callable[[Path, str, random.Random], Happened]


def processes_of(session: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Return the engine processes of a session."""
    with suppress(psutil.Error):
        found = psutil.Process(session.pid).children(recursive=True)
        return [each for each in found if "resource_tracker" not in " ".join(each.cmdline())]
    return []


def kill_program(folder: Path, way: str, chance: random.Random) -> Happened:
    """Kill the whole program, several times, as the system does that runs out of memory."""
    happened = Happened()
    for _ in range(chance.randint(1, 4)):
        session = start(way, folder)
        with suppress(subprocess.TimeoutExpired):
            session.wait(chance.uniform(0.2, LONGEST))
        children = processes_of(session)
        session.kill()
        said = ended(session, 30)
        happened.heard(said, killed=True)
        happened.times += said.code < 0
        _, alive = psutil.wait_procs(children, timeout=20)
        for each in alive:
            happened.problems.append(f"an engine process outlived the program: {each}")
            each.kill()
        if said.code == 0:
            break
    return happened


def kill_engine(folder: Path, way: str, chance: random.Random) -> Happened:
    """Kill the engine processes of the window's session, again and again."""
    happened = Happened()
    session = start("window", folder)
    while session.poll() is None and happened.times < 5:
        time.sleep(chance.uniform(0.3, 4))
        for each in processes_of(session):
            with suppress(psutil.Error):
                each.kill()
                happened.times += 1
    happened.heard(ended(session))
    return happened


def full_disk(folder: Path, way: str, chance: random.Random) -> Happened:
    """Let the disk of the cache or of the results run full at some point; there is room again afterwards."""
    happened = Happened(times=1)
    place = folder / chance.choice(["cache", "out"])
    size = chance.choice([4, 16, 64, 256, 512, 1024, 2048, 4096])
    with _disk_of(place, size):
        session = start(way, folder)
        happened.heard(ended(session))
    return happened


@contextmanager
def _disk_of(place: Path, kilobytes: int) -> Iterator[None]:
    """Put a small disk under a folder; what was and what comes to be in it is kept."""
    aside = place.with_name(f"{place.name} aside")
    place.rename(aside)
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)], capture_output=True, text=True
    )
    try:
        if mounted.returncode:
            raise NotHereError("this user may mount no disk")
        with suppress(OSError, shutil.Error):
            shutil.copytree(aside, place, dirs_exist_ok=True)
        yield
    finally:
        if not mounted.returncode:
            shutil.copytree(place, aside, dirs_exist_ok=True, symlinks=True)
            subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()
        aside.rename(place)


def read_only(folder: Path, way: str, chance: random.Random) -> Happened:
    """Take the right to write, or to read, from folders while they are worked in."""
    happened = Happened()
    session = start(way, folder, before=_bound_by_rights())
    with suppress(subprocess.TimeoutExpired):
        session.wait(chance.uniform(0, LONGEST / 2))
    rights = {}
    for top in (folder / "cache", folder / "out", folder / "images"):
        for each in (top, *(entry for entry in top.rglob("*") if entry.is_dir() and not entry.is_symlink())):
            if chance.random() < 0.3:
                with suppress(OSError):
                    rights[each] = each.stat().st_mode & 0o777
                    each.chmod(0 if top.name == "images" else chance.choice([0o555, 0o555, 0o000]))
    happened.times = len(rights)
    happened.heard(ended(session))
    for each, mode in sorted(rights.items()):  # a folder before what is in it
        with suppress(FileNotFoundError):
            each.chmod(mode)
    return happened


def _bound_by_rights() -> list[str]:
    """Return what stands before a command so that rights bind it, also where root gives it."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise NotHereError("rights do not bind root, and setpriv is not installed")
    without = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={without}", f"--inh-caps={without}"]


def change_files(folder: Path, way: str, chance: random.Random) -> Happened:
    """Change, delete, replace and empty images while the study is worked on; half of the times they come back."""
    happened = Happened(same_images=chance.random() < 0.5)
    kept = folder / "kept"
    shutil.copytree(folder / "images", kept)
    session = start(way, folder)
    until = time.monotonic() + LONGEST
    while session.poll() is None and time.monotonic() < until and happened.times < 12:
        time.sleep(chance.uniform(0.1, 2))
        _spoil(chance.choice(sorted(file for file in (folder / "images").rglob("*.png") if file.is_file())), chance)
        happened.times += 1
    happened.heard(ended(session))
    if happened.same_images:
        shutil.rmtree(folder / "images")
        kept.rename(folder / "images")
    else:
        shutil.rmtree(kept)
    return happened


def _spoil(file: Path, chance: random.Random) -> None:
    way = chance.choice(["changed", "changed", "deleted", "text", "emptied", "cut", "folder"])
    if way == "changed":
        pixels = np.frombuffer(chance.randbytes(20 * 20 * 3), dtype=np.uint8).reshape(20, 20, 3)
        Image.fromarray(pixels).save(file)
    elif way == "deleted":
        file.unlink()
    elif way == "text":
        file.write_text("no image")
    elif way == "emptied":
        file.write_bytes(b"")
    elif way == "cut":
        file.write_bytes(file.read_bytes()[:40])
    else:
        file.unlink()
        file.mkdir()


def two_programs(folder: Path, way: str, chance: random.Random) -> Happened:
    """Let two or three programs work at once with one cache, one project and one folder of results."""
    happened = Happened(times=1)
    sessions = []
    for _ in range(chance.randint(2, 3)):
        sessions.append(start(way, folder))
        time.sleep(chance.uniform(0, 3))
    for each in [ended(session) for session in sessions]:
        happened.heard(each)
    return happened


def clock_jumps(folder: Path, way: str, chance: random.Random) -> Happened:
    """Let the clock jump by minutes, days and years, forwards and backwards, while the study is worked on."""
    happened = Happened()
    clock = folder / "clock"
    clock.write_text("0")
    session = start(way, folder, extra={"CORESET_CLOCK": str(clock), "PYTHONPATH": str(CLOCK)})
    while session.poll() is None and happened.times < 40:
        time.sleep(chance.uniform(0.1, 1))
        clock.write_text(f"{chance.choice('+-')}{chance.choice([90, 3600, 86400, 31536000 * 3])}")
        happened.times += 1
    happened.heard(ended(session))
    clock.unlink()
    return happened


def little_memory(folder: Path, way: str, chance: random.Random) -> Happened:
    """Refuse memory beyond a limit, at which any stage may fail.

    Where memory is refused inside a library in C, it may end the process; nothing may be lost by it all the same.
    """
    happened = Happened(times=1)
    megabytes = chance.choice([300, 500, 700, 900, 1200, 1600, 2000, 2400, 3000])
    said = ended(start(way, folder, before=["prlimit", f"--as={megabytes * 1_000_000}"]))
    happened.stopped += said.code != 0
    return happened


FAULTS: dict[str, tuple[str, Fault, Sequence[str]]] = {
    "kill program": ("kill -9 of the whole program", kill_program, ("window", "command line")),
    "kill engine": ("kill -9 of the engine", kill_engine, ("window",)),
    "full disk": ("the disk of cache or results runs full", full_disk, ("window", "command line")),
    "read only": ("folders lose the right to be written or read", read_only, ("window", "command line")),
    "files": ("images changed, deleted, replaced, emptied", change_files, ("window", "command line")),
    "two programs": ("two or three programs on one study", two_programs, ("window", "command line")),
    "clock": ("the clock jumps, as seen by Python", clock_jumps, ("window", "command line")),
    "memory": ("memory refused beyond a limit", little_memory, ("window", "command line")),
}
"""By name: what a reader sees, the function, and the ways of working that it is done to."""
