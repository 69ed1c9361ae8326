"""The extractors to choose from: each with what it needs, what is computed, and what is left to do."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QToolTip, QVBoxLayout, QWidget

from coreset_studio.core.pipeline.views import ExtractorFact
from coreset_studio.core.results import Separation
from coreset_studio.core.words import byte_size, duration, percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.help_button import HelpButton
from coreset_studio.desktop_app.pages.features_advice import GONE, cannot_work, ways_out
from coreset_studio.desktop_app.widgets.words import set_tone

LAST_ONE = "At least one extractor is required. Select another one first."
STATES = {
    "needs none": "requires no weights",
    "verified": "weights verified",
    "unverified": "unverified weights: they fit, but their checksum is unknown",
    "unverified model": "unverified model, added by the user",
    "missing": "weights missing",
    "unusable": "weight file cannot be used",
    "broken": "plugin failed",
    "no file": "no features file chosen",
    "file": "read from the file",
    "file missing": "features file not found",
    "file changed": "features file has changed",
    GONE: "not installed",
}
UNVERIFIED = ("unverified", "unverified model")

# The button of an extractor that reads a file, by its state.
FILE_BUTTONS = {
    "no file": "Choose file…", "file": "Choose another file…", "file missing": "Locate…",
    "file changed": "Choose again…",
}  # fmt: skip
LOADING = "Looking for extractors and their weights…"


class ExtractorList(QWidget):
    """A box to tick per extractor, with facts below it, and the way to weights that are missing.

    Signals
    -------
    chosen : (tuple of str)
        The extractors ticked now, in the order shown; at least one.
    weights_requested : ()
        The user asks for weights that are missing.
    removal_requested : (str)
        The user asks to remove a model that was added, by its name.
    file_requested : (str)
        The user is to choose the file that this extractor reads.
    """

    chosen = Signal(object)
    weights_requested = Signal()
    removal_requested = Signal(str)
    file_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Extractors")
        self._rows: dict[str, _Row] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.UNIT * 3 // 2)
        self._nothing = QLabel(LOADING)
        set_tone(self._nothing, "muted")
        self._nothing.hide()
        self._column.addWidget(self._nothing)

    @property
    def rows(self) -> Mapping[str, "_Row"]:
        """The facts shown for each extractor, by name."""
        return self._rows

    def set_facts(self, facts: Sequence[ExtractorFact], separations: Sequence[Separation], used: Sequence[str]) -> bool:
        """Show extractors, the separation of those computed, and which are used; return whether the list is new."""
        listed = set(self._rows)
        for name in set(self._rows) - {fact.name for fact in facts}:
            self._drop(name)
        accuracy = {one.extractors[0]: one.accuracy for one in separations if len(one.extractors) == 1}
        # Those that can be used here come first; once listed, none moves.
        for place, fact in enumerate(sorted(facts, key=cannot_work)):
            if fact.name not in self._rows:
                row = _Row(fact.name)
                row.box.toggled.connect(self._emit)
                row.weights_requested.connect(self.weights_requested)
                row.removal_requested.connect(self.removal_requested)
                row.file_requested.connect(self.file_requested)
                self._rows[fact.name] = row
                self._column.insertWidget(place, row)
            self._rows[fact.name].show_fact(fact, accuracy.get(fact.name))
        self._nothing.hide()
        self.set_used(used)
        return set(self._rows) != listed

    def set_used(self, used: Sequence[str]) -> None:
        """Tick the extractors that are used, without a signal."""
        for name, row in self._rows.items():
            row.show_used(name in used)

    def forget(self) -> None:
        """List no extractor: what each costs is known of no images."""
        for name in tuple(self._rows):
            self._drop(name)
        self._nothing.hide()

    def show_loading(self, loading: bool) -> None:
        """Say that extractors are being looked for, while none is listed."""
        self._nothing.setVisible(loading and not self._rows)

    def row(self, name: str) -> QCheckBox:
        """Return the box of an extractor."""
        return self._rows[name].box

    def _drop(self, name: str) -> None:
        row = self._rows.pop(name)
        row.hide()
        row.deleteLater()

    def _emit(self) -> None:
        ticked = tuple(name for name, row in self._rows.items() if row.box.isChecked())
        box = self.sender()
        if ticked:
            self.chosen.emit(ticked)
        elif isinstance(box, QCheckBox):
            # Said at the box, where the eyes are: a message elsewhere would move what is clicked next.
            blocked = box.blockSignals(True)
            box.setChecked(True)
            box.blockSignals(blocked)
            QToolTip.showText(box.mapToGlobal(box.rect().bottomLeft()), LAST_ONE, box)


class _Row(QWidget):
    """One extractor."""

    weights_requested = Signal()
    removal_requested = Signal(str)
    file_requested = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._reads_file = False
        self._name = name
        self._missing = False
        self.box = QCheckBox()
        self.box.setObjectName(f"extractor_{name}")
        self.about = HelpButton("extractor", name)
        head = QHBoxLayout()
        head.setSpacing(theme.UNIT // 2)
        head.addWidget(self.box)
        head.addStretch(1)
        head.addWidget(self.about)
        self.tip = QLabel()
        self.state = QLabel()
        for label in (self.tip, self.state):
            label.setWordWrap(True)
            label.setIndent(theme.UNIT * 3)
            set_tone(label, "muted")
        self.bring = QPushButton("Import weights…")
        self.bring.setToolTip("See what is missing, where to get it and how to import it")
        self.bring.clicked.connect(self._emit_request)
        self.remove = QPushButton("Remove model…")
        self.remove.setToolTip("Remove this model from the extractors, after confirmation")
        self.remove.clicked.connect(self._ask_to_remove)
        ways = QHBoxLayout()
        ways.setContentsMargins(theme.UNIT * 3, 0, 0, 0)
        ways.addWidget(self.bring)
        ways.addWidget(self.remove)
        ways.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        column.addLayout(head)
        column.addWidget(self.tip)
        column.addWidget(self.state)
        column.addLayout(ways)

    def show_fact(self, fact: ExtractorFact, accuracy: float | None) -> None:
        """Show what is known of it."""
        missing = cannot_work(fact)
        words = ways_out(fact) if missing else fact.tip
        self.box.setText(fact.title)
        self.about.setAccessibleName(f"About {fact.title}")
        self._missing = missing
        self.box.setToolTip(words)
        self.box.setAccessibleDescription(words)
        has_code = fact.weights_state not in ("broken", GONE)
        self._reads_file = fact.weights_state in FILE_BUTTONS
        self.tip.setText((fact.file or fact.tip) if has_code else fact.missing_sentence)
        self.state.setText("  ·  ".join(_facts_of(fact, accuracy, missing=missing)))
        self.state.setToolTip(_details_of(fact))
        self.remove.setVisible(fact.weights_state == "unverified model")
        self.remove.setAccessibleName(f"Remove the model {fact.title}")
        not_known = fact.weights_state in (*UNVERIFIED, "file changed")
        set_tone(self.state, "warning" if (missing and fact.weights_state != "no file") or not_known else "muted")
        self.bring.setVisible((missing and has_code) or self._reads_file)
        if self._reads_file:
            self.bring.setText(FILE_BUTTONS[fact.weights_state])
            self.bring.setToolTip("Choose the file with the features of each image")
            self.bring.setAccessibleName(f"{fact.title}: {FILE_BUTTONS[fact.weights_state]}")
        else:
            self.bring.setAccessibleName(f"Import the weights of {fact.title}")

    def _emit_request(self) -> None:
        if self._reads_file:
            self.file_requested.emit(self._name)
        else:
            self.weights_requested.emit()

    def _ask_to_remove(self) -> None:
        self.removal_requested.emit(self._name)

    def show_used(self, used: bool) -> None:
        """Tick it or not; what lacks its weights can be unticked, not ticked."""
        blocked = self.box.blockSignals(True)
        self.box.setChecked(used)
        self.box.setEnabled(used or not self._missing)
        self.box.blockSignals(blocked)


def _facts_of(fact: ExtractorFact, accuracy: float | None, *, missing: bool) -> list[str]:
    """Return the facts shown in the row of an extractor."""
    parts = [STATES.get(fact.weights_state, fact.weights_state)]
    left = fact.n_images - fact.n_cached
    if not missing and fact.n_images:
        parts.append(f"about {duration(fact.estimate.seconds)} for {left:,} images" if left else "computed")
    if accuracy is not None:
        parts.append(f"{percent(round(accuracy, 2))} of the images are closest to their own class")
    return parts


def _details_of(fact: ExtractorFact) -> str:
    """Return the details of those facts."""
    parts = [f"Describes an image by {fact.n_features:,} features."] if fact.n_features else []
    if fact.n_images > fact.n_cached:
        estimate = fact.estimate
        parts.append(
            f"Remaining: {byte_size(estimate.memory_bytes)} of memory, {byte_size(estimate.disk_bytes)} on disk "
            f"({estimate.basis})."
        )
    return " ".join(parts)
