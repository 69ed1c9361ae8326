"""Groups such as patients: a pattern, typed or made from an example, or a column, and the groups that it gives."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.widgets.controls import ComboBox, TabWidget
from coreset_studio.desktop_app.widgets.example_line import ExampleLine
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.words import count, images, set_tone

WAIT_MS = 150
MOST_SHOWN = 200
MOST_GROUPS = 2000
NOTHING = "Without a pattern, every image is a group of its own."
COLUMN_TIP = "Column of the table that names the patient. Automatic uses one that is named like it; None uses no column"


@dataclass(frozen=True)
class GroupPreview:
    """The groups that a pattern would form.

    Attributes
    ----------
    files : sequence of (str, str)
        The first paths, each with its group; empty where it has none.
    groups : sequence of (str, int)
        The largest groups, each with its number of images, the largest first.
    n_groups, n_images, n_without : int
        How many groups, images, and images without a group there are in all.
    without : str
        Path of an image without a group.
    source : str
        Where the groups come from other than a pattern, such as ``"from the dataset"``.
    """

    files: Sequence[tuple[str, str]] = ()
    groups: Sequence[tuple[str, int]] = ()
    n_groups: int = 0
    n_images: int = 0
    n_without: int = 0
    without: str = ""
    source: str = ""

    @classmethod
    def of(
        cls, found: Sequence[tuple[str, str]], counts: Counter[str] | None = None, source: str = "", without: str = ""
    ) -> "GroupPreview":
        """Return the preview of paths and their groups.

        Parameters
        ----------
        found : sequence of (str, str)
            Path and group of each image; where they are counted already, of the first of them.
        counts : Counter, optional
            How many images each group has; the empty name is of images without one.
        source, without : str
            See the class.
        """
        counts = Counter(group for _, group in found) if counts is None else counts
        groups = sorted(((name, n) for name, n in counts.items() if name), key=lambda each: (-each[1], each[0]))
        without = without or next((path for path, group in found if not group), "")
        return cls(found[:MOST_SHOWN], groups[:MOST_GROUPS], len(groups), counts.total(), counts[""], without, source)

    @property
    def sentence(self) -> str:
        """The preview in words."""
        if not self.n_images:
            return NOTHING
        words = f"{count(self.n_groups)} {'group' if self.n_groups == 1 else 'groups'}"
        words += f" {self.source}" * bool(self.source) + f" in {images(self.n_images)}"
        if self.n_without:
            words += f"; {images(self.n_without)} without a group, such as {self.without}"
        return words


class PatternField(QWidget):
    """A text field, an example to mark the patient in, and tables of the groups and of the files.

    Signals
    -------
    pattern_changed : (str)
        A little after the last key; answer with `set_preview` or `show_preview`.
    pattern_accepted : (str)
        Enter, or the field was left, or the pattern of an example was chosen.
    example_marked : (str, int, int)
        Path, start and end of the part that is the patient; answer with `offer`.
    example_moved : (str)
        Another path is shown as the example.
    column_chosen : (str)
        A column of the table; ``"-"`` for none, empty for a guess.
    """

    pattern_changed = Signal(str)
    pattern_accepted = Signal(str)
    example_marked = Signal(str, int, int)
    example_moved = Signal(str)
    column_chosen = Signal(str)

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
        self.example = ExampleLine()
        self.example.marked.connect(self.example_marked)
        self.example.moved.connect(self.example_moved)
        self.example.entered.connect(self._use)
        self.example.dropped.connect(self._drop)
        self.use = QPushButton("Use this pattern")
        self.use.setToolTip("Keep the images of each of these groups on one side of the split")
        self.use.setAccessibleDescription(self.use.toolTip())
        self.use.hide()
        self.use.clicked.connect(self._use)
        self._kept = ""
        self.columns = ComboBox()
        self.columns.setAccessibleName("Column of the groups")
        self.columns.setToolTip(COLUMN_TIP)
        self.columns.setAccessibleDescription(COLUMN_TIP)
        self.columns.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.columns.setMinimumContentsLength(8)
        self.columns.activated.connect(self._choose_column)
        self._offered: tuple[tuple[str, ...], str] | None = None
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.groups = Table(
            "Groups", [Column("Group", lambda row: row[0]),
                       Column("Images", lambda row: count(row[1]), lambda row: row[1], numeric=True)],
        )  # fmt: skip
        self.preview = Table(
            "Groups found", [Column("File", lambda row: row[0]), Column("Group", lambda row: row[1] or "–")]
        )
        self.preview.setTextElideMode(Qt.TextElideMode.ElideLeft)  # names say more than folders
        self._wait = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._wait.timeout.connect(self._emit)
        self.field.textEdited.connect(self._wait_for_more)
        self.field.returnPressed.connect(self._use)
        self.field.editingFinished.connect(self._accept)
        self._lay_out()
        self.set_columns((), "")
        self.set_preview(())

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        self._column_label = QLabel("By a column of the table:")
        self._column_label.setBuddy(self.columns)
        column.addWidget(self._column_label)
        column.addWidget(self.columns)
        column.addWidget(self.suggestion)
        marking = QLabel("Select the patient in an example:")
        marking.setWordWrap(True)
        marking.setBuddy(self.example.line)
        column.addWidget(marking)
        column.addWidget(self.example)
        typing = QLabel("Or type a pattern:")
        typing.setBuddy(self.field)
        column.addWidget(typing)
        column.addWidget(self.field)
        column.addWidget(self.use)
        column.addWidget(self.summary)
        tabs = TabWidget()
        tabs.setDocumentMode(True)
        tabs.addTab(self.groups, "Groups")
        tabs.addTab(self.preview, "Files")
        tabs.setMinimumHeight(theme.UNIT * 18)
        column.addWidget(tabs, 1)

    @property
    def pattern(self) -> str:
        """The pattern as typed."""
        return self.field.text()

    @property
    def is_offered(self) -> bool:
        """Whether the pattern is that of an example, and not used yet."""
        return not self.use.isHidden()

    def set_pattern(self, pattern: str) -> None:
        """Show the pattern that is used, without a signal."""
        self._kept = pattern
        self.use.hide()
        self.field.setText(pattern)

    def offer(self, pattern: str) -> None:
        """Show the pattern of an example, which is used when the user says so."""
        self.field.setText(pattern)
        self.use.setVisible(bool(pattern) and pattern != self._kept)
        self._wait.stop()
        self._emit()

    def forget(self, pattern: str) -> None:
        """Show another project's pattern; text typed but not yet submitted is dropped."""
        self._wait.stop()
        self.set_pattern(pattern)
        self.set_preview(())
        self.set_suggestions(())
        self.set_columns((), "")
        self.example.set_paths(())

    def set_busy(self) -> None:
        """Say that the paths are being compared."""
        self._say("Comparing the paths…", "muted")

    def set_preview(self, found: Sequence[tuple[str, str]], problem: str = "") -> None:
        """Show what the pattern finds in some paths.

        Parameters
        ----------
        found : sequence of (str, str)
            Path and group; the group is empty where the pattern does not match.
        problem : str
            Why the pattern cannot be used.
        """
        self.show_preview(GroupPreview.of(found), problem)

    def show_preview(self, preview: GroupPreview, problem: str = "") -> None:
        """Show what groups there would be, or why the pattern cannot be used."""
        self.groups.set_rows(list(preview.groups))
        self.preview.set_rows(list(preview.files))
        self._say(problem or preview.sentence, "bad" if problem else "muted")
        self.use.setEnabled(not problem)

    def set_suggestions(self, suggested: Sequence[tuple[str, int]]) -> None:
        """Offer the first of some likely patterns, each with how many groups it makes."""
        self._suggested, n_groups = next(iter(suggested), ("", 0))
        self.suggestion.setVisible(bool(self._suggested))
        self.suggestion.setText(f"Use {count(n_groups)} groups from file names")
        self.suggestion.setToolTip(f"Pattern: {self._suggested}")
        self.suggestion.setAccessibleDescription(self.suggestion.toolTip())

    def set_columns(self, columns: tuple[str, ...], chosen: str) -> None:
        """Offer the columns of a table, of which one is used; without any, none can be chosen."""
        if self._offered == (columns, chosen):
            return  # its list may be open
        self._offered = columns, chosen
        for widget in (self._column_label, self.columns):
            widget.setVisible(bool(columns))
        self.columns.clear()
        for name, title in (("", "Automatic"), ("-", "None"), *((each, each) for each in columns)):
            self.columns.addItem(title, name)
        if chosen and self.columns.findData(chosen) < 0:
            self.columns.addItem(f"{chosen} (missing)", chosen)
        self.columns.setCurrentIndex(max(0, self.columns.findData(chosen)))

    def _say(self, words: str, tone: str) -> None:
        self.summary.setText(words)
        self.field.setAccessibleDescription(words)
        set_tone(self.summary, tone)

    def _choose_column(self) -> None:
        self.column_chosen.emit(self.columns.currentData())

    def _use(self) -> None:
        if self.is_offered and self.use.isEnabled():
            self.use.hide()
            self.pattern_accepted.emit(self.pattern)

    def _drop(self) -> None:
        if self.is_offered:
            self.set_pattern(self._kept)
            self._emit()

    def _take_suggestion(self) -> None:
        self.field.setText(self._suggested)
        self._emit()
        self.pattern_accepted.emit(self.pattern)

    def _wait_for_more(self) -> None:
        self.use.hide()  # what is typed is used by Enter
        self._wait.start()

    def _emit(self) -> None:
        self.pattern_changed.emit(self.field.text())

    def _accept(self) -> None:
        if self._wait.isActive():
            self._wait.stop()
            self._emit()
        if not self.is_offered:
            self.pattern_accepted.emit(self.field.text())
