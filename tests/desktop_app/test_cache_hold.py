"""The thumbnails that a window shows stay, however small the cache must become."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from coreset_studio.core.cache_use import names_in_use, release
from coreset_studio.desktop_app.cache_hold import CacheHold
from coreset_studio.desktop_app.project_model import ProjectModel

ROOT = Path(__file__).resolve().parents[2]
TRIM = (
    "import sys; from pathlib import Path; from coreset_studio.core.housekeeping import trim_cache; "
    "trim_cache(Path(sys.argv[1]), 0)"
)


def test_thumbnails_of_the_open_dataset_stay(first_lot: Any, tmp_path: Path, qapp: object) -> None:
    cache = shutil.copytree(first_lot.study.cache_folder, tmp_path / "cache", ignore=shutil.ignore_patterns("in-use"))
    lot = replace(first_lot, study=replace(first_lot.study, cache_folder=cache))
    release()
    model = ProjectModel()
    hold = CacheHold(model)
    lot.open_in(model)
    assert names_in_use(cache) >= {"thumbnails"}
    summary: Any = model.value("dataset")
    release()
    hold.hold()
    subprocess.run([sys.executable, "-c", TRIM, str(cache)], cwd=ROOT, check=True)
    assert summary.thumbnail(0).exists()
    assert not list((cache / "features").glob("colour-texture-*"))
    model.start(None)
    assert names_in_use(cache) == set()
    subprocess.run([sys.executable, "-c", TRIM, str(cache)], cwd=ROOT, check=True)
    assert not summary.thumbnail(0).exists()
