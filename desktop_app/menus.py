"""The menu bar: the commands, and the menus that follow the project, the preferences and the undo stack."""

import os

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QLabel, QMainWindow, QMenu

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.actions import Actions
from coreset_studio.desktop_app.project_model import ProjectModel
from coreset_studio.desktop_app.settings import THEMES, Preferences

THEME_WORDS = {"system": "&System default", "light": "&Light", "dark": "&Dark"}


class Menus(QObject):
    """The menu bar of the main window.

    Attributes
    ----------
    actions : Actions
        The commands, by name.
    steps : list of QAction
        Ctrl+1 to Ctrl+5.
    title : QLabel
        The project's name, at the right.

    Signals
    -------
    step_requested : (position)
    recent_requested : (Path)
    """

    step_requested = Signal(int)
    recent_requested = Signal(object)

    def __init__(
        self, window: QMainWindow, model: ProjectModel, preferences: Preferences, step_names: tuple[str, ...]
    ) -> None:
        super().__init__(window)
        self._window, self._preferences = window, preferences
        self.actions = Actions(window)
        self.steps = [self._make_step(position, name) for position, name in enumerate(step_names)]
        self.recent = QMenu("&Recent projects", window)
        self.recent.setToolTipsVisible(True)
        self.actions.fill(
            window.menuBar(),
            {
                "recent": [self.recent],
                "undo": list(self._make_undo(model)),
                "steps": list(self.steps),
                "theme": [self._make_theme()],
            },
        )
        self.title = QLabel()
        self.title.setContentsMargins(0, theme.UNIT // 4, theme.UNIT * 2, 0)
        self.title.setAccessibleName("Project")
        preferences.recent_changed.connect(self._fill_recent)
        self._fill_recent()

    def set_title(self, text: str) -> None:
        """Show the project's name at the right of the menu bar, if the bar is in the window."""
        if text != self.title.text():
            self.title.setText(text)
            if self._window.menuBar().isNativeMenuBar():  # has no corner; the title of the window shows the same
                return
            self._window.menuBar().setCornerWidget(self.title)  # the bar measures its corner only then
            self.title.show()

    def enable(self, names: tuple[str, ...], enabled: bool, why_not: str = "") -> None:
        """Let commands be used, or say in their tooltips why not."""
        for name in names:
            self.actions.enable(name, enabled, why_not)

    def _make_step(self, position: int, name: str) -> QAction:
        action = QAction(f"&{position + 1} {name}", self._window)
        action.setShortcut(QKeySequence(f"Ctrl+{position + 1}"))
        action.setData(position)
        action.triggered.connect(self._on_step)
        return action

    def _make_undo(self, model: ProjectModel) -> tuple[QAction, QAction]:
        undo = model.undo_stack.createUndoAction(self._window, "&Undo")
        redo = model.undo_stack.createRedoAction(self._window, "&Redo")
        undo.setShortcuts(QKeySequence.StandardKey.Undo)
        redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        theme.set_icon(undo, "undo")
        theme.set_icon(redo, "redo")
        return undo, redo

    def _make_theme(self) -> QMenu:
        menu = QMenu("&Theme", self._window)
        self._themes = QActionGroup(self)
        for name in THEMES:
            action = self._themes.addAction(THEME_WORDS[name])
            action.setCheckable(True)
            action.setData(name)
            menu.addAction(action)
        self._themes.triggered.connect(self._on_theme)
        self._preferences.theme_changed.connect(self._show_theme)
        self._show_theme()
        return menu

    def _show_theme(self) -> None:
        for action in self._themes.actions():
            action.setChecked(action.data() == self._preferences.theme)

    def _fill_recent(self) -> None:
        self.recent.clear()
        for file in self._preferences.recent:
            action = self.recent.addAction(file.stem.replace("&", "&&"))
            action.setData(file)
            action.setToolTip(os.fspath(file))
            action.triggered.connect(self._on_recent, Qt.ConnectionType.QueuedConnection)
        if self._preferences.recent:
            self.recent.addSeparator()
            self.recent.addAction("Clear list").triggered.connect(
                self._preferences.forget_all, Qt.ConnectionType.QueuedConnection
            )
        self.recent.setEnabled(bool(self._preferences.recent))

    def _on_step(self) -> None:
        self.step_requested.emit(_sender(self).data())

    def _on_recent(self) -> None:
        self.recent_requested.emit(_sender(self).data())

    def _on_theme(self, action: QAction) -> None:
        self._preferences.theme = action.data()


def _sender(receiver: QObject) -> QAction:
    action = receiver.sender()
    assert isinstance(action, QAction)  # noqa: S101 - only actions are connected to the slots that ask
    return action
