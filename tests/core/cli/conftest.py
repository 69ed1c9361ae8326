"""A small folder of labelled images that takes a second to work on."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of 24, 18 and 12 coloured squares with noise, and one file that is no image."""
    root = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(0)
    colours = {"blue": (60, 80, 200), "green": (60, 190, 80), "red": (200, 60, 70)}
    for (name, colour), n in zip(colours.items(), (24, 18, 12), strict=True):
        (root / name).mkdir()
        for i in range(n):
            base = np.array(colour) + rng.normal(0, 25, 3)
            pixels = np.clip(base + rng.normal(0, 20, (40, 44, 3)), 0, 255).astype(np.uint8)
            PIL.Image.fromarray(pixels).save(root / name / f"{name}_{i:02d}.png")
    (root / "red" / "notes.jpg").write_text("no image")
    return root
