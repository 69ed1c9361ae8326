"""The bar at the foot of the window: what is running, how far it is, how long it will take, and Cancel."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.words import elide_label, seconds_left

SCALE = 1000


class JobBar(QWidget):
    """The running job, or the outcome of the last one.

    Signals
    -------
    cancel_requested : ()
        The user asked to stop the job.
    action_triggered : ()
        The button next to the last message was pressed.
    """

    cancel_requested = Signal()
    action_triggered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job_bar")
        self.setAccessibleName("Running job")
        self._has_note = False
        self._job_words = ""
        self.text = elide_label("")
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(theme.UNIT * 26)
        self.progress.setAccessibleName("Progress")
        self.left = QLabel()
        self.left.setMinimumWidth(theme.UNIT * 15)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop the job; finished work is kept (Esc)")
        self.cancel.setAccessibleName("Cancel the job")
        self.cancel.clicked.connect(self._ask_to_cancel)
        self.action = QPushButton()
        self.action.clicked.connect(self.action_triggered)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.UNIT * 2, theme.UNIT // 2, theme.UNIT * 2, theme.UNIT // 2)
        row.setSpacing(theme.UNIT * 2)
        row.addWidget(self.text, 1)
        for widget in (self.progress, self.left, self.action, self.cancel):
            row.addWidget(widget)
        # The place is kept while idle, so that nothing jumps when a job starts.
        self.setMinimumHeight(self.cancel.sizeHint().height() + theme.UNIT)
        self.show_message("")

    def sizeHint(self) -> QSize:  # noqa: N802
        """Be as high as the button needs."""
        return QSize(theme.UNIT * 80, self.minimumHeight())

    @property
    def is_running(self) -> bool:
        """Whether a job is shown as running."""
        return not self.cancel.isHidden()

    def show_progress(self, text: str, done: int, total: int, left: float | None = None) -> None:
        """Show a running job.

        Parameters
        ----------
        text : str
            What is done and the unit that is counted, such as "Clustering eosinophil · 3 of 8 classes".
        done, total : int
            A `total` of 0 means that the amount is not known.
        left : float or None
            Estimated remaining time in seconds, if known.
        """
        self._set_running(True)
        self._job_words = text
        if not self._has_note:
            self.text.setText(text)
        self.progress.setRange(0, SCALE if total > 0 else 0)
        if total > 0:
            self.progress.setValue(min(SCALE, max(0, round(SCALE * done / total))))
            self.progress.setToolTip(f"{done:,} of {total:,}")
        self.left.setText("" if left is None else seconds_left(left))

    def show_note(self, text: str, action: str = "", tooltip: str = "") -> None:
        """Show a temporary message; a running job keeps its bar and time left, and its text returns afterwards."""
        self._has_note = True
        self.text.setText(text)
        self.action.setText(action)
        self.action.setToolTip(tooltip)
        self.action.setVisible(bool(action))
        theme.set_primary(self.action, False)

    def end_note(self) -> None:
        """Show the words of the job that runs again."""
        if self._has_note:
            self._has_note = False
            self.text.setText(self._job_words)
            self.action.hide()

    def show_message(self, text: str, action: str = "", tooltip: str = "", *, is_next: bool = False) -> None:
        """Show a word about what came out, with a button where `action` names one; `is_next` where it is what to do."""
        self._set_running(False)
        self._has_note = False
        self.text.setText(text)
        self.left.setText("")
        self.action.setText(action)
        self.action.setToolTip(tooltip)
        self.action.setVisible(bool(action))
        theme.set_primary(self.action, is_next)

    def show_cancelling(self) -> None:
        """Show that the job was asked to stop and has not yet done so."""
        self.cancel.setEnabled(False)
        self.cancel.setToolTip("Cancelling…")
        self.left.setText("stopping")

    def _ask_to_cancel(self) -> None:
        self.show_cancelling()
        self.cancel_requested.emit()

    def _set_running(self, running: bool) -> None:
        if running and self.is_running:
            return
        self.progress.setVisible(running)
        self.left.setVisible(running)
        self.cancel.setVisible(running)
        self.cancel.setEnabled(True)
        self.cancel.setToolTip("Stop the job; finished work is kept (Esc)")
        if running and not self._has_note:
            self.action.hide()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
