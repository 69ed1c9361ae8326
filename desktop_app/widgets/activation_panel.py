"""Controls of the class activation map of an image: choice of network and class, opacity and probabilities."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from coreset_studio.core.heat_map import OPACITY
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.colour_bar import ColourBar
from coreset_studio.desktop_app.widgets.controls import ComboBox, Slider
from coreset_studio.desktop_app.widgets.words import ElideLabel, set_tone

CAUTION = (
    "Shows which regions raise the score of this class in this network. It does not show that they are the cause, or "
    "that the class is correct."
)
EMPTY = "No region of this image raises the score of this class."
N_SHOWN = 3
"""Classes whose probabilities are listed."""
WHICH = {"predicted": "Predicted class", "label": "Label"}


class ActivationPanel(QWidget):
    """Controls of a class activation map, and the probabilities of the image.

    Signals
    -------
    network_chosen : (int)
        Row of the network in the list given to `set_networks`.
    class_chosen : (str)
        "predicted" or "label".
    opacity_changed : (float)
        0 to 1.
    cancel_requested : ()
    """

    network_chosen = Signal(int)
    class_chosen = Signal(str)
    opacity_changed = Signal(float)
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.network = ComboBox()
        self.network.setAccessibleName("Network")
        self.network.setToolTip("Trained network that the map is of")
        self.network.setMinimumContentsLength(12)
        self.network.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.network.activated.connect(self.network_chosen)
        self.which = ComboBox()
        self.which.setAccessibleName("Class of the map")
        self.which.setToolTip("Show what raises the score of the predicted class, or of the class of the label")
        for name, words in WHICH.items():
            self.which.addItem(words, name)
        self.which.activated.connect(self._on_class)
        self.opacity = Slider()
        self.opacity.setRange(0, 100)
        self.opacity.setPageStep(10)
        self.opacity.setValue(round(OPACITY * 100))
        self.opacity.setMinimumHeight(theme.UNIT * 3)
        self.opacity.setAccessibleName("Opacity of the map")
        self.opacity.setToolTip("Opacity of the largest value of the map")
        self.opacity.valueChanged.connect(self._on_opacity)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.UNIT * 2)
        grid.setVerticalSpacing(theme.UNIT // 2)
        grid.addWidget(self.network, 0, 0, 1, 2)  # its titles need the whole width
        for row, (words, control) in enumerate((("Map of", self.which), ("Opacity", self.opacity)), start=1):
            label = QLabel(words)
            label.setBuddy(control)
            set_tone(label, "muted")
            grid.addWidget(label, row, 0)
            grid.addWidget(control, row, 1)
        grid.setColumnStretch(1, 1)
        scale = QHBoxLayout()
        scale.setSpacing(theme.UNIT)
        self.bar = ColourBar()
        for word in ("0", "", "largest"):
            if not word:
                scale.addWidget(self.bar, 1)
                continue
            end = QLabel(word)
            set_tone(end, "muted")
            scale.addWidget(end)
        self._rows = [(ElideLabel(), QLabel()) for _ in range(N_SHOWN + 1)]
        table = QGridLayout()
        table.setVerticalSpacing(theme.UNIT // 4)
        table.setColumnStretch(0, 1)
        for row, (which, probability) in enumerate(self._rows):
            table.addWidget(which, row, 0)
            table.addWidget(probability, row, 1, Qt.AlignmentFlag.AlignRight)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop the computation; finished maps are kept")
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(self.cancel_requested)
        self._controls = QWidget()
        inside = QVBoxLayout(self._controls)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(theme.UNIT)
        inside.addLayout(grid)
        inside.addLayout(scale)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT)
        column.addWidget(self._controls)
        column.addLayout(table)
        column.addWidget(self.note)
        column.addWidget(self.cancel, 0, Qt.AlignmentFlag.AlignLeft)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.say("")

    # --- showing ----------------------------------------------------------------------------------------------

    def set_networks(self, titles: Sequence[str], chosen: int) -> None:
        """List networks; without any, the controls are hidden."""
        self.network.clear()
        self.network.addItems(list(titles))
        self.network.setCurrentIndex(chosen)
        for row, title in enumerate(titles):
            self.network.setItemData(row, title, Qt.ItemDataRole.ToolTipRole)
        which = f": {titles[chosen]}" if 0 <= chosen < len(titles) else ""  # a long title is cut in the box
        self.network.setToolTip(f"Trained network that the map is of{which}")
        self._controls.setVisible(bool(titles))

    def say(self, sentence: str, *, is_busy: bool = False, warning: bool = False) -> None:
        """Show a sentence in place of probabilities, and Cancel while something is computed."""
        for name, value in self._rows:
            name.hide()
            value.hide()
        self._show_note(sentence, warning=warning)
        self.cancel.setVisible(is_busy)

    def show_probabilities(self, probabilities: Mapping[str, float], label: str, *, is_empty: bool) -> None:
        """List the highest probabilities and that of the label, the predicted class first.

        Parameters
        ----------
        probabilities : mapping of str to float
        label : str
            Class of the image.
        is_empty : bool
            Whether the map is 0 everywhere.
        """
        self.say(EMPTY if is_empty else CAUTION)
        ranked = sorted(probabilities, key=lambda name: -probabilities[name])
        shown = ranked[:N_SHOWN] + ([label] if label in ranked[N_SHOWN:] else [])
        for (name, value), which in zip(self._rows, shown, strict=False):
            marks = [word for word, holds in (("predicted", which == ranked[0]), ("label", which == label)) if holds]
            name.setText(f"{which} ({', '.join(marks)})" if marks else which)
            value.setText(f"{probabilities[which]:.3f}")
            name.show()
            value.show()

    @property
    def probabilities(self) -> tuple[tuple[str, str], ...]:
        """The rows that are listed: class and probability."""
        return tuple((name.text(), value.text()) for name, value in self._rows if not name.isHidden())

    def offer_label(self, offered: bool) -> None:
        """Offer the map of the label, or only that of the predicted class."""
        self.which.setEnabled(offered)
        tip = "Show what raises the score of the predicted class, or of the class of the label"
        self.which.setToolTip(tip if offered else "The network was not trained on the class of the label")

    def _show_note(self, sentence: str, *, warning: bool = False) -> None:
        self.note.setText(sentence)
        self.note.setVisible(bool(sentence))
        set_tone(self.note, "warning" if warning else "muted")

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of what is shown."""
        return QSize(theme.UNIT * 34, super().sizeHint().height())

    def _on_class(self, row: int) -> None:
        self.class_chosen.emit(str(self.which.itemData(row)))

    def _on_opacity(self, percent: int) -> None:
        self.opacity_changed.emit(percent / 100)
