"""How fast the window's widgets answer at 17,000 images: `python -m benchmarks.widgets`.

Exits 1 where a bound is broken.
"""

import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.thumbnail_store import shared_store
from coreset_studio.desktop_app.models.thumbnails import LazyThumbnails, Thumbnail
from coreset_studio.desktop_app.widgets.image_canvas import ImageCanvas
from coreset_studio.desktop_app.widgets.scatter import Scatter
from coreset_studio.desktop_app.widgets.thumbnail_grid import ThumbnailGrid

N_IMAGES = 17_000
N_CLUSTERS = 10
LASSO_MS, STALL_MS, SWITCH_MS, MEMORY_MB = 100.0, 50.0, 150.0, 400.0
REPETITIONS = 7
LARGE_SIDE = 4_000


def points(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, N_CLUSTERS, N_IMAGES)
    xy = rng.normal(0, 3, (N_CLUSTERS, 2))[labels] + rng.normal(0, 1, (N_IMAGES, 2))
    medoids = np.array([np.flatnonzero(labels == c)[0] for c in range(N_CLUSTERS)])
    return xy.astype(np.float32), labels.astype(np.int64), medoids.astype(np.int64)


Timed = tuple[list[float], list[float]]
"""Milliseconds by the clock, and of the window's thread alone: on a busy machine the clock also counts others."""


def timed(acts: Iterable[Callable[[], None]]) -> Timed:
    by_clock, own = [], []
    for act in acts:
        start, worked = time.perf_counter(), time.thread_time()
        act()
        QApplication.processEvents()
        by_clock.append(1000 * (time.perf_counter() - start))
        own.append(1000 * (time.thread_time() - worked))
    return by_clock, own


def class_switch(scatter: Scatter, grid: ThumbnailGrid, files: list[str]) -> Timed:
    """Another class in plot and thumbnails, painted."""
    prepared = [points(seed) for seed in range(REPETITIONS)]

    def thumbnail(labels: np.ndarray, key: int) -> Thumbnail:
        return Thumbnail(key, files[key % len(files)], f"class/{key}.jpg", int(labels[key]))

    def show(seed: int) -> Callable[[], None]:
        def act() -> None:
            xy, labels, medoids = prepared[seed]
            scatter.set_points(xy, labels, medoids, "component 1", "component 2")
            grid.set_images(LazyThumbnails(np.arange(len(labels)), partial(thumbnail, labels)))
            scatter.viewport().repaint()
            grid.viewport().repaint()

        return act

    show(0)()
    return timed(show(seed) for seed in range(REPETITIONS))


def lasso(scatter: Scatter) -> tuple[Timed, int]:
    """From the release of the button to the painted selection; the drag itself is not counted."""
    where = scatter.viewport()
    middle = QPointF(where.width() / 2, where.height() / 2)
    turns = np.linspace(0, 2 * np.pi, 200)
    reach_x, reach_y = where.width() * 0.35, where.height() * 0.35
    corners = [(middle + QPointF(np.cos(t) * reach_x, np.sin(t) * reach_y)).toPoint() for t in turns]
    counts = []

    def drags() -> Iterator[Callable[[], None]]:
        for _ in range(REPETITIONS):
            QTest.mousePress(where, Qt.MouseButton.LeftButton, pos=corners[0])
            for corner in corners[1:]:
                QTest.mouseMove(where, corner)
            QApplication.processEvents()
            yield release
            counts.append(len(scatter.selection))
            QTest.keyClick(scatter, Qt.Key.Key_Escape)

    def release() -> None:
        QTest.mouseRelease(where, Qt.MouseButton.LeftButton, pos=corners[-1])
        scatter.viewport().repaint()

    return timed(drags()), counts[0]


def scroll(grid: ThumbnailGrid) -> Timed:
    """A step of the scroll bar through the whole grid, thumbnails arriving meanwhile."""
    bar = grid.verticalScrollBar()
    shared_store().forget()

    def steps() -> Iterator[Callable[[], None]]:
        for value in np.linspace(0, bar.maximum(), 400).astype(int).tolist():
            yield partial(bar.setValue, value)
            time.sleep(0.002)

    return timed(steps())


def zoom_and_pan(canvas: ImageCanvas) -> Timed:
    """A frame of the image viewer while a large image is zoomed and dragged, as it is and with more contrast."""
    pixels = np.random.default_rng(0).integers(0, 255, (LARGE_SIDE, LARGE_SIDE, 3), dtype=np.uint8)
    canvas.set_image(QImage(pixels.data, LARGE_SIDE, LARGE_SIDE, 3 * LARGE_SIDE, QImage.Format.Format_RGB888))

    def steps() -> Iterator[Callable[[], None]]:
        for contrast in (0, 40):
            canvas.set_display(0, contrast)
            for factor in (*[1.2] * 24, *[1 / 1.2] * 12):
                yield partial(draw, partial(canvas.zoom_by, factor, QPointF(300, 200)))
            for _ in range(30):
                yield partial(draw, partial(canvas.pan_by, QPointF(13, -7)))
            canvas.fit()

    def draw(change: Callable[[], None]) -> None:
        change()
        canvas.repaint()

    gc.disable()  # as the program does: it collects between events
    try:
        return timed(steps())
    finally:
        gc.enable()


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
        scrolled = scroll(grid)
        memory = psutil.Process().memory_info().rss / 1e6
        shared_store().stop()
    canvas = ImageCanvas()
    canvas.resize(1200, 900)
    canvas.show()
    zoomed = zoom_and_pan(canvas)
    busy = psutil.cpu_percent(0.5)
    print(
        f"{N_IMAGES:,} images, {REPETITIONS} repetitions, {QApplication.platformName()}, processors {busy:.0f} % busy"
    )
    broken = False
    for name, (by_clock, own), bound in (
        ("class switch, plot and thumbnails", switched, SWITCH_MS),
        (f"lasso, {n_selected:,} selected", lassoed, LASSO_MS),
        ("scrolling, a step", scrolled, STALL_MS),
        (f"zoom and pan, {LARGE_SIDE:,} pixels a side", zoomed, STALL_MS),
    ):
        broken |= max(by_clock) > bound
        print(
            f"{name:36} median {np.median(by_clock):6.1f} ms  worst {max(by_clock):6.1f} ms  bound {bound:4.0f} ms  "
            f"{'BROKEN' if max(by_clock) > bound else 'within'}   "
            f"thread alone: median {np.median(own):5.1f} ms  worst {max(own):5.1f} ms"
        )
    print(f"{'memory of the process':36} {memory:.0f} MB  bound {MEMORY_MB:.0f} MB")
    return int(broken or memory > MEMORY_MB)


if __name__ == "__main__":
    sys.exit(main())
