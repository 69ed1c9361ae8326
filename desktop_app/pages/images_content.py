"""The content of the Images page: search, order, colour and size above a grid or a map of all images."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QMenu, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from coreset_studio.core.results import IntArray
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.controls import ComboBox, Slider
from coreset_studio.desktop_app.widgets.map_plot import MapPlot
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip
from coreset_studio.desktop_app.widgets.thumbnail_grid import ThumbnailGrid
from coreset_studio.desktop_app.widgets.words import set_tone

SIDES = (56, 224)
SIDE = 104
SEARCH_MS = 150
CAPTIONS = {"class": "Class", "file": "File name", "": "None"}
NO_COLOUR = "None"
VIEWS = {"": "Grid", "pca": "Map (PCA)", "tsne": "Map (t-SNE)"}
"""Views of the images, by the method of the map; empty for the grid."""
VIEW_TIP = "Show the images as a grid, or as points: similar images are near each other"
SEARCH_TIP = "Find images by a part of their path or of a value in the table (Ctrl+F)"


class ImagesContent(QWidget):
    """All images that pass the filters, as a grid or a map.

    Signals
    -------
    searched, sorted, coloured, captioned, viewed : ()
        Another text is searched for; another order, colour, caption or view is chosen.
    left_similar : ()
        All images are to be shown again.

    Parameters
    ----------
    fill_menu : callable
        Fills the menu of the selected images, which are its second argument.
    """

    searched = Signal()
    sorted = Signal()
    coloured = Signal()
    captioned = Signal()
    viewed = Signal()
    left_similar = Signal()

    def __init__(self, fill_menu: Callable[[QMenu, Sequence[int]], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fill_menu = fill_menu
        self._n_images = 0
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search")
        self.search.setToolTip(SEARCH_TIP)
        self.search.addAction(theme.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self._typing = QTimer(self, singleShot=True, interval=SEARCH_MS)
        self._typing.timeout.connect(self.searched)
        self.search.textChanged.connect(self._typing.start)
        self.search.returnPressed.connect(self._focus_grid)
        self.search.installEventFilter(self)
        self.order = _choice("Sort by", "The order of the images")
        self.order.currentIndexChanged.connect(self.sorted)
        self.descending = QToolButton()
        self.descending.setCheckable(True)
        self.descending.toggled.connect(self._show_direction)
        self.descending.toggled.connect(self.sorted)
        self.view = _choice("View", VIEW_TIP)
        for name, title in VIEWS.items():
            self.view.addItem(title, name)
        self.view.currentIndexChanged.connect(self._show_view)
        self.colour = _choice("Colour by", "What the colour of each image means; the filters show the colours")
        self.colour.currentIndexChanged.connect(self.coloured)
        self.caption = _choice("Caption", "Text below each image")
        for name, title in CAPTIONS.items():
            self.caption.addItem(title, name)
        self.caption.currentIndexChanged.connect(self._show_captions)
        self.size_slider = Slider()
        self.size_slider.setRange(*SIDES)
        self.size_slider.setSingleStep(8)
        self.size_slider.setPageStep(24)
        self.size_slider.setValue(SIDE)
        self.size_slider.setFixedWidth(theme.UNIT * 11)
        self.size_slider.setMinimumHeight(theme.UNIT * 3)
        self.size_slider.setToolTip("Size of the thumbnails (Ctrl+plus, Ctrl+minus, or Ctrl and the wheel)")
        self.size_slider.setAccessibleName("Thumbnail size")
        self.size_slider.valueChanged.connect(self._resize)
        self.count = QLabel()
        self.count.setFont(theme.strong_font())
        self.actions_button = QToolButton()
        self.actions_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.actions_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self._menu = QMenu(self)
        self._menu.setToolTipsVisible(True)
        self._menu.aboutToShow.connect(self._fill)
        self.actions_button.setMenu(self._menu)
        self.similar = MessageStrip()
        self.similar.action_triggered.connect(self.left_similar)
        self.grid = ThumbnailGrid(SIDE)
        self.grid.set_captions(True)
        self.grid.selection_changed.connect(self._show_selection)
        self.grid.viewport().installEventFilter(self)
        self.map = MapPlot()
        self.map.selection_changed.connect(self._show_selection)
        self.map_words = QLabel()
        self.map_words.setWordWrap(True)
        set_tone(self.map_words, "muted")
        self._map_keys: IntArray = np.zeros(0, dtype=np.int64)
        self._of_grid: list[QWidget] = [self.size_slider]
        self._lay_out()
        self._add_shortcuts()
        self._show_direction()
        self._show_selection()

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.setSpacing(theme.UNIT)
        above.addWidget(self.count)
        above.addStretch(1)
        self.search.setMinimumWidth(theme.UNIT * 22)
        above.addWidget(self.view)
        above.addWidget(self.search, 2)
        above.addWidget(self.actions_button)
        below = QHBoxLayout()
        below.setSpacing(theme.UNIT // 2)
        for words, control in (("Sort", self.order), ("Colour", self.colour), ("Caption", self.caption)):
            label = QLabel(words)
            label.setBuddy(control)
            set_tone(label, "muted")
            below.addWidget(label)
            below.addWidget(control, 1)
            if control is self.order:
                below.addWidget(self.descending)
                self._of_grid.append(self.descending)
            if control is not self.colour:
                self._of_grid += [label, control]
            below.addSpacing(theme.UNIT)
        below.addStretch(1)
        below.addWidget(self.size_slider)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT)
        column.addLayout(above)
        column.addLayout(below)
        column.addWidget(self.similar)
        on_map = QWidget()
        map_column = QVBoxLayout(on_map)
        map_column.setContentsMargins(0, 0, 0, 0)
        map_column.setSpacing(theme.UNIT // 2)
        map_column.addWidget(self.map, 1)
        map_column.addWidget(self.map_words)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.grid)
        self._stack.addWidget(on_map)
        column.addWidget(self._stack, 1)

    def _add_shortcuts(self) -> None:
        for keys, slot in (
            (QKeySequence.StandardKey.Find, self._focus_search),
            (QKeySequence.StandardKey.ZoomIn, self.enlarge),
            (QKeySequence.StandardKey.ZoomOut, self.shrink),
        ):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)

    # --- content ----------------------------------------------------------------------------------------------

    def offer_orders(self, titles: Mapping[str, str]) -> None:
        """Offer orders by name; the one that is chosen stays if it is still offered."""
        _offer(self.order, titles)

    def offer_colours(self, titles: Mapping[str, str]) -> None:
        """Offer what the colours may mean, by name of a facet."""
        _offer(self.colour, {"": NO_COLOUR, **titles})

    @property
    def map_method(self) -> str:
        """The method of the map that is chosen; empty for the grid."""
        return str(self.view.currentData() or "")

    def choose_view(self, method: str) -> None:
        """Show the map of a method, or the grid with an empty text."""
        self.view.setCurrentIndex(max(0, self.view.findData(method)))

    def selected_keys(self) -> IntArray:
        """Return the selected images, in the order of the grid, or ascending while the map is shown."""
        return self._map_keys[self.map.selection] if self.map_method else self.grid.selected_keys()

    def set_map_keys(self, keys: IntArray, selected: IntArray) -> None:
        """Name the images of the points of the map, which were replaced, and those that are selected."""
        self._map_keys = keys
        self.map.set_selection(np.flatnonzero(np.isin(keys, selected)))
        self._show_selection()

    @property
    def map_keys(self) -> IntArray:
        """The images of the points of the map."""
        return self._map_keys

    def choose_colour(self, name: str) -> None:
        """Choose what the colours mean without a signal."""
        self.colour.blockSignals(True)
        self.colour.setCurrentIndex(max(0, self.colour.findData(name)))
        self.colour.blockSignals(False)

    def choose_order(self, name: str) -> None:
        """Choose an order without a signal."""
        self.order.blockSignals(True)
        self.order.setCurrentIndex(max(0, self.order.findData(name)))
        self.order.blockSignals(False)

    def forget(self) -> None:
        """Show and offer nothing of a dataset."""
        self._typing.stop()
        self.search.clear()
        self.count.clear()
        self.offer_orders({})
        self.offer_colours({})
        self.show_similar("")
        self.choose_view("")
        self.map.forget()
        self.map_words.clear()
        self._map_keys = self._map_keys[:0]
        self.grid.set_images(())
        self.grid.set_badges(selected=(), pinned_in=(), pinned_out=(), highlighted=())
        self._show_selection()

    def show_count(self, n_shown: int, n_images: int) -> None:
        """Say how many images there are and how many pass."""
        self._n_images = n_images
        all_shown = n_shown == n_images
        self.count.setText(f"{n_images:,} images" if all_shown else f"{n_shown:,} of {n_images:,} images")

    def show_similar(self, words: str) -> None:
        """Say what the images are similar to; with an empty text they are all images again."""
        if words:
            self.similar.show_message("info", words, "Show all images", "Leave the similar images", closable=False)
        else:
            self.similar.clear()

    def enlarge(self) -> None:
        """Show larger thumbnails."""
        self.size_slider.setValue(self.size_slider.value() + 16)

    def shrink(self) -> None:
        """Show smaller thumbnails."""
        self.size_slider.setValue(self.size_slider.value() - 16)

    # --- inside -----------------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Resize the thumbnails by Ctrl and the wheel; go from the search to the images by Down."""
        if watched is self.grid.viewport() and event.type() == QEvent.Type.Wheel:
            wheel = event
            if wheel.modifiers() & Qt.KeyboardModifier.ControlModifier:  # type: ignore[attr-defined]
                (self.enlarge if wheel.angleDelta().y() > 0 else self.shrink)()  # type: ignore[attr-defined]
                return True
        down = watched is self.search and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if down and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Down:
            self._focus_grid()
            return True
        return super().eventFilter(watched, event)

    def _focus_search(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _focus_grid(self) -> None:
        if self.map_method:
            self.map.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return
        self.grid.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if not self.grid.currentIndex().isValid() and len(self.grid.images.keys):
            self.grid.setCurrentIndex(self.grid.images.index(0))

    def _show_view(self) -> None:
        on_map = bool(self.map_method)
        if on_map != bool(self._stack.currentIndex()):  # the selection goes along
            if on_map:
                self.map.set_selection(np.flatnonzero(np.isin(self._map_keys, self.grid.selected_keys())))
            else:
                self.grid.set_selected_keys(self._map_keys[self.map.selection])
        for widget in self._of_grid:
            widget.setVisible(not on_map)
        self._stack.setCurrentIndex(int(on_map))
        self._show_selection()
        self.viewed.emit()

    def _resize(self, side: int) -> None:
        key = self.grid.current_key()
        self.grid.set_side(side)
        if key >= 0:
            self.grid.show_key(key)

    def _show_captions(self) -> None:
        self.grid.set_captions(bool(self.caption.currentData()))
        self.captioned.emit()

    def _show_direction(self) -> None:
        down = self.descending.isChecked()
        theme.set_icon(self.descending, "chevron-down" if down else "chevron-up")
        words = "Descending; click for ascending" if down else "Ascending; click for descending"
        self.descending.setToolTip(words)
        self.descending.setAccessibleName(words)

    def _show_selection(self) -> None:
        n = len(self.selected_keys())
        self.actions_button.setText(f"Actions ({n:,} selected)" if n else "Actions")
        self.actions_button.setEnabled(n > 0)
        tip = "Actions on the selected images" if n else "Select images first. Ctrl+A selects all."
        self.actions_button.setToolTip(tip)
        self.actions_button.setAccessibleDescription(tip)

    def _fill(self) -> None:
        self._menu.clear()
        self._fill_menu(self._menu, self.selected_keys().tolist())

    def sizeHint(self) -> QSize:  # noqa: N802
        """Want what is left."""
        return QSize(theme.UNIT * 80, theme.UNIT * 60)


def _choice(name: str, tip: str) -> ComboBox:
    box = ComboBox()
    box.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(7)
    box.setAccessibleName(name)
    box.setToolTip(tip)
    box.setAccessibleDescription(tip)
    return box


def _offer(box: ComboBox, titles: Mapping[str, str]) -> None:
    if [(box.itemData(row), box.itemText(row)) for row in range(box.count())] == list(titles.items()):
        return
    before = box.currentData()
    box.blockSignals(True)
    box.clear()
    for name, title in titles.items():
        box.addItem(title, name)
    box.setCurrentIndex(max(0, box.findData(before)))
    box.blockSignals(False)
