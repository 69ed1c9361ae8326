"""The sheet that lists the steps of "Do everything" and their duration before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QRadioButton, QWidget

from coreset_studio.core.words import duration
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.card import Sheet
from coreset_studio.desktop_app.widgets.words import set_tone

SENTENCE = (
    "These steps run one after another with the settings recommended for this computer, up to the comparison. You "
    "can cancel at any time; finished work is kept. You can change and rerun every step afterwards."
)
TRAIN = "Train the networks"
PROBE = "Use the linear probe instead of training networks"
PROBE_TIP = "Compares a linear classifier on the features, which says less about the network that you will train"


@dataclass(frozen=True)
class Step:
    """A step to come: its name, what it will do, and about how many seconds it takes."""

    name: str
    words: str
    seconds: float


class EverythingSheet(Sheet):
    """Lists the steps with their times, and offers the quick way where the long one is long.

    Parameters
    ----------
    name : str
        Of the images.
    steps : sequence of Step
        Those before the trainings.
    training, probe_plan : Step
        The last step, by training networks and by the linear probe.
    """

    def __init__(
        self, name: str, steps: Sequence[Step], training: Step, probe_plan: Step, parent: QWidget | None
    ) -> None:
        super().__init__(f"Run all steps for {name}", SENTENCE, "Start", parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._before = sum(step.seconds for step in steps)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.UNIT * 2)
        grid.setVerticalSpacing(theme.UNIT)
        grid.setColumnStretch(1, 1)
        for row, step in enumerate(steps):
            _add_row(grid, row, step)
        self.body.addLayout(grid)
        self.train, self.probe = QRadioButton(TRAIN), QRadioButton(PROBE)
        self.probe.setToolTip(PROBE_TIP)
        self.train.setToolTip("Results for the networks that you will train")
        self.train.setChecked(True)
        last = QGridLayout()
        last.setHorizontalSpacing(theme.UNIT * 2)
        last.setColumnStretch(0, 1)
        for row, (button, step) in enumerate(((self.train, training), (self.probe, probe_plan))):
            button.setText(f"{step.name}: {step.words}")
            last.addWidget(button, row, 0)
            last.addWidget(_time(step.seconds), row, 1)
            button.toggled.connect(self._show_whole)
        self._seconds = {True: training.seconds, False: probe_plan.seconds}
        self.body.addLayout(last)
        self.whole = QLabel()
        self.whole.setFont(theme.strong_font())
        self.body.addWidget(self.whole)
        self._show_whole()

    @property
    def is_quick(self) -> bool:
        """Whether the linear probe was chosen."""
        return self.probe.isChecked()

    def _show_whole(self) -> None:
        self.whole.setText(f"About {duration(self._before + self._seconds[self.train.isChecked()])} in total.")


def _add_row(grid: QGridLayout, row: int, step: Step) -> None:
    name = QLabel(step.name)
    name.setFont(theme.strong_font())
    words = QLabel(step.words)
    words.setWordWrap(True)
    grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
    grid.addWidget(words, row, 1)
    grid.addWidget(_time(step.seconds), row, 2, Qt.AlignmentFlag.AlignTop)


def _time(seconds: float) -> QLabel:
    label = QLabel(f"about {duration(seconds)}" if seconds >= 1 else "immediate")
    label.setAlignment(Qt.AlignmentFlag.AlignRight)
    set_tone(label, "muted")
    return label
