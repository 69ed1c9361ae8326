"""A pattern that finds the patient or slide in a file's name, with what it finds shown while it is typed."""

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from desktop_app import theme
from desktop_app.models.table_model import Column
from desktop_app.widgets.table import Table
from desktop_app.widgets.words import count, images, set_tone

WAIT_MS = 150
MOST_SHOWN = 200


class PatternField(QWidget):
    """A text field and a list: file at the left, the group found in it at the right.

    Signals
    -------
    pattern_changed : (str)
        A little after the last key; answer with `set_preview`.
    pattern_accepted : (str)
        Enter, or the field was left.
    """

    pattern_changed = Signal(str)
    pattern_accepted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = QLineEdit()
        self.field.setPlaceholderText(r"For example  (P\d+)_  or  patient-(\w+)/")
        self.field.setAccessibleName("Pattern for groups")
        self.field.setToolTip(
            "A regular expression for the path; the first capture group identifies the group. Images of one group "
            "are not divided by the split."
        )
        self.field.setClearButtonEnabled(True)
        self.suggestion = QPushButton()
        self.suggestion.hide()
        self.suggestion.clicked.connect(self._take_suggestion)
        self._suggested = ""
        self._summary = QLabel()
        self._summary.setWordWrap(True)
        self.preview = Table(
            "Groups found", [Column("File", lambda row: row[0]), Column("Group", lambda row: row[1] or "–")]
        )
        self._wait = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._wait.timeout.connect(self._tell)
        self.field.textEdited.connect(self._wait_for_more)
        self.field.editingFinished.connect(self._accept)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        column.addWidget(self.field)
        column.addWidget(self.suggestion)
        column.addWidget(self._summary)
        column.addWidget(self.preview, 1)
        self.set_preview(())

    @property
    def pattern(self) -> str:
        """The pattern as typed."""
        return self.field.text()

    def set_pattern(self, pattern: str) -> None:
        """Show a pattern, without a signal."""
        self.field.setText(pattern)

    def forget(self, pattern: str) -> None:
        """Show another project's pattern; what was typed and not yet told is dropped."""
        self._wait.stop()
        self.set_pattern(pattern)
        self.set_preview(())
        self.set_suggestions(())

    def set_preview(self, found: Sequence[tuple[str, str]], problem: str = "") -> None:
        """Show what the pattern finds.

        Parameters
        ----------
        found : sequence of (str, str)
            Path and group; the group is empty where the pattern does not match.
        problem : str
            Why the pattern cannot be used.
        """
        self.preview.set_rows(list(found[:MOST_SHOWN]))
        if problem:
            words = problem
        elif not found:
            words = "Without a pattern, every image is a group of its own."
        else:
            groups = {group for _, group in found if group}
            without = sum(1 for _, group in found if not group)
            words = f"{count(len(groups))} {'group' if len(groups) == 1 else 'groups'} in {images(len(found))}"
            words += f"; {images(without)} without a group" if without else ""
        self._summary.setText(words)
        self.field.setAccessibleDescription(words)
        set_tone(self._summary, "bad" if problem else "muted")

    def set_suggestions(self, suggested: Sequence[tuple[str, int]]) -> None:
        """Offer the first of some likely patterns, each with how many groups it makes."""
        self._suggested, n_groups = next(iter(suggested), ("", 0))
        self.suggestion.setVisible(bool(self._suggested))
        self.suggestion.setText(f"Use {count(n_groups)} groups from file names")
        self.suggestion.setToolTip(f"Pattern: {self._suggested}")
        self.suggestion.setAccessibleDescription(self.suggestion.toolTip())

    def _take_suggestion(self) -> None:
        self.set_pattern(self._suggested)
        self._tell()
        self.pattern_accepted.emit(self.pattern)

    def _wait_for_more(self) -> None:
        self._wait.start()

    def _tell(self) -> None:
        self.pattern_changed.emit(self.field.text())

    def _accept(self) -> None:
        if self._wait.isActive():
            self._wait.stop()
            self._tell()
        self.pattern_accepted.emit(self.field.text())
