"""A process with little memory: the command line stops with a sentence, and the other way that it names works."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]

# Features are computed without a limit; what is tested is clustering.
COMMANDS = """
import resource, sys
import psutil
from coreset_studio.core.cli import main
images, cache, out = sys.argv[1:4]
flags = [images, "--cache", cache, "--extractor", "mean-colour", "--sampler", "intelligent"]
assert main(["extractors", images, "--cache", cache, "--extractor", "mean-colour", "--compute"]) == 0
limit = psutil.Process().memory_info().vms + 200 * 10**6
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print("short", main(["select", *flags, "--out", out]), flush=True)
print("sampled", main(["select", *flags, "--out", out, "--cluster-sample", "1000"]), flush=True)
"""


@pytest.mark.slow
def test_a_class_too_large_for_the_process_ends_with_a_sentence_and_a_sample_passes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    n = 6_000
    labels = np.zeros((n, 1), dtype=np.uint8)
    labels[:100] = 1
    images = random.integers(0, 256, (n, 2, 2, 3), dtype=np.uint8)
    np.savez(tmp_path / "tiny.npz", train_images=images, train_labels=labels)
    plugin = tmp_path / "site" / "coreset_example-0.dist-info"
    plugin.mkdir(parents=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: coreset-example\nVersion: 0\n")
    (plugin / "entry_points.txt").write_text(
        "[coreset_studio.extractors]\nmean-colour = coreset_example.extractor:DESCRIPTION\n"
    )
    path = os.pathsep.join([str(ROOT), str(plugin.parent), str(ROOT / "docs" / "plugin_example")])
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, *(str(tmp_path / name) for name in ("tiny.npz", "cache", "list.csv"))],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "short 1" in done.stdout
    assert "sampled 0" in done.stdout
    (said,) = (line for line in done.stderr.splitlines() if line.startswith("coreset: "))
    assert "Clustering class 0 (5,900 images) needs about 2" in said
    assert "ulimit -v" in said
    assert "--cluster-sample" in said
    assert "Traceback" not in done.stderr
    assert "Clustered on 1,000 of 5,900 images." in done.stdout
    assert (tmp_path / "list.csv").is_file()
