"""The number of threads: same weights on any number of processors, where one thread is asked for."""

import argparse
import os
import subprocess
import sys
from collections import defaultdict

import pytest

from coreset_studio.core.cli.parser import build_parser
from coreset_studio.core.data import scanning
from coreset_studio.core.features import decoding
from coreset_studio.core.threads import VARIABLES, n_processors, n_threads
from coreset_studio.core.training import pixels

WEIGHTS = """
import hashlib, sys
import numpy as np
from coreset_studio.core.settings import TrainingSettings
from coreset_studio.core.threads import limit_threads
if sys.argv[1] == "1":
    limit_threads(1)
from coreset_studio.core.training.architectures.custom.model import build_custom
from coreset_studio.core.training.loop import Labelled, fit, make_deterministic

class Images:
    values = np.random.default_rng(0).integers(0, 256, (96, 64, 64, 3)).astype(np.uint8)
    def __len__(self): return len(self.values)
    def take(self, rows): return self.values[rows]
    def all(self): return self.values

settings = TrainingSettings(image_size=64, epochs=4, min_steps=0)
make_deterministic(0)
model = build_custom(3, settings)
fit(model, Labelled(Images(), np.arange(96) % 3), None, settings, seed=0, title="test")
print(hashlib.sha256(b"".join(each.tobytes() for each in model.get_weights())).hexdigest())
"""


def weights(threads: str, processors: int, **environment: str) -> str:
    """Return the digest of what a process of its own trains on so many processors."""

    def keep_to() -> None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:processors])

    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", WEIGHTS, threads], capture_output=True, text=True, check=False, preexec_fn=keep_to,
        env={**clean, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux alone gives a process its processors")
def test_one_thread_gives_the_same_weights_on_any_number_of_processors() -> None:
    one = weights("1", 1)
    assert weights("1", 2) == one
    assert weights("1", 2, OMP_NUM_THREADS="2") == one
    # A process that has one processor alone has one thread, too.
    assert weights("all", 1) == one


def parsed(*words: str) -> argparse.Namespace:
    parser = build_parser(defaultdict(lambda: lambda _options: 0))
    return parser.parse_args(["compare", "cells", "--out", "out", *words])


def test_the_number_of_threads_is_a_whole_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert parsed().threads is None
    assert parsed("--threads", "1").threads == 1
    for text in ("0", "-1", "two", "1.5"):
        with pytest.raises(SystemExit):
            parsed(f"--threads={text}")
        assert f"argument --threads: it is '{text}'; expected a whole number of at least 1" in capsys.readouterr().err


def test_a_limit_reaches_what_is_loaded_and_what_is_loaded_later() -> None:
    script = (
        "import numpy as np, os\n"
        "from coreset_studio.core.threads import VARIABLES, limit_threads\n"
        "from threadpoolctl import threadpool_info\n"
        "limit_threads(1)\n"
        "assert threadpool_info() and all(each['num_threads'] == 1 for each in threadpool_info()), threadpool_info()\n"
        "assert {os.environ[name] for name in VARIABLES} == {'1'}\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux alone gives a process its processors")
def test_processors_are_those_that_the_process_may_use() -> None:
    """A container or `taskset` allows fewer than the machine has."""
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert n_processors() == 1
        assert (scanning.thread_count(), decoding._thread_count(), pixels._threads()) == (1, 1, 2)
    finally:
        os.sched_setaffinity(0, allowed)
    assert n_processors() == len(allowed)


def test_a_system_without_that_question_counts_all_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert n_processors() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert n_processors() == 1


@pytest.mark.parametrize(("limit", "expected"), [("3", 3), ("0", 1), ("", None), ("many", None)])
def test_threads_are_the_limit_or_the_processors(
    limit: str, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLES[0], limit)
    assert n_threads() == (n_processors() if expected is None else expected)
