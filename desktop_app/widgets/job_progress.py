"""One row for a job of a dialog: what is done, a progress bar, and a button that cancels it."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.words import seconds_left


class JobProgress(QWidget):
    """Progress of a job.

    Parameters
    ----------
    tip : str
        Tooltip of the button *Cancel*.

    Attributes
    ----------
    doing : QLabel
    bar : QProgressBar
    cancel : QPushButton

    Signals
    -------
    cancel_requested : ()
    """

    cancel_requested = Signal()

    def __init__(self, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.doing = QLabel()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip(tip)
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(self.cancel_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.UNIT * 2)
        row.addWidget(self.doing, 3)
        row.addWidget(self.bar, 2)
        row.addWidget(self.cancel)

    def keep_space(self) -> None:
        """Wrap the text, and keep the space of two lines of it in the layout while the row is hidden."""
        self.doing.setWordWrap(True)
        self.doing.setMinimumHeight(2 * self.doing.fontMetrics().lineSpacing())
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)

    def show_busy(self, doing: str) -> None:
        """Show that a job has started; an empty text hides the row."""
        self.setVisible(bool(doing))
        if doing:
            self.doing.setText(doing)
        self.bar.setRange(0, 0 if doing else 1)
        self.cancel.setEnabled(bool(doing))

    def show_cancelling(self) -> None:
        """Show that the job was requested to stop."""
        self.cancel.setEnabled(False)

    def show_progress(self, done: int, total: int, words: str, left: object) -> None:
        """Show how far the job is.

        Parameters
        ----------
        done, total : int
            Finished units, and all; a `total` of 0 means that their number is unknown.
        words : str
            What is done; an empty text keeps the current one.
        left : float or None
            Seconds left; None if unknown.
        """
        self.bar.setRange(0, total)
        if total:
            self.bar.setValue(done)
        if words:
            self.doing.setText(words + (f", {seconds_left(left)}" if isinstance(left, float) else ""))
