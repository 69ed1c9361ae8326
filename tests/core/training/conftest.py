from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from coreset_studio.core.data.images import read_image
from coreset_studio.core.data.scanning import pixel_hash
from coreset_studio.core.results import Dataset, Image, PoolEmbedding, RunKey, Split
from coreset_studio.core.settings import TrainingSettings, with_own

COLOURS = {"blue": (40, 60, 200), "green": (50, 180, 60), "red": (200, 50, 40)}
PER_CLASS = {"blue": 24, "green": 18, "red": 12}


def write_images(folder: Path, sides: tuple[int, ...] = (48, 52, 56)) -> Dataset:
    """Noisy discs, one colour a class, which are learnt within a few steps."""
    rng = np.random.default_rng(7)
    images = []
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(PER_CLASS[name]):
            side = sides[number % len(sides)]
            rows, columns = np.mgrid[:side, :side]
            disc = (rows - side / 2) ** 2 + (columns - side / 2) ** 2 < rng.uniform(side / 6, side / 3) ** 2
            rgb = rng.integers(200, 256, (side, side, 3)).astype(np.uint8)
            rgb[disc] = np.clip(np.array(colour) + rng.normal(0, 25, (int(disc.sum()), 3)), 0, 255)
            path = f"{name}/{number:03}.png"
            PIL.Image.fromarray(rgb).save(folder / path)
            pixels = pixel_hash(rgb)
            size = (folder / path).stat().st_size
            images.append(Image(path, name, None, "", side, side, pixels, pixels, size, 0, "0" * 16))
    return Dataset(folder, folder, "folder", tuple(images))


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return write_images(tmp_path_factory.mktemp("cells") / "images")


@pytest.fixture
def fresh_cells(tmp_path: Path) -> Dataset:
    """The same images in a folder of the test's own, which it may spoil."""
    return write_images(tmp_path / "images")


@pytest.fixture(scope="session")
def split(cells: Dataset) -> Split:
    order = np.random.default_rng(3).permutation(len(cells.images))
    return Split(np.sort(order[:30]), np.sort(order[30:40]), np.sort(order[40:]))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that the tests of a session share."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def quick() -> TrainingSettings:
    settings = TrainingSettings(image_size=48, epochs=6, min_steps=24, batch_size=8, learning_rate=0.01)
    return with_own(settings, "transfer", backbone="mobilenetv2", untrained_backbone=True)


@pytest.fixture(scope="session")
def embedding(cells: Dataset, split: Split) -> PoolEmbedding:
    """Mean colours: what a probe's features could be."""
    indices = np.arange(len(cells.images))
    rows = np.array([read_image(cells, i).mean((0, 1)) / 255 for i in indices], dtype=np.float32)
    rows -= rows.mean(0)
    return PoolEmbedding(indices, rows / np.sqrt((rows**2).sum(1).mean()), np.isin(indices, split.pool))


@pytest.fixture
def key() -> RunKey:
    return RunKey("custom", "stratified", 0.5, 0, "a fingerprint")
