"""The start page: open a folder, a table, the demo, or a project of before."""

import os
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.registries import sources
from coreset_studio.desktop_app.settings import Preferences
from coreset_studio.desktop_app.widgets.card import Card
from coreset_studio.desktop_app.widgets.words import set_tone

FILE = Qt.ItemDataRole.UserRole


class StartPage(QWidget):
    """The page shown before a project is open.

    Signals
    -------
    folder_requested, run_all_requested, table_requested, demo_requested, project_requested : ()
        A button was pressed.
    recent_requested : (Path)
        A recent project was chosen.
    """

    folder_requested = Signal()
    run_all_requested = Signal()
    table_requested = Signal()
    demo_requested = Signal()
    project_requested = Signal()
    recent_requested = Signal(object)

    def __init__(self, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self.setObjectName("page_start")
        self.setAccessibleName("Start")
        columns = QHBoxLayout()
        columns.setSpacing(theme.UNIT * 3)
        columns.addWidget(self._make_open(), 1)
        columns.addWidget(self._make_recent(), 1)
        inside = QVBoxLayout()
        inside.setSpacing(theme.UNIT * 3)
        inside.addLayout(self._make_head())
        inside.addLayout(columns)
        box = QWidget()
        box.setMaximumWidth(theme.UNIT * 112)
        box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        box.setLayout(inside)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(box, 20)
        across.addStretch(1)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addLayout(across)
        outer.addStretch(3)
        for label in (self._sentence, self._hint, self.no_recent):
            set_tone(label, "muted")
        preferences.recent_changed.connect(self.show_recent)
        self.show_recent()

    def show_recent(self) -> None:
        """List the recent projects, those that are gone greyed."""
        self.recent.clear()
        for file in self._preferences.recent:
            there = file.exists()
            entry = QListWidgetItem(f"{file.stem}\n{_short(file.parent)}{'' if there else ' · not found'}")
            entry.setData(FILE, file)
            entry.setToolTip(os.fspath(file) if there else f"{file} was not found. It may have been moved.")
            if not there:
                entry.setFlags(Qt.ItemFlag.ItemIsSelectable)
            self.recent.addItem(entry)
        some = self.recent.count() > 0
        self.recent.setVisible(some)
        self.no_recent.setVisible(not some)

    def set_focus(self) -> None:
        """Give the focus to what most people come for."""
        self.folder.setFocus()

    def _make_head(self) -> QHBoxLayout:
        symbol = QLabel()
        symbol.setPixmap(theme.app_icon().pixmap(theme.UNIT * 6, theme.UNIT * 6))
        title = QLabel("Coreset Studio")
        title.setFont(theme.title_font())
        self._sentence = QLabel(
            "Select a small training subset that preserves the diversity of your images, and see what it costs in "
            "accuracy."
        )
        self._sentence.setWordWrap(True)
        words = QVBoxLayout()
        words.setSpacing(theme.UNIT // 2)
        words.addWidget(title)
        words.addWidget(self._sentence)
        head = QHBoxLayout()
        head.setSpacing(theme.UNIT * 2)
        head.addWidget(symbol)
        head.addLayout(words, 1)
        return head

    def _make_open(self) -> QWidget:
        card = Card("Open images")
        known = sources()
        self.folder = self._button("Open folder…", "folder", "\n".join(each.tip for each in known.folders))
        self.folder.setProperty("primary", True)
        theme.set_icon(self.folder, "folder", "on_accent")
        self.folder.clicked.connect(self.folder_requested)
        self.everything = self._button(
            "Run all steps on a folder…",
            "run",
            (
                "Runs every step with the settings recommended for this computer, up to the comparison. Every step can "
                "be changed afterwards."
            ),
        )
        self.everything.clicked.connect(self.run_all_requested)
        self.table = self._button(
            f"Open {known.file_words()}…", "table", "\n".join(f"{each.title}: {each.tip}" for each in known.files)
        )
        self.table.clicked.connect(self.table_requested)
        self.demo = self._button(
            "Open demo", "images", "Synthetic stained cells, generated on this computer to try the program"
        )
        self.demo.clicked.connect(self.demo_requested)
        self._hint = QLabel("or drop a folder anywhere on this window")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for widget in (self.folder, self._hint, self.everything, self.table, self.demo):
            card.add(widget)
        card.body.addStretch(1)
        return card

    def _make_recent(self) -> QWidget:
        card = Card("Recent projects")
        self.recent = QListWidget()
        self.recent.setAccessibleName("Recent projects")
        self.recent.setFrameShape(QFrame.Shape.NoFrame)
        self.recent.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.recent.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.recent.itemActivated.connect(self._on_chosen)
        self.recent.itemClicked.connect(self._on_chosen)
        self.no_recent = QLabel("Saved projects appear here.")
        self.no_recent.setWordWrap(True)
        self.no_recent.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.project = self._button("Open project…", "open", "Open a saved project")
        self.project.clicked.connect(self.project_requested)
        card.add(self.recent, 1)
        card.add(self.no_recent, 1)
        card.add(self.project)
        card.setMinimumHeight(theme.UNIT * 34)
        return card

    def _button(self, text: str, icon: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAccessibleDescription(tip)
        button.setMinimumHeight(theme.UNIT * 5)
        theme.set_icon(button, icon)
        return button

    def _on_chosen(self, entry: QListWidgetItem) -> None:
        if entry.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.recent_requested.emit(entry.data(FILE))


def _short(folder: Path) -> str:
    try:
        return f"~{os.sep}{folder.relative_to(Path.home())}"
    except ValueError:
        return os.fspath(folder)
