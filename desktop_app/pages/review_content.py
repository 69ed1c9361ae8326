"""The content of the Review page: one image next to those it is compared with, and the decisions about it."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSplitter, QVBoxLayout, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.thumbnail_store import decode
from coreset_studio.desktop_app.models.thumbnails import Thumbnail
from coreset_studio.desktop_app.widgets.card import Card
from coreset_studio.desktop_app.widgets.image_canvas import ImageCanvas
from coreset_studio.desktop_app.widgets.thumbnail_grid import ThumbnailGrid
from coreset_studio.desktop_app.widgets.words import ElideLabel, set_tone

NEIGHBOUR_SIDE = 96
MOST_NUMBERED = 9
"""Classes that have a number key."""


class ReviewContent(QWidget):
    """One image large, its partner or its nearest neighbours, and buttons for what is decided.

    Signals
    -------
    kept, skipped, excluded : ()
    relabelled : (str)
        The class chosen; empty to be asked for one.
    stepped : (int)
        -1 or 1: the finding before or after.
    opened : (int, object)
        A neighbour, and those to walk through.
    """

    kept = Signal()
    skipped = Signal()
    excluded = Signal()
    relabelled = Signal(str)
    stepped = Signal(int)
    opened = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._suggestion = ""
        self._classes: Sequence[str] = ()
        self.sentence = QLabel()
        self.sentence.setFont(theme.strong_font())
        self.sentence.setWordWrap(True)
        self.state = QLabel()
        set_tone(self.state, "muted")
        self.canvas, self.partner = ImageCanvas(), ImageCanvas()
        for canvas in (self.canvas, self.partner):
            canvas.setMinimumWidth(theme.UNIT * 22)
        self.title, self.partner_title = ElideLabel(), ElideLabel()
        for title in (self.title, self.partner_title):
            title.mode = Qt.TextElideMode.ElideMiddle
        self.neighbours = ThumbnailGrid(NEIGHBOUR_SIDE)
        self.neighbours.set_captions(True)
        self.neighbours.opened.connect(self._open)
        self.neighbours.preview_requested.connect(self._open)
        self.neighbours.setAccessibleName("Nearest images")
        self.neighbour_title = QLabel("Nearest images")
        self.keep_button = self._button("Keep label", "K", "The label is right; go on", self.kept)
        self.suggested_button = self._button("", "A", "Record the suggested class; the files are not changed")
        self.suggested_button.clicked.connect(self._take_suggestion)
        self.relabel_button = self._button("Relabel…", "R", "Choose another class")
        self.relabel_button.clicked.connect(self._ask)
        self.exclude_button = self._button("Exclude", "X", "Use it neither for training nor for testing", self.excluded)
        self.skip_button = self._button("Skip", "S", "Decide later", self.skipped)
        self.before_button = self._button("Previous", "P", "The finding before this one")
        self.before_button.clicked.connect(self._back)
        self.after_button = self._button("Next", "N", "The finding after this one")
        self.after_button.clicked.connect(self._forth)
        self.numbers = QLabel()
        self.numbers.setWordWrap(True)
        set_tone(self.numbers, "muted")
        self._lay_out()
        for number in range(1, MOST_NUMBERED + 1):
            shortcut = QShortcut(QKeySequence(str(number)), self)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.activated.connect(lambda number=number: self._take_number(number))

    def _lay_out(self) -> None:
        left = Card()
        left.add(self.title)
        left.add(self.canvas, 1)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT)
        self._partner_card = Card()
        self._partner_card.add(self.partner_title)
        self._partner_card.add(self.partner, 1)
        around = Card()
        around.add(self.neighbour_title)
        around.add(self.neighbours, 1)
        column.addWidget(self._partner_card, 1)
        column.addWidget(around, 1)
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.addWidget(left)
        parts.addWidget(right)
        parts.setChildrenCollapsible(False)
        parts.setHandleWidth(theme.UNIT)
        parts.setStretchFactor(0, 1)
        parts.setStretchFactor(1, 1)
        decisions = QHBoxLayout()
        decisions.setSpacing(theme.UNIT)
        for button in (
            self.keep_button, self.suggested_button, self.relabel_button, self.exclude_button, self.skip_button
        ):  # fmt: skip
            decisions.addWidget(button)
        decisions.addStretch(1)
        steps = QHBoxLayout()
        steps.setSpacing(theme.UNIT)
        steps.addWidget(self.numbers, 1)
        steps.addWidget(self.before_button)
        steps.addWidget(self.after_button)
        head = QHBoxLayout()
        head.setSpacing(theme.UNIT * 2)
        head.addWidget(self.sentence, 1)
        head.addWidget(self.state)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.UNIT)
        layout.addLayout(head)
        layout.addWidget(parts, 1)
        layout.addLayout(decisions)
        layout.addLayout(steps)

    # --- content ----------------------------------------------------------------------------------------------

    def show_finding(
        self,
        sentence: str,
        state: str,
        suggestion: str,
        classes: Sequence[str],
        *,
        is_pair: bool,
        is_first: bool,
        is_last: bool,
    ) -> None:
        """Show what was found about an image, and what can be decided.

        Parameters
        ----------
        sentence, state : str
            What was found, and what has been decided; empty where nothing has.
        suggestion : str
            Class that is suggested; empty for none.
        classes : sequence of str
            The first nine have a number key.
        is_pair : bool
            Whether it is about two images.
        is_first, is_last : bool
        """
        self._suggestion, self._classes = suggestion, classes
        self.sentence.setText(sentence)
        self.state.setText(state or "Not reviewed")
        self.keep_button.setText("Keep both" if is_pair else "Keep label")
        self.exclude_button.setText("Exclude the left one" if is_pair else "Exclude")
        self.suggested_button.setVisible(bool(suggestion))
        self.suggested_button.setText(f"Relabel as {suggestion}")
        self.before_button.setEnabled(not is_first)
        self.after_button.setEnabled(not is_last)
        theme.set_primary(self.keep_button, not state)
        numbered = [f"{number} {name}" for number, name in enumerate(classes[:MOST_NUMBERED], 1)]
        self.numbers.setText("Number keys: " + "   ".join(numbered) if len(classes) <= MOST_NUMBERED else "")

    def show_image(self, title: str, thumbnail: str, size: QSize) -> None:
        """Show the thumbnail of the image until its pixels are there."""
        self.title.setText(title)
        self.canvas.set_image(*decode(thumbnail), size=size, is_preview=True)
        self.canvas.fit()

    def show_partner(self, title: str, thumbnail: str, size: QSize) -> None:
        """Show the image that it is compared with; an empty title for none."""
        self._partner_card.setVisible(bool(title))
        self.partner_title.setText(title)
        if title:
            self.partner.set_image(*decode(thumbnail), size=size, is_preview=True)
            self.partner.fit()

    def show_pixels(self, image: QImage, size: QSize, *, partner: bool) -> None:
        """Show the pixels of the image or its partner, which have been decoded."""
        (self.partner if partner else self.canvas).set_image(image, size=size)

    def show_neighbours(self, images: Sequence[Thumbnail], note: str) -> None:
        """Show the nearest images with their labels, or why there are none."""
        self.neighbours.set_note(note)
        self.neighbours.set_images(images)

    # --- inside -----------------------------------------------------------------------------------------------

    def _button(self, text: str, key: str, tip: str, signal: object = None) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.setToolTip(f"{tip} ({key})")
        button.setAccessibleDescription(tip)
        # A button's own shortcut goes with its text, which changes here.
        shortcut = QShortcut(QKeySequence(key), self)
        shortcut.activated.connect(button.click)
        if signal is not None:
            button.clicked.connect(signal)
        return button

    def _take_suggestion(self) -> None:
        if self._suggestion:
            self.relabelled.emit(self._suggestion)

    def _take_number(self, number: int) -> None:
        if self.isVisible() and number <= len(self._classes) <= MOST_NUMBERED:
            self.relabelled.emit(self._classes[number - 1])

    def _ask(self) -> None:
        self.relabelled.emit("")

    def _back(self) -> None:
        self.stepped.emit(-1)

    def _forth(self) -> None:
        self.stepped.emit(1)

    def _open(self, index: int) -> None:
        self.opened.emit(index, self.neighbours.images.keys.tolist())
