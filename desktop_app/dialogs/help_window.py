"""Help: the tour, the method with its formulas, and the licences, from pages that travel with the program."""

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QListWidgetItem, QTextBrowser, QWidget

from core.resources import resource_folder
from desktop_app import theme

PAGES = {"tour": "A short tour", "method": "The method", "licences": "Licences"}


class HelpWindow(QDialog):
    """A window beside the main one, so that it can stay open while one works."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Help")
        self.resize(theme.UNIT * 110, theme.UNIT * 85)
        self.pages = QListWidget()
        self.pages.setAccessibleName("Help pages")
        self.pages.setFixedWidth(theme.UNIT * 20)
        self.pages.setSpacing(theme.UNIT // 2)
        for name, title in PAGES.items():
            entry = QListWidgetItem(title)
            entry.setData(Qt.ItemDataRole.UserRole, name)
            self.pages.addItem(entry)
        self.text = QTextBrowser()
        self.text.setOpenLinks(False)
        self.text.setAccessibleName("Help text")
        self.text.document().setDocumentMargin(theme.UNIT * 3)
        self.text.anchorClicked.connect(self._follow)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(*[theme.UNIT * 2] * 4)
        layout.setSpacing(theme.UNIT * 2)
        layout.addWidget(self.pages)
        layout.addWidget(self.text, 1)
        self.pages.currentRowChanged.connect(self._show_row)
        theme.changed.connect(self._show_again)

    def show_page(self, name: str) -> None:
        """Open the window at "tour", "method" or "licences"."""
        self.pages.setCurrentRow(list(PAGES).index(name))
        self.show()
        self.raise_()
        self.activateWindow()
        self.text.setFocus()

    def _show_row(self, row: int) -> None:
        name = self.pages.item(row).data(Qt.ItemDataRole.UserRole)
        html = (resource_folder() / "help" / f"{name}.html").read_text(encoding="utf-8")
        self.text.document().setDefaultStyleSheet(_style())
        self.text.setHtml(html)

    def _show_again(self) -> None:
        if self.pages.currentRow() >= 0:
            self._show_row(self.pages.currentRow())

    def _follow(self, link: QUrl) -> None:
        if link.scheme() == "help":
            self.show_page(link.path())
        elif link.scheme():
            QDesktopServices.openUrl(link)
        else:
            self.text.scrollToAnchor(link.fragment())


def _style() -> str:
    """Return the style of the pages in the colours of the mode; the text browser knows little of CSS."""
    named = theme.colours()
    return (
        f"body {{ color: {named.text}; }} a {{ color: {named.accent}; }}"
        f"h1 {{ font-size: x-large; font-weight: 600; }} h2 {{ font-size: large; font-weight: 600; }}"
        f".formula {{ background-color: {named.sunken}; font-size: large; "
        "font-family: 'DejaVu Serif', 'Cambria Math', serif; }"
        f".quiet {{ color: {named.muted}; }} th {{ text-align: left; color: {named.muted}; }}"
    )
