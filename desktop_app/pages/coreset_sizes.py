"""How many images are needed: learning curves, a margin, and the smallest size inside it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from coreset_studio.core.project import Choices
from coreset_studio.core.results.sizes import SizeAnswer, SizeCheck, SizeCurve, Sizes
from coreset_studio.core.service.networks import NETWORKS, title_inside
from coreset_studio.core.size_answer import answer_of, points
from coreset_studio.core.words import duration
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.widgets.controls import ComboBox, NumberBox
from coreset_studio.desktop_app.widgets.line_with_intervals import Level, Line, LineWithIntervals
from coreset_studio.desktop_app.widgets.question_mark import QuestionMark
from coreset_studio.desktop_app.widgets.words import count, set_tone

PROBE = "head"
EMPTY = "Shows how many images are needed if at most the margin of accuracy may be lost."
TIP = (
    "Measure accuracy by coreset size with the linear probe, on images that were held out from the selection, compared "
    "with stratified random selection"
)
MARGIN_TIP = "The accuracy that may be lost against training on the whole pool, in points"
BUSY = "Measuring how accuracy depends on the size"
CHECKING = "Training once at this size and once on the whole pool"
FAILED = "The sizes could not be measured."
CANCELLED = "Measuring sizes was cancelled."
OUTDATED = "The settings have changed since these sizes were measured. Find the size again."
NOTHING = "No size to use yet"
NOT_CHECKED = "The size could not be checked."
CHECK_CANCELLED = "The check was cancelled. A training that was finished is kept."
WITH_TIP = (
    "What is trained on each coreset: the linear probe takes seconds to minutes; a network is trained about 75 times"
)
HELP = (
    "The pool is divided into five folds. For each fold, coresets of up to seven sizes are selected from the images of "
    "the other folds, and the linear probe is trained on them and classifies the images of the fold. No image is "
    "classified by a coreset that it was a candidate for, and all sizes are measured on the same images. The size is "
    "the smallest one at which the 90 % interval of the loss is inside the margin. A network that learns its own "
    "features may need more images: check the size by training once, or measure the curves with the network."
)


class SizesPanel(QWidget):
    """The margin, the curves of the sampler and of random selection, the answer, and the button that uses it.

    Signals
    -------
    requested : (str)
        Measure the curves, with this network; empty for the linear probe.
    check_requested : (int, float)
        Train once on so many images and once on the whole pool, for a margin as a share.
    margin_changed : (float)
        The user has changed the margin, a share.
    images_requested : (int)
        Select so many images.
    fraction_chosen : (float)
        The user has clicked a size.
    """

    requested = Signal(str)
    check_requested = Signal(int, float)
    margin_changed = Signal(float)
    images_requested = Signal(int)
    fraction_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sizes: Sizes | None = None
        self._answer: SizeAnswer | None = None
        self._is_outdated = False
        self._network = ""
        self.margin = NumberBox()
        self.margin.setRange(0.1, 49.9)
        self.margin.setDecimals(1)
        self.margin.setSingleStep(0.5)
        self.margin.setSuffix(" points")
        self.margin.setKeyboardTracking(False)
        self.margin.setAccessibleName("Margin")
        self.margin.setToolTip(MARGIN_TIP)
        self.margin.setValue(100 * Choices.margin)
        self.margin.valueChanged.connect(self._change_margin)
        self.measured_with = ComboBox()
        self.measured_with.addItem(NETWORKS[PROBE].title, "")
        for name, network in NETWORKS.items():
            if not network.sees_embeddings:
                self.measured_with.addItem(network.title, name)
        self.measured_with.setAccessibleName("Measured with")
        self.measured_with.setToolTip(WITH_TIP)
        self.button = QPushButton("Find size")
        self.button.setToolTip(TIP)
        self.button.clicked.connect(lambda: self.requested.emit(self.measured_with.currentData()))
        self.use_button = QPushButton("Use this size")
        self.use_button.clicked.connect(self._use)
        self.check_button = QPushButton("Check by training")
        self.check_button.clicked.connect(self._check)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setAccessibleName("Number of images needed")
        self.checked = QLabel()
        self.checked.setWordWrap(True)
        self.checked.setAccessibleName("Check of the size")
        self.checked.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.checked.hide()
        self.notes = QLabel()
        self.notes.setWordWrap(True)
        set_tone(self.notes, "muted")
        self.plot = LineWithIntervals("Learning curves", "accuracy on held-out images")
        self.plot.point_clicked.connect(self._choose_point)
        self._lay_out()
        self.forget()

    def _lay_out(self) -> None:
        label = QLabel("&Margin")
        label.setBuddy(self.margin)
        head = QHBoxLayout()
        with_label = QLabel("M&easured with")
        with_label.setBuddy(self.measured_with)
        about = QuestionMark(HELP, about="sizes")
        for widget in (label, self.margin, with_label, self.measured_with):
            head.addWidget(widget)
        head.addStretch(1)
        buttons = QHBoxLayout()
        for button in (self.button, self.use_button, self.check_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(about)
        # A scrolled column is given the height that its plot would like, not the one that it can do with.
        self.plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.plot.setMinimumHeight(theme.UNIT * 26)
        inside = QWidget()
        content = QVBoxLayout(inside)
        content.setContentsMargins(0, 0, 0, 0)
        content.setSpacing(theme.UNIT)
        for text in (self.words, self.checked, self.notes):
            content.addWidget(text)
        content.addWidget(self.plot, 1)
        scrolled = QScrollArea()
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
        scrolled.setWidget(inside)
        scrolled.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        scrolled.setAccessibleName("Sizes")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.UNIT, 0, 0)
        column.setSpacing(theme.UNIT)
        column.addLayout(head)
        column.addLayout(buttons)
        column.addWidget(scrolled, 1)

    @property
    def answer(self) -> SizeAnswer | None:
        """The answer shown for the margin; None before sizes are measured."""
        return self._answer

    # --- states -----------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Show no curve."""
        self._sizes = self._answer = None
        self._is_outdated = False
        self.measured_with.setCurrentIndex(0)
        self._say_check("", "")
        self.plot.set_lines((), note=EMPTY)
        self.show_busy(False)
        self._say("", "")
        self._show_use()

    def show_margin(self, margin: float) -> None:
        """Show the margin of the project, a share."""
        if round(self.margin.value() / 100, 6) != round(margin, 6):
            blocked = self.margin.blockSignals(True)
            self.margin.setValue(100 * margin)
            self.margin.blockSignals(blocked)
            self._show_answer()

    def show_network(self, network: str) -> None:
        """Name the network that a check trains."""
        self._network = network
        self._show_use()

    def show_busy(self, busy: bool, seconds: float = 0.0) -> None:
        """Let the button be pressed, or say that it is at work; how far it is, and Cancel, are in the job bar.

        Parameters
        ----------
        busy : bool
        seconds : float
            About how long it takes; 0 where that is not known.
        """
        self.button.setEnabled(not busy)
        self.measured_with.setEnabled(not busy)
        busy_words = f"{BUSY}, about {duration(seconds)}…" if seconds else f"{BUSY}…"
        self.button.setToolTip(busy_words if busy else TIP)
        if busy:
            self._say(busy_words, "muted")
            self._show_use()
        elif self._sizes is not None:
            self._show_answer()

    def show_problem(self, sentence: str) -> None:
        """Say that nothing was measured; what was measured before stays."""
        self.show_busy(False)
        if self._sizes is None:
            self._say(sentence, "warning")

    def show_sizes(self, sizes: Sizes) -> None:
        """Show what was measured, and the answer for the margin."""
        self._sizes, self._is_outdated = sizes, False
        self.show_busy(False)

    def show_checking(self) -> None:
        """Say that the size is being checked; how far it is, and Cancel, are in the job bar."""
        self.button.setEnabled(False)
        self._show_use()
        self._say_check(f"{CHECKING}…", "muted")

    def show_check(self, check: SizeCheck) -> None:
        """Say whether the size held."""
        self.end_check(check.sentence, "" if check.is_within else "warning")

    def end_check(self, sentence: str, tone: str = "warning") -> None:
        """Say how a check ended, and offer another."""
        self.button.setEnabled(True)
        self._say_check(sentence, tone)
        self._show_use()

    def show_outdated(self, outdated: bool) -> None:
        """Say that the curves are of other settings, or that they are of these again."""
        if self._sizes is not None and outdated != self._is_outdated:
            self._is_outdated = outdated
            self._show_answer()

    # --- content ----------------------------------------------------------------------------------------------

    def _change_margin(self) -> None:
        self._say_check("", "")  # a check is of a margin and of the size that it gave
        self.margin_changed.emit(round(self.margin.value() / 100, 6))
        self._show_answer()

    def _show_answer(self) -> None:
        sizes = self._sizes
        if sizes is None:
            return
        margin = self.margin.value() / 100
        self._answer = answer_of(sizes, margin)
        random = _line(sizes.random, sizes.n_pool)._replace(title="Random, same size", dashed=True)
        whole = sizes.everything.accuracy
        level = Level(whole, whole - margin, whole + margin, f"Whole pool, ± {points(margin)}")
        self.plot.set_lines([_line(sizes.chosen, sizes.n_pool), random], level)
        if self._is_outdated:
            self._say(OUTDATED, "warning")
        else:
            self._say(self._answer.sentence, "warning" if self._answer.images is None else "")
        least = f"; the smallest margin that they can show is {points(self._answer.smallest_margin)}"
        self.notes.setText(
            f"Measured on {count(sizes.n_pool)} images of the pool, each held out once"
            f"{'' if self._answer.is_refused else least}. {' '.join(sizes.notes)}"
        )
        self.notes.show()
        self._show_use()

    def _show_use(self) -> None:
        images = self._answer.images if self._answer is not None else None
        usable = images is not None and not self._is_outdated and self.button.isEnabled()
        self.use_button.setEnabled(usable)
        self.use_button.setText(f"Use {images:,} images" if images is not None else "Use this size")
        self.use_button.setToolTip(f"Select {images:,} images; this can be undone" if usable else NOTHING)
        self.check_button.setEnabled(usable and bool(self._network))
        self.check_button.setToolTip(
            f"Train the {title_inside(self._network)} once on {images:,} images and once on the whole pool, and test "
            "both on the test images"
            if usable and self._network
            else NOTHING
        )

    def _say(self, words: str, tone: str) -> None:
        self.words.setText(words)
        self.words.setVisible(bool(words))
        set_tone(self.words, tone)
        if self._sizes is None:
            self.notes.clear()
            self.notes.hide()

    def _say_check(self, words: str, tone: str) -> None:
        self.checked.setText(words)
        self.checked.setVisible(bool(words))
        set_tone(self.checked, tone)

    def _check(self) -> None:
        if self._answer is not None and self._answer.images is not None:
            self.check_requested.emit(self._answer.images, self._answer.margin)

    def _use(self) -> None:
        if self._answer is not None and self._answer.images is not None:
            self.images_requested.emit(self._answer.images)

    def _choose_point(self, name: str, fraction: float) -> None:  # noqa: ARG002
        self.fraction_chosen.emit(fraction)


def _line(curve: SizeCurve, n_pool: int) -> Line:
    """Return the measured accuracies of a sampler with their 95 % intervals, by fraction of the pool."""
    return Line(
        curve.sampler,
        [point.n_images / n_pool for point in curve.points],
        [point.accuracy for point in curve.points],
        [point.low for point in curve.points],
        [point.high for point in curve.points],
    )
