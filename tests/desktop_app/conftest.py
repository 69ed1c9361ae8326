"""Fixtures for tests of the window: a page's context whose jobs run at once, and a watch for what is left behind."""

import gc
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyqtgraph as pg
import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QSettings, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QGraphicsSimpleTextItem,
    QGraphicsTextItem,
    QGraphicsView,
    QLabel,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QTabWidget,
    QTextEdit,
    QWidget,
)

from coreset_studio.core.errors import CancelledError
from coreset_studio.core.pipeline.stages import prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.service.dataset_requests import ScanDataset
from coreset_studio.core.service.failures import failure
from coreset_studio.core.service.messages import BUILDING, Cancelled, Failed, Finished, Ready
from coreset_studio.core.service.requests import AnyRequest, AnyServiceRequest
from coreset_studio.core.settings import (
    ClusterSettings,
    ComparisonSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
)
from coreset_studio.desktop_app.messages import Message, Messages
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.project_model import ProjectModel
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.service.selection import SelectionClient
from coreset_studio.desktop_app.settings import Preferences
from coreset_studio.desktop_app.widgets.thumbnail_row import ThumbnailRow

HARMLESS_THREADS = ("MainThread", "Thread-", "pydevd", "Dummy")


def engine_processes() -> list[psutil.Process]:
    """Processes started by this one, but for the standard library's own helper."""
    children = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.status() != psutil.STATUS_ZOMBIE and "resource_tracker" not in " ".join(child.cmdline()):
                children.append(child)
        except psutil.Error:
            continue
    return children


@pytest.fixture(autouse=True, scope="module")
def _garbage_of_before_kept() -> None:
    """Leave what was there before a module out of collections: with TensorFlow loaded, each would look at a million."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _garbage_collected_here() -> Iterator[None]:
    """Collect cycles between tests and in this thread: a worker thread must not destroy an earlier test's widgets."""
    gc.disable()
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a process or a thread behind."""
    threads = set(threading.enumerate())
    yield
    children = engine_processes()
    _, alive = psutil.wait_procs(children, timeout=5)
    for child in alive:
        child.kill()
    assert not alive, f"processes left behind: {alive}"
    left = [t for t in threading.enumerate() if t not in threads and not t.name.startswith(HARMLESS_THREADS)]
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def engine_children() -> Callable[[], list[psutil.Process]]:
    """A function that lists the engine processes alive now."""
    return engine_processes


class ImmediateService(EngineService):
    """A service whose jobs run in this process, in the next turn of the event loop; nothing is spawned."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, AnyRequest]] = []
        self.selection = ImmediateSelection(self)
        self._waiting: list[tuple[int, AnyRequest]] = []
        self._is_closed = False

    def close(self) -> None:
        """Leave jobs that wait undone: a test that has ended puts back what it had replaced, such as long requests."""
        super().close()
        self._is_closed = True
        self._waiting.clear()

    def _start(self, number: int, request: AnyRequest, expected_seconds: float | None) -> None:
        if self._is_closed:
            return
        self.calls.append((self.stage_of(number), request))
        self._waiting.append((number, request))
        QTimer.singleShot(0, self._run_next)

    def cancel(self, job: int) -> None:
        """Cancel a job that has not run yet."""
        kept = [(number, request) for number, request in self._waiting if number != job]
        if len(kept) != len(self._waiting):
            self._waiting = kept
            self._on_ended(job, Cancelled())

    def _run_next(self) -> None:
        if not self._waiting:
            return
        number, request = self._waiting.pop(0)
        listener = _Listener()
        try:
            last: Finished | Failed | Cancelled = Finished(request.run(listener))
        except CancelledError:
            last = Cancelled()
        except Exception as error:
            last = failure(error)
        for done, total, message in listener.reports:
            self._on_progressed(number, done, total, message, None)
        for part in listener.parts:
            self._on_published(number, part)
        self._on_ended(number, last)


class _Listener:
    """Keeps what a request reports and publishes until it has run."""

    def __init__(self) -> None:
        self.reports: list[tuple[int, int, str]] = []
        self.parts: list[object] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        self.reports.append((done, total, message))

    def publish(self, result: object) -> None:
        self.parts.append(result)


class ImmediateSelection(SelectionClient):
    """A selection service in this process: answers in the next turn of the event loop."""

    def __init__(self, service: EngineService) -> None:
        super().__init__(service._thread, service)
        self._object: Any = None
        self._requests: list[tuple[int, AnyServiceRequest, bool]] = []

    def open(self, opening: AnyRequest) -> None:
        if self.opening != opening:
            self.opening = opening
            self._object = opening.run(NO_PROGRESS)
            QTimer.singleShot(0, self._be_ready)

    def shut(self) -> None:
        self.opening = self._object = None

    def _be_ready(self) -> None:
        self._on_replied(self._build, BUILDING, Ready())

    def _send(self, number: int, request: AnyServiceRequest, *, latest: bool) -> None:
        if latest:
            self._requests = [one for one in self._requests if not (one[2] and type(one[1]) is type(request))]
        self._requests.append((number, request, latest))
        QTimer.singleShot(0, self._answer_next)

    def _answer_next(self) -> None:
        if not self._requests:
            return
        number, request, _ = self._requests.pop(0)
        event: Finished | Failed
        if self._object is None:
            event = Failed("The engine is not ready for this yet. Run the previous step first.")
        else:
            try:
                event = Finished(request.run(self._object, NO_PROGRESS))
            except Exception as error:
                event = failure(error)
        self._on_replied(self._build, number, event)


class RecordedMessages(Messages):
    """The door for messages, with everything that went through it in `posts`."""

    def __init__(self) -> None:
        super().__init__()
        self.posts: list[Message] = []

    def _post(self, message: Message) -> None:
        self.posts.append(message)
        super()._post(message)

    def sentences(self, level: str | None = None) -> list[str]:
        return [post.sentence for post in self.posts if level in (None, post.level)]


@pytest.fixture
def preferences(tmp_path: Path, qapp: object) -> Preferences:
    """Preferences in a file of the test's own."""
    return Preferences(QSettings(str(tmp_path / "preferences.ini"), QSettings.Format.IniFormat))


@pytest.fixture
def page_context(preferences: Preferences) -> Iterator[PageContext]:
    """What a page is given; requests are answered in this process, messages are recorded."""
    service = ImmediateService()
    yield PageContext(ProjectModel(), service, RecordedMessages(), preferences)
    service.close()


@pytest.fixture
def make_context(tmp_path: Path, qapp: object) -> Iterator[Callable[[], PageContext]]:
    """A function that makes what another window would have: a model, a service, messages and preferences of its own."""
    made: list[PageContext] = []

    def make() -> PageContext:
        store = QSettings(str(tmp_path / f"preferences {len(made)}.ini"), QSettings.Format.IniFormat)
        made.append(PageContext(ProjectModel(), ImmediateService(), RecordedMessages(), Preferences(store)))
        return made[-1]

    yield make
    for context in made:
        context.service.close()


@pytest.fixture
def process_context(preferences: Preferences) -> Iterator[PageContext]:
    """What a page is given, with real engine processes."""
    service = EngineService()
    yield PageContext(ProjectModel(), service, RecordedMessages(), preferences)
    service.close()


# --- two projects that have nothing in common -------------------------------------------------------------------


@dataclass(frozen=True)
class Lot:
    """A folder of images that is scanned, described and clustered, and its project's file.

    Attributes
    ----------
    study : Study
        The images, cheap choices, and the cache where all of it stands.
    file : Path
        A project on it with everything up to the clusters.
    """

    study: Study
    file: Path

    def open_in(self, model: ProjectModel) -> None:
        """Open the images as a new project, with what the engine has found stored in it."""
        study, view = self.study, ScanDataset(self.study).run(NO_PROGRESS)
        model.start(study.source)
        for section in ("data", "features", "clusters", "selection", "comparison"):
            model.put_settings(section, getattr(study.settings, section))
        n_images = len(view.dataset.images)
        facts = {"images": n_images, "classes": list(view.dataset.classes)}
        model.store_result("dataset", model.key("dataset"), facts, view, content=view.identity)
        model.store_result("features", model.key("features"), {"images": n_images})
        model.store_result("clusters", model.key("clusters"), {"seconds": 1.0})


def make_lot(place: Path, name: str, classes: Mapping[str, int], settings: Settings) -> Lot:
    """Draw noisy images, each class in a colour of its own, one broken file among them, and prepare them."""
    folder, noise = place / name, np.random.default_rng(len(name))
    for number, (class_name, n_images) in enumerate(classes.items()):
        (folder / class_name).mkdir(parents=True)
        for image in range(n_images):
            pixels = noise.integers(0, 120, (24, 28, 3), dtype=np.uint8)
            pixels[..., number % 3] += np.uint8(60 + 40 * (image % 2))
            Image.fromarray(pixels).save(folder / class_name / f"{class_name[:3]}_{image}.png")
    (folder / next(iter(classes)) / f"{name} broken.png").write_bytes(b"no picture")
    lot = Lot(Study(folder, settings, place / "cache"), place / f"{name}.coreset")
    prepare(lot.study)
    model = ProjectModel()
    lot.open_in(model)
    model.save(lot.file)
    return lot


def cheap_settings(k_max: int, fraction: float, **selection: Any) -> Settings:
    """Return choices whose results are there in a moment."""
    return Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=k_max),
        selection=SelectionSettings(fraction=fraction, **selection),
        comparison=ComparisonSettings(
            networks=("head",), fractions=(fraction, 1.0), samplers=("stratified",), controls=False
        ),
    )


@pytest.fixture(scope="session")
def first_lot(tmp_path_factory: pytest.TempPathFactory) -> Lot:
    """Three classes, chosen from by hand."""
    classes = {"amber cell": 22, "azure cell": 17, "ashen cell": 14}
    by_hand = {"budget_over_classes": "by-hand", "fraction_by_class": {"amber cell": 0.4}}
    settings = cheap_settings(4, 0.37, **by_hand)
    return make_lot(tmp_path_factory.mktemp("first"), "first lot", classes, settings)


@pytest.fixture(scope="session")
def second_lot(tmp_path_factory: pytest.TempPathFactory) -> Lot:
    """Two other classes of other sizes."""
    place = tmp_path_factory.mktemp("second")
    return make_lot(place, "second lot", {"brick cell": 19, "bone cell": 16}, cheap_settings(3, 0.21))


Texts = Callable[[QWidget], set[str]]


@pytest.fixture
def texts_of() -> Texts:
    """A function that reads everything that a widget and its windows say, hidden or not, aloud or in a tooltip."""
    return read_texts


def read_texts(widget: QWidget) -> set[str]:
    """Return every word, number and item of a widget and all that belongs to it."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # type: ignore[call-overload]
    found: set[str] = set()
    for one in (widget, *widget.findChildren(QWidget)):
        found |= {one.windowTitle(), one.toolTip(), one.accessibleName(), one.accessibleDescription()}
        found.update(_said(one))
        if isinstance(one, QGraphicsView):
            found.update(_drawn(one))
        if hasattr(one, "plot_table"):
            header, rows = one.plot_table()
            found.update(str(cell) for cell in header)
            found.update(str(cell) for row in rows for cell in row if isinstance(cell, str | float))
    return {text for text in found if text}


def _said(one: QWidget) -> Iterator[str]:
    if isinstance(one, QLabel | QAbstractButton | QLineEdit):
        yield one.text()
    elif isinstance(one, QPlainTextEdit | QTextEdit):
        yield one.toPlainText()
    elif isinstance(one, QAbstractSpinBox):
        yield one.text()
    elif isinstance(one, QComboBox):
        yield from (one.itemText(row) for row in range(one.count()))
    elif isinstance(one, QTabWidget):
        yield from (one.tabText(number) for number in range(one.count()))
    elif isinstance(one, QAbstractItemView) and one.model() is not None:
        yield from _listed(one)
    elif isinstance(one, ThumbnailRow):
        for image in one.images:
            yield from (image.file, image.title, image.caption)


def _listed(view: QAbstractItemView) -> Iterator[str]:
    model, roles = view.model(), (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
    n_columns = 1 if isinstance(view, QListView) else model.columnCount()
    for orientation, n_sections in (
        (Qt.Orientation.Horizontal, n_columns),
        (Qt.Orientation.Vertical, model.rowCount()),
    ):
        yield from (str(model.headerData(n, orientation, role) or "") for n in range(n_sections) for role in roles)
    for row in range(model.rowCount()):
        for column in range(n_columns):
            yield from (str(model.index(row, column).data(role) or "") for role in roles)


def _drawn(view: QGraphicsView) -> Iterator[str]:
    """Words that are drawn in a plot: axes, legends, marks."""
    for item in view.scene().items():
        if isinstance(item, QGraphicsTextItem | QGraphicsSimpleTextItem) and item.isVisible():
            yield item.toPlainText() if isinstance(item, QGraphicsTextItem) else item.text()
        elif isinstance(item, pg.PlotDataItem) and item.isVisible():
            x, y = item.getData()
            if x is not None and y is not None:
                yield from (f"{a:.5f} {b:.5f}" for a, b in zip(x, y, strict=True))
