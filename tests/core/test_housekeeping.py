"""Size of the cache, and emptying it."""

import re
from pathlib import Path

import pytest

from coreset_studio.core import housekeeping
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.housekeeping import CacheSize, clear_cache, measure_cache, own_entries
from coreset_studio.core.pipeline.stages import choose, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.service.dataset_requests import ScanDataset
from coreset_studio.core.settings import ClusterSettings, FeatureSettings, SelectionSettings, Settings

KEY, SHORT = "0123456789abcdef" * 2, "0123456789abcdef"
MADE = (
    "speeds.json",
    "weights.json",
    f"backbone/vgg16-128-{SHORT}-v1.1/0.npy",
    f"clusters/{KEY}/facts.json",
    f"clusters/.{KEY}.x1y2/labels.npy",
    f"datasets/{KEY}.json",
    f"features/vgg16-{SHORT}/avg/1.npy",
    "features/vgg16.rate.json",
    "pixels/128-v1/0.npy",
    f"thumbnails/ab/{KEY}{KEY}.jpg",
)
OF_THE_USER = (
    "thesis.docx",
    "settings.json",
    "features/notes.txt",
    "clusters/of stars/m31.csv",
    "thumbnails/holiday/beach.jpg",
    "datasets/mnist.json",
    f"elsewhere/{KEY}/facts.json",
)


def write(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * 100)


def files(folder: Path) -> set[str]:
    """Return all files but those that tell what is in use."""
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    return {name for name in found if not name.startswith("in-use/")}


def test_what_the_program_made_goes_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, MADE)
    write(tmp_path, OF_THE_USER)
    assert measure_cache(tmp_path) == CacheSize(len(MADE), 100 * len(MADE))
    assert clear_cache(tmp_path) == CacheSize(0, 0)
    assert files(tmp_path) == set(OF_THE_USER)
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.is_dir()) == [
        "clusters", "datasets", "elsewhere", "features", "thumbnails",
    ]  # fmt: skip


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert measure_cache(tmp_path / "nowhere") == CacheSize(0, 0)
    assert clear_cache(tmp_path / "nowhere") == CacheSize(0, 0)


def test_links_are_neither_followed_nor_removed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "cache"
    write(outside, MADE)
    folder.mkdir()
    (folder / "features").symlink_to(outside / "features")
    (folder / "thumbnails").mkdir()
    (folder / "thumbnails" / "ab").symlink_to(outside / "thumbnails" / "ab")
    assert measure_cache(folder).n_bytes == 0
    clear_cache(folder)
    assert files(outside) == set(MADE)
    assert (folder / "features").is_symlink()


@pytest.fixture
def worked(tmp_path: Path) -> Path:
    """A cache that whole work was done in, as a folder named by the user."""
    make_demo(tmp_path / "demo", n_images=60, side=48)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        selection=SelectionSettings(budget_over_classes="difficulty"),
    )
    study = Study(tmp_path / "demo", settings, tmp_path / "any name")
    ScanDataset(study).run(NO_PROGRESS)
    prepared = prepare(study)
    choose(prepared, settings.selection)
    return study.cache_folder


def test_nothing_of_real_work_is_forgotten(worked: Path) -> None:
    assert measure_cache(worked).n_files == len(files(worked)) > 10
    assert {entry.parent.name for entry in own_entries(worked)} >= {"features", "clusters", "datasets", "thumbnails"}
    clear_cache(worked)
    assert list(worked.iterdir()) == []


def test_every_stage_of_the_engine_is_measured_and_trimmed() -> None:
    named = re.compile(r"""^[A-Z_]*STAGE = "([\w-]+)"|cache\.store\("([\w-]+)",""", re.MULTILINE)
    core = Path(housekeeping.__file__).parent
    texts = [file.read_text(encoding="utf-8") for file in core.rglob("*.py")]
    stages = {one or other for text in texts for one, other in named.findall(text)}
    assert {"clusters", "teacher", "sizes", "sizes-run", "pool-view"} <= stages
    assert stages <= set(housekeeping.OWN_FOLDERS)
