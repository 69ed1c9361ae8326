"""How long the window stands still while 100,000 images are browsed.

    python -m benchmarks.browser [--images N]

Opens the Images page on a synthetic dataset with a table of four columns, and filters, searches, sorts, colours,
scrolls and selects as a user does, while a timer of 1 ms tells how late it is served. Thumbnails are 1,500 files that
are shown again and again. Runs on the platform of ``QT_QPA_PLATFORM`` (offscreen unless set). Exits 1 where a stall is
above 50 ms.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QSettings, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from coreset_studio.core.cache import thumbnail_file
from coreset_studio.core.results import Dataset, Image, Split
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.desktop_app.application import make_qt_application
from coreset_studio.desktop_app.garbage import GarbageCollection, leave_out_of_collections
from coreset_studio.desktop_app.messages import Messages
from coreset_studio.desktop_app.pages.images import ImagesPage
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.project_model import ProjectModel
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.settings import Preferences

N_IMAGES, N_CLASSES, N_THUMBNAILS = 100_000, 12, 1_500
TICK_MS, STALL_MS = 1, 50.0
COLUMNS = ("site", "age", "device", "patient")


def synthetic_summary(folder: Path, n_images: int) -> DatasetSummary:
    """Return a dataset of noise, divided, with its thumbnails."""
    chance = np.random.default_rng(0)
    keys = [f"{number:064x}" for number in range(N_THUMBNAILS)]
    for key in keys:
        pixels = chance.integers(0, 255, (96, 96, 3), dtype=np.uint8)
        file = thumbnail_file(folder, key)
        file.parent.mkdir(parents=True, exist_ok=True)
        QImage(pixels.tobytes(), 96, 96, 3 * 96, QImage.Format.Format_RGB888).save(str(file), "JPG")
    sites, ages = chance.integers(0, 5, n_images), chance.integers(1, 95, n_images)
    images = tuple(
        Image(
            path=f"class {i % N_CLASSES:02}/image_{i:06}.png", class_name=f"class {i % N_CLASSES:02}", split=None,
            group="", width=360, height=363, pixels=keys[i % N_THUMBNAILS], file=f"{i:064x}", n_bytes=20_000 + i,
            modified_ns=0, perceptual="0" * 16,
            more=(f"site {sites[i]}", str(ages[i]), f"device {i % 200}", f"patient {i // 3}"),
        )
        for i in range(n_images)
    )  # fmt: skip
    sides = np.arange(n_images) % 10
    split = Split(np.flatnonzero(sides < 6), np.flatnonzero(sides == 6), np.flatnonzero(sides > 6))
    dataset = Dataset(folder, folder, "folder", images, columns=COLUMNS)
    return DatasetSummary(dataset, split, (), folder)


class Watch:
    """Tells how late a timer is served while something is done."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.worst = 0.0
        self._timer = QTimer(interval=TICK_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.worst, self._last = max(self.worst, now - self._last - TICK_MS / 1000), now

    @contextmanager
    def of(self, name: str, until: Callable[[], bool], found: dict[str, float]) -> Iterator[None]:
        turn(0.05)
        self.worst = 0.0
        yield
        end = time.perf_counter() + 20
        while not until() and time.perf_counter() < end:
            turn(0.005)
        turn(0.15)
        found[name] = 1000 * self.worst
        print(f"{name:44} {found[name]:7.1f} ms", flush=True)


def turn(seconds: float) -> None:
    """Let the window work."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)


def measure(n_images: int) -> dict[str, float]:
    """Return the longest stall of each action, in milliseconds."""
    app = make_qt_application(["coreset-studio"])
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        summary = synthetic_summary(folder, n_images)
        collection = GarbageCollection(app)  # as in the application
        collection.start()
        leave_out_of_collections(n_images)
        service = EngineService()
        store = QSettings(str(folder / "preferences.ini"), QSettings.Format.IniFormat)
        context = PageContext(ProjectModel(), service, Messages(), Preferences(store))
        context.model.start(folder)
        context.model.store_result("dataset", context.model.key("dataset"), {"images": n_images}, summary, content="x")
        watch = Watch()
        page = ImagesPage(context)
        page.resize(1100, 700)
        page.show()
        grid, content = page.content.grid, page.content

        def shows(n: int) -> Callable[[], bool]:
            return lambda: len(grid.images.keys) == n

        with watch.of("open the page", shows(n_images), found):
            page.enter()
        with watch.of("filter by a class", shows(-(-n_images // N_CLASSES)), found):
            page.tree.check("class", ["class 00"])
        with watch.of("and by a set", lambda: len(grid.images.keys) < n_images // N_CLASSES, found):
            page.tree.check("set", ["Pool"])
        with watch.of("clear the filters", shows(n_images), found):
            page.tree.clear_checks()
        with watch.of("search", lambda: len(grid.images.keys) < n_images, found):
            QTest.keyClicks(content.search, "00042")
        with watch.of("clear the search", shows(n_images), found):
            content.search.clear()
        for words in ("File size", "age", "patient", "Path"):
            if content.order.findText(words) >= 0:
                with watch.of(f"sort by {words}", shows(n_images), found):
                    content.order.setCurrentIndex(content.order.findText(words))
        with watch.of("colour by site", shows(n_images), found):
            content.colour.setCurrentIndex(content.colour.findText("site"))
        bar = grid.verticalScrollBar()
        with watch.of("scroll through", lambda: True, found):
            for step in range(60):
                bar.setValue(bar.maximum() * step // 60)
                turn(0.02)
        with watch.of("select all", lambda: True, found):
            grid.selectAll()
        with watch.of("select one", lambda: True, found):
            grid.clearSelection()
            grid.setCurrentIndex(grid.images.index(n_images // 2))
        with watch.of("larger thumbnails", lambda: True, found):
            content.enlarge()
        page.leave()
        page.close()
        service.close()
        collection.stop()
        app.processEvents()
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=N_IMAGES)
    found = measure(parser.parse_args().images)
    worst = max(found.values())
    print(f"\nlongest stall {worst:.1f} ms, limit {STALL_MS:g} ms")
    return int(worst > STALL_MS)


if __name__ == "__main__":
    sys.exit(main())
