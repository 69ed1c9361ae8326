"""Every command of the window, once: its words, its keys, its tooltip, its place in the menus."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.registries import sources

StandardKey = QKeySequence.StandardKey
_FILE_TIP = f"Choose a {sources().file_words()} file"


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes
    ----------
    name : str
        As the code calls it.
    text : str
        In the menu.
    tip : str
        What it does, in a sentence.
    keys : str or QKeySequence.StandardKey or None
    icon : str
        Name of an icon; empty for none.
    role : QAction.MenuRole
        Where it is on macOS: in the menu of the program, or in its own place. By default Qt would guess from the text.
    """

    name: str
    text: str
    tip: str
    keys: str | QKeySequence.StandardKey | None = None
    icon: str = ""
    role: QAction.MenuRole = QAction.MenuRole.NoRole


# By menu; None is a line, a text in braces is a place that the window fills.
MENUS: dict[str, tuple[Command | str | None, ...]] = {
    "&File": (
        Command("new", "&New project", "Close this project and start with another dataset", StandardKey.New, "plus"),
        Command("open_folder", "Open &folder…", "Open a folder with one subfolder per class", "Ctrl+Shift+O", "folder"),
        Command("open_file", "Open &table or array…", _FILE_TIP, None, "table"),
        Command("open_project", "&Open project…", "Open a saved project", StandardKey.Open, "open"),
        "{recent}",
        Command("demo", "Open &demo", "Generate synthetic stained cells and open them", None, "images"),
        None,
        Command("save", "&Save", "Save the project", StandardKey.Save, "save"),
        Command("save_as", "Save &as…", "Save the project under another name", "Ctrl+Shift+S"),
        None,
        Command("locate", "&Locate images…", "Choose the new location of images that were moved", None, "locate"),
        Command(
            "verify",
            "&Verify export…",
            "Compare every file of an exported folder with what was written",
            "Ctrl+Shift+V",
            "check",
        ),
        None,
        Command("quit", "&Quit", "Close the window", StandardKey.Quit, role=QAction.MenuRole.QuitRole),
    ),
    "&Edit": (
        "{undo}",
        None,
        Command("weights", "Pretrained &weights…", "See which pretrained networks are available, and import others"),
        Command(
            "settings",
            "&Settings…",
            "Theme, saving, cache and threads",
            StandardKey.Preferences,
            "settings",
            QAction.MenuRole.PreferencesRole,
        ),
    ),
    "&View": (
        "{steps}",
        None,
        "{theme}",
        Command("log", "&Log", "Show messages of the program and its engine", "Ctrl+L", "log"),
        Command("full_screen", "F&ull screen", "Show the window on the whole screen", StandardKey.FullScreen),
    ),
    "&Run": (
        Command("run", "&Run this step", "Run the current step", "Ctrl+Return", "run"),
        Command(
            "run_all",
            "Run &all steps",
            "Run all remaining steps with the recommended settings, up to the comparison",
            "Ctrl+Shift+Return",
        ),
        Command("cancel", "&Cancel", "Stop the running job; finished work is kept", "Esc", "stop"),
    ),
    "&Help": (
        Command("tour", "&Tour", "The five steps in two minutes", StandardKey.HelpContents, "question"),
        Command("method", "The &method", "How images are selected, with the formulas", None, "info"),
        Command(
            "samplers",
            "The &samplers",
            "What each sampler does, when to use it and when to avoid it",
            None,
            "selected",
        ),
        Command("shortcuts", "&Keyboard", "List all keyboard shortcuts", "Ctrl+/", "keyboard"),
        None,
        Command("about", "&About Coreset Studio", "Version, citation and licences", role=QAction.MenuRole.AboutRole),
    ),
}


class Actions(QObject):
    """The window's commands as `QAction` objects, by name, and the menu bar made of them."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._actions: dict[str, QAction] = {}
        self._tips: dict[str, str] = {}
        for commands in MENUS.values():
            for command in commands:
                if isinstance(command, Command):
                    self._actions[command.name] = self._make(command, window)
                    self._tips[command.name] = command.tip

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def enable(self, name: str, enabled: bool, why_not: str = "") -> None:
        """Let a command be used, or not and say why in its tooltip."""
        action = self._actions[name]
        action.setEnabled(enabled)
        action.setToolTip(self._tips[name] if enabled or not why_not else why_not)

    def connect_all(self, slots: dict[str, Callable[[], object]]) -> None:
        """Connect commands to bound methods by name."""
        for name, slot in slots.items():
            self._actions[name].triggered.connect(slot)

    def fill(self, bar: QMenuBar, places: dict[str, list[QAction | QMenu | None]]) -> None:
        """Fill the menu bar; `places` gives the values of the placeholders in braces."""
        for title, commands in MENUS.items():
            menu = bar.addMenu(title)
            menu.setToolTipsVisible(True)
            for command in commands:
                if command is None:
                    menu.addSeparator()
                elif isinstance(command, Command):
                    menu.addAction(self._actions[command.name])
                else:
                    _add(menu, places[command.strip("{}")])

    def _make(self, command: Command, window: QWidget) -> QAction:
        action = QAction(command.text, window)
        action.setObjectName(f"action_{command.name}")
        action.setStatusTip("")
        action.setMenuRole(command.role)
        action.setToolTip(command.tip)
        if command.keys is not None:
            action.setShortcuts(command_keys(command))
        if command.icon:
            theme.set_icon(action, command.icon)
        window.addAction(action)
        return action


def command_keys(command: Command) -> list[QKeySequence]:
    """Return the keys of a command on this platform."""
    keys = command.keys
    if keys is None:
        return []
    if isinstance(keys, str):
        return [QKeySequence(keys)]
    standard = QKeySequence.keyBindings(keys)
    # Some platforms know no key for these.
    fallback = {StandardKey.Quit: "Ctrl+Q", StandardKey.Preferences: "Ctrl+,", StandardKey.FullScreen: "F11"}
    return standard or ([QKeySequence(fallback[keys])] if keys in fallback else [])


def _add(menu: QMenu, entries: list[QAction | QMenu | None]) -> None:
    for entry in entries:
        if entry is None:
            menu.addSeparator()
        elif isinstance(entry, QMenu):
            menu.addMenu(entry)
        else:
            menu.addAction(entry)
