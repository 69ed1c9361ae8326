"""Shows a page of Help: its style in the colours of the mode, its figures drawn when they are needed, words found."""

import re

from PySide6.QtCore import QEvent, QRegularExpression, QSize, QUrl, QUrlQuery
from PySide6.QtGui import QColor, QTextCursor, QTextDocument
from PySide6.QtWidgets import QTextBrowser, QTextEdit, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.help_pages import page_html
from coreset_studio.desktop_app.dialogs.sampler_figure import example, sampler_figure

FIGURE = "figure"
_IMAGE = re.compile(r'<img src="figure:([\w-]+)" width="(\d+)" height="(\d+)">')
_FORMULA = re.compile(r'<p class="formula">(.*?)</p>', re.DOTALL)


class HelpText(QTextBrowser):
    """The text of one page.

    Attributes
    ----------
    name : str
        Of the page that is shown; empty before the first.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = ""
        self._words: QRegularExpression | None = None
        self.setOpenLinks(False)
        self.setAccessibleName("Help text")
        self.document().setDocumentMargin(theme.UNIT * 3)
        self.document().setIndentWidth(theme.UNIT * 3)
        theme.changed.connect(self.show_again)

    def show_page(self, name: str) -> None:
        """Show a page from its beginning."""
        self.name = name
        self.document().setDefaultStyleSheet(_style())
        self.setHtml(_laid_out(page_html(name)))
        self._mark_words()

    def show_again(self) -> None:
        """Show the same page in the colours of another mode, or for another screen."""
        if self.name:
            place = self.verticalScrollBar().value()
            self.show_page(self.name)
            self.verticalScrollBar().setValue(place)

    def find_words(self, words: str) -> None:
        """Mark every place that holds `words`; none where it is empty."""
        self._words = _pattern(words) if words else None
        self._mark_words()

    def go_to_next(self) -> bool:
        """Go to the next marked place below the cursor; False where there is none."""
        return self._words is not None and self.find(self._words)

    def go_to_start(self) -> None:
        """Put the cursor before the first word."""
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def loadResource(self, kind: int, name: QUrl | str) -> object:  # noqa: N802
        """Return the figure that a page asks for; a plugin's page may ask for one that there is not."""
        address = QUrl(name)
        is_figure = kind == QTextDocument.ResourceType.ImageResource.value and address.scheme() == FIGURE
        if is_figure and address.path() in example().chosen:
            query = QUrlQuery(address)
            size = QSize(int(query.queryItemValue("w")), int(query.queryItemValue("h")))
            return sampler_figure(address.path(), size, self.devicePixelRatioF())
        return super().loadResource(kind, name)

    def event(self, event: QEvent) -> bool:
        """Draw the figures again for a screen of other pixels."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.show_again()
        return super().event(event)

    def _mark_words(self) -> None:
        marks = []
        cursor = QTextCursor(self.document())
        while self._words is not None and not (cursor := self.document().find(self._words, cursor)).isNull():
            mark = QTextEdit.ExtraSelection()
            mark.cursor = cursor
            mark.format.setBackground(QColor(theme.colours().warning_soft))
            mark.format.setForeground(QColor(theme.colours().text))
            marks.append(mark)
        self.setExtraSelections(marks)


def _pattern(words: str) -> QRegularExpression:
    """Return what finds `words`, capital or not, with a space for one that cannot break as well."""
    spaced = r"[ \x{00a0}]+".join(QRegularExpression.escape(word) for word in words.split())
    return QRegularExpression(spaced, QRegularExpression.PatternOption.CaseInsensitiveOption)


def _laid_out(html: str) -> str:
    """Give formulas a box with room in it, and figures the size in which they are drawn."""
    back = theme.colours().sunken
    box = rf'<table class="formula" width="100%" cellpadding="10" bgcolor="{back}"><tr><td><p>\1</p></td></tr></table>'
    return _IMAGE.sub(r'<img src="figure:\1?w=\2&amp;h=\3" width="\2" height="\3">', _FORMULA.sub(box, html))


def _style() -> str:
    """Return the style of the pages in the colours of the mode; the text browser knows little of CSS."""
    named = theme.colours()
    return (
        f"body {{ color: {named.text}; }} a {{ color: {named.accent}; }}"
        "h1 { font-size: x-large; font-weight: 600; margin-bottom: 8px; }"
        "h2 { font-size: large; font-weight: 600; margin-top: 20px; margin-bottom: 6px; }"
        "p, li { line-height: 130%; } li { margin-bottom: 4px; } .figure { line-height: 100%; }"
        ".formula { font-size: large; margin-top: 6px; margin-bottom: 6px; "
        "font-family: 'DejaVu Serif', 'Cambria Math', 'STIX Two Math', serif; }"
        ".formula p { line-height: 160%; margin-top: 0px; margin-bottom: 0px; }"
        ".symbol { font-family: 'DejaVu Serif', 'Cambria Math', 'STIX Two Math', serif; }"
        f".quiet {{ color: {named.muted}; }} th {{ text-align: left; color: {named.muted}; font-weight: normal; }}"
    )
