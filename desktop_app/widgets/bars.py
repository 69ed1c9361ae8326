"""Horizontal bars with names, values and intervals: the ground of every bar chart."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.bar_rows import BarRow
from coreset_studio.desktop_app.widgets.plot_export import Table
from coreset_studio.desktop_app.widgets.symbols import draw_symbol

NONE = -1
NARROW = theme.UNIT * 34
"""Below this width names have more of it than bars."""
LEGEND_GAP = theme.UNIT * 2


class Bars(QWidget):
    """Rows of bars on one scale from zero.

    Up and down walk the rows, Enter opens one.

    Parameters
    ----------
    name : str
        For screen readers and file names.
    columns : sequence of str
        What the bars of a row are, for the legend and CSV.

    Signals
    -------
    row_hovered, row_clicked, row_opened : (int)
        Number of a row; -1 where the mouse left them all.
    """

    row_hovered = Signal(int)
    row_clicked = Signal(int)
    row_opened = Signal(int)

    def __init__(self, name: str, columns: Sequence[str] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._columns: Sequence[str] = columns
        self._rows: Sequence[BarRow] = ()
        self._legend: Sequence[tuple[str, str, bool]] = ()
        self._largest = 0.0
        self._note = ""
        self._current = NONE
        self._hovered = NONE
        self._chosen = NONE
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self.redraw)

    # --- content ---

    def redraw(self) -> None:
        """Draw again in the colours now in use; subclasses whose rows carry colours make them again here."""
        self.update()

    def set_rows(
        self,
        rows: Sequence[BarRow],
        *,
        legend: Sequence[tuple[str, str, bool]] = (),
        largest: float | None = None,
        note: str = "",
    ) -> None:
        """Show rows.

        Parameters
        ----------
        rows : sequence of BarRow
        legend : sequence of (str, str, bool)
            Name, colour and whether hollow.
        largest : float, optional
            End of the scale; the largest value where it is not given.
        note : str
            The text shown while there are no rows.
        """
        self._rows, self._legend, self._note = rows, legend, note
        values = [bar.high if bar.high is not None else bar.value for row in rows for bar in row.bars]
        self._largest = largest if largest is not None else max(values, default=0.0)
        self._current = next((number for number, row in enumerate(rows) if row.bars), NONE)
        self._hovered = NONE
        if self._chosen >= len(rows):
            self._chosen = NONE
        self.setAccessibleDescription("; ".join(row.spoken for row in rows) or note)
        self.updateGeometry()
        self.update()

    def set_chosen(self, number: int) -> None:
        """Show a row as chosen; -1 for none."""
        self._chosen = number
        self.update()

    @property
    def rows(self) -> Sequence[BarRow]:
        """The rows shown."""
        return self._rows

    def plot_name(self) -> str:
        """Return the name that files get."""
        return self._name

    def plot_table(self) -> Table:
        """Return the values drawn, a line a row; headings become a column."""
        heading = ""
        lines: list[list[str | float]] = []
        for row in self._rows:
            if row.bars:
                lines.append([heading, row.label, *(bar.value for bar in row.bars)])
            else:
                heading = row.label
        n_bars = max((len(row.bars) for row in self._rows), default=0)
        names = list(self._columns) + [f"value {i + 1}" for i in range(len(self._columns), n_bars)]
        if not heading:
            return (["name", *names], [line[1:] for line in lines])
        return (["group", "name", *names], lines)

    # --- geometry ---

    def _thickness(self) -> int:
        most = max((len(row.bars) for row in self._rows), default=1)
        # Values of neighbouring bars stand below each other, so their pitch is at least a line of text.
        return max(10, self.fontMetrics().height() - (4 if most == 1 else 1))

    def _height_of(self, row: BarRow) -> int:
        if not row.bars:
            return self.fontMetrics().height() + theme.UNIT
        least = self.fontMetrics().height() + theme.UNIT // 2
        return max(least, len(row.bars) * (self._thickness() + 2) + theme.UNIT)

    def _top(self) -> int:
        return self.fontMetrics().height() + theme.UNIT if self._legend else 2

    def _tops(self) -> list[int]:
        tops, y = [], self._top()
        for row in self._rows:
            tops.append(y)
            y += self._height_of(row)
        return [*tops, y]

    def _label_width(self) -> float:
        symbol = theme.UNIT * 2 if any(row.symbol for row in self._rows) else 0
        widest = max((theme.text_width(row.label) for row in self._rows if row.bars), default=0.0)
        return min(widest + symbol + theme.UNIT * 1.5, self.width() * (0.4 if self.width() > NARROW else 0.55))

    def _value_width(self) -> float:
        return max((theme.text_width(bar.text) for row in self._rows for bar in row.bars), default=0.0) + theme.UNIT

    def sizeHint(self) -> QSize:  # noqa: N802
        """Have room for every row."""
        return QSize(theme.UNIT * 40, self._tops()[-1] + 2)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Have room for every row, and for short bars."""
        return QSize(theme.UNIT * 20, self._tops()[-1] + 2)

    def _row_at(self, y: float) -> int:
        tops = self._tops()
        for number, row in enumerate(self._rows):
            if tops[number] <= y < tops[number + 1]:
                return number if row.bars else NONE
        return NONE

    # --- drawing ---

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Draw everything; a few dozen rows take less than a millisecond."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        named = theme.colours()
        if not self._rows:
            painter.setPen(QColor(named.muted))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._note)
        self._paint_legend(painter)
        tops, label_width, value_width = self._tops(), self._label_width(), self._value_width()
        for number, row in enumerate(self._rows):
            place = QRectF(0, tops[number], self.width(), tops[number + 1] - tops[number])
            self._paint_ground(painter, place, number)
            if row.bars:
                self._paint_row(painter, place, row, label_width, value_width)
            else:
                self._paint_heading(painter, place, row)
        painter.end()

    def _paint_legend(self, painter: QPainter) -> None:
        x = 0.0
        middle = self.fontMetrics().height() / 2
        for name, colour, hollow in self._legend:
            _fill(painter, QRectF(x, middle - 5, 10, 10), colour, hollow=hollow)
            painter.setPen(QColor(theme.colours().muted))
            room = max(0, round(self.width() - x - theme.UNIT * 2))
            short = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QPointF(x + theme.UNIT * 2, middle + self.fontMetrics().ascent() / 2 - 1), short)
            x += theme.UNIT * 2 + theme.text_width(name) + LEGEND_GAP

    def _paint_ground(self, painter: QPainter, place: QRectF, number: int) -> None:
        named = theme.colours()
        inner = place.adjusted(1, 1, -1, -1)
        if number in (self._chosen, self._hovered):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(named.accent_soft if number == self._chosen else named.hover))
            painter.drawRoundedRect(inner, 4, 4)
        if self.hasFocus() and number == self._current:
            painter.setPen(QPen(QColor(named.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(inner, 4, 4)

    def _paint_heading(self, painter: QPainter, place: QRectF, row: BarRow) -> None:
        painter.setFont(theme.strong_font())
        painter.setPen(QColor(theme.colours().text))
        lower = place.adjusted(2, 2, -4, 0)
        room = lower.width() - (theme.text_width(row.note) + theme.UNIT if row.note else 0.0)
        short = painter.fontMetrics().elidedText(row.label, Qt.TextElideMode.ElideRight, max(0, round(room)))
        painter.drawText(lower, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), short)
        painter.setFont(self.font())
        painter.setPen(QColor(theme.colours().muted))
        painter.drawText(lower, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), row.note)

    def _paint_row(self, painter: QPainter, place: QRectF, row: BarRow, label_width: float, value_width: float) -> None:
        named = theme.colours()
        x = theme.UNIT / 2
        if row.symbol:
            draw_symbol(painter, QPointF(x + 6, place.center().y()), row.symbol, row.symbol_colour, 10)
            x += theme.UNIT * 2
        painter.setPen(QColor(named.text))
        label = QRectF(x, place.top(), label_width - x, place.height())
        short = self.fontMetrics().elidedText(row.label, Qt.TextElideMode.ElideRight, round(label.width()))
        painter.drawText(label, int(Qt.AlignmentFlag.AlignVCenter), short)
        thick = self._thickness()
        room = max(1.0, self.width() - label_width - value_width - theme.UNIT)
        y = place.center().y() - len(row.bars) * (thick + 2) / 2 + 1
        for bar in row.bars:
            per_unit = room / self._largest if self._largest > 0 else 0.0
            length = max(0.0, bar.value * per_unit) if bar.value == bar.value else 0.0
            _fill(painter, QRectF(label_width, y, max(length, 1.5), thick), bar.colour, hollow=bar.hollow)
            if bar.low is not None and bar.high is not None:
                self._paint_interval(
                    painter, label_width + bar.low * per_unit, label_width + bar.high * per_unit, y, thick
                )
            painter.setPen(QColor(named.text))
            value = QRectF(self.width() - value_width - 4, y - 4, value_width, thick + 8)
            painter.drawText(value, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), bar.text)
            y += thick + 2

    def _paint_interval(self, painter: QPainter, low: float, high: float, y: float, thick: float) -> None:
        painter.setPen(QPen(QColor(theme.colours().text), 1.5))
        middle = y + thick / 2
        painter.drawLine(QPointF(low, middle), QPointF(high, middle))
        for x in (low, high):
            painter.drawLine(QPointF(x, middle - 3), QPointF(x, middle + 3))

    # --- mouse and keys ---

    def event(self, event: QEvent) -> bool:
        """Show a row's tooltip."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            number = self._row_at(event.pos().y())
            text = self._rows[number].tooltip or self._rows[number].spoken if number != NONE else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Tell which row is under the mouse."""
        self._hover(self._row_at(event.position().y()))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Tell that none is."""
        super().leaveEvent(event)
        self._hover(NONE)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose a row."""
        number = self._row_at(event.position().y())
        if event.button() == Qt.MouseButton.LeftButton and number != NONE:
            self._go(number)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Keep clicks to itself."""
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Open a row."""
        number = self._row_at(event.position().y())
        if number != NONE:
            self.row_opened.emit(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Walk and open."""
        with_bars = [number for number, row in enumerate(self._rows) if row.bars]
        key = Qt.Key(event.key())
        if not with_bars:
            event.ignore()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._current != NONE:
            self.row_opened.emit(self._current)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End):
            at = with_bars.index(self._current) if self._current in with_bars else 0
            to = {Qt.Key.Key_Up: at - 1, Qt.Key.Key_Down: at + 1, Qt.Key.Key_Home: 0}.get(key, len(with_bars) - 1)
            self._go(with_bars[min(len(with_bars) - 1, max(0, to))])
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show where the keyboard is."""
        super().focusInEvent(event)
        self.update()

    def _go(self, number: int) -> None:
        self._current = number
        self.update()
        self.row_clicked.emit(number)

    def _hover(self, number: int) -> None:
        if number != self._hovered:
            self._hovered = number
            self.update()
            self.row_hovered.emit(number)


def _fill(painter: QPainter, place: QRectF, colour: str, *, hollow: bool) -> None:
    painter.setPen(QPen(QColor(theme.edge(colour)), 1.5 if hollow else 1))
    painter.setBrush(Qt.BrushStyle.NoBrush if hollow else QColor(colour))
    painter.drawRoundedRect(place.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)
