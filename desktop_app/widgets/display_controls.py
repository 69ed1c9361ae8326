"""Brightness and contrast of what is shown; no image is changed."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.controls import Slider
from coreset_studio.desktop_app.widgets.words import set_tone

MOST = 100
PLAIN = "Display only: images and results stay as they are."
CHANGED = "Changed for display only: images and results stay as they are."


class DisplayControls(QWidget):
    """Two sliders from −100 to 100, and a button that resets both.

    Signals
    -------
    changed : (brightness, contrast)
    """

    changed = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.brightness = self._slider("Brightness", "Show images darker or brighter")
        self.contrast = self._slider("Contrast", "Show images with less or more contrast")
        self.reset = QPushButton("Reset")
        self.reset.setToolTip("Show images as they are")
        self.reset.setAutoDefault(False)
        self.reset.clicked.connect(self._reset)
        self.note = QLabel(PLAIN)
        self.note.setWordWrap(True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.UNIT * 2)
        grid.setVerticalSpacing(theme.UNIT // 2)
        for row, slider in enumerate((self.brightness, self.contrast)):
            words = QLabel(slider.accessibleName())
            words.setBuddy(slider)
            set_tone(words, "muted")
            grid.addWidget(words, row, 0)
            grid.addWidget(slider, row, 1)
        grid.addWidget(self.reset, 0, 2, 2, 1)
        grid.addWidget(self.note, 2, 0, 1, 3)
        self._show_state()

    def _slider(self, name: str, tip: str) -> Slider:
        slider = Slider()
        slider.setRange(-MOST, MOST)
        slider.setPageStep(10)
        slider.setMinimumHeight(theme.UNIT * 3)
        slider.setAccessibleName(name)
        slider.setToolTip(tip)
        slider.valueChanged.connect(self._show_state)
        return slider

    def _reset(self) -> None:
        if self.reset.hasFocus():  # it is about to be disabled
            self.brightness.setFocus()
        self.brightness.setValue(0)
        self.contrast.setValue(0)

    def _show_state(self) -> None:
        brightness, contrast = self.brightness.value(), self.contrast.value()
        is_changed = (brightness, contrast) != (0, 0)
        self.reset.setEnabled(is_changed)
        self.note.setText(CHANGED if is_changed else PLAIN)
        set_tone(self.note, "warning" if is_changed else "muted")
        self.changed.emit(brightness, contrast)
