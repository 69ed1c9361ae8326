"""Every command of the window, once: its words, its keys, its tooltip, its place in the menus."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from desktop_app import theme
from desktop_app.registries import sources

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
    """

    name: str
    text: str
    tip: str
    keys: str | QKeySequence.StandardKey | None = None
    icon: str = ""


# By menu; None is a line, a text in braces is a place that the window fills.
MENUS: dict[str, tuple[Command | str | None, ...]] = {
    "&File": (
        Command("new", "&New project", "Close this project and start with other images", StandardKey.New, "plus"),
        Command("open_folder", "Open a &folder…", "Choose a folder of class folders", "Ctrl+Shift+O", "folder"),
        Command("open_file", "Open a &table or array…", _FILE_TIP, None, "table"),
        Command("open_project", "&Open a project…", "Open a saved project", StandardKey.Open, "open"),
        "{recent}",
        Command("demo", "Open the &demo", "Make a folder of synthetic stained cells and open it", None, "images"),
        None,
        Command("save", "&Save", "Save the project", StandardKey.Save, "save"),
        Command("save_as", "Save &as…", "Save the project to another file", "Ctrl+Shift+S"),
        None,
        Command("locate", "&Locate the images…", "Say where the images are now, if they were moved", None, "locate"),
        None,
        Command("quit", "&Quit", "Close the window", StandardKey.Quit),
    ),
    "&Edit": (
        "{undo}",
        None,
        Command("weights", "&Weights of networks…", "Which pretrained networks can be used here; bring others"),
        Command("settings", "&Settings…", "Look, cache, threads and saving", StandardKey.Preferences, "settings"),
    ),
    "&View": (
        "{steps}",
        None,
        "{theme}",
        Command("log", "&Log", "Show what the program and its engine say", "Ctrl+L", "log"),
        Command("full_screen", "F&ull screen", "Use the whole screen", StandardKey.FullScreen),
    ),
    "&Run": (
        Command("run", "&Run this step", "Run the step that is shown", "Ctrl+Return", "run"),
        Command(
            "run_all",
            "Do &everything",
            "Run every step that is not done, as recommended here, to the answer",
            "Ctrl+Shift+Return",
        ),
        Command("cancel", "&Cancel", "Stop what is running; what is finished is kept", "Esc", "stop"),
    ),
    "&Help": (
        Command("tour", "A short &tour", "The five steps in two minutes", StandardKey.HelpContents, "question"),
        Command("method", "The &method", "How images are chosen, with the formulas", None, "info"),
        Command("samplers", "The &samplers", "What each sampler does, when to use it and when not", None, "selected"),
        Command("shortcuts", "&Keyboard", "List every key", "Ctrl+?", "keyboard"),
        None,
        Command("about", "&About Coreset Studio", "Version, citation and licences"),
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
        """Fill the menu bar; `places` says what stands in the places in braces."""
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
