"""How a page is laid out: head, a column of options with "More", the content or the empty place. No behaviour."""

from collections.abc import Callable, Iterator
from itertools import pairwise

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.empty_state import EmptyState
from coreset_studio.desktop_app.widgets.question_mark import QuestionMark
from coreset_studio.desktop_app.widgets.words import set_tone

OPTIONS_WIDTHS = (theme.UNIT * 30, theme.UNIT * 34)
SLIM = theme.UNIT * 12
"""Width of a column that shows "More" alone."""
WIDEST = theme.UNIT * 38
"""A column is made wider than it should be for a control that would be cut off, but no wider than this."""
NARROW = theme.UNIT * 116
"""A page below this width has the narrower column of options."""


class PageFrame(QWidget):
    """The frame of a page; `Page` gives it behaviour.

    Parameters
    ----------
    widths : (int, int)
        Pixels of the column of options in a narrow and in a wide page.

    Attributes
    ----------
    run_button : QPushButton
        Hidden where a page has nothing to run.
    hint : QLabel
        A line next to it.
    empty : EmptyState
        The placeholder shown before there is content.
    """

    def __init__(
        self,
        title: str,
        sentence: str,
        icon: str,
        parent: QWidget | None = None,
        *,
        widths: tuple[int, int] = OPTIONS_WIDTHS,
    ) -> None:
        super().__init__(parent)
        self._sentence, self._widths = sentence, widths
        unit = theme.UNIT
        outer = QVBoxLayout(self)
        outer.setContentsMargins(unit * 3, unit * 2, unit * 3, unit * 2)
        outer.setSpacing(unit * 2)
        outer.addLayout(self._make_head(title, sentence))
        body = QHBoxLayout()
        body.setSpacing(unit * 2)
        self._column = _OptionColumn(widths[1])
        self._column.hide()
        body.addWidget(self._column)
        self._stack = QStackedWidget()
        self.empty = EmptyState(icon, sentence)
        self._fills: Callable[[], object] | None = None
        self._stack.addWidget(self.empty)
        body.addWidget(self._stack, 1)
        outer.addLayout(body, 1)

    @property
    def option_column(self) -> "_OptionColumn":
        """The column of controls at the side."""
        return self._column

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Give a narrow page's width to the content."""
        super().resizeEvent(event)
        self._column.set_width(self._widths[0] if event.size().width() < NARROW else self._widths[1])

    def add_option(self, label: str, widget: QWidget, tip: str = "", *, question: str = "") -> QWidget:
        """Add one choice to the column.

        Parameters
        ----------
        label : str
            Above the control; empty for one that carries its own words, such as a check box.
        tip : str
            Tooltip, and what a screen reader says beyond the label.
        question : str
            Two sentences behind a "?", for what surprises.
        """
        self._column.show()
        return self._column.add(label, widget, tip, question, more=False)

    def add_more_option(self, label: str, widget: QWidget, tip: str = "", *, question: str = "") -> QWidget:
        """Add one choice to those that "More" opens."""
        self._column.show()
        return self._column.add(label, widget, tip, question, more=True)

    def add_to_options(self, widget: QWidget) -> QWidget:
        """Add any widget to the column, such as a table or a line of text."""
        self._column.show()
        self._column.plain.addWidget(widget)
        return widget

    def order_options(self) -> None:
        """Make Tab step through the options in their visual order."""
        self._column.order_tabs()

    def fit_options(self) -> None:
        """Give the width of options that are hidden now to the content."""
        self._column.fit()

    def set_content(self, content: QWidget) -> None:
        """Give the rest of the page to `content`."""
        self._stack.addWidget(content)
        self._stack.setCurrentWidget(content)

    def set_empty(
        self, sentence: str, button: str = "", slot: Callable[[], object] | None = None, *, why_not: str = ""
    ) -> None:
        """Show a placeholder for the content, with the button that creates it.

        Parameters
        ----------
        slot : bound method of a QObject
            Wanted where there is a button; usually the page's ``try_run``.
        why_not : str
            Why the button cannot be pressed now; it can where this is empty.
        """
        self.empty.set_content(sentence, button, why_not=why_not)
        if self._fills is not None:
            self.empty.action_triggered.disconnect(self._fills)
        self._fills = slot
        if slot is not None:
            self.empty.action_triggered.connect(slot)

    def show_empty(self, empty: bool) -> None:
        """Show the empty place, or the content."""
        if empty or self._stack.count() == 1:
            self._stack.setCurrentIndex(0)
        else:
            self._stack.setCurrentIndex(1)

    def set_meaning(self, text: str = "") -> None:
        """Say under the title what the result means and what to do next, or again what the step is for.

        Parameters
        ----------
        text : str
            One or two sentences for somebody who knows the images, not the method; empty: what the step is for.
        """
        self.sentence_label.setText(text or self._sentence)

    def set_mark(self, text: str = "") -> None:
        """Show under the title what must be known of every result on this page; empty for nothing."""
        self.mark_label.setText(text)
        self.mark_label.setVisible(bool(text))

    def set_hint(self, text: str, *, warning: bool = False) -> None:
        """Show a text next to Run: an estimate, or what is stale; empty for none."""
        self.hint.setText(text)
        set_tone(self.hint, "warning" if warning else "muted")

    def _make_head(self, title: str, sentence: str) -> QHBoxLayout:
        words = QVBoxLayout()
        words.setSpacing(theme.UNIT // 2)
        self.title_label = QLabel(title)
        self.title_label.setFont(theme.title_font())
        words.addWidget(self.title_label)
        self.sentence_label = QLabel(sentence)
        self.sentence_label.setWordWrap(True)
        set_tone(self.sentence_label, "muted")
        words.addWidget(self.sentence_label)
        self.mark_label = QLabel()
        self.mark_label.setWordWrap(True)
        self.mark_label.setTextFormat(Qt.TextFormat.PlainText)
        set_tone(self.mark_label, "warning")
        self.mark_label.hide()
        words.addWidget(self.mark_label)
        self.hint = QLabel()
        set_tone(self.hint, "muted")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.hint.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.run_button = QPushButton()
        self.run_button.setProperty("primary", True)
        self.run_button.setAutoDefault(False)
        head = QHBoxLayout()
        head.setSpacing(theme.UNIT * 2)
        head.addLayout(words, 1)
        head.addWidget(self.hint, 0, Qt.AlignmentFlag.AlignVCenter)
        head.addWidget(self.run_button, 0, Qt.AlignmentFlag.AlignVCenter)
        return head


class _OptionColumn(QScrollArea):
    """The choices of a step, one under the other."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._preferred_width = width
        self.setFixedWidth(width)
        self.setAccessibleName("Options")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, theme.UNIT * 2, 0)
        layout.setSpacing(theme.UNIT * 2)
        self.plain = QVBoxLayout()
        self.plain.setSpacing(theme.UNIT * 3 // 2)
        layout.addLayout(self.plain)
        self.more_button = QToolButton()
        self.more_button.setText("More")
        self.more_button.setToolTip("Show settings that are rarely changed")
        self.more_button.setCheckable(True)
        self.more_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more_button.setAccessibleName("More options")
        self.more_button.toggled.connect(self._show_more)
        self.more_button.hide()
        layout.addWidget(self.more_button)
        self.more_box = QWidget()
        self.more = QVBoxLayout(self.more_box)
        self.more.setContentsMargins(0, 0, 0, 0)
        self.more.setSpacing(theme.UNIT * 3 // 2)
        self.more_box.hide()
        layout.addWidget(self.more_box)
        layout.addStretch(1)
        self.setWidget(inside)
        inside.installEventFilter(self)
        theme.set_icon(self.more_button, "chevron-right")

    def add(self, label: str, widget: QWidget, tip: str, question: str, *, more: bool) -> QWidget:
        row = QWidget()
        box = QVBoxLayout(row)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(theme.UNIT // 2)
        if label or question:
            head = QHBoxLayout()
            if label:
                words = QLabel(label)
                words.setWordWrap(True)
                words.setBuddy(widget)
                head.addWidget(words, 1)
                widget.setAccessibleName(label)
            else:
                head.addStretch(1)
            if question:
                head.addWidget(QuestionMark(question, about=label))
            box.addLayout(head)
        if tip:
            widget.setToolTip(tip)
            widget.setAccessibleDescription(tip)
        box.addWidget(widget)
        (self.more if more else self.plain).addWidget(row)
        if more:
            self.more_button.show()
        return widget

    def set_width(self, width: int) -> None:
        """Be so wide, or as wide as "More" where nothing else is shown."""
        self._preferred_width = width
        shown = any(widget.isVisibleTo(self) for widget in _widgets(self.plain))
        width = width if shown or self.more_button.isChecked() else SLIM
        width = max(width, min(self._needed_width(), WIDEST))
        if width != self.width():
            self.setFixedWidth(width)

    def _needed_width(self) -> int:
        """Return the width at which nothing is cut off at the side, with the scroll bar."""
        inside = self.widget()
        layout = inside.layout() if inside is not None else None
        if layout is None:
            return 0
        return layout.minimumSize().width() + self.verticalScrollBar().sizeHint().width()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Fit again when what is inside has changed."""
        if event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            self.fit()
        return super().eventFilter(watched, event)

    def fit(self) -> None:
        """Be as wide as what is shown now needs."""
        self.set_width(self._preferred_width)

    def order_tabs(self) -> None:
        """Let Tab walk from the top to the bottom."""
        stops = [*_tab_stops(self.plain), self.more_button, *_tab_stops(self.more)]
        for before, after in pairwise(stops):
            QWidget.setTabOrder(before, after)

    def _show_more(self, shown: bool) -> None:
        self.more_box.setVisible(shown)
        self.fit()
        theme.set_icon(self.more_button, "chevron-down" if shown else "chevron-right")
        self.more_button.setText("Less" if shown else "More")


def _widgets(column: QVBoxLayout) -> Iterator[QWidget]:
    """Yield the widgets of a column, row by row."""
    for row in range(column.count()):
        item = column.itemAt(row)
        widget = item.widget() if item is not None else None
        if widget is not None:
            yield widget


def _tab_stops(column: QVBoxLayout) -> Iterator[QWidget]:
    """Yield what takes the focus by Tab, row by row."""
    for widget in _widgets(column):
        for each in (widget, *widget.findChildren(QWidget)):
            # The list that a choice drops down is a window of its own.
            stops = each.focusPolicy() & Qt.FocusPolicy.TabFocus and each.focusProxy() is None
            if stops and each.window() is widget.window():
                yield each
