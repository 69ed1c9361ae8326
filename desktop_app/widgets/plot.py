"""The ground of every plot with axes: pyqtgraph, dressed in the theme."""

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QGuiApplication, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QGraphicsView, QLabel, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.plot_export import PlotExportButton, Table
from coreset_studio.desktop_app.widgets.words import set_tone

pg.setConfigOptions(antialias=True)


class Plot(pg.PlotWidget):
    """A plot with quiet axes, a note in its middle while it is empty, and saving behind the right mouse button.

    Subclasses draw in `redraw`, which runs after every change of the theme too, and return their numbers in
    `plot_table`.

    Parameters
    ----------
    name : str
        For screen readers and file names.
    x_label, y_label : str
    view_box : pyqtgraph.ViewBox, optional
    """

    def __init__(
        self, name: str, x_label: str = "", y_label: str = "", parent: QWidget | None = None, view_box: Any = None
    ) -> None:
        super().__init__(parent, viewBox=view_box)
        self._name = name
        self._axis_labels = {"bottom": x_label, "left": y_label}
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.getPlotItem().layout.setContentsMargins(*[theme.UNIT // 2] * 2, theme.UNIT, theme.UNIT // 2)
        self._note = QLabel(self)
        set_tone(self._note, "muted")
        self._note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._note.setWordWrap(True)
        self._note.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._export = PlotExportButton(self, self)
        self._export.hide()
        theme.changed.connect(self._restyle)
        self._restyle_axes()

    # --- what subclasses fill in ---

    def redraw(self) -> None:
        """Draw again in the colours now in use."""

    def plot_table(self) -> Table:
        """Return the numbers drawn."""
        return ((), ())

    # --- what callers use ---

    def plot_name(self) -> str:
        """Return the name that files get."""
        return self._name

    def set_plot_name(self, name: str) -> None:
        """Be named otherwise from now on."""
        self._name = name
        self.setAccessibleName(name)

    def set_axis_labels(self, x_label: str, y_label: str) -> None:
        """Label the axes."""
        self._axis_labels = {"bottom": x_label, "left": y_label}
        self._restyle_axes()

    def axis_labels(self) -> tuple[str, str]:
        """Return the labels of the x and the y axis."""
        return self._axis_labels["bottom"], self._axis_labels["left"]

    @property
    def note(self) -> str:
        """The text shown while there is nothing to plot."""
        return self._note.text()

    def set_note(self, note: str) -> None:
        """Say in the middle of the plot why it is empty; an empty text takes the note away."""
        self._note.setText(note)
        self._note.setVisible(bool(note))
        for side in ("bottom", "left"):
            self.getAxis(side).setVisible(not note)

    def fit(self) -> None:
        """Show everything again."""
        self.getViewBox().autoRange(padding=0.05)

    # --- Qt ---

    def close(self) -> bool:
        """Hide, as every other widget; pyqtgraph would take the plot apart, and a later change of theme fail."""
        return bool(QGraphicsView.close(self))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep the note in the middle."""
        super().resizeEvent(event)
        note = getattr(self, "_note", None)
        if note is not None:
            note.setGeometry(self.rect().adjusted(theme.UNIT * 2, 0, -theme.UNIT * 2, 0))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """Offer to save the plot."""
        self._export.menu().popup(event.globalPos())

    def mousePressEvent(self, ev: QMouseEvent) -> None:  # noqa: N802
        """Keep clicks to itself: pyqtgraph's scene leaves them for the widget behind."""
        super().mousePressEvent(ev)
        ev.accept()

    def mouseReleaseEvent(self, ev: QMouseEvent) -> None:  # noqa: N802
        """Keep clicks to itself."""
        super().mouseReleaseEvent(ev)
        ev.accept()

    def mouseDoubleClickEvent(self, ev: QMouseEvent) -> None:  # noqa: N802
        """Keep clicks to itself."""
        super().mouseDoubleClickEvent(ev)
        ev.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Home shows everything, + and - zoom."""
        zoom = {Qt.Key.Key_Plus: 0.8, Qt.Key.Key_Equal: 0.8, Qt.Key.Key_Minus: 1.25}.get(Qt.Key(event.key()))
        if event.key() == Qt.Key.Key_Home:
            self.fit()
        elif zoom is not None:
            self.getViewBox().scaleBy((zoom, zoom))
        else:
            event.ignore()

    def drawForeground(self, painter: Any, rect: QRectF) -> None:  # noqa: N802
        """Draw the focus ring."""
        super().drawForeground(painter, rect)
        if self.hasFocus():
            painter.save()
            painter.resetTransform()
            painter.setPen(pg.mkPen(theme.colours().accent, width=2))
            painter.drawRoundedRect(QRectF(self.viewport().rect()).adjusted(1, 1, -1, -1), 4, 4)
            painter.restore()

    # --- colours ---

    def _restyle(self) -> None:
        self._restyle_axes()
        self.redraw()

    def _restyle_axes(self) -> None:
        named = theme.colours()
        self.setBackground(QColor(named.surface))
        font = QGuiApplication.font()
        for side, label in self._axis_labels.items():
            axis = self.getAxis(side)
            axis.setPen(pg.mkPen(named.line))
            axis.setTextPen(pg.mkPen(named.muted))
            axis.setTickFont(font)
            axis.setStyle(tickLength=-4, autoExpandTextSpace=True, hideOverlappingLabels=True)
            # Both: switching it off alone still scales once, and 0.09 would read 90.
            axis.setSIPrefixEnableRanges(())
            axis.enableAutoSIPrefix(False)
            if label:
                size = f"{font.pointSizeF():.1f}pt" if font.pointSizeF() > 0 else f"{font.pixelSize()}px"
                axis.setLabel(label, **{"color": named.muted, "font-size": size})
            else:
                axis.showLabel(False)
