"""The log, opened from the View menu."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.logs import LINES_KEPT, Log


class LogPanel(QDockWidget):
    """Messages of the program, its engine and Qt, newest last."""

    def __init__(self, log: Log, parent: QWidget | None = None) -> None:
        super().__init__("Log", parent)
        self.setObjectName("log_panel")
        self.setAllowedAreas(Qt.DockWidgetArea.BottomDockWidgetArea | Qt.DockWidgetArea.RightDockWidgetArea)
        self._log = log
        self.view = QPlainTextEdit()
        self.view.setReadOnly(True)
        self.view.setMaximumBlockCount(LINES_KEPT)
        self.view.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.view.setAccessibleName("Log")
        self.view.setPlaceholderText("Messages of the program and its engine appear here.")
        self.view.setAcceptDrops(False)  # a folder dropped here opens it, as anywhere
        copy = QPushButton("Copy")
        copy.setToolTip("Copy the whole log")
        theme.set_icon(copy, "copy")
        copy.clicked.connect(self.copy)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(copy)
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(*[theme.UNIT] * 4)
        layout.addWidget(self.view, 1)
        layout.addLayout(buttons)
        self.setWidget(inside)
        self.view.setPlainText(log.text())
        log.line_added.connect(self.view.appendPlainText)
        self.hide()

    def copy(self) -> None:
        """Copy the whole log."""
        QGuiApplication.clipboard().setText(self._log.text())
