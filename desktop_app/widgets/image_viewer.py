"""A window with one image, the facts about it, and the images most similar to it."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QImage, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.core.heat_map import OPACITY
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.thumbnail_store import decode
from coreset_studio.desktop_app.widgets.activation_panel import ActivationPanel
from coreset_studio.desktop_app.widgets.display_controls import DisplayControls
from coreset_studio.desktop_app.widgets.image_canvas import STEP, ImageCanvas
from coreset_studio.desktop_app.widgets.similar_list import SimilarList
from coreset_studio.desktop_app.widgets.words import ElideLabel, set_tone

LOADING_MS = 300
"""A full image that takes longer is said to be loading."""
SIDE_WIDTH = theme.UNIT * 34
PAN_SHARE = 0.1
"""Share of the canvas by which an arrow key pans."""
_DIRECTIONS = {
    Qt.Key.Key_Left: QPointF(1, 0),
    Qt.Key.Key_Right: QPointF(-1, 0),
    Qt.Key.Key_Up: QPointF(0, 1),
    Qt.Key.Key_Down: QPointF(0, -1),
}
_HELD = {Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_AltGr, Qt.Key.Key_Meta}


class ImageViewer(QDialog):
    """An image at the left, and at the right what is known about it and which images are similar.

    Arrow keys ask for the image before and after, Home and End for the first and the last; with Shift or Ctrl arrow
    keys pan. + and - zoom at the centre, 1 shows 100 %, 0 fits the image. L lists similar images or hides them,
    Backspace goes back from one. G shows the class activation map or hides it. Space, Enter or Escape closes.

    Signals
    -------
    stepped : (int)
        By how many images the user moves in the list, negative for backwards; answer with `show_image`.
    similar_opened : (int)
        Key of the similar image to show.
    similar_toggled : (bool)
        Similar images are shown or hidden.
    map_toggled : (bool)
        The class activation map is shown or hidden; answer with `show_map`.
    back_requested : ()
        The user asked to return to the image that a similar one was opened from.
    menu_requested : (QPoint)
        The user opened the menu of actions for the image, at a screen position.
    key_pressed : (QKeySequence)
        A key that may be that of an action.
    """

    stepped = Signal(int)
    similar_opened = Signal(int)
    similar_toggled = Signal(bool)
    map_toggled = Signal(bool)
    back_requested = Signal()
    menu_requested = Signal(QPoint)
    key_pressed = Signal(QKeySequence)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Image")
        self.setAccessibleName("Image preview")
        self._position, self._count = 0, 1
        self._known: tuple[tuple[str, str], ...] = ()
        self._loading = QTimer(self, singleShot=True, interval=LOADING_MS)
        self._loading.timeout.connect(self._say_loading)
        self.canvas = ImageCanvas()
        self.canvas.setToolTip("Drag to pan, turn the wheel to zoom, double-click for 100 %")
        self.canvas.view_changed.connect(self._show_zoom)
        left = QVBoxLayout()
        left.setSpacing(theme.UNIT)
        left.addWidget(self.canvas, 1)
        left.addLayout(self._make_bar())
        beside = QWidget()
        beside.setLayout(self._make_side())
        beside.setFixedWidth(SIDE_WIDTH)
        row = QHBoxLayout(self)
        row.setSpacing(theme.UNIT * 2)
        row.addLayout(left, 1)
        row.addWidget(beside)
        self.resize(theme.UNIT * 110, theme.UNIT * 75)
        self.canvas.setFocus()
        self._show_position()

    # --- making -----------------------------------------------------------------------------------------------

    def _make_bar(self) -> QHBoxLayout:
        self.before = self._tool("arrow-left", "Previous image (Left)", self._back)
        self.after = self._tool("arrow-right", "Next image (Right)", self._forth)
        self.position = QLabel()
        self.position.setToolTip("Place in the list that the image was opened from (Home and End: first and last)")
        self.zoom_out = self._tool("minus", "Zoom out (-)", self._zoom_out)
        self.zoom_in = self._tool("plus", "Zoom in (+)", self._zoom_in)
        self.zoom_text = QLabel()
        self.zoom_text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.zoom_text.setMinimumWidth(theme.UNIT * 7)
        self.zoom_text.setToolTip("Zoom: pixels of the screen per image pixel")
        self.fit = self._push("Fit", "Show the whole image (0)", self.canvas.fit)
        self.full = self._push("100 %", "Show one image pixel as one pixel of the screen (1)", self._show_full_size)
        bar = QHBoxLayout()
        bar.setSpacing(theme.UNIT // 2)
        for widget in (self.before, self.position, self.after):
            bar.addWidget(widget)
        bar.addStretch(1)
        for zooming in (self.zoom_out, self.zoom_text, self.zoom_in, self.fit, self.full):
            bar.addWidget(zooming)
        return bar

    def _make_side(self) -> QVBoxLayout:
        self.title = ElideLabel()
        self.title.mode = Qt.TextElideMode.ElideMiddle
        self.title.setFont(theme.strong_font())
        self.more = QToolButton()
        self.more.setIconSize(QSize(20, 20))
        theme.set_icon(self.more, "more")
        self.more.setToolTip("Actions for this image")
        self.more.setAccessibleName("Actions")
        self.more.clicked.connect(self._ask_for_menu)
        self.more.hide()
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.more)
        self._facts = QFormLayout()
        self._facts.setHorizontalSpacing(theme.UNIT * 2)
        self._facts.setVerticalSpacing(theme.UNIT // 2)
        self.toggle = QToolButton()
        self.toggle.setText("Similar images")
        self.toggle.setToolTip("Show or hide the images at the smallest distance in the extracted features (L)")
        self.toggle.setCheckable(True)
        self.toggle.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.toggle.toggled.connect(self._on_toggled)
        self.back = self._push("Back", "Return to the image before (Backspace)", self.back_requested.emit)
        self.back.hide()
        self.map_toggle = QToolButton()
        self.map_toggle.setText("Class activation map")
        self.map_toggle.setToolTip("Show or hide the regions that a trained network bases a class on, by Grad-CAM (G)")
        self.map_toggle.setCheckable(True)
        self.map_toggle.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.map_toggle.toggled.connect(self._on_map_toggled)
        self.map_toggle.hide()
        self.map = ActivationPanel()
        self.map.opacity_changed.connect(self.canvas.set_overlay_opacity)
        self.canvas.set_overlay_opacity(OPACITY)
        self.map.hide()
        heading = QHBoxLayout()
        heading.addWidget(self.toggle)
        heading.addStretch(1)
        heading.addWidget(self.back)
        self.similar = SimilarList()
        self.similar.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.similar.opened.connect(self.similar_opened)
        self.similar.hide()
        self.display = DisplayControls()
        self.display.changed.connect(self.canvas.set_display)
        side = QVBoxLayout()
        side.setSpacing(theme.UNIT * 3 // 2)
        side.addLayout(head)
        side.addLayout(self._facts)
        side.addWidget(self.map_toggle)
        side.addWidget(self.map)
        side.addLayout(heading)
        side.addWidget(self.similar, 1)
        side.addStretch(0)
        side.addWidget(self.display)
        for toggle in (self.toggle, self.map_toggle):
            theme.set_icon(toggle, "chevron-right")
        return side

    def _tool(self, icon: str, tooltip: str, slot: object) -> QToolButton:
        button = QToolButton()
        button.setToolTip(tooltip)
        button.setAccessibleName(tooltip)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setIconSize(QSize(20, 20))
        theme.set_icon(button, icon)
        button.clicked.connect(slot)
        return button

    def _push(self, text: str, tooltip: str, slot: object) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tooltip)
        button.setAutoDefault(False)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # each has a key
        button.clicked.connect(slot)
        return button

    # --- showing ----------------------------------------------------------------------------------------------

    def show_image(
        self,
        image: QImage | str | Path,
        title: str,
        facts: Sequence[tuple[str, str]],
        *,
        size: QSize | None = None,
        position: int = 0,
        count: int = 1,
    ) -> None:
        """Show an image.

        Parameters
        ----------
        image : QImage or path
            A path is that of a thumbnail, shown in the size of the image until `show_full` brings it.
        title : str
            Its path.
        facts : sequence of (str, str)
            What is known: name and value.
        size : QSize, optional
            Of the full image in pixels.
        position, count : int
            Place in the list that is stepped through, from 0, and its length.
        """
        is_preview, problem = not isinstance(image, QImage), ""
        if not isinstance(image, QImage):
            image, problem = decode(str(image))
        self.canvas.set_image(image, problem, size=size, is_preview=is_preview)
        self.canvas.setAccessibleName(problem or title)
        self.set_note("")
        if is_preview:
            self._loading.start()
        self.title.setText(title)
        self.title.setToolTip(title)
        self.setWindowTitle(title.rsplit("/", 1)[-1] or "Image")
        self.show_facts(facts)
        self._position, self._count = position, count
        self._show_position()

    def show_full(self, image: QImage, size: QSize, note: str = "") -> None:
        """Show the full image in place of its thumbnail, at the same position.

        Parameters
        ----------
        image : QImage
            May be smaller than the image where that is too large.
        size : QSize
            Of the image, in pixels.
        note : str
            What to know about it, such as that it is smaller.
        """
        self._loading.stop()
        self.canvas.set_image(image, size=size)
        self.canvas.setAccessibleName(self.title.text())
        self.set_note(note)

    def set_note(self, note: str, *, warning: bool = False) -> None:
        """Say over the image what to know about it, such as why only its thumbnail is shown; empty for nothing."""
        self._loading.stop()
        self.canvas.set_note(note, warning=warning)

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """The facts about the image: names and values."""
        return self._known

    def show_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Show what is known of the image: names and values."""
        self._known = tuple(facts)
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for name, value in facts:
            words = QLabel(value)
            words.setWordWrap(True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            heading = QLabel(name)
            set_tone(heading, "muted")
            self._facts.addRow(heading, words)

    def show_similar(self, shown: bool) -> None:
        """Show or hide similar images."""
        self.toggle.setChecked(shown)

    def offer_maps(self, offered: bool) -> None:
        """Offer class activation maps, or not."""
        self.map_toggle.setVisible(offered)

    def show_map(self, overlay: QImage) -> None:
        """Draw a map over the image; a null one removes it. It is hidden while its panel is."""
        self.canvas.set_overlay(overlay if self.map_toggle.isChecked() else QImage())

    def offer_back(self, offered: bool) -> None:
        """Offer to return to an image, or not."""
        self.back.setVisible(offered)

    def offer_actions(self, offered: bool) -> None:
        """Offer actions for the image, or not."""
        self.more.setVisible(offered)

    def _say_loading(self) -> None:
        self.set_note("Loading the full image…")

    def _show_position(self) -> None:
        self.position.setText(f"{self._position + 1:,} of {self._count:,}")
        self.before.setEnabled(self._position > 0)
        self.after.setEnabled(self._position < self._count - 1)

    def _show_zoom(self) -> None:
        self.zoom_text.setText(f"{self.canvas.zoom * 100:,.0f} %")

    def _on_toggled(self, shown: bool) -> None:
        self.similar.setVisible(shown and not self.map_toggle.isChecked())
        theme.set_icon(self.toggle, "chevron-down" if shown else "chevron-right")
        self.similar_toggled.emit(shown)

    def _on_map_toggled(self, shown: bool) -> None:
        self.map.setVisible(shown)
        theme.set_icon(self.map_toggle, "chevron-down" if shown else "chevron-right")
        # Both lists do not fit below each other in a small window.
        self.similar.setVisible(self.toggle.isChecked() and not shown)
        self.toggle.setVisible(not shown)
        if not shown:
            self.canvas.set_overlay(QImage())
        self.map_toggled.emit(shown)

    def _toggle_map(self) -> None:
        if not self.map_toggle.isHidden():
            self.map_toggle.toggle()

    def _toggle_similar(self) -> None:
        """Show or hide similar images; in place of a map they are shown as they were before it."""
        if self.map_toggle.isChecked():
            self.map_toggle.setChecked(False)
        else:
            self.toggle.toggle()

    # --- doing ------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Step, pan, zoom, close."""
        key, focus = Qt.Key(event.key()), QApplication.focusWidget()
        pans = event.modifiers() & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier)
        doing = {
            Qt.Key.Key_Left: self._back,
            Qt.Key.Key_Up: self._back,
            Qt.Key.Key_Right: self._forth,
            Qt.Key.Key_Down: self._forth,
            Qt.Key.Key_Home: self._first,
            Qt.Key.Key_End: self._last,
            Qt.Key.Key_Plus: self._zoom_in,
            Qt.Key.Key_Equal: self._zoom_in,
            Qt.Key.Key_Minus: self._zoom_out,
            Qt.Key.Key_0: self.canvas.fit,
            Qt.Key.Key_1: self._show_full_size,
            Qt.Key.Key_L: self._toggle_similar,
            Qt.Key.Key_G: self._toggle_map,
            Qt.Key.Key_Backspace: self._go_back,
            Qt.Key.Key_Space: self.close,
            Qt.Key.Key_Escape: self.close,
        }
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            focus.click() if isinstance(focus, QAbstractButton) else self.close()
        elif key in _DIRECTIONS and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            super().keyPressEvent(event)
        elif key in _DIRECTIONS and pans:
            by = _DIRECTIONS[key]
            width, height = self.canvas.width(), self.canvas.height()
            self.canvas.pan_by(QPointF(by.x() * width, by.y() * height) * PAN_SHARE)
        elif key in doing and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            doing[key]()
        elif key not in _HELD:
            self.key_pressed.emit(QKeySequence(event.keyCombination()))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """Offer the actions for the image."""
        self.menu_requested.emit(event.globalPos())

    def _ask_for_menu(self) -> None:
        self.menu_requested.emit(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _back(self) -> None:
        if self.before.isEnabled():
            self.stepped.emit(-1)

    def _forth(self) -> None:
        if self.after.isEnabled():
            self.stepped.emit(1)

    def _first(self) -> None:
        if self.before.isEnabled():
            self.stepped.emit(-self._position)

    def _last(self) -> None:
        if self.after.isEnabled():
            self.stepped.emit(self._count - 1 - self._position)

    def _go_back(self) -> None:
        if not self.back.isHidden():
            self.back_requested.emit()

    def _zoom_in(self) -> None:
        self.canvas.zoom_by(STEP)

    def _zoom_out(self) -> None:
        self.canvas.zoom_by(1 / STEP)

    def _show_full_size(self) -> None:
        self.canvas.set_zoom(1.0)
