"""How long the window stands still with 100,000 images, of which one class has 50,000, and what memory it takes.

    python -m benchmarks.window_scale [--images N]

Opens a real window on a synthetic dataset and works on its pages as a user does, while a timer of 1 ms tells how late
it is served; `benchmarks.browser` does so for the Images page. Runs on the platform of ``QT_QPA_PLATFORM`` (offscreen
unless set). Exits 1 where a stall is above 100 ms or the window's process above 600 MB.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from benchmarks.browser import Watch, turn
from benchmarks.synthetic_job import SyntheticScan
from benchmarks.window import wait
from coreset_studio.core.results import ClassClusters, NearDuplicate, SuspectedLabelError
from coreset_studio.core.service.dataset_requests import DatasetFindings, DatasetSummary
from coreset_studio.core.service.selection_requests import ClassOverview, ClassSummary
from coreset_studio.desktop_app.application import Application, Options, make_qt_application
from coreset_studio.desktop_app.models.thumbnail_store import shared_store
from coreset_studio.desktop_app.widgets.scatter import Scatter

N_IMAGES, K, N_FINDINGS = 100_000, 12, 4_000
STALL_MS, MEMORY_MB = 100.0, 600.0


def class_summary(n: int, seed: int = 0) -> ClassSummary:
    """Return a class of `n` images in twelve clusters, in two of its 50 components."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, K, n)
    points = (rng.normal(0, 3, (K, 2))[labels] + rng.normal(0, 1, (n, 2))).astype(np.float32)
    medoids = np.array([np.flatnonzero(labels == c)[0] for c in range(K)])
    curve = dict.fromkeys(range(2, K + 1), 0.3)
    clusters = ClassClusters("class 0", np.arange(n), labels, medoids, rng.uniform(-0.2, 0.6, n), curve, "silhouette")
    return ClassSummary(clusters, points, (seed, seed + 1), (0.2, 0.1), 50, "weak structure", (0.02,) * 50)


class Measured:
    """A window, and the longest stall of each action in it."""

    def __init__(self, place: Path, n_images: int) -> None:
        self.app = make_qt_application(["coreset-studio"])
        self.place, self.n_images = place, n_images
        self.application = Application(self.app, Options())
        self.window, self.service = self.application.window, self.application.service
        self.model = self.application.context.model
        self.application.start()
        self.application.crash_keeper.remove()  # a fault of the benchmark is to be seen here
        self.window.resize(1400, 900)
        self.window.show()
        self.watch, self.found = Watch(), dict[str, float]()
        self.work: dict[str, float] = {}
        self.memory: dict[str, float] = {}
        self.summary: DatasetSummary | None = None

    def act(self, name: str, act: Callable[[], object], until: Callable[[], bool] = lambda: True) -> None:
        """Do something, until it is so."""
        with self.watch.of(name, until, self.found):
            began = time.thread_time()
            act()
            self.work[name] = 1000 * (time.thread_time() - began)
        print(f"   of it work of the window's own thread {self.work[name]:7.1f} ms", flush=True)

    def weigh(self, name: str) -> None:
        """Write down the memory of the process."""
        self.memory[name] = psutil.Process().memory_info().rss / 1e6
        print(f"{name:44} {self.memory[name]:7.0f} MB", flush=True)

    # --- pages ------------------------------------------------------------------------------------------------

    def dataset(self) -> None:
        """The result of a scan arrives from its process, and is shown."""
        self.weigh("memory: no project")
        self.model.start(self.place)
        self.service.drop_all()
        self.window.frame.host.show_stage("dataset")
        scan = SyntheticScan(self.place, self.n_images)
        self.act("Dataset: scan arrives and is shown", partial(self.service.ask, scan, self._take), self._is_there)
        wait(self.app, self._is_there)  # where the engine process takes long to start
        self.weigh("memory: dataset shown")

    def _take(self, summary: DatasetSummary) -> None:
        facts = {"images": self.n_images, "classes": list(summary.dataset.classes)}
        self.model.store_result("dataset", self.model.key("dataset"), facts, summary)
        self.summary = summary
        self.service.cancel_all()

    def _is_there(self) -> bool:
        return self.summary is not None

    def clusters(self) -> None:
        """One class of half the images: plot, medoids and grid."""
        self.window.frame.host.show_stage("clusters")
        page: Any = self.window.page("clusters")
        page.images.set_summary(self.summary)
        page.show_empty(False)
        content, scatter = page.content, page.content.scatter
        n = self.n_images // 2
        first, other = class_summary(n), class_summary(n, 1)
        some = slice(0, 800)
        overview = [
            ClassOverview(
                "class 0", n, K, 0.3, "", first.points[some], first.clusters.labels[some],
                np.bincount(first.clusters.labels)
            )
        ]  # fmt: skip
        self.act("Clusters: all classes", partial(content.show_overview, overview, "class 0"))
        self.act("Clusters: class", partial(content.show_class, first))
        self.act("Clusters: other components", partial(content.show_class, other))
        self.act("Clusters: zoom", partial(zoom, scatter))
        self.act("Clusters: pan", partial(pan, scatter))
        self.act("Clusters: hover", partial(hover, scatter))
        self.act("Clusters: lasso", partial(lasso, scatter))
        self.act("Clusters: select none", scatter.drop_selection)
        self.act("Clusters: select all", partial(QTest.keyClick, scatter, "a", Qt.KeyboardModifier.ControlModifier))
        self.act("Clusters: select none again", scatter.drop_selection)
        self.act("Clusters: next image by the keyboard", partial(QTest.keyClick, scatter, Qt.Key.Key_Right))
        self.act("Clusters: rings of a coreset of a quarter", partial(scatter.set_chosen, np.arange(0, n, 4)))
        self.act("Clusters: scroll the images", partial(scroll, content.grid))
        self.act("Clusters: facts of an image", partial(page.facts_of, n - 1))
        self.weigh("memory: clusters shown")

    def review(self) -> None:
        """Thousands of findings."""
        assert self.summary is not None
        errors = tuple(SuspectedLabelError(i * 7, 1 - i / N_FINDINGS, "class 0", "class 1") for i in range(N_FINDINGS))
        near = tuple(
            NearDuplicate(i * 11, i * 11 + 1, i % 5, 0.99, identical=False, conflicting=False)
            for i in range(N_FINDINGS)
        )
        page: Any = self.window.page("review")
        found = DatasetFindings(errors, near)
        self.act("Review: open with 8,000 findings", lambda: self.window.frame.host.show_stage("review"))
        self.act("Review: findings arrive", partial(page.found.keep, found, self.summary.paths))

    def project(self) -> None:
        """Exclude all images, take it back, save and open."""
        assert self.summary is not None
        paths = self.summary.paths
        self.window.frame.host.show_stage("dataset")
        self.act("Project: exclude all images but one",
                 partial(self.model.set_settings, "data", left_out_images=paths[1:]))  # fmt: skip
        self.act("Project: undo", self.model.undo_stack.undo)
        self.act("Project: redo", self.model.undo_stack.redo)
        file = self.place / "large.coreset-project"
        self.act("Project: save", partial(self.model.save, file))
        self.act("Project: note on an image", partial(self.model.set_image_note, paths[3], "blurred"))
        self.act("Project: open", partial(self.model.open, file))
        self.service.drop_all()
        self.weigh("memory: all pages shown")

    def close(self) -> None:
        """End everything."""
        self.model.close()
        self.window.close()
        self.application.close()
        shared_store().stop()


def _at(scatter: Scatter, x: float, y: float) -> QPoint:
    area = scatter.viewport()
    return QPoint(int(area.width() * x), int(area.height() * y))


def zoom(scatter: Scatter) -> None:
    """Turn the wheel into the plot and back."""
    place = QPointF(_at(scatter, 0.5, 0.5))
    for step in (*[120] * 10, *[-120] * 10):
        event = QWheelEvent(
            place, QPointF(scatter.viewport().mapToGlobal(place.toPoint())), QPoint(), QPoint(0, step),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(scatter.viewport(), event)
        turn(0.02)


def pan(scatter: Scatter) -> None:
    """Drag with the right button."""
    area = scatter.viewport()
    QTest.mousePress(area, Qt.MouseButton.RightButton, pos=_at(scatter, 0.5, 0.5))
    for step in range(20):
        QTest.mouseMove(area, _at(scatter, 0.5 + step / 100, 0.5))
        turn(0.02)
    QTest.mouseRelease(area, Qt.MouseButton.RightButton, pos=_at(scatter, 0.7, 0.5))


def hover(scatter: Scatter) -> None:
    """Move the mouse across."""
    for step in range(40):
        QTest.mouseMove(scatter.viewport(), _at(scatter, 0.2 + step / 70, 0.5))
        turn(0.01)


def lasso(scatter: Scatter) -> None:
    """Draw around the middle."""
    area, turns = scatter.viewport(), np.linspace(0, 2 * np.pi, 60)
    corners = [_at(scatter, 0.5 + 0.3 * np.cos(t), 0.5 + 0.3 * np.sin(t)) for t in turns]
    QTest.mousePress(area, Qt.MouseButton.LeftButton, pos=corners[0])
    for corner in corners[1:]:
        QTest.mouseMove(area, corner)
        turn(0.01)
    QTest.mouseRelease(area, Qt.MouseButton.LeftButton, pos=corners[-1])


def scroll(grid: Any) -> None:
    """Scroll from top to bottom."""
    bar = grid.verticalScrollBar()
    for step in range(40):
        bar.setValue(bar.maximum() * step // 40)
        turn(0.02)


def measure(n_images: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the longest stall of each action in milliseconds, and the memory in megabytes."""
    with tempfile.TemporaryDirectory(prefix="coreset-bench-") as name:
        os.environ |= {"CORESET_DATA": name, "CORESET_CACHE": str(Path(name) / "cache"), "XDG_CONFIG_HOME": name}
        measured = Measured(Path(name), n_images)
        measured.dataset()
        measured.clusters()
        measured.review()
        measured.project()
        measured.close()
    return measured.found, measured.memory


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=N_IMAGES)
    began = time.perf_counter()
    found, memory = measure(parser.parse_args().images)
    print(f"\nlongest stall {max(found.values()):.0f} ms, limit {STALL_MS:g} ms; memory {max(memory.values()):.0f} MB, "
          f"limit {MEMORY_MB:g} MB; {time.perf_counter() - began:.0f} s")  # fmt: skip
    return int(max(found.values()) > STALL_MS or max(memory.values()) > MEMORY_MB)


if __name__ == "__main__":
    sys.exit(main())
