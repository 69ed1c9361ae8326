"""Files of the cache that another program cuts short while they are mapped: a sentence, and no lost process."""

import os
import subprocess
import sys
from pathlib import Path

import engine_functions as engine
import numpy as np
import pytest

from coreset_studio.core.arrays import cut_file
from coreset_studio.core.cache import ArrayCache, check_mapped
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import CacheError
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.service.messages import Failed
from coreset_studio.core.service.processes import Job
from coreset_studio.core.settings import Settings
from coreset_studio.core.training.pixels import PixelStore
from tests.windows_rules import changes_open_files

ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows cuts no file that is mapped")
pytestmark = [pytest.mark.slow, posix]
PREPARE = """
import os, sys
from dataclasses import replace
from pathlib import Path
from coreset_studio.core import arrays
arrays.READ_BELOW_BYTES = 1
from coreset_studio.core.errors import CoresetError
from coreset_studio.core.service.selection_service import SelectionService
from coreset_studio.core.pipeline.stages import choose, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.settings import ClusterSettings, FeatureSettings, SelectionSettings, Settings
settings = Settings(
    features=FeatureSettings(extractors=("colour-texture",)), clusters=ClusterSettings(k_max=3),
    selection=SelectionSettings(fraction=0.3),
)
study = Study(Path(sys.argv[1]), settings, Path(sys.argv[2]))

def cut():
    files = sorted(study.cache_folder.glob("class-embedding/*/*.npy"))
    assert files
    for file in files:
        os.truncate(file, 0)
"""
CHOOSE = """
prepared = prepare(study)
before = choose(prepared, settings.selection).indices
cut()
try:
    choose(prepared, replace(settings.selection, sampler="balanced-herding"))
except CoresetError as error:
    print(error)
del prepared
assert (choose(prepare(study), settings.selection).indices == before).all()
"""
ASK = """
service = SelectionService(study)
before = service.select(settings.selection), service.overview()
cut()
after = service.select(settings.selection), service.overview()
assert (before[0].coreset.indices == after[0].coreset.indices).all()
assert all((a.points == b.points).all() for a, b in zip(before[1], after[1], strict=True))
assert arrays.cut_file() is None
"""


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PREPARE + script, *map(str, arguments)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, capture_output=True, check=False,
    )  # fmt: skip


@pytest.fixture
def images(tmp_path: Path) -> Path:
    make_demo(tmp_path / "images", n_images=60, side=48)
    return tmp_path / "images"


def test_choosing_from_a_cut_file_is_refused_and_computed_anew(images: Path, tmp_path: Path) -> None:
    done = run(CHOOSE, images, tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    assert "was truncated while in use. Run again to compute it again." in done.stdout


def test_the_selection_service_computes_anew_what_was_cut(images: Path, tmp_path: Path) -> None:
    done = run(ASK, images, tmp_path / "cache")
    assert done.returncode == 0, done.stderr


def test_an_engine_process_that_dies_of_it_is_told_with_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study(tmp_path, Settings(), tmp_path / "cache")
    job = Job(engine.ReadACutFile(study))
    job.start()
    (last,) = job.events()
    assert isinstance(last, Failed)
    assert last.sentence == (
        "The engine process crashed (SIGBUS), because a file that it was reading was truncated or its disk failed, "
        f"probably one in the cache folder {tmp_path / 'cache'}. Finished work is kept; run the step again to "
        "recompute damaged files, and check whether the disk is full or failing."
    )
    assert ArrayCache(study.cache_folder).load("clusters", "0" * 32) is None


def test_pixels_that_were_cut_are_one_sentence(tmp_path: Path) -> None:
    store = PixelStore(tmp_path, 64)
    store.append([str(n) for n in range(100)], np.ones((100, 64, 64, 3), np.uint8))
    (file,) = tmp_path.glob("*.npy")
    os.truncate(file, 5000)
    with pytest.raises(CacheError, match="was truncated while in use"):
        store.get("50")


@changes_open_files
def test_only_what_is_still_used_and_the_same_file_counts(tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path)
    arrays = {"labels": np.ones(100_000)}
    stored = cache.store("clusters", "0" * 32, arrays, {})
    part = stored.arrays["labels"][1000:2000][::2]
    del stored
    file = cache.path("clusters", "0" * 32) / "labels.npy"
    check_mapped()
    file.rename(tmp_path / "aside")
    file.write_bytes(b"another file")
    check_mapped()
    file.unlink()
    (tmp_path / "aside").rename(file)
    os.truncate(file, 1000)
    assert cut_file() == file
    with pytest.raises(CacheError, match="was truncated"):
        check_mapped()
    del part
    check_mapped()
