"""The example plugin of the documentation: installed as a package, used by the command line and by engine processes."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coreset_studio.core.descriptions import all_kinds
from coreset_studio.core.output.manifest import read_manifest

ADDED = {
    "source": "json-lines",
    "extractor": "mean-colour",
    "sampler": "evenly-spaced",
    "network": "nearest-mean",
    "metric": "kappa",
    "export format": "flat",
}
PLUGIN = "coreset-example-plugin 1.0"


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of JSON lines that names 40 images of two classes, under a key that is not the default."""
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(3)
    rows = []
    for number in range(40):
        label = "ab"[number % 2]
        pixels = random.integers(0, 60, (24, 24, 3)) + (120 if label == "a" else 40)
        name = f"{number:02d}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
        rows.append(json.dumps({"path": name, "kind": label}))
    file = folder / "images.jsonl"
    file.write_text("\n".join(rows), encoding="utf-8")
    return file


def coreset(*words: object, site: Path | None) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path if site is None else [str(site), *sys.path])}
    return subprocess.run(
        [sys.executable, "-m", "coreset_studio.core.cli", *map(str, words)],
        capture_output=True,
        text=True,
        env=environment,
    )


def selected(file: Path) -> list[str]:
    with file.open(encoding="utf-8", newline="") as stream:
        return [row["path"] for row in csv.DictReader(stream) if row["selected"] == "1"]


@pytest.mark.slow
def test_it_adds_one_of_each_kind_and_nothing_else(site: Path) -> None:
    assert set(ADDED) == set(all_kinds())
    done = coreset("plugins", site=site)
    assert done.returncode == 0, done.stderr
    for kind, name in ADDED.items():
        assert f"{kind}  " in done.stdout
        assert f"  {name}  " in done.stdout
    assert done.stdout.count(PLUGIN) == len(ADDED)
    without = coreset("plugins", site=None)
    assert without.stdout.strip() == "No plugins installed."


def test_its_descriptions_import_nothing_heavy(site: Path) -> None:
    code = (
        "import sys; from coreset_studio.core.descriptions import all_kinds; "
        "print([name for known in all_kinds().values() for name in known.plugins]); "
        "heavy = {'numpy', 'PySide6', 'tensorflow', 'keras', 'cv2', 'sklearn', 'scipy', 'h5py'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert sorted(ADDED.values()) == sorted(json.loads(done.stdout.replace("'", '"')))


@pytest.mark.slow
def test_the_command_line_uses_all_of_it(site: Path, lines: Path, tmp_path: Path) -> None:
    common = [lines, "--json-lines-class-key", "kind", "--cache", tmp_path / "cache", "--extractor", "mean-colour"]
    files = []
    for start in (0, 3):
        files.append(tmp_path / f"{start}.csv")
        done = coreset(
            "select", *common, "--sampler", "evenly-spaced", "--evenly-spaced-start", start, "--test-fraction", 0,
            "--fraction", 0.2, "--out", files[-1], site=site,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert len(selected(files[0])) == len(selected(files[1])) == 8
    assert selected(files[0])[0] == "00.png"
    assert set(selected(files[0])) != set(selected(files[1])), "another setting, other images"

    out = tmp_path / "coreset"
    words = ["export", *common, "--sampler", "evenly-spaced", "--fraction", 0.2, "--files", "flat", "--out", out]
    done = coreset(*words, "--flat-between", "-", "--mean-colour-middle", 0.5, site=site)
    assert done.returncode == 0, done.stderr
    names = [file.name for file in out.iterdir() if file.suffix == ".png"]
    assert len(names) == 6
    assert all(name[0] in "ab" and name[1] == "-" for name in names)
    assert read_manifest(out).plugins == {
        f"{kind} {name}": PLUGIN for kind, name in ADDED.items() if kind not in ("network", "metric")
    }
    assert coreset("rerun", out / "coreset.json", lines, "--cache", tmp_path / "cache", site=site).returncode == 0

    # Without the plugin the export is still checked, and what cannot be made again says why.
    assert coreset("verify", out, site=None).returncode == 0
    done = coreset("rerun", out / "coreset.json", lines, "--cache", tmp_path / "cache", site=None)
    assert done.returncode == 2
    assert f"The export was made with the plugin {PLUGIN}." in done.stderr


@pytest.mark.slow
def test_another_setting_of_its_extractor_gives_other_features(site: Path, lines: Path, tmp_path: Path) -> None:
    for middle in (1, 1, 0.5):
        done = coreset(
            "select", lines, "--json-lines-class-key", "kind", "--cache", tmp_path / "cache", "--extractor",
            "mean-colour", "--mean-colour-middle", middle, "--sampler", "k-center", "--fraction", 0.2, "--overwrite",
            "--out", tmp_path / "a.csv", site=site,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "cache" / "features").iterdir())) == 2


@pytest.mark.slow
def test_a_comparison_trains_its_network_and_shows_its_metric(site: Path, lines: Path, tmp_path: Path) -> None:
    done = coreset(
        "compare", lines, "--json-lines-class-key", "kind", "--cache", tmp_path / "cache", "--extractor", "mean-colour",
        "--samplers", "evenly-spaced", "--fractions", "0.3,1", "--networks", "nearest-mean", "--seeds", 2,
        "--out", tmp_path / "study", site=site,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "nearest-mean  evenly-spaced" in done.stdout
    assert "Nearest mean: 30 % selected by" in done.stdout
    tables = " ".join(file.read_text(encoding="utf-8") for file in (tmp_path / "study" / "tables").glob("*.csv"))
    assert "kappa" in tables
    assert "Kappa" in (tmp_path / "study" / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_is_missing_is_refused_in_a_sentence(lines: Path, tmp_path: Path) -> None:
    done = coreset("select", lines, "--sampler", "evenly-spaced", "--out", tmp_path / "a.csv", site=None)
    assert done.returncode == 2
    assert "There is no sampler named 'evenly-spaced'" in done.stderr
    assert "If it is a sampler of a plugin, install that." in done.stderr


@pytest.mark.slow
def test_a_plugin_that_fails_or_clashes_is_named_and_left_out(site: Path, lines: Path, tmp_path: Path) -> None:
    broken = tmp_path / "site"
    shutil.copytree(site, broken)
    (broken / "coreset_example" / "metric.py").write_text("raise RuntimeError('not today')\n", encoding="utf-8")
    sampler = broken / "coreset_example" / "sampler.py"
    text = sampler.read_text(encoding="utf-8")
    sampler.write_text(text.replace('name="evenly-spaced"', 'name="herding"'), encoding="utf-8")
    done = coreset("plugins", site=broken)
    assert done.returncode == 1
    metric = f"The metric kappa of the plugin {PLUGIN} was not loaded (RuntimeError: not today)."
    assert metric in done.stdout
    assert "the name herding is taken by the program itself" in done.stdout
    assert "nearest-mean" in done.stdout
    done = coreset("scan", lines, "--json-lines-class-key", "kind", site=broken)
    assert done.returncode == 0, done.stderr
    assert f"note: {metric}" in done.stderr
