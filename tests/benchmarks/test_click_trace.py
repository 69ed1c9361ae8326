"""How many files a reader must open to follow one click on the Coreset page."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_TO_OPEN = 12


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the trace is written for POSIX")
def test_a_click_leads_through_few_files() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.click_trace"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    to_open = [line for line in ran.stdout.splitlines() if line.startswith("- `")]
    named = {line.split("`")[1] for line in to_open}
    assert {"desktop_app/pages/coreset.py", "core/service/selection_requests.py", "core/pipeline/stages.py"} <= named
    assert len(to_open) <= MOST_TO_OPEN, ran.stdout
