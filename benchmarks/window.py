"""Whether the window stays alive while engines work, and how it answers at 17,000 images.

    python -m benchmarks.window [--quick]

Runs on the platform of ``QT_QPA_PLATFORM`` (offscreen unless set); ``xvfb-run -a env QT_QPA_PLATFORM=xcb python -m
benchmarks.window`` measures on a virtual screen. Real engine processes extract features, cluster 8,000 synthetic
embeddings and train a network, while a timer of 5 ms in the window's process tells how late it is served. Exits 1
where a bound is broken. Lasso, class switch and scrolling of the widgets alone are in `benchmarks.widgets`.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from benchmarks import widgets, window_start
from benchmarks.synthetic_job import ClusterSynthetic
from coreset_studio.core.cache import thumbnail_file
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import Dataset, Image, Split
from coreset_studio.core.service.comparison_requests import CompareNetworks
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.feature_requests import ComputeFeatures
from coreset_studio.core.service.requests import AnyRequest
from coreset_studio.core.settings import ComparisonSettings, FeatureSettings, Settings, TrainingSettings
from coreset_studio.desktop_app.application import Application, Options, make_qt_application
from coreset_studio.desktop_app.models.thumbnail_store import shared_store

TICK_MS = 5
WORST_MS, P99_MS, SHOWN_SECONDS = 100.0, 20.0, 1.0
SWITCH_MS, STALL_MS, LASSO_MS, MEMORY_MB = 150.0, 50.0, 100.0, 400.0
N_IMAGES, N_CLASSES, N_THUMBNAILS = 17_000, 8, 1_500
N_CLUSTERED, N_COMPONENTS = 8_000, 50


@dataclass
class Figures:
    """What was measured, beside its limit."""

    rows: list[tuple[str, float, float, str]] = field(default_factory=list)

    def add(self, name: str, value: float, limit: float, unit: str) -> None:
        self.rows.append((name, value, limit, unit))
        verdict = "" if limit == float("inf") else f"  limit {limit:g} {unit}  {'ok' if value <= limit else 'BROKEN'}"
        print(f"{name:58} {value:9.2f} {unit}{verdict}", flush=True)

    @property
    def broken(self) -> bool:
        return any(value > limit for _, value, limit, _ in self.rows)


class Lag:
    """How late a timer of 5 ms is served: 0 in a window with nothing to do."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._last = 0.0
        self._timer = QTimer(interval=TICK_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> np.ndarray:
        self._timer.stop()
        return np.asarray(self.late or [0.0])

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, 1000 * (now - self._last) - TICK_MS))
        self._last = now


def wait(app: QApplication, condition: Callable[[], bool], seconds: float = 900) -> None:
    """Turn the event loop until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("an engine took too long")
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents | QEventLoop.ProcessEventsFlag.AllEvents, 20)


class Session:
    """A window with real engines."""

    def __init__(self, app: QApplication) -> None:
        self.app = app
        self.application = Application(app, Options())
        self.window, self.service = self.application.window, self.application.service
        self.ended: dict[int, str] = {}
        self.service.finished.connect(lambda number: self.ended.update({number: ""}))
        self.service.failed.connect(lambda number, sentence, _: self.ended.update({number: sentence}))
        self.application.start()
        self.application.crash_keeper.remove()  # a fault of the benchmark is to be seen here
        app.processEvents()

    def lag_of(self, name: str, request: AnyRequest, figures: Figures) -> None:
        """Measure the lag of the event loop while one job works."""
        lag = Lag()
        lag.start()
        began = time.perf_counter()
        number = self.service.ask(request)
        wait(self.app, lambda: number in self.ended)
        late = lag.stop()
        print(f"{name}: {time.perf_counter() - began:.1f} s, {len(late):,} ticks {self.ended[number]}")
        figures.add(f"{name}: event loop, 99th percentile", float(np.percentile(late, 99)), P99_MS, "ms")
        figures.add(f"{name}: event loop, worst", float(late.max()), WORST_MS, "ms")

    def close(self) -> None:
        self.application.context.model.close()
        self.window.close()
        self.application.close()


def busy_engines(session: Session, place: Path, quick: bool, figures: Figures) -> None:
    """Features, clusters and training, each in its engine process."""
    from coreset_studio.core.data.demo import make_demo

    make_demo(place / "demo", n_images=100 if quick else 600, side=96)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        training=TrainingSettings(epochs=1 if quick else 3, min_steps=0, image_size=64),
        comparison=ComparisonSettings(networks=("custom",), fractions=(0.25,), samplers=("stratified",)),
    )
    study = Study(place / "demo", settings, place / "cache")
    session.lag_of("features", ComputeFeatures(study), figures)
    n_images = 1_000 if quick else N_CLUSTERED
    session.lag_of(f"clustering {n_images:,}", ClusterSynthetic(n_images, N_COMPONENTS), figures)
    session.lag_of("training", CompareNetworks(study, place / "runs", None), figures)


def synthetic_summary(place: Path) -> DatasetSummary:
    """17,000 images that were never read, with thumbnails of 1,500 in the cache."""
    rng = np.random.default_rng(0)
    pixels = [f"{number:064x}" for number in range(N_THUMBNAILS)]
    for name in pixels:
        file = thumbnail_file(place, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        colours = np.ascontiguousarray(rng.integers(0, 255, (96, 96, 3), dtype=np.uint8))
        QImage(colours.data, 96, 96, 288, QImage.Format.Format_RGB888).save(str(file), "PNG")
    labels = np.sort(rng.integers(0, N_CLASSES, N_IMAGES))
    images = tuple(_image(number, int(label), pixels) for number, label in enumerate(labels))
    dataset = Dataset(place, place, "folder", images)
    sides = rng.permutation(N_IMAGES)
    cuts = (int(N_IMAGES * 0.56), int(N_IMAGES * 0.7))
    pool, validation, test = (np.sort(part) for part in np.split(sides, cuts))
    return DatasetSummary(dataset, Split(pool, validation, test), (), place)


def _image(number: int, label: int, pixels: list[str]) -> Image:
    return Image(
        path=f"class {label}/{number}.png",
        class_name=f"class {label}",
        split=None,
        group="",
        width=360,
        height=363,
        pixels=pixels[number % N_THUMBNAILS],
        file=f"{number:064x}",
        n_bytes=30_000,
        modified_ns=0,
        perceptual="0" * 16,
    )


def large_project(session: Session, place: Path, figures: Figures) -> None:
    """The pages with 17,000 images."""
    model = session.application.context.model
    place.mkdir(parents=True, exist_ok=True)
    summary = synthetic_summary(place)
    model.start(place)
    session.window.frame.host.show_stage("dataset")
    page: Any = session.window.page("dataset")
    facts = {"images": N_IMAGES, "classes": list(summary.dataset.classes)}
    began = time.perf_counter()
    model.store_result("dataset", model.key("dataset"), facts, summary)
    session.window.repaint()
    figures.add("17,000 images: Dataset page shown", 1000 * (time.perf_counter() - began), float("inf"), "ms")
    again, work = widgets.timed([page.refresh] * 5)
    figures.add("17,000 images: Dataset page shown again, worst of 5", max(again), SWITCH_MS, "ms")
    figures.add("   the same by the work of its own thread", max(work), SWITCH_MS, "ms")
    session.application.service.cancel_all()


def large_widgets(place: Path, figures: Figures) -> None:
    """Plot and thumbnails of 17,000 images: class switch, lasso, scrolling."""
    files = [str(thumbnail_file(place, f"{number:064x}")) for number in range(N_THUMBNAILS)]
    scatter, grid = widgets.Scatter(), widgets.ThumbnailGrid()
    for widget in (scatter, grid):
        widget.resize(900, 700)
        widget.show()
    QApplication.processEvents()
    for name, (clock, work), limit in (
        ("17,000 points: class switch, worst", widgets.class_switch(scatter, grid, files), SWITCH_MS),
        ("17,000 points: lasso, worst", widgets.lasso(scatter)[0], LASSO_MS),
        ("17,000 thumbnails: scrolling, longest stall", widgets.scroll(grid), STALL_MS),
    ):
        figures.add(name, max(clock), limit, "ms")
        figures.add("   the same by the work of its own thread", max(work), limit, "ms")
    scatter.close()
    grid.close()


def main() -> int:
    """Measure everything once; 1 where a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small jobs, to see whether the benchmark works")
    quick = parser.parse_args().quick
    figures = Figures()
    starts = [float(str(window_start.measure()["seconds"])) for _ in range(2 if quick else 4)][1:]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{os.cpu_count()} processors, load {load:.1f} before this began")
    figures.add("window shown, median", float(np.median(starts)), SHOWN_SECONDS, "s")
    with tempfile.TemporaryDirectory(prefix="coreset-bench-") as name:
        place = Path(name)
        os.environ |= {"CORESET_DATA": name, "CORESET_CACHE": str(place / "cache"), "XDG_CONFIG_HOME": name}
        app = make_qt_application(sys.argv[:1])
        session = Session(app)
        print(f"platform {app.platformName()}")
        busy_engines(session, place, quick, figures)
        large_project(session, place / "large", figures)
        large_widgets(place / "large", figures)
        figures.add("window's process, resident memory", psutil.Process().memory_info().rss / 1e6, MEMORY_MB, "MB")
        session.close()
        shared_store().stop()
    return int(figures.broken)


if __name__ == "__main__":
    sys.exit(main())
