"""Settings: how the window looks, where the cache is and how large, how many threads, which scheduler, saving."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.core.cache_limit import CacheLimit, CacheState, is_fixed
from coreset_studio.core.cache_use import release
from coreset_studio.core.housekeeping import CacheSize
from coreset_studio.core.service.cache_requests import ClearCache, LimitCache, MeasureCache
from coreset_studio.core.service.cluster_requests import SchedulerChoice
from coreset_studio.core.service.requests import AnyRequest, Request
from coreset_studio.core.threads import n_processors
from coreset_studio.core.words import byte_size, percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.question import Question
from coreset_studio.desktop_app.dialogs.scheduler_dialog import SchedulerDialog
from coreset_studio.desktop_app.messages import Messages
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.settings import LONG_SECONDS, THEMES, Preferences
from coreset_studio.desktop_app.widgets.controls import ComboBox, NumberBox, SpinBox
from coreset_studio.desktop_app.widgets.words import elide_label, files, set_tone

Result = TypeVar("Result")
REMOVED_FIRST = "After each step, the least recently used files are removed first. Files in use are kept."
SMALLEST_LIMIT, LARGEST_LIMIT = 0.01, 100_000.0
CACHE_FOLDER_NAME = "coreset-studio-cache"
THEME_WORDS = {"system": "System default", "light": "Light", "dark": "Dark"}


class SettingsDialog(QDialog):
    """Preferences; each takes effect at once.

    Signals
    -------
    weights_requested : ()
        The user asks which weights are here.
    """

    weights_requested = Signal()

    def __init__(
        self, preferences: Preferences, service: EngineService, messages: Messages, parent: QWidget | None
    ) -> None:
        super().__init__(parent)
        self._preferences, self._service, self._messages = preferences, service, messages
        self._latest: AnyRequest | None = None
        self._limiting: int | None = None
        self._limit: CacheLimit | None = None
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(theme.UNIT * 72)
        form = QFormLayout()
        form.setHorizontalSpacing(theme.UNIT * 2)
        form.setVerticalSpacing(theme.UNIT * 2)
        form.addRow("Theme", self._make_theme())
        form.addRow("Saving", self._make_autosave())
        form.addRow("Notifications", self._make_notifications())
        form.addRow("Threads", self._make_threads())
        form.addRow("Scheduler", self._make_scheduler())
        form.addRow("Cache", self._make_cache())
        form.addRow("Networks", self._make_weights())
        buttons = QDialogButtonBox()
        buttons.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.UNIT * 3] * 4)
        layout.setSpacing(theme.UNIT * 3)
        layout.addLayout(form, 1)
        layout.addWidget(buttons)
        service.progressed.connect(self._on_progressed)
        service.ended.connect(self._show_cache)
        service.started.connect(self._show_cache)
        self._show_cache()
        self._measure()

    def _make_theme(self) -> QWidget:
        self.theme = ComboBox()
        for name in THEMES:
            self.theme.addItem(THEME_WORDS[name], name)
        self.theme.setCurrentIndex(self.theme.findData(self._preferences.theme))
        self.theme.setToolTip("Light, dark or the system setting")
        self.theme.setAccessibleName("Theme")
        self.theme.currentIndexChanged.connect(self._on_theme)
        return self.theme

    def _make_autosave(self) -> QWidget:
        self.autosave = QCheckBox("Save projects automatically")
        self.autosave.setChecked(self._preferences.autosave)
        self.autosave.setToolTip("Saves shortly after every change. If off, changes are only kept for recovery.")
        self.autosave.toggled.connect(self._on_autosave)
        return self.autosave

    def _make_notifications(self) -> QWidget:
        self.notifications = QCheckBox("Notify when a long job ends")
        self.notifications.setChecked(self._preferences.notifications)
        self.notifications.setToolTip(
            f"After jobs of more than {LONG_SECONDS:.0f} seconds, while another program is in use"
        )
        self.notifications.toggled.connect(self._on_notifications)
        return self.notifications

    def _make_threads(self) -> QWidget:
        self.threads = SpinBox()
        self.threads.setRange(0, n_processors())
        self.threads.setSpecialValueText("All")
        self.threads.setValue(self._preferences.threads)
        self.threads.setToolTip("Number of threads for the engine's numerical libraries, starting with the next job")
        self.threads.setAccessibleName("Threads")
        self.threads.valueChanged.connect(self._on_threads)
        note = QLabel("The engine runs at low priority, so that this computer stays responsive.")
        set_tone(note, "muted")
        note.setWordWrap(True)
        row = QHBoxLayout()
        row.setSpacing(theme.UNIT * 2)
        row.addWidget(self.threads)
        row.addWidget(note, 1)
        box = QWidget()
        box.setLayout(row)
        row.setContentsMargins(0, 0, 0, 0)
        return box

    def _make_scheduler(self) -> QWidget:
        self.scheduler = elide_label("")
        self.scheduler.mode = Qt.TextElideMode.ElideMiddle
        set_tone(self.scheduler, "muted")
        self.change_scheduler = QPushButton("Change…")
        self.change_scheduler.setAccessibleName("Change the scheduler")
        self.change_scheduler.setToolTip("Extract features on several machines, with Dask")
        self.change_scheduler.setAutoDefault(False)
        self.change_scheduler.clicked.connect(self._on_change_scheduler)
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.scheduler, 1)
        row.addWidget(self.change_scheduler)
        self._show_scheduler()
        return box

    def _show_scheduler(self) -> None:
        choice = self._preferences.scheduler
        self.scheduler.setText(choice.address or "None: features are extracted on this computer")

    def _on_change_scheduler(self) -> None:
        dialog = SchedulerDialog(self._preferences.scheduler, self._service, self)
        dialog.saved.connect(self._on_scheduler)
        dialog.open()

    def _on_scheduler(self, choice: SchedulerChoice) -> None:
        self._preferences.scheduler = choice
        self._show_scheduler()

    def _make_cache(self) -> QWidget:
        self.place = elide_label("")
        self.place.mode = Qt.TextElideMode.ElideMiddle
        self.amount = QLabel()
        set_tone(self.amount, "muted")
        self.choose = QPushButton("Choose…")
        self.choose.setToolTip("Store computed features, embeddings and thumbnails in another folder")
        self.choose.clicked.connect(self._choose)
        self.clear = QPushButton("Clear…")
        self.clear.clicked.connect(self._ask_to_clear)
        buttons = QHBoxLayout()
        buttons.addWidget(self.amount, 1)
        buttons.addWidget(self.choose)
        buttons.addWidget(self.clear)
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.place)
        layout.addLayout(buttons)
        layout.addLayout(self._make_limit())
        layout.addWidget(self.limit_note)
        return box

    def _make_weights(self) -> QWidget:
        self.weights = QPushButton("Pretrained weights…")
        self.weights.setToolTip("See which pretrained networks are available, and import others")
        self.weights.setAutoDefault(False)
        self.weights.clicked.connect(self.weights_requested)
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.weights)
        row.addStretch(1)
        return box

    def _make_limit(self) -> QHBoxLayout:
        self.limit = NumberBox()
        self.limit.setRange(0.0, LARGEST_LIMIT)
        self.limit.setDecimals(2)
        self.limit.setPrefix("Limit to ")
        self.limit.setSuffix(" GB")
        self.limit.setSpecialValueText("No limit")
        self.limit.setAccessibleName("Cache limit")
        self.limit.valueChanged.connect(self._show_cache)
        self.set_limit = QPushButton("Apply limit")
        self.set_limit.clicked.connect(self._on_set_limit)
        self.limit_note = QLabel(REMOVED_FIRST)
        self.limit_note.setWordWrap(True)
        set_tone(self.limit_note, "muted")
        row = QHBoxLayout()
        row.addWidget(self.limit, 1)
        row.addWidget(self.set_limit)
        return row

    def _on_theme(self, index: int) -> None:
        self._preferences.theme = self.theme.itemData(index)

    def _on_autosave(self, checked: bool) -> None:
        self._preferences.autosave = checked

    def _on_notifications(self, checked: bool) -> None:
        self._preferences.notifications = checked

    def _on_threads(self, threads: int) -> None:
        self._preferences.threads = threads
        self._service.threads = threads or None

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Choose a folder for the cache", os.fspath(self._preferences.cache_folder.parent))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.use_folder)
        dialog.open()

    def use_folder(self, chosen: str) -> None:
        """Keep the cache in a folder of its own inside the one chosen; what is in the old one stays there."""
        folder = Path(chosen)
        self._preferences.cache_folder = folder if folder.name == CACHE_FOLDER_NAME else folder / CACHE_FOLDER_NAME
        self._limit = None
        self._show_cache()
        self._measure()

    def _ask_to_clear(self) -> None:
        question = Question(
            self,
            "Clear the cache?",
            f"This removes everything that this program has stored in {self._preferences.cache_folder} "
            f"({self.amount.text()}). Other files, projects, images and exports are not affected. Features and "
            "clusters must be computed again.",
            {"clear": "Clear", "keep": "Cancel"},
        )
        question.answered.connect(self._on_clear_answered)
        question.open()

    def _on_clear_answered(self, answer: str) -> None:
        if answer == "clear":
            self._service.selection.shut()
            release()  # the thumbnails that this window shows
            self._start(ClearCache(self._preferences.cache_folder), self._take_size)

    def _measure(self) -> None:
        self.amount.setText("Measuring…")
        self._start(MeasureCache(self._preferences.cache_folder), self._take_state)

    def _on_set_limit(self) -> None:
        if self._limiting is not None:
            self._service.cancel(self._limiting)
            return
        self.amount.setText("Freeing space…")
        request = LimitCache(self._preferences.cache_folder, self.limit.value() or None)
        self._limiting = self._start(request, self._take_state, on_cancelled=self._on_limiting_cancelled)
        self._show_cache()

    def _start(
        self,
        request: Request[Result],
        on_result: Callable[[Result], None],
        on_cancelled: Callable[[], None] | None = None,
    ) -> int:
        """Ask for work on the cache; what was asked before is not shown any more when it ends."""
        self._latest = request
        return self._service.ask(
            request,
            partial(self._on_result, request, on_result),
            on_failed=partial(self._on_failed, request),
            on_cancelled=on_cancelled,
        )

    def _on_progressed(self, number: int, done: int, total: int, message: str, left: object) -> None:  # noqa: ARG002
        if number == self._limiting and total:
            self.amount.setText(f"Freeing space… {percent(done / total)}")

    def _on_result(self, request: Request[Result], on_result: Callable[[Result], None], result: Result) -> None:
        if request is self._latest:
            self._latest = self._limiting = None
            on_result(result)
            self._show_cache()

    def _take_state(self, state: CacheState) -> None:
        self._take_limit(state)
        self._take_size(state.size)

    def _take_size(self, found: CacheSize) -> None:
        size_words = f"{byte_size(found.n_bytes)} in {files(found.n_files)}" if found.n_files else "Empty"
        in_use = f"; {byte_size(found.n_bytes_in_use)} in use by another program were kept"
        self.amount.setText(size_words + in_use if found.n_bytes_in_use else size_words)

    def _take_limit(self, state: CacheState) -> None:
        self._limit = state.limit
        self.limit.setValue(_shown(state.limit))
        if state.n_bytes_removed:
            self._messages.info(f"{byte_size(state.n_bytes_removed)} were removed from the cache.")
        largest = state.limit.n_bytes
        over = largest is not None and state.size.n_bytes > largest
        self.limit_note.setText(
            state.limit.note or (f"The cache exceeds its limit. {REMOVED_FIRST}" if over else REMOVED_FIRST)
        )
        set_tone(self.limit_note, "warning" if state.limit.note else "muted")

    def _on_failed(self, request: AnyRequest, sentence: str, details: str) -> None:
        if request is self._latest:
            self._latest = self._limiting = None
            self.amount.clear()
            self._messages.error(sentence, details)
            self._show_cache()

    def _on_limiting_cancelled(self) -> None:
        self._limiting = None
        self._measure()

    def _show_limit(self) -> None:
        """Let the limit be set where it is known, is no longer the one that is kept, and may be set here."""
        known, limiting = self._limit is not None, self._limiting is not None
        kept = _shown(self._limit) if self._limit is not None else 0.0
        may = known and not is_fixed()
        self.limit.setEnabled(may and not limiting)
        self.set_limit.setText("Cancel" if limiting else "Apply limit")
        self.set_limit.setEnabled(limiting or (may and abs(self.limit.value() - kept) > SMALLEST_LIMIT / 2))
        why = "The limit is set by the environment variable CORESET_CACHE_LIMIT." if is_fixed() else ""
        self.limit.setToolTip(why or "In GB of 10⁹ bytes, for all users of this cache")
        self.set_limit.setToolTip(
            why or ("Stop; the new limit is kept" if limiting else "Apply this limit and remove what exceeds it now")
        )

    def _show_cache(self) -> None:
        self._show_limit()
        self.place.setText(os.fspath(self._preferences.cache_folder))
        busy = any(self._service.stage_of(number) for number in self._service.running())
        fixed = self._preferences.cache_folder_is_fixed
        why = "A step is running. Wait for it to finish, or cancel it." if busy else ""
        self.clear.setEnabled(not busy)
        self.clear.setToolTip(why or "Remove everything that can be computed again")
        self.choose.setEnabled(not busy and not fixed)
        self.choose.setToolTip(
            "The folder is set by the environment variable CORESET_CACHE."
            if fixed
            else why or "Store computed features, embeddings and thumbnails in another folder"
        )


def _shown(limit: CacheLimit) -> float:
    """Return what the control shows of a limit; 0, which it calls no limit, where there is none."""
    return 0.0 if limit.gigabytes is None else max(SMALLEST_LIMIT, limit.gigabytes)
