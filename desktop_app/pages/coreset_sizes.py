"""What nearest neighbours say of every size of the coreset, before any training."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.service.coreset_requests import ProxyView
from core.settings.names import MATCHED
from desktop_app import theme
from desktop_app.widgets.line_with_intervals import Level, Line, LineWithIntervals
from desktop_app.widgets.question_mark import QuestionMark
from desktop_app.widgets.words import count

RANDOM = ("random", "random_low", "random_high")
FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5)
EMPTY = "How well coresets of every size stand for the whole pool will be shown here, and random ones beside them."
TIP = "Choose coresets of seven sizes and let nearest neighbours judge them, beside random ones"
HELP = (
    "Every image of the pool is given the class of the chosen image nearest to it, never of itself or a copy of it. "
    "How often that is right tells, without training, from which size on more images add little. Every size and "
    "everything are judged on the same images. A network that learns its own features often wants more images."
)


class Sizes(QWidget):
    """The curve, random draws beside it, and the button that draws both.

    Signals
    -------
    wanted : ()
        Draw the curve.
    fraction_chosen : (float)
        The user has clicked a size.
    """

    wanted = Signal()
    fraction_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QPushButton("Judge sizes")
        self.button.setToolTip(TIP)
        self.button.clicked.connect(self.wanted)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.hide()
        self.plot = LineWithIntervals("Nearest neighbours", "accuracy on the whole pool")
        self.plot.point_clicked.connect(self._choose_point)
        self.plot.set_lines((), note=EMPTY)
        head = QHBoxLayout()
        head.addWidget(self.button)
        head.addWidget(QuestionMark(HELP, about="sizes"))
        head.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.UNIT, 0, 0)
        column.setSpacing(theme.UNIT)
        column.addLayout(head)
        column.addWidget(self.words)
        column.addWidget(self.plot, 1)

    def show_busy(self, busy: bool) -> None:
        """Let the button be pressed, or say that it is at work."""
        self.button.setEnabled(not busy)
        self.button.setToolTip("The sizes are being judged." if busy else TIP)

    def forget(self) -> None:
        """Show no curve."""
        self.words.clear()
        self.words.hide()
        self.plot.set_lines((), note=EMPTY)
        self.show_busy(False)

    def show_view(self, view: ProxyView, sampler: str) -> None:
        """Show the curve, and the random one beside it."""
        fractions = [point.fraction for point in view.points]
        means = [point.accuracy for point in view.points]
        random, lows, highs = ([getattr(p, name) for p in view.points] for name in RANDOM)
        lines = [
            Line(sampler, fractions, means, means, means),
            Line(MATCHED + sampler, fractions, random, lows, highs, title="As many at random", dashed=True),
        ]
        self.plot.set_lines(lines, Level(view.everything, view.everything, view.everything))
        self.words.show()
        self.words.setText(
            f"Every size, and everything ({view.everything:.3f}), is judged on the same {count(view.n_judged)} images "
            "by their nearest neighbours. That is no training: Compare shows what a network makes of a size."
        )

    def _choose_point(self, name: str, fraction: float) -> None:  # noqa: ARG002
        self.fraction_chosen.emit(fraction)
