"""Every plot to a file: PNG, SVG, or its numbers as CSV."""

import csv
import errno
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from PySide6.QtCore import QBuffer, QPoint, QRectF, QSize, Signal
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QGraphicsView, QMenu, QToolButton, QWidget

from coreset_studio.core.files import replace_atomically, temporary_file
from coreset_studio.desktop_app import theme

Cell = str | int | float
Table = tuple[Sequence[str], Sequence[Sequence[Cell]]]
PNG_SCALE = 3
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@runtime_checkable
class HasNumbers(Protocol):
    """A widget that provides its name and the numbers that it draws."""

    def plot_name(self) -> str:
        """Return a short name, used for the file."""

    def plot_table(self) -> Table:
        """Return column names and rows."""


def save_plot(plot: QWidget, file: Path) -> None:
    """Write a plot to `file`; the suffix says how.

    Parameters
    ----------
    plot : QWidget
        For ``.csv`` it must be a `HasNumbers`.
    file : Path
        ``.png``, ``.svg`` or ``.csv``.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        If the suffix is another.
    """
    kind = file.suffix.lower()
    if not file.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file.parent))
    if kind == ".csv":
        # A byte order mark, so that spreadsheets read names in any script.
        replace_atomically(file, as_csv(cast("HasNumbers", plot).plot_table()).encode("utf-8-sig"))
    elif kind == ".png":
        with temporary_file(file) as part:
            # PySide6 takes the format as text only, whatever its annotations say.
            if not as_image(plot).save(str(part), "PNG"):  # type: ignore[call-overload]
                raise OSError(f"The plot could not be written to {file}.")
    elif kind == ".svg":
        replace_atomically(file, as_svg(plot))
    else:
        kind = file.suffix or "a file without extension"
        raise ValueError(f"A plot can be saved as .png, .svg or .csv, not as {kind}.")


def as_csv(table: Table) -> str:
    """Return a table as CSV; text that a spreadsheet would take for a formula gets an apostrophe in front."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    names, rows = table
    writer.writerow([_safe(name) for name in names])
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return target.getvalue()


def _safe(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def as_image(plot: QWidget, scale: int = PNG_SCALE) -> QImage:
    """Return a plot as an image, `scale` times as fine as on a usual screen."""
    image = QImage(plot.size() * scale, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(scale)
    image.fill(QColor(theme.colours().surface))
    painter = QPainter(image)
    try:
        _draw(plot, painter)
    finally:
        painter.end()  # Qt stops the program if an image is destroyed while it is painted
    return image


def as_svg(plot: QWidget) -> bytes:
    """Return a plot as SVG.

    It is drawn in memory: `QSvgGenerator` keeps a file open after an error, and Windows removes no open file.
    """
    written = QBuffer()
    generator = QSvgGenerator()
    generator.setOutputDevice(written)
    generator.setSize(plot.size())
    generator.setViewBox(plot.rect())
    generator.setTitle(cast("HasNumbers", plot).plot_name() if isinstance(plot, HasNumbers) else "plot")
    painter = QPainter()
    painter.begin(generator)
    try:
        painter.fillRect(plot.rect(), QColor(theme.colours().surface))
        _draw(plot, painter)
    finally:
        painter.end()
    return bytes(written.data().data())


def _draw(plot: QWidget, painter: QPainter) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if not isinstance(plot, QGraphicsView):
        plot.render(painter, QPoint())
        return
    # pyqtgraph draws markers from a raster atlas on screen and as shapes in export mode.
    items = [item for item in plot.scene().items() if hasattr(item, "setExportMode")]
    for item in items:
        item.setExportMode(True, {"antialias": True, "background": None, "painter": painter, "resolutionScale": 1})
    try:
        plot.scene().render(painter, QRectF(plot.rect()), plot.mapToScene(plot.viewport().rect()).boundingRect())
    finally:
        for item in items:
            item.setExportMode(False)


class PlotExportButton(QToolButton):
    """A small button with a menu: save the plot as PNG, SVG or CSV, or copy it.

    Signals
    -------
    saved : (str)
        The file that was written.
    failed : (str)
        A sentence that says why it was not.
    """

    saved = Signal(str)
    failed = Signal(str)

    def __init__(self, plot: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = plot
        self.setIconSize(QSize(18, 18))
        self.setToolTip("Save this plot as PNG, SVG or CSV")
        self.setAccessibleName("Save plot")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.addAction("Save as PNG…").triggered.connect(self._save_png)
        menu.addAction("Save as SVG…").triggered.connect(self._save_svg)
        if isinstance(plot, HasNumbers):
            menu.addAction("Save data as CSV…").triggered.connect(self._save_csv)
        menu.addSeparator()
        menu.addAction("Copy image").triggered.connect(self._copy)
        self.setMenu(menu)
        theme.set_icon(self, "export", "muted")

    def _save_png(self) -> None:
        self._ask("png", "PNG image (*.png)")

    def _save_svg(self) -> None:
        self._ask("svg", "SVG image (*.svg)")

    def _save_csv(self) -> None:
        self._ask("csv", "CSV table (*.csv)")

    def _copy(self) -> None:
        # Not as a QMimeData made here: with one on the clipboard PySide6 crashes when the program is quit.
        QGuiApplication.clipboard().setImage(as_image(self._plot))

    def _ask(self, suffix: str, kinds: str) -> None:
        name = self._plot.plot_name() if isinstance(self._plot, HasNumbers) else "plot"
        chosen, _ = QFileDialog.getSaveFileName(self, "Save plot", f"{name}.{suffix}", kinds)
        if chosen:
            self.save_to(Path(chosen) if Path(chosen).suffix else Path(f"{chosen}.{suffix}"))

    def save_to(self, file: Path) -> None:
        """Write the plot and report the outcome."""
        try:
            save_plot(self._plot, file)
        except (OSError, ValueError) as error:
            self.failed.emit(f"The plot was not saved: {error}")
        else:
            self.saved.emit(str(file))
