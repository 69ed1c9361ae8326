"""Several real processes on one cold cache: all get what they ask for, and nothing is left half done."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coreset_studio.core.data.demo import make_demo

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, ROUNDS = 6, 30

MEET = """
import os, sys, time
from pathlib import Path
import numpy as np
meeting, me, n = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])

def meet(name):
    (meeting / f"{name}-{me}").touch()
    while sum(each.startswith(f"{name}-") for each in os.listdir(meeting)) < n:
        time.sleep(0.0005)
"""

STORE = (
    MEET
    + """
from coreset_studio.core.cache import ArrayCache
cache = ArrayCache(Path(sys.argv[1]))
mode, rounds = sys.argv[5], int(sys.argv[6])
for number in range(rounds):
    value = number if mode == "many" else 0
    key = f"{value:032x}"
    arrays = {"rows": np.full((40, 3), value, np.float32), "large": np.full(100_000, value)}
    meet(f"a{number}")
    if mode == "damaged" and me == "0" and number:
        file = cache.path("stage", key) / "rows.npy"
        file.write_bytes(file.read_bytes()[:-7])
    meet(f"b{number}")
    found = cache.load("stage", key) or cache.store("stage", key, arrays, {"value": value})
    assert found.facts == {"value": value}
    assert all((found.arrays[name] == arrays[name]).all() for name in arrays)
"""
)

APPEND = (
    MEET
    + """
from coreset_studio.core.row_store import RowStore
for number in range(int(sys.argv[5])):
    store = RowStore(Path(sys.argv[1]), 3)
    keys = [f"{number} {row}" for row in range(5)]
    meet(f"a{number}")
    missing = store.missing(keys)
    store.append(missing, np.full((len(missing), 3), number, np.float32))
    assert (store.rows(keys) == number).all()
"""
)


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip


def together(processes: list[subprocess.Popen[str]]) -> None:
    """Wait for all; where one fails, end the others, which wait for it, and show what it said."""
    try:
        codes: list[int | None] = [None]
        while None in codes and set(codes) <= {None, 0}:
            time.sleep(0.02)
            codes = [each.poll() for each in processes]
    finally:
        for each in processes:
            if each.poll() is None:
                each.kill()
    said = [each.communicate()[0] for each in processes]
    assert codes == [0] * len(processes), next((text for text, code in zip(said, codes, strict=True) if code), said)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["one", "many", "damaged"])
def test_processes_that_store_the_same_do_not_disturb_each_other(tmp_path: Path, mode: str) -> None:
    (tmp_path / "meeting").mkdir()
    together(
        [start(STORE, tmp_path / "cache", tmp_path / "meeting", me, PROCESSES, mode, ROUNDS) for me in range(PROCESSES)]
    )
    keys = {f"{number if mode == 'many' else 0:032x}" for number in range(ROUNDS)}
    assert {entry.name for entry in (tmp_path / "cache" / "stage").iterdir()} == keys


@pytest.mark.slow
def test_processes_that_append_the_same_rows_do_not_disturb_each_other(tmp_path: Path) -> None:
    (tmp_path / "meeting").mkdir()
    together([start(APPEND, tmp_path / "rows", tmp_path / "meeting", me, PROCESSES, 10) for me in range(PROCESSES)])


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["", "0.00005"])
def test_three_programs_on_one_cold_cache_choose_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setenv("CORESET_CACHE_LIMIT", limit)
    make_demo(tmp_path / "images", n_images=90, side=48)
    command = "import sys; from coreset_studio.core.cli import main; sys.exit(main())"
    together(
        [
            start(
                command, "select", tmp_path / "images", "--cache", tmp_path / "cache", "--extractor", "colour-texture",
                "--k-max", 3, "--fraction", 0.2, "--out", tmp_path / f"{number}.csv",
            )
            for number in range(3)
        ]
    )  # fmt: skip
    assert len({(tmp_path / f"{number}.csv").read_bytes() for number in range(3)}) == 1
    assert not list((tmp_path / "cache").rglob(".*"))
