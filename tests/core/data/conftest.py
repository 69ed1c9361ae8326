"""Images, folders and datasets to scan and divide."""

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage

from coreset_studio.core.data.dataset import scan
from coreset_studio.core.results import Dataset, Image


def _pixels(seed: int, height: int = 24, width: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def picture() -> Callable[..., NDArray[np.uint8]]:
    """A colour image of noise: `picture(seed, height=24, width=32)`."""
    return _pixels


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """The bytes of a file: `encoded(image, "PNG", **options)`, from a Pillow image or an array."""

    def encode(image: Any, form: str = "PNG", **options: Any) -> bytes:
        stream = io.BytesIO()
        made = image if isinstance(image, PillowImage.Image) else PillowImage.fromarray(image)
        made.save(stream, form, **options)
        return stream.getvalue()

    return encode


@pytest.fixture
def put(tmp_path: Path, encoded: Callable[..., bytes]) -> Callable[..., Path]:
    """Write an image of its own below the test's `images` folder: `put("class/name.png", seed)`."""

    def write(path: str, content: int | bytes = 0) -> Path:
        file = tmp_path / "images" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else encoded(_pixels(content)))
        return file

    return write


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., Dataset]:
    """Scan the test's `images` folder, or another source, with a cache of the test's own."""

    def scanned(source: Path | None = None, **options: Any) -> Dataset:
        return scan(source or tmp_path / "images", cache_folder=tmp_path / "cache", **options)

    return scanned


@pytest.fixture(scope="session")
def dataset_of() -> Callable[..., Dataset]:
    """A dataset without files: rows of (path, class) and any other fields of an image."""

    def make(rows: Sequence[tuple[str, str] | tuple[str, str, dict[str, Any]]]) -> Dataset:
        images = []
        for path, class_name, *more in rows:
            digest = hashlib.sha256(path.encode()).hexdigest()
            facts: dict[str, Any] = {
                "split": None, "group": "", "width": 8, "height": 8, "pixels": digest, "file": digest,
                "n_bytes": 1, "modified_ns": 0, "perceptual": digest[:16],
            }  # fmt: skip
            facts.update(*more)
            images.append(Image(path=path, class_name=class_name, **facts))
        return Dataset(Path(), Path(), "folder", tuple(sorted(images, key=lambda image: image.path)))

    return make
