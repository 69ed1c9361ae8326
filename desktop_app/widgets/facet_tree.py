"""Filters as a tree: facets with their values, how many images have each, and check boxes."""

from collections.abc import Collection, Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPixmap, QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QSizePolicy, QTreeWidget, QTreeWidgetItem, QWidget

from coreset_studio.core.results import IntArray
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.facets import Facet

OPEN_UP_TO = 16
"""A facet with more values than this is closed at first."""
OPEN = ("class", "set", "coreset", "finding", "compared", "stability")
NAME = Qt.ItemDataRole.UserRole
SWATCH = 12


class FacetTree(QTreeWidget):
    """Facets; an image passes if, of every facet with checked values, it has one of these.

    Space checks a value, Left and Right close and open a facet.

    Signals
    -------
    changed : ()
        Other values are checked.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facets: Mapping[str, Facet] = {}
        self._coloured = ""
        self._tops: dict[str, QTreeWidgetItem] = {}
        self.setAccessibleName("Filters")
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(True)
        self.setIndentation(theme.UNIT * 3 // 2)
        self.setUniformRowHeights(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setExpandsOnDoubleClick(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._row_height = self.fontMetrics().height() + theme.UNIT
        self.itemExpanded.connect(self._fit)
        self.itemCollapsed.connect(self._fit)
        self.itemChanged.connect(self._on_changed)
        theme.changed.connect(self._draw_colours)

    @property
    def chosen(self) -> dict[str, frozenset[int]]:
        """The checked values, by facet; facets without any are left out."""
        found = {}
        for name, top in self._tops.items():
            values = [row for row, item in enumerate(_children(top)) if _is_checked(item)]
            if values:
                found[name] = frozenset(values)
        return found

    def set_facets(self, facets: Mapping[str, Facet]) -> None:
        """Show other facets; values of the same titles stay checked, facets of the same names open or closed."""
        checked = {name: {facet.values[value] for value in self.chosen.get(name, ())}
                   for name, facet in self._facets.items()}  # fmt: skip
        expanded = {name: top.isExpanded() for name, top in self._tops.items()}
        self.blockSignals(True)
        self.clear()
        self._facets, self._tops = facets, {}
        for name, facet in facets.items():
            top = self._tops[name] = QTreeWidgetItem(self, [facet.title])
            top.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            top.setFont(0, theme.strong_font())
            top.setData(0, NAME, name)
            top.setToolTip(0, facet.title)
            top.setSizeHint(0, QSize(0, self._row_height))
            for value in facet.values:
                item = QTreeWidgetItem(top, [value])
                item.setFlags(top.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                on = value in checked.get(name, ())
                item.setCheckState(0, Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
                item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(0, value)
                item.setSizeHint(0, QSize(0, self._row_height))
            top.setExpanded(expanded.get(name, name in OPEN and len(facet.values) <= OPEN_UP_TO))
        self.blockSignals(False)
        self._fit()
        self._draw_colours()

    def show_counts(self, counts: Mapping[str, IntArray]) -> None:
        """Show how many images each value has, by facet."""
        self.blockSignals(True)
        for name, numbers in counts.items():
            for item, n in zip(_children(self._tops.get(name)), numbers.tolist(), strict=False):
                if item.text(1) != f"{n:,}":
                    item.setText(1, f"{n:,}")
                    item.setData(0, Qt.ItemDataRole.AccessibleTextRole, f"{item.text(0)}, {n:,} images")
        self.blockSignals(False)
        self._draw_colours()

    def show_colours(self, name: str) -> None:
        """Show the colours of the values of one facet, by name; of none with an empty text."""
        self._coloured = name
        self._draw_colours()

    def check(self, name: str, values: Collection[str]) -> None:
        """Check the values of these titles in one facet, and no others of it."""
        top = self._tops.get(name)
        if top is None:
            return
        self.blockSignals(True)
        for item in _children(top):
            item.setCheckState(0, Qt.CheckState.Checked if item.text(0) in values else Qt.CheckState.Unchecked)
        top.setExpanded(top.isExpanded() or bool(values))
        self.blockSignals(False)
        self.changed.emit()

    def clear_checks(self) -> None:
        """Let all images through."""
        self.blockSignals(True)
        for top in self._tops.values():
            for item in _children(top):
                item.setCheckState(0, Qt.CheckState.Unchecked)
        self.blockSignals(False)
        self.changed.emit()

    def titles(self) -> Sequence[str]:
        """Return the titles of the facets shown."""
        return [facet.title for facet in self._facets.values()]

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Open and close a facet by Enter as well."""
        item = self.currentItem()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and item is not None and item.parent() is None:
            item.setExpanded(not item.isExpanded())
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Let the column scroll."""
        event.ignore()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Be as high as what is open: the column scrolls, not the tree."""
        rows = sum(1 + (top.childCount() if top.isExpanded() else 0) for top in self._tops.values())
        return QSize(theme.UNIT * 24, rows * self._row_height + 2 * self.frameWidth() + theme.UNIT)

    def _fit(self) -> None:
        self.setFixedHeight(self.sizeHint().height())

    def _on_changed(self, item: QTreeWidgetItem, column: int) -> None:
        if column == 0 and item.parent() is not None:
            self.changed.emit()

    def _draw_colours(self) -> None:
        """Show what has images and what has none, and the colours of the bands, in the theme as it is now."""
        self.blockSignals(True)
        named = theme.colours()
        for name, top in self._tops.items():
            for row, item in enumerate(_children(top)):
                has_images = item.text(1) != "0"
                item.setForeground(0, QColor(named.text if has_images else named.disabled))
                item.setForeground(1, QColor(named.muted if has_images else named.disabled))
                item.setIcon(0, _swatch(theme.cluster_colour(row)) if name == self._coloured else QIcon())
        self.blockSignals(False)


def _children(item: QTreeWidgetItem | None) -> list[QTreeWidgetItem]:
    """Return the values below a facet; none where there is no facet."""
    found = [item.child(row) for row in range(item.childCount())] if item is not None else []
    return [child for child in found if child is not None]


def _is_checked(item: QTreeWidgetItem) -> bool:
    return item.checkState(0) == Qt.CheckState.Checked


def _swatch(colour: str) -> QIcon:
    """Return a square of a colour, as the band below a thumbnail has it."""
    pixmap = QPixmap(SWATCH, SWATCH)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(theme.edge(colour)))
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(1, 1, SWATCH - 2, SWATCH - 2, 2, 2)
    painter.end()
    return QIcon(pixmap)
