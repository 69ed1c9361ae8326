"""The extractors to choose from: each with what it needs, what is computed, and what is left to do."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from core.pipeline.views import ExtractorFact
from core.results import Separation
from desktop_app import theme
from desktop_app.dialogs.help_button import HelpButton
from desktop_app.pages.features_advice import GONE, cannot_work, ways_out
from desktop_app.widgets.words import duration, set_tone, size

STATES = {
    "needs none": "needs no weights",
    "verified": "weights verified",
    "unverified": "unverified weights: they fit, but are not a known set",
    "missing": "weights are missing",
    "unusable": "the weight file cannot be used",
    "broken": "its plugin fails",
    GONE: "not on this machine",
}


class ExtractorList(QScrollArea):
    """A box to tick per extractor, with facts below it, and the ways out where weights are missing.

    Signals
    -------
    chosen : (tuple of str)
        The extractors ticked now, in the order shown; at least one.
    import_wanted, download_wanted : (str)
        Name of a set of weights.
    """

    chosen = Signal(object)
    import_wanted = Signal(str)
    download_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Extractors")
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self._rows: dict[str, _Row] = {}
        self._inside = QWidget()
        self._column = QVBoxLayout(self._inside)
        self._column.setContentsMargins(0, 0, theme.UNIT, 0)
        self._column.setSpacing(theme.UNIT)
        self._column.addStretch(1)
        self.setWidget(self._inside)
        self.viewport().setAutoFillBackground(False)
        self._inside.setAutoFillBackground(False)

    def set_facts(self, facts: Sequence[ExtractorFact], separations: Sequence[Separation], used: Sequence[str]) -> None:
        """Show extractors, the separation of those that are computed, and which are used."""
        for name in set(self._rows) - {fact.name for fact in facts}:
            self._drop(name)
        accuracy = {one.extractors[0]: one.accuracy for one in separations if len(one.extractors) == 1}
        for place, fact in enumerate(facts):
            if fact.name not in self._rows:
                row = _Row(fact.name)
                row.box.toggled.connect(self._tell)
                row.import_wanted.connect(self.import_wanted)
                row.download_wanted.connect(self.download_wanted)
                self._rows[fact.name] = row
                self._column.insertWidget(place, row)
            self._rows[fact.name].show_fact(fact, accuracy.get(fact.name))
        self.set_used(used)

    def set_used(self, used: Sequence[str]) -> None:
        """Tick the extractors that are used, without a signal."""
        for name, row in self._rows.items():
            row.show_used(name in used)

    def forget(self) -> None:
        """List no extractor: what each costs is known of no images."""
        for name in tuple(self._rows):
            self._drop(name)

    def row(self, name: str) -> QCheckBox:
        """Return the box of an extractor."""
        return self._rows[name].box

    def _drop(self, name: str) -> None:
        row = self._rows.pop(name)
        row.hide()
        row.deleteLater()

    def _tell(self) -> None:
        ticked = tuple(name for name, row in self._rows.items() if row.box.isChecked())
        self.chosen.emit(ticked)


class _Row(QWidget):
    """One extractor."""

    import_wanted = Signal(str)
    download_wanted = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._weights = ""
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
        self._import = QPushButton("Import file…")
        self._import.setToolTip("Take a weight file from this machine or a USB stick")
        self._import.clicked.connect(self._tell_import)
        self._download = QPushButton("Download")
        self._download.setToolTip("Fetch the official file; the only thing here that uses the network")
        self._download.clicked.connect(self._tell_download)
        ways = QHBoxLayout()
        ways.setContentsMargins(theme.UNIT * 3, 0, 0, 0)
        ways.addWidget(self._import)
        ways.addWidget(self._download)
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
        self._weights = fact.weights
        self.box.setText(fact.title)
        self.about.setAccessibleName(f"How {fact.title} works")
        self._missing = missing
        self.box.setToolTip(words)
        self.box.setAccessibleDescription(words)
        has_code = fact.weights_state not in ("broken", GONE)
        self.tip.setText(fact.tip if has_code else fact.missing_sentence)
        parts = [STATES.get(fact.weights_state, fact.weights_state)]
        if fact.n_features:
            parts.append(f"{fact.n_features:,} numbers an image")
        left = fact.n_images - fact.n_cached
        if not missing and left == 0 and fact.n_images:
            parts.append("computed")
        elif not missing and fact.n_images:
            estimate = fact.estimate
            parts.append(
                f"{left:,} images to do: about {duration(estimate.seconds)}, {size(estimate.memory_bytes)} of memory, "
                f"{size(estimate.disk_bytes)} on disk ({estimate.basis})"
            )
        if accuracy is not None:
            parts.append(f"separates the classes: 5-NN {accuracy:.3f}")
        self.state.setText("  ·  ".join(parts))
        set_tone(self.state, "warning" if missing or fact.weights_state == "unverified" else "muted")
        wants_weights = missing and has_code
        self._import.setVisible(wants_weights)
        self._download.setVisible(wants_weights)

    def show_used(self, used: bool) -> None:
        """Tick it or not; what lacks its weights can be unticked, not ticked."""
        blocked = self.box.blockSignals(True)
        self.box.setChecked(used)
        self.box.setEnabled(used or not self._missing)
        self.box.blockSignals(blocked)

    def _tell_import(self) -> None:
        self.import_wanted.emit(self._weights)

    def _tell_download(self) -> None:
        self.download_wanted.emit(self._weights)
