"""Users without a home folder, and nothing of TensorFlow's own words between the lines of a command."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coreset_studio.core import resources
from coreset_studio.core.resources import ensure_home, expanded

CORE = Path(resources.__file__).parent
HOMELESS = """
import os, pwd, sys
def unknown(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")
pwd.getpwuid = unknown
from coreset_studio.core.cli import main
sys.exit(main(sys.argv[1:]))
"""
TENSORFLOW = re.compile(r"oneDNN|absl|tensorflow|^[IWEF]\d{4} ", re.IGNORECASE | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve images of two classes."""
    noise = np.random.default_rng(0)
    for number in range(12):
        file = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(file)
    return tmp_path / "images"


@pytest.fixture
def without_home(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run a command as a user of whom the system knows no home folder."""
    (tmp_path / "temporary").mkdir()

    def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "LANG")}
        return subprocess.run(
            [sys.executable, "-c", HOMELESS, *map(str, arguments)], capture_output=True, text=True, check=False,
            env={**kept, "TMPDIR": str(tmp_path / "temporary")}, cwd=tmp_path,
        )  # fmt: skip

    return run


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows every user's folder")
def test_a_user_without_a_home_folder_gets_one(without_home: Callable[..., "subprocess.CompletedProcess[str]"],
                                               folder: Path, tmp_path: Path) -> None:  # fmt: skip
    for arguments, code in ((("scan", folder), 0), (("weights", "list"), 0), (("scan", "~nobody/there"), 2)):
        done = without_home(*arguments)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert "note: This user has no home folder, so the cache and weights are stored in" in done.stderr
    (home,) = (tmp_path / "temporary").iterdir()
    assert home.name == f"coreset-studio-{os.getuid()}"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert (home / ".cache" / "coreset-studio" / "datasets").is_dir()
    assert not (tmp_path / "~").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows every user's folder")
@pytest.mark.parametrize("in_the_way", ["open", "link", "file"])
def test_a_folder_that_others_may_write_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_the_way: str
) -> None:
    monkeypatch.setattr(resources.tempfile, "tempdir", str(tmp_path))
    place = tmp_path / f"coreset-studio-{os.getuid()}"
    if in_the_way == "open":
        place.mkdir()
        place.chmod(0o777)
    elif in_the_way == "link":
        place.symlink_to(tmp_path)
    else:
        place.write_bytes(b"")
    found = resources._private_folder()
    assert found != place
    assert found.parent == tmp_path
    assert stat.S_IMODE(found.stat().st_mode) == 0o700


def test_a_user_with_a_home_folder_keeps_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert ensure_home() == ""
    assert os.environ["HOME"] == str(tmp_path)
    assert expanded(Path("~/x")) == tmp_path / "x"
    assert expanded(Path("~no such user/x")) == Path("~no such user/x")


def test_tensorflow_is_imported_in_one_place() -> None:
    """Where it is imported quietly; elsewhere its words would leak."""
    plain = re.compile(r"^\s*(import|from) (keras|tensorflow)\b", re.MULTILINE)
    found = [file.relative_to(CORE).as_posix() for file in CORE.rglob("*.py") if plain.search(file.read_text("utf-8"))]
    assert found == ["features/engine.py"]


@pytest.mark.slow
def test_nothing_of_tensorflow_stands_in_what_a_command_prints(folder: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
        done = subprocess.run(
            [sys.executable, "-m", "coreset_studio.core.cli", *map(str, arguments)],
            capture_output=True, text=True, check=True,
            env={**kept, "CORESET_CACHE": str(tmp_path / "cache")},
        )  # fmt: skip
        assert not TENSORFLOW.search(done.stderr), done.stderr

    study = tmp_path / "study"
    run("compare", folder, "--extractor", "colour-texture", "--samplers", "random", "--fractions", "0.5",
        "--networks", "custom", "--image-size", "32", "--epochs", "1", "--min-steps", "2", "--out", study)  # fmt: skip
    bundle = next((study / "models").iterdir())
    run("predict", bundle, folder, "--out", tmp_path / "predictions.csv")
