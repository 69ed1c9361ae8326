"""Fixtures for tests of the widgets: the theme put on, and small images in files."""

from collections.abc import Iterator
from pathlib import Path

import pyqtgraph as pg
import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.thumbnail_store import ThumbnailStore


@pytest.fixture(autouse=True)
def _dressed(qapp: QApplication) -> None:
    """The light theme on, and a mouse as fast as tests are."""
    pg.setConfigOption("mouseRateLimit", -1)
    # Putting it on anew takes a tenth of a second: only where a test before changed it.
    if theme.mode() != "light" or theme.colours().dark:
        theme.apply(qapp, "light")
    return


@pytest.fixture
def image_files(tmp_path: Path) -> list[str]:
    """Files of 80 small images, each of another colour."""
    files = []
    for number in range(80):
        image = QImage(32, 24, QImage.Format.Format_RGB32)
        image.fill(QColor.fromHsv(number * 4, 200, 200))
        file = tmp_path / f"{number:02}.png"
        assert image.save(str(file))
        files.append(str(file))
    return files


@pytest.fixture
def store(qapp: QApplication) -> Iterator[ThumbnailStore]:
    """A store of the test's own."""
    made = ThumbnailStore()
    yield made
    made.stop()
