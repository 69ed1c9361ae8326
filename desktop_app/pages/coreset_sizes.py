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
EMPTY = "Shows how well coresets of several sizes represent the whole pool, compared with random ones."
TIP = "Select coresets of seven sizes and evaluate them with nearest neighbours, compared with random ones"
HELP = (
    "Every image of the pool is assigned the class of the nearest selected image, excluding itself and its copies. "
    "The share of correct assignments shows, without training, from which size on more images add little. All sizes "
    "and the whole pool are evaluated on the same images. A network that learns its own features often needs more "
    "images."
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
        self.button = QPushButton("Evaluate sizes")
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
        self.button.setToolTip("Evaluating sizes…" if busy else TIP)

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
            Line(MATCHED + sampler, fractions, random, lows, highs, title="Random, same size", dashed=True),
        ]
        self.plot.set_lines(lines, Level(view.everything, view.everything, view.everything))
        self.words.show()
        self.words.setText(
            f"All sizes and the whole pool ({view.everything:.3f}) are evaluated on the same {count(view.n_judged)} "
            "images by nearest neighbours. This does not replace training: the Compare page shows the accuracy of "
            "networks."
        )

    def _choose_point(self, name: str, fraction: float) -> None:  # noqa: ARG002
        self.fraction_chosen.emit(fraction)
