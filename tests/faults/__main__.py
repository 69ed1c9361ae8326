"""Disturb small studies for a while, and print what was lost: ``make soak``.

python -m tests.faults [--seconds N] [--seed N] [--jobs N] [--only FAULT] [--write]
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from coreset_studio.core.version import __version__
from tests.faults.kinds import FAULTS
from tests.faults.study import ROOT
from tests.faults.trial import Outcome, reference, try_fault

TABLE = ROOT / "benchmarks" / "results" / "soak.md"


def table(outcomes: Iterable[Outcome]) -> list[str]:
    """Return a row of figures for each fault, in Markdown."""
    outcomes = list(outcomes)
    lines = [
        "| fault | sessions tried | faults | ended before their end | survived | something lost |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    rows = []
    for name, (words, _, _) in FAULTS.items():
        of = [each for each in outcomes if each.fault == name]
        tried = [each for each in of if not each.not_here]
        if of and not tried:
            lines.append(f"| {words} | not tried: {of[0].not_here} | | | | |")
        elif tried:
            lost = sum(1 for each in tried if each.problems)
            row = (len(tried), sum(each.times for each in tried), sum(each.stopped for each in tried),
                   len(tried) - lost, lost)  # fmt: skip
            rows.append(row)
            lines.append(f"| {words} | {' | '.join(map(str, row))} |")
    lines.append(f"| together | {' | '.join(str(sum(column)) for column in zip(*rows, strict=True))} |")
    return lines


def soak(seconds: float, seed: int, jobs: int, kinds: list[str]) -> list[Outcome]:
    """Try faults in turn, several at a time, until the time is over; each kind at least once."""
    outcomes: list[Outcome] = []
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="coreset-reference-") as place:
        expected = reference(Path(place) / "study")
    turn = cycle(kinds)
    with ThreadPoolExecutor(jobs) as pool:
        for first in range(0, 1_000_000, jobs):
            if time.monotonic() > until and first >= len(kinds):
                break
            seeds = range(seed + first, seed + first + jobs)
            names = [next(turn) for _ in seeds]
            for outcome in pool.map(try_fault, names, seeds, [expected] * jobs):
                outcomes.append(outcome)
                word = outcome.not_here or ("LOST" if outcome.problems else "survived")
                print(f"{outcome.fault} ({outcome.way}, seed {outcome.seed}): {word}", flush=True)
                for problem in outcome.problems:
                    print(f"    {problem}", flush=True)
    return outcomes


def main() -> int:
    """Return 0 where nothing was lost."""
    parser = argparse.ArgumentParser(description="Disturb small studies, and tell what was lost.")
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("SOAK_SECONDS", "1200")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SOAK_SEED", secrets.randbelow(10**6))))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=list(FAULTS), action="append")
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    began = time.monotonic()
    outcomes = soak(asked.seconds, asked.seed, asked.jobs, asked.only or list(FAULTS))
    minutes = (time.monotonic() - began) / 60
    lines = table(outcomes)
    print("\n".join(lines))
    if asked.write:
        day = datetime.now(tz=UTC).date()
        head = f"Version {__version__}, {day}, {minutes:.0f} minutes, {asked.jobs} at a time, seed {asked.seed}."
        TABLE.write_text("\n".join(["# Faults, and what they cost", "", head, "", *lines, ""]), encoding="utf-8")
    return 1 if any(each.problems for each in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
