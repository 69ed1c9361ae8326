"""How fast the window's widgets answer at 17,000 images: `python -m benchmarks.widgets`.

Exits 1 where a bound is broken.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
import pyqtgraph as pg
from PySide6.QtCore import QEventLoop, QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop_app import theme
from desktop_app.models.thumbnail_model import Thumbnail
from desktop_app.models.thumbnail_store import shared_store
from desktop_app.widgets.scatter import Scatter
from desktop_app.widgets.thumbnail_grid import ThumbnailGrid

N_IMAGES = 17_000
N_CLUSTERS = 10
LASSO_MS, STALL_MS, SWITCH_MS, MEMORY_MB = 100.0, 50.0, 150.0, 400.0
REPETITIONS = 7


def points(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, N_CLUSTERS, N_IMAGES)
    xy = rng.normal(0, 3, (N_CLUSTERS, 2))[labels] + rng.normal(0, 1, (N_IMAGES, 2))
    medoids = np.array([np.flatnonzero(labels == c)[0] for c in range(N_CLUSTERS)])
    return xy.astype(np.float32), labels.astype(np.int64), medoids.astype(np.int64)


def milliseconds(act: Callable[[], None]) -> float:
    start = time.perf_counter()
    act()
    QApplication.processEvents()
    return 1000 * (time.perf_counter() - start)


def class_switch(scatter: Scatter, grid: ThumbnailGrid, files: list[str]) -> list[float]:
    """Another class in plot and thumbnails, painted."""
    prepared = [points(seed) for seed in range(REPETITIONS)]

    def show(seed: int) -> Callable[[], None]:
        def act() -> None:
            xy, labels, medoids = prepared[seed]
            scatter.set_points(xy, labels, medoids, "component 1", "component 2")
            grid.set_images(
                [
                    Thumbnail(key, files[key % len(files)], f"class/{key}.jpg", cluster)
                    for key, cluster in enumerate(labels.tolist())
                ]
            )
            scatter.viewport().repaint()
            grid.viewport().repaint()

        return act

    show(0)()
    return [milliseconds(show(seed)) for seed in range(REPETITIONS)]


def lasso(scatter: Scatter) -> tuple[list[float], int]:
    """From the release of the button to the painted selection; the drag itself is not counted."""
    times = []
    where = scatter.viewport()
    middle = QPointF(where.width() / 2, where.height() / 2)
    for _ in range(REPETITIONS):
        turn = np.linspace(0, 2 * np.pi, 200)
        corners = [
            (middle + QPointF(np.cos(t) * where.width() * 0.35, np.sin(t) * where.height() * 0.35)).toPoint()
            for t in turn
        ]
        QTest.mousePress(where, Qt.MouseButton.LeftButton, pos=corners[0])
        for corner in corners[1:]:
            QTest.mouseMove(where, corner)
        QApplication.processEvents()

        def release(corner: QPoint = corners[-1]) -> None:
            QTest.mouseRelease(where, Qt.MouseButton.LeftButton, pos=corner)
            scatter.viewport().repaint()

        times.append(milliseconds(release))
        n_selected = len(scatter.selection)
        QTest.keyClick(scatter, Qt.Key.Key_Escape)
    return times, n_selected


def scroll(grid: ThumbnailGrid) -> tuple[list[float], list[float]]:
    """Pauses of the event loop while the whole grid is scrolled through, thumbnails arriving meanwhile.

    Returns milliseconds by the clock and of this thread's own work: on a busy machine the clock also counts others.
    """
    bar = grid.verticalScrollBar()
    shared_store().forget()
    pauses, own = [], []
    last, worked = time.perf_counter(), time.thread_time()
    for value in np.linspace(0, bar.maximum(), 400).astype(int).tolist():
        bar.setValue(value)
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents)
        now = time.perf_counter()
        pauses.append(1000 * (now - last))
        own.append(1000 * (time.thread_time() - worked))
        time.sleep(0.002)
        last, worked = time.perf_counter(), time.thread_time()
    return pauses, own


def main() -> int:
    app = QApplication(sys.argv[:1])
    theme.apply(app, "light")
    pg.setConfigOption("mouseRateLimit", -1)  # the mouse of this benchmark is faster than a hand
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        files = []
        for number in range(2_000):
            file = Path(folder) / f"{number}.jpg"
            pixels = np.ascontiguousarray(rng.integers(0, 255, (128, 128, 3), dtype=np.uint8))
            QImage(pixels.data, 128, 128, 384, QImage.Format.Format_RGB888).save(str(file))
            files.append(str(file))
        scatter, grid = Scatter(), ThumbnailGrid()
        for widget in (scatter, grid):
            widget.resize(900, 700)
            widget.show()
        app.processEvents()
        switched = class_switch(scatter, grid, files)
        lassoed, n_selected = lasso(scatter)
        pauses, own = scroll(grid)
        memory = psutil.Process().memory_info().rss / 1e6
        shared_store().stop()
    rows = [
        ("class switch, plot and thumbnails", float(np.median(switched)), max(switched), SWITCH_MS, "ms"),
        (f"lasso, {n_selected:,} of {N_IMAGES:,} selected", float(np.median(lassoed)), max(lassoed), LASSO_MS, "ms"),
        ("scrolling: a step", float(np.median(pauses)), max(pauses), STALL_MS, "ms"),
        ("scrolling: a step, this thread alone", float(np.median(own)), max(own), STALL_MS, "ms"),
        ("memory of the process", memory, memory, MEMORY_MB, "MB"),
    ]
    busy = psutil.cpu_percent(0.5)
    print(
        f"{N_IMAGES:,} images, {REPETITIONS} repetitions, {QApplication.platformName()}, processors {busy:.0f} % busy"
    )
    for name, middle, worst, bound, unit in rows:
        verdict = "within" if worst <= bound else "BROKEN"
        print(f"{name:48} median {middle:7.1f} {unit}  worst {worst:7.1f} {unit}  bound {bound:5.0f} {unit}  {verdict}")
    return int(any(worst > bound for _, _, worst, bound, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
