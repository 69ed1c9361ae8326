"""The sheet that asks for a hyperparameter search, and the one that shows what it found."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QWidget

from coreset_studio.core.errors import CoresetError
from coreset_studio.core.pipeline.search_space import lacking, searched_network
from coreset_studio.core.pipeline.views import SearchOutcome
from coreset_studio.core.results.searches import SearchTrial
from coreset_studio.core.search_answer import state_words, value_words
from coreset_studio.core.service.networks import NETWORKS
from coreset_studio.core.settings import GRID, SEARCHED, SearchSettings, Settings
from coreset_studio.core.settings.listed import Setting, settings_in
from coreset_studio.core.words import duration
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.pages.setting_controls import SettingControl
from coreset_studio.desktop_app.widgets.card import Sheet
from coreset_studio.desktop_app.widgets.check_group import CheckGroup
from coreset_studio.desktop_app.widgets.question_mark import QuestionMark
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.words import set_tone

OF_GRID = ("learning_rates", "dropouts", "epoch_counts")
ALWAYS = ("network", "method")
BELOW = ("with_pool",)
"""Below the others, which may be scrolled: it decides how long the search takes."""
PAUSE = 400
"""Milliseconds without a change before an estimate is asked for."""
ESTIMATING = "Estimating the time…"


class SearchSheet(Sheet):
    """The settings of a search, made from their descriptions; those that have no effect are not shown.

    Parameters
    ----------
    settings : Settings
    parent : QWidget

    Signals
    -------
    estimate_requested : (SearchSettings)
        The user has changed something, or the sheet was just opened.
    search_requested : (SearchSettings)
    """

    estimate_requested = Signal(object)
    search_requested = Signal(object)

    def __init__(self, settings: Settings, parent: QWidget) -> None:
        super().__init__(
            "Search hyperparameters",
            "Trains configurations on the coreset of the Coreset page and selects one by the validation images. "
            "Test images are not used to select.",
            "Search",
            parent,
        )
        self._training = settings.training
        self.search: SearchSettings = settings.search.recommended()
        self.controls: dict[str, SettingControl] = {}
        self._form = QFormLayout()
        self._rows: dict[str, QWidget] = {}
        self._below: list[QWidget] = []
        for setting in settings_in("search"):
            self._add(setting)
        self.estimate = QLabel()
        self.estimate.setWordWrap(True)
        self.estimate.setAccessibleName("Estimate")
        set_tone(self.estimate, "muted")
        inside = QWidget()
        inside.setLayout(self._form)
        scrolled = QScrollArea()
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
        scrolled.setWidget(inside)
        scrolled.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        scrolled.setAccessibleName("Settings of the search")
        scrolled.setMinimumHeight(theme.UNIT * 48)
        scrolled.setMinimumWidth(theme.UNIT * 66)
        self.add(scrolled, 1)
        for widget in self._below:
            self.add(widget)
        self.add(self.estimate)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE)
        self._timer.timeout.connect(self._request_estimate)
        self._show()

    def _add(self, setting: Setting) -> None:
        control = SettingControl(setting, self)
        control.changed.connect(self._take)
        control.refused.connect(self._refuse)
        widget = control.widget
        placed = _beside_question(control) if setting.facts.question else widget
        self.controls[setting.name] = control
        self._rows[setting.name] = placed
        label = QLabel(control.label)
        label.setToolTip(setting.facts.tip)
        label.setBuddy(widget)
        if setting.name in BELOW:
            self._below.append(placed)
            return
        self._form.addRow(label, placed)

    # --- what is asked for --------------------------------------------------------------------------------------------

    def _take(self, setting: Setting, value: object) -> None:
        """Take a value that the user has given."""
        changes: dict[str, Any] = {setting.name: value}
        if setting.name == "parameters" and isinstance(value, tuple) and set(value) == set(self._offered()):
            changes["parameters"] = ()
        if setting.name == "network":
            changes["parameters"] = ()
        try:
            self.search = replace(self.search, **changes)
        except CoresetError as error:
            self._refuse(str(error).replace(setting.name, f"“{setting.facts.title}”", 1))
        else:
            self._refuse("")
        self._show()

    def _refuse(self, sentence: str) -> None:
        """Show what was wrong; what was refused is taken back, so that the button works."""
        self.set_problem(sentence)
        self.accept_button.setEnabled(True)

    def _offered(self) -> tuple[str, ...]:
        """Return the hyperparameters that the network and its training have."""
        without = self._lacking()
        return tuple(name for name in SEARCHED if name not in without)

    def _lacking(self) -> Mapping[str, str]:
        try:
            return lacking(searched_network(self.search.network), self._training)
        except CoresetError:
            return {}

    def _show(self) -> None:
        """Show all values, and only the rows that have an effect."""
        search, offered, without = self.search, self._offered(), self._lacking()
        is_grid = search.method == GRID
        ticked = search.parameters or offered
        for name, control in self.controls.items():
            value = ticked if name == "parameters" else getattr(search, name)
            # What is typed beside it and not taken yet stays.
            if value != control.value or not self.isVisible():
                control.show(value)
            ranged = name.removesuffix("_range")
            is_shown = name in ALWAYS or (name in OF_GRID) == is_grid
            if name.endswith("_range"):
                is_shown = is_shown and ranged in ticked
            if name not in BELOW:
                self._form.setRowVisible(self._rows[name], is_shown)
        boxes = self.controls["parameters"].widget
        if isinstance(boxes, CheckGroup):
            for name, box in boxes.boxes.items():
                box.setEnabled(name in offered)
                box.setToolTip(f"{without[name][:1].upper()}{without[name][1:]}" if name in without else "")
        if search.network in NETWORKS and NETWORKS[search.network].dropout_words:
            words = f" ({NETWORKS[search.network].words}: {NETWORKS[search.network].dropout_words})"
            for name in ("dropout_range", "dropouts"):
                self.controls[name].widget.setToolTip(self.controls[name].setting.facts.tip + words)
        sizes = self.controls["image_size_range"].widget
        if not search.image_size_range:
            sizes.setProperty("placeholderText", f"{self._training.image_size // 2}, {self._training.image_size}")
        self.estimate.setText(ESTIMATING)
        self._timer.start()

    # --- the estimate -------------------------------------------------------------------------------------------------

    def _request_estimate(self) -> None:
        if self.isVisible():
            self.estimate_requested.emit(self.search)

    def show_estimate(self, search: SearchSettings, sentence: str, n_done: int = 0, n_trials: int = 0) -> None:
        """Show what a search takes, unless the settings have changed since; empty: it is not known."""
        if search != self.search:
            return
        done = f" {n_done:,} of {n_trials:,} trials are done already." if n_done else ""
        self.estimate.setText(f"{sentence}{done}")
        self.accept_button.setText("Continue" if n_done else "Search")

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Ask for the first estimate."""
        super().showEvent(event)
        self._timer.start()

    def accept(self) -> None:
        """Take what is typed; a fault keeps the sheet open."""
        self._refuse("")
        for control in self.controls.values():
            control.take_typed()
        if self.problem:
            return
        self._timer.stop()
        self.search_requested.emit(self.search)
        super().accept()


def _beside_question(control: SettingControl) -> QWidget:
    """Return a control with the "?" that explains it."""
    both = QWidget()
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(control.widget, 1)
    row.addWidget(QuestionMark(control.setting.facts.question, about=control.title))
    return both


class SearchResultSheet(Sheet):
    """Shows a finished search: its sentences and every trial.

    Signals
    -------
    best_requested : (SearchOutcome)
        The best configuration is to be used.
    """

    best_requested = Signal(object)

    def __init__(self, outcome: SearchOutcome, parent: QWidget) -> None:
        super().__init__("Search results", "\n".join(outcome.sentences), "Close", parent)
        self._outcome = outcome
        self.table = Table("Trials", _columns(outcome))
        self.table.set_rows(outcome.result.trials)
        self.add(self.table, 1)
        self.use_button = QPushButton("Use the best configuration")
        self.use_button.setToolTip("Set it for training on this page; this can be undone")
        self.use_button.clicked.connect(self._use)
        row = QHBoxLayout()
        row.addWidget(self.use_button)
        row.addStretch(1)
        self.body.addLayout(row)
        notes = QLabel(
            "\n".join([*outcome.result.notes, f"Saved as {outcome.table}, with the report {outcome.report.name}"])
        )
        notes.setWordWrap(True)
        set_tone(notes, "muted")
        self.add(notes)
        self.resize(theme.UNIT * 132, theme.UNIT * 90)

    def _use(self) -> None:
        self.best_requested.emit(self._outcome)
        self.accept()


def _columns(outcome: SearchOutcome) -> list[Column]:
    result = outcome.result
    columns = [
        Column("Trial", lambda trial: f"{trial.number + 1:,}", lambda trial: trial.number, numeric=True),
        *(_column_of(name, title) for name, title in result.titles.items()),
        Column(
            "On the coreset", lambda trial: f"{trial.coreset.accuracy:.3f}", lambda trial: trial.coreset.accuracy,
            numeric=True, tooltip="Validation accuracy",
        ),
        Column(
            "Epochs", lambda trial: f"{trial.coreset.epochs:,}", lambda trial: trial.coreset.epochs, numeric=True,
            tooltip="Epochs trained on the coreset, after applying the minimum number of training steps", may_go=2,
        ),
        Column("State", state_words, state_words, tooltip="Complete, or the epoch after which the trial was pruned"),
        Column(
            "Time", lambda trial: duration(trial.coreset.seconds), lambda trial: trial.coreset.seconds, numeric=True,
            tooltip="Training time on the coreset",
        ),
    ]  # fmt: skip
    if result.n_pool:
        columns += [
            Column("On the pool", _pool_accuracy, lambda trial: trial.pool.accuracy if trial.pool else 0.0,
                   numeric=True, tooltip="Validation accuracy"),
            Column("Time, pool", _pool_seconds, lambda trial: trial.pool.seconds if trial.pool else 0.0,
                   numeric=True, tooltip="Training time on the whole pool"),
        ]  # fmt: skip
    return columns


def _column_of(name: str, title: str) -> Column:
    return Column(
        SEARCHED.get(name, title),
        lambda trial: value_words(name, trial.values[name]),
        lambda trial: trial.values[name],
        numeric=True,
        tooltip=title,
    )


def _pool_accuracy(trial: SearchTrial) -> str:
    return "–" if trial.pool is None else f"{trial.pool.accuracy:.3f}"


def _pool_seconds(trial: SearchTrial) -> str:
    return "–" if trial.pool is None else duration(trial.pool.seconds)
