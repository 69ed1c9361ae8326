"""Help: the tour, the method with its formulas, the settings, a page for each description, and a search."""

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.help_pages import OVERVIEW, known_page, list_above, page_titles, pages_with
from coreset_studio.desktop_app.dialogs.help_text import HelpText
from coreset_studio.desktop_app.widgets.words import set_tone

LIST_WIDTH = theme.UNIT * 27


@dataclass(frozen=True)
class _Place:
    """Where one has been: a page, and how far down it."""

    name: str
    scroll: int


class HelpWindow(QDialog):
    """A separate window, which can stay open during work in the main window.

    Attributes
    ----------
    search : QLineEdit
        Narrows the list to pages with these words and marks them; Enter goes to the next.
    pages : QTreeWidget
        The kinds of description are groups; that of samplers is open from the beginning.
    text : HelpText
    back, forward : QToolButton
    """

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Help")
        self.resize(theme.UNIT * 122, theme.UNIT * 90)
        self._past: list[_Place] = []
        self._future: list[_Place] = []
        self._open_before_search: set[str] | None = None
        self.back = self._button("arrow-left", "Back", QKeySequence.StandardKey.Back)
        self.forward = self._button("arrow-right", "Forward", QKeySequence.StandardKey.Forward)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search")
        self.search.setAccessibleName("Search in Help")
        self.search.setClearButtonEnabled(True)
        self.found = QLabel()
        self.found.setWordWrap(True)
        self.found.setAccessibleName("Pages found")
        set_tone(self.found, "muted")
        self.text = HelpText()
        self._make_list()
        self._lay_out()
        self._connect()
        self._show_ways()

    def show_page(self, name: str, anchor: str = "") -> None:
        """Open the window at a page, such as "tour" or "samplers/medoid"; of one unknown, at the list nearest to it."""
        if page_titles() != self._titles:
            self._fill_list()
            self._narrow(self.search.text())
        self._go(known_page(name), anchor)
        self.show()
        self.raise_()
        self.activateWindow()
        self.text.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Let Esc end a search first, and close the window only then."""
        if event.key() == Qt.Key.Key_Escape and self.search.text():
            self.search.clear()
            self.text.setFocus()
        else:
            super().keyPressEvent(event)

    # --- making -----------------------------------------------------------------------------------------------

    def _button(self, icon: str, words: str, key: QKeySequence.StandardKey) -> QToolButton:
        button = QToolButton()
        theme.set_icon(button, icon)
        button.setAccessibleName(words)
        shortcut = QShortcut(key, self)
        shortcut.activated.connect(button.click)
        button.setToolTip(f"{words} ({shortcut.key().toString(QKeySequence.SequenceFormat.NativeText)})")
        return button

    def _make_list(self) -> None:
        self.pages = QTreeWidget()
        self.pages.setHeaderHidden(True)
        self.pages.setAccessibleName("Help pages")
        self.pages.setIndentation(theme.UNIT * 2)
        self._fill_list()

    def _fill_list(self) -> None:
        blocked = self.pages.blockSignals(True)
        self.pages.clear()
        self._titles = page_titles()
        self._entries: dict[str, QTreeWidgetItem] = {}
        for name, title in self._titles.items():
            entry = QTreeWidgetItem(self._entries.get(list_above(name)) or self.pages, [title])
            entry.setData(0, Qt.ItemDataRole.UserRole, name)
            entry.setSizeHint(0, QSize(0, theme.UNIT * 3))
            self._entries[name] = entry
        self._entries[OVERVIEW].setExpanded(True)
        self.pages.blockSignals(blocked)

    @property
    def entries(self) -> Mapping[str, QTreeWidgetItem]:
        """The entries of the list of pages, by the pages' names."""
        return self._entries

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.UNIT // 2)
        for widget in (self.back, self.forward, self.search):
            head.addWidget(widget)
        side = QVBoxLayout()
        side.setSpacing(theme.UNIT)
        side.addLayout(head)
        side.addWidget(self.pages, 1)
        side.addWidget(self.found)
        beside = QWidget()
        beside.setFixedWidth(LIST_WIDTH)
        side.setContentsMargins(0, 0, 0, 0)
        beside.setLayout(side)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(*[theme.UNIT * 2] * 4)
        layout.setSpacing(theme.UNIT * 2)
        layout.addWidget(beside)
        layout.addWidget(self.text, 1)

    def _connect(self) -> None:
        self.pages.currentItemChanged.connect(self._on_chosen)
        self.text.anchorClicked.connect(self._follow)
        self.back.clicked.connect(self._go_back)
        self.forward.clicked.connect(self._go_forward)
        self.search.textChanged.connect(self._narrow)
        self.search.returnPressed.connect(self._next)
        QShortcut(QKeySequence.StandardKey.Find, self).activated.connect(self._start_search)

    # --- going ------------------------------------------------------------------------------------------------

    def _go(self, name: str, anchor: str = "") -> None:
        """Show a page, and remember the one before."""
        if self.text.name and self.text.name != name:
            self._past.append(self._here())
            self._future.clear()
        self._show(name)
        if anchor:
            self.text.scrollToAnchor(anchor)

    def _here(self) -> _Place:
        return _Place(self.text.name, self.text.verticalScrollBar().value())

    def _show(self, name: str, scroll: int = 0) -> None:
        if name != self.text.name:
            self.text.show_page(name)
        blocked = self.pages.blockSignals(True)
        self._open_above(name)
        self.pages.setCurrentItem(self._entries[name])
        self.pages.blockSignals(blocked)
        self.text.verticalScrollBar().setValue(scroll)
        self._show_ways()

    def _open_above(self, name: str) -> None:
        """Expand the group that contains a page."""
        if above := list_above(name):
            self._entries[above].setExpanded(True)

    def _show_ways(self) -> None:
        self.back.setEnabled(bool(self._past))
        self.forward.setEnabled(bool(self._future))

    def _go_back(self) -> None:
        self._future.append(self._here())
        place = self._past.pop()
        self._show(place.name, place.scroll)

    def _go_forward(self) -> None:
        self._past.append(self._here())
        place = self._future.pop()
        self._show(place.name, place.scroll)

    def _on_chosen(self, entry: QTreeWidgetItem | None) -> None:
        if entry is not None:
            self._go(entry.data(0, Qt.ItemDataRole.UserRole))

    def _follow(self, link: QUrl) -> None:
        if link.scheme() == "help":
            self.show_page(link.path(), link.fragment())
        elif link.scheme():
            QDesktopServices.openUrl(link)
        else:
            self.text.scrollToAnchor(link.fragment())

    # --- searching --------------------------------------------------------------------------------------------

    def _start_search(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _narrow(self, typed: str) -> None:
        """Leave the pages that hold the words in the list, in groups that are open, and mark the words."""
        words = typed.strip()
        holding = pages_with(words)
        groups = {list_above(name) for name in holding}
        for name, entry in self._entries.items():
            entry.setHidden(name not in holding and name not in groups)
        self._open_groups(groups if words else None)
        self.text.find_words(words)
        self.text.go_to_start()
        n = len(holding)
        self.found.setText(
            "" if not words else f"Found on {n} page{'s' * (n != 1)}. Press Enter for the next." if n else "Not found."
        )

    def _open_groups(self, groups: set[str] | None) -> None:
        """Open the groups that a search found something in, or, after it, those that were open before it."""
        entries = {name: entry for name, entry in self._entries.items() if entry.childCount()}
        if groups is not None:
            if self._open_before_search is None:
                self._open_before_search = {name for name, entry in entries.items() if entry.isExpanded()}
        elif self._open_before_search is None:
            return
        else:
            groups, self._open_before_search = self._open_before_search | {list_above(self.text.name)}, None
        for name, entry in entries.items():
            entry.setExpanded(name in groups)

    def _next(self) -> None:
        """Go to the next place that holds the words, on this page or on one after it."""
        words = self.search.text().strip()
        if not words or self.text.go_to_next():
            return
        holding = pages_with(words)
        if holding:
            names = list(page_titles())
            here = names.index(self.text.name)
            self._go(next((name for name in holding if names.index(name) > here), holding[0]))
            self.text.go_to_start()
            self.text.go_to_next()


def show_help(beside: QWidget, page: str) -> HelpWindow:
    """Open Help at a page; the window that contains `beside` has one Help window.

    Parameters
    ----------
    page : str
        Such as ``"method"``, or that of a description: `desktop_app.dialogs.help_pages.page_of`.
    """
    window = beside.window()
    found = window.findChild(HelpWindow)
    help_window = found if isinstance(found, HelpWindow) else HelpWindow(window)
    help_window.show_page(page)
    return help_window
