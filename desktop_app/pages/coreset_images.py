"""The images of the Coreset page: chosen, not chosen or pinned, with pins set by menu and keys."""

from collections.abc import Iterable, Mapping

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QComboBox, QLabel, QMenu, QPushButton, QToolButton, QWidget

from coreset_studio.core.results import ClassClusters, Coreset
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.pages.images_shown import ImagesShown
from coreset_studio.desktop_app.widgets.card import Card
from coreset_studio.desktop_app.widgets.controls import ComboBox
from coreset_studio.desktop_app.widgets.thumbnail_grid import ThumbnailGrid
from coreset_studio.desktop_app.widgets.words import images, set_tone

PIN_KEYS = ("I", "O", "U")
"""Pin in, pin out, unpin; of the grid itself, since its button has them, too."""
SHOWN = {"chosen": "Selected", "others": "Not selected", "pinned": "Pinned"}
NOTHING = {
    "chosen": "No images selected",
    "others": "All images selected",
    "pinned": "No images pinned. Select images and press I to always include them, or O to always exclude them.",
}


class CoresetImages(Card):
    """A grid of the pool's images.

    Signals
    -------
    pins_changed : (object, str)
        Indices, and "in", "out" or "" for neither.
    opened : (int, object)
        An image, and those to walk through.
    hovered : (int)
    """

    pins_changed = Signal(object, str)
    opened = Signal(int, object)
    hovered = Signal(int)

    def __init__(self, shown: ImagesShown, parent: QWidget | None = None) -> None:
        super().__init__("Images", parent=parent)
        self._images = shown
        self._coreset: Coreset | None = None
        self._pool: np.ndarray[tuple[int], np.dtype[np.int64]] = np.zeros(0, dtype=np.int64)
        self._cluster_of: dict[int, int] = {}
        self._medoids: list[int] = []
        self._pins: Mapping[int, str] = {}
        self._only: tuple[str, int] = ("", -1)
        self._these: frozenset[int] | None = None
        self._drawn: object = None
        self.which = ComboBox()
        for name, title in SHOWN.items():
            self.which.addItem(title, name)
        self.which.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.which.setMinimumContentsLength(8)
        self.which.setToolTip("Images of the pool to show")
        self.which.setAccessibleName("Images to show")
        self.which.currentIndexChanged.connect(self._redraw)
        self.all_button = QPushButton("All classes")
        self.all_button.setToolTip("Show the images of all classes again")
        self.all_button.clicked.connect(self.show_all)
        self.pin_button = QToolButton()
        self.pin_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.pin_button.setText("Pin")
        self.pin_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        theme.set_icon(self.pin_button, "pin")
        self.grid = ThumbnailGrid(64)
        self.empty = QLabel()
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        set_tone(self.empty, "muted")
        for tool in (self.all_button, self.which, self.pin_button):
            self.add_tool(tool)
        self.add(self.grid, 1)
        self.add(self.empty, 1)
        self._make_pins()
        self.grid.opened.connect(self._open)
        self.grid.preview_requested.connect(self._open)
        self.grid.hovered.connect(self.hovered)
        self.grid.current_changed.connect(self.hovered)
        self.grid.selection_changed.connect(self._show_pins)
        self._show_pins()

    def _make_pins(self) -> None:
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        for text, tip, key, slot in (
            ("Always include (pin in)", "Counts towards the budget of its class", PIN_KEYS[0], self._pin_in),
            ("Always exclude (pin out)", "Another image takes its place", PIN_KEYS[1], self._pin_out),
            ("Unpin", "Let the sampler decide again", PIN_KEYS[2], self._unpin),
        ):
            action = QAction(text, self.grid)
            action.setShortcut(QKeySequence(key))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.setToolTip(tip)
            action.triggered.connect(slot)
            self.grid.addAction(action)
            self.menu.addAction(action)
        self.pin_button.setMenu(self.menu)

    # --- content ----------------------------------------------------------------------------------------------

    def set_clusters(self, clusters: Iterable[ClassClusters]) -> None:
        """Learn which image is in which cluster."""
        self._cluster_of = {}
        self._medoids = []
        for found in clusters:
            self._cluster_of |= dict(zip(found.indices.tolist(), found.labels.tolist(), strict=True))
            self._medoids += found.medoids.tolist()
        self._pool = np.array(sorted(self._cluster_of), dtype=np.int64)
        self._drawn = None
        self._redraw()

    def forget(self) -> None:
        """Show no images and know of no pins."""
        self._coreset, self._drawn = None, None
        self._pool = np.zeros(0, dtype=np.int64)
        self._cluster_of, self._medoids, self._pins = {}, [], {}
        self._only, self._these = ("", -1), None
        self.which.setCurrentIndex(0)
        self.which.setEnabled(True)
        self.set_note("")
        self.all_button.hide()
        self.empty.clear()
        self.empty.hide()
        self.menu.hide()
        self.grid.set_images(())
        self.grid.set_badges(selected=(), medoids=(), pinned_in=(), pinned_out=())
        self.grid.show()
        self._show_pins()

    def set_coreset(self, coreset: Coreset, pinned_in: Iterable[int], pinned_out: Iterable[int]) -> None:
        """Show what is chosen."""
        self._coreset = coreset
        self._pins = {**dict.fromkeys(pinned_in, "in"), **dict.fromkeys(pinned_out, "out")}
        self._redraw()

    def show_only(self, class_name: str, cluster: int) -> None:
        """Show one cluster, or with -1 one class."""
        self._only, self._these = (class_name, cluster), None
        self._redraw()

    def show_these(self, indices: object) -> None:
        """Show images that were selected elsewhere, chosen or not; an empty list shows all again."""
        self._only = ("", -1)
        self._these = frozenset(indices) if isinstance(indices, list) and indices else None
        self._redraw()

    def show_all(self) -> None:
        """Show all classes."""
        self.show_only("", -1)

    def _redraw(self) -> None:
        coreset = self._coreset
        if coreset is None:
            return
        which = str(self.which.currentData())
        these = self._these
        self.which.setEnabled(these is None)
        if these is not None:
            shown = sorted(these)
        else:
            shown = [index for index in self._candidates(coreset, which) if self._is_shown(index)]
        class_name, cluster = self._only
        of = f" of {class_name}" + (f", cluster {cluster + 1}" if cluster >= 0 else "") if class_name else ""
        self.set_note(f"{images(len(shown))}{of}" if these is None else f"{images(len(shown))} selected in the plot")
        self.all_button.setVisible(bool(class_name) or these is not None)
        self.empty.setText(NOTHING[which])
        self.empty.setVisible(not shown)
        self.grid.setVisible(bool(shown))
        if shown != self._drawn:
            self._drawn = shown
            self.grid.set_images(self._images.thumbnails(shown, [self._cluster_of.get(i, -1) for i in shown]))
            self._show_pins()
        self.grid.set_badges(
            selected=() if which == "chosen" and these is None else coreset.indices.tolist(),
            medoids=self._medoids,
            pinned_in=[index for index, pin in self._pins.items() if pin == "in"],
            pinned_out=[index for index, pin in self._pins.items() if pin == "out"],
        )

    def _candidates(self, coreset: Coreset, which: str) -> list[int]:
        if which == "chosen":
            return [int(index) for index in coreset.indices]
        if which == "others":
            return [int(index) for index in np.setdiff1d(self._pool, coreset.indices)]
        return sorted(self._pins)

    def _is_shown(self, index: int) -> bool:
        class_name, cluster = self._only
        if class_name and self._images.class_of(index) != class_name:
            return False
        return cluster < 0 or self._cluster_of.get(index, -1) == cluster

    # --- pins -------------------------------------------------------------------------------------------------

    def _show_pins(self) -> None:
        some = len(self.grid.selected_keys()) > 0
        self.pin_button.setEnabled(some)
        tip = "Pin the selected images in (I) or out (O)" if some else "Select images first to pin them in or out."
        self.pin_button.setToolTip(tip)
        self.pin_button.setAccessibleName(tip)

    def _pin_in(self) -> None:
        self._pin("in")

    def _pin_out(self) -> None:
        self._pin("out")

    def _unpin(self) -> None:
        self._pin("")

    def _pin(self, how: str) -> None:
        keys = self.grid.selected_keys()
        if len(keys):
            self.pins_changed.emit(tuple(int(key) for key in keys), how)

    def _open(self, index: int) -> None:
        self.opened.emit(index, self.grid.images.keys.tolist())
