"""What nearest neighbours say of every size of the coreset, before any training."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.pipeline.views import ProxyView
from desktop_app import theme
from desktop_app.widgets.controls import NumberBox
from desktop_app.widgets.line_with_intervals import Level, Line, LineWithIntervals
from desktop_app.widgets.question_mark import QuestionMark
from desktop_app.widgets.words import count, percent

WITHIN = 1.0
FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5)
EMPTY = "How well coresets of every size foretell the rest of the pool will stand here."
HELP = (
    "Every image that was not chosen is given the class of the chosen image nearest to it. "
    "How often that is right tells, without training, from which size on more images add little."
)


class Foretelling(QWidget):
    """The curve, the button that draws it, and the smallest fraction that is nearly as good as everything.

    Signals
    -------
    wanted : (float)
        Draw the curve; find the smallest size within so many percentage points of everything.
    fraction_chosen : (float)
        The user wants this size.
    """

    wanted = Signal(float)
    fraction_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._smallest = 0.0
        self.button = QPushButton("Foretell")
        self.button.setToolTip("Choose coresets of seven sizes and let nearest neighbours judge them")
        self.button.clicked.connect(self._ask)
        self.within = NumberBox(keeps=1)
        self.within.setRange(0.1, 20.0)
        self.within.setDecimals(1)
        self.within.setValue(WITHIN)
        self.within.setSuffix(" points")
        self.within.setToolTip("How much less than everything is good enough, in percentage points")
        self.within.setAccessibleName("Points below everything that are good enough")
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.hide()
        self.use = QPushButton()
        self.use.setToolTip("Make the coreset so large")
        self.use.clicked.connect(self._use)
        self.use.hide()
        self.plot = LineWithIntervals("Nearest neighbours", "accuracy on the rest of the pool")
        self.plot.point_clicked.connect(self._choose_point)
        self.plot.set_lines((), note=EMPTY)
        head = QHBoxLayout()
        head.addWidget(self.button)
        head.addWidget(QLabel("within"))
        head.addWidget(self.within)
        head.addWidget(QuestionMark(HELP, about="foretelling"))
        head.addStretch(1)
        said = QHBoxLayout()
        said.addWidget(self.words, 1)
        said.addWidget(self.use)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.UNIT, 0, 0)
        column.setSpacing(theme.UNIT)
        column.addLayout(head)
        column.addLayout(said)
        column.addWidget(self.plot, 1)

    def show_busy(self, busy: bool) -> None:
        """Let the button be pressed, or say that it is at work."""
        self.button.setEnabled(not busy)
        tip = "Choose coresets of seven sizes and let nearest neighbours judge them"
        self.button.setToolTip("It is being foretold." if busy else tip)

    def forget(self) -> None:
        """Show no curve and offer no size."""
        self._smallest = 0.0
        self.within.setValue(WITHIN)
        self.words.clear()
        self.words.hide()
        self.use.setText("")
        self.use.hide()
        self.plot.set_lines((), note=EMPTY)
        self.show_busy(False)

    def show_view(self, view: ProxyView, sampler: str) -> None:
        """Show the curve."""
        fractions = [point.fraction for point in view.points]
        means = [point.accuracy for point in view.points]
        everything = Level(view.everything, view.everything, view.everything)
        self.plot.set_lines([Line(sampler, fractions, means, means, means)], everything)
        self._smallest = view.smallest.fraction if view.smallest is not None else 0.0
        self.words.show()
        self.use.setVisible(view.smallest is not None)
        if view.smallest is None:
            self.words.setText(f"None of these sizes comes within {_points(view.within)} of everything.")
            return
        share = percent(view.smallest.fraction)
        self.use.setText(f"Use {share}")
        self.words.setText(
            f"{share} ({count(view.smallest.n_images)} images) comes within {_points(view.within)} of everything "
            f"({view.smallest.accuracy:.3f} and {view.everything:.3f})."
        )

    def _ask(self) -> None:
        self.wanted.emit(self.within.value())

    def _use(self) -> None:
        self.fraction_chosen.emit(self._smallest)

    def _choose_point(self, name: str, fraction: float) -> None:  # noqa: ARG002
        self.fraction_chosen.emit(fraction)


def _points(within: float) -> str:
    return "1 point" if within == 1 else f"{within:g} points"
