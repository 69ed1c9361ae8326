"""Stages in a process with little memory: each says what it needs before it takes anything."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone limits the address space")
STAGE = """
import resource, sys
from pathlib import Path
import numpy as np
import psutil
from benchmarks.memory import alike, coverage, label_errors, proxy
from coreset_studio.core.cli import commands
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.errors import MemoryShortError

def scanned(folder):
    place = Path(folder)
    return 0, lambda: scan(place / "many.npz", cache_folder=place / "cache")

def computed(name, size):
    from coreset_studio.core.results import Dataset
    from coreset_studio.core.training.backbones import backbone_features
    from coreset_studio.core.training.network import BackboneChoice
    nothing = Dataset(Path("/x"), Path("/x"), "folder", (), (), ())
    choice = BackboneChoice(name, size, untrained=True)
    indices = np.zeros(0, dtype=np.int64)
    return 0, lambda: backbone_features(nothing, indices, choice, cache_folder=Path("cache"))

runs = [made[1] for made in ({made})]
limit = psutil.Process().memory_info().vms + 40 * 10**6
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for run in runs:
    held = psutil.Process().memory_info().rss
    try:
        run()
    except MemoryShortError as error:
        print(error)
    assert psutil.Process().memory_info().rss - held < 20 * 10**6
assert "tensorflow" not in sys.modules
"""
STAGES = {
    'scanned("{place}")': "Scanning 10,000 images needs about 52 MB of memory, but",
    "label_errors(30_000, 50)": "Finding suspected label errors (30,000 images) needs about 114 MB of memory, but",
    "alike(30_000, 50)": "Finding near-duplicates (30,000 images) needs about 104 MB of memory, but",
    "coverage(4_000, 50)": "Measuring the coverage of class a (4,000 images) needs about 221 MB of memory, but",
    "proxy(30_000, 50, 3_000)": "Finding the nearest of 3,000 for 30,000 images needs about 170 MB of memory, but",
    'computed("mobilenetv2", 64)': "Computing MobileNetV2 at 64 px (0 images) needs about ",
}


@pytest.mark.slow
def test_each_stage_says_what_it_needs_before_it_takes_it(tmp_path: Path) -> None:
    images = np.full((10_000, 2, 2), 7, np.uint8)
    np.savez(tmp_path / "many.npz", train_images=images, train_labels=np.arange(len(images)) % 4)
    made = ", ".join(STAGES).replace("{place}", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", STAGE.replace("{made}", made)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, capture_output=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for said, expected in zip(done.stdout.splitlines(), STAGES.values(), strict=True):
        assert said.startswith(expected)
        assert "are free for this program (its address space is limited to" in said
        assert "see ulimit -v" in said
