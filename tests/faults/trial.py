"""One trial: a study, a fault, and whether anything was lost."""

import random
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults.kinds import FAULTS, NotHereError
from tests.faults.study import damage_of, lay_out, leftovers_of, result_of, runs_done, work_through


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes
    ----------
    fault, way : str
    seed : int
        The trial can be made again with it, as far as chance can; when a process is hit depends on the machine, too.
    times : int
        How many faults it was.
    stopped : int
        How many sessions did not come to their end.
    problems : tuple of str
        What was lost, or seen by a user that should not be; empty where all is well.
    not_here : str
        Why it could not be tried; empty where it was.
    """

    fault: str
    way: str
    seed: int
    times: int = 0
    stopped: int = 0
    problems: tuple[str, ...] = ()
    not_here: str = ""


def reference(place: Path) -> dict[str, str]:
    """Return the result of an undisturbed session.

    Raises
    ------
    RuntimeError
        If it does not come to its end.
    """
    folder = lay_out(place)
    said = work_through("command line", folder)
    if said.code:
        raise RuntimeError(f"The undisturbed session ended with {said.code}: {said.text}")
    return result_of(folder)


def try_fault(name: str, seed: int, expected: Mapping[str, str]) -> Outcome:
    """Disturb a new study by a fault, let it go on undisturbed, and look for what was lost."""
    chance = random.Random(seed)
    _, fault, ways = FAULTS[name]
    way = chance.choice(list(ways))
    with tempfile.TemporaryDirectory(prefix="coreset-fault-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        folder = lay_out(Path(place) / "study")
        if name != "kill program" and chance.random() < 0.3:  # it was worked on before, up to somewhere
            FAULTS["kill program"][1](folder, way, chance)
        try:
            happened = fault(folder, way, chance)
        except NotHereError as error:
            return Outcome(name, way, seed, not_here=str(error))
        problems = [*happened.problems]
        if happened.same_images:
            problems += damage_of(folder)
        before = runs_done(folder)
        said = work_through(way, folder)
        if said.code:
            problems.append(f"the next session ended with {said.code}: {said.text.strip()[-600:]}")
        if said.problem:
            problems.append(said.problem)
        if not happened.same_images:
            expected = _fresh(folder, Path(place) / "fresh", way)
        elif again := [name for name, time in runs_done(folder).items() if before.get(name, time) != time]:
            problems.append(f"finished runs were trained again: {again}")
        found = result_of(folder)
        if found != expected:
            differing = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
            problems.append(f"another result than undisturbed: {differing}")
        problems += damage_of(folder)
        problems += [f"left behind: {each}" for each in leftovers_of(folder)]
    return Outcome(name, way, seed, happened.times, happened.stopped, tuple(problems))


def _fresh(folder: Path, fresh: Path, way: str) -> dict[str, str]:
    """Return the result of the same images with nothing computed before."""
    lay_out(fresh)
    shutil.rmtree(fresh / "images")
    shutil.copytree(folder / "images", fresh / "images")
    work_through(way, fresh)
    return result_of(fresh)
