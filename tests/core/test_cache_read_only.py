"""A cache that may only be read: what is in it is used, and what is not is computed or refused in a sentence."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import PIL.Image
import pytest

from coreset_studio.core.data.demo import make_demo

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "import sys; from coreset_studio.core.cli import main; sys.exit(main())"


def select(folder: Path, out: str, *more: str, bound: bool = True) -> subprocess.CompletedProcess[str]:
    """Choose a coreset in a process of its own; `bound`: as one whom rights bind, which they do not bind root."""
    plain = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if bound and os.geteuid() == 0 else []
    return subprocess.run(
        [
            *plain, sys.executable, "-c", COMMAND, "select", str(folder / "images"), "--cache", str(folder / "cache"),
            "--k-max", "3", "--fraction", "0.2", "--out", str(folder / out), *more,
        ],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, capture_output=True, check=False,
    )  # fmt: skip


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A folder with images and the cache of whole work on them, which may only be read."""
    if os.name == "nt" or (os.geteuid() == 0 and shutil.which("setpriv") is None):
        pytest.skip("rights do not bind this user")
    make_demo(tmp_path / "images", n_images=60, side=48)
    first = select(tmp_path, "first.csv", "--extractor", "colour-texture", bound=False)
    assert first.returncode == 0, first.stderr
    _allow(tmp_path / "cache", write=False)
    yield tmp_path
    _allow(tmp_path / "cache", write=True)


def _allow(folder: Path, *, write: bool) -> None:
    for place in (folder, *folder.rglob("*")):
        place.chmod((0o777 if write else 0o555) if place.is_dir() else (0o666 if write else 0o444))


def _held(folder: Path) -> set[str]:
    return {str(file) for file in folder.rglob("*")}


def test_all_that_is_there_is_used(shared: Path) -> None:
    before = _held(shared / "cache")
    again = select(shared, "again.csv", "--extractor", "colour-texture")
    assert again.returncode == 0, again.stderr
    assert (shared / "again.csv").read_bytes() == (shared / "first.csv").read_bytes()
    assert _held(shared / "cache") == before


def test_stages_that_are_not_there_are_computed_and_kept_nowhere(shared: Path) -> None:
    before = _held(shared / "cache")
    other = select(shared, "other.csv", "--extractor", "colour-texture", "--variance", "0.5")
    assert other.returncode == 0, other.stderr
    assert _held(shared / "cache") == before


def test_features_that_are_not_there_are_refused_in_a_sentence(shared: Path) -> None:
    a_class = next(folder for folder in (shared / "images").iterdir() if folder.is_dir())
    PIL.Image.new("RGB", (48, 48), (200, 30, 90)).save(a_class / "new.png")
    refused = select(shared, "refused.csv", "--extractor", "colour-texture")
    assert refused.returncode == 2
    assert "cannot be written (Permission denied), and it does not contain everything that is needed" in refused.stderr
    assert "CORESET_CACHE" in refused.stderr
    assert "Traceback" not in refused.stderr
