"""Patterns of images to be excluded, with the images that match shown while they are typed."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.models.thumbnail_model import Thumbnail
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.thumbnail_row import ThumbnailRow
from coreset_studio.desktop_app.widgets.words import count, images, set_tone

WAIT_MS = 150
MOST_SHOWN = 200
SIDE = theme.UNIT * 7
NOTHING = "No pattern: no image is excluded by its path."


class ExclusionField(QWidget):
    """A text field, how many images match, and the first of them.

    Signals
    -------
    text_changed : (str)
        A little after the last key; answer with `set_preview` or `set_problem`.
    text_accepted : (str)
        Enter, or the field was left.
    opened : (int)
        A thumbnail, by its key.
    """

    text_changed = Signal(str)
    text_accepted = Signal(str)
    opened = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = QLineEdit()
        self.field.setPlaceholderText("For example  *_thumb.*; masks")
        self.field.setAccessibleName("Patterns of images to exclude")
        self.field.setToolTip(
            "Patterns with semicolons between. * is any text, ? one character, [0-9] one of several. A pattern without "
            "a slash matches the name of a file or of a folder above it; upper and lower case are the same."
        )
        self.field.setClearButtonEnabled(True)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.thumbnails = ThumbnailRow(SIDE, "Images that match")
        self.thumbnails.set_note("")
        self.thumbnails.opened.connect(self.opened)
        self.thumbnails.preview_requested.connect(self.opened)
        self.matches = Table(
            "Images that match", [Column("File", lambda row: row[0]), Column("Pattern", lambda row: row[1])]
        )
        self.matches.setTextElideMode(Qt.TextElideMode.ElideLeft)  # names say more than folders
        self.matches.setMinimumHeight(theme.UNIT * 12)
        self._wait = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._wait.timeout.connect(self._emit)
        self.field.textEdited.connect(self._wait_for_more)
        self.field.editingFinished.connect(self._accept)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        column.addWidget(self.field)
        column.addWidget(self.summary)
        column.addWidget(self.thumbnails)
        column.addWidget(self.matches)
        self.set_preview(0, 0, (), ())

    @property
    def text(self) -> str:
        """The patterns as typed."""
        return self.field.text()

    def set_text(self, text: str) -> None:
        """Show patterns, without a signal."""
        if self.field.text() != text:
            self.field.setText(text)

    def forget(self, text: str) -> None:
        """Show another project's patterns; text typed but not yet submitted is dropped."""
        self._wait.stop()
        self.set_text(text)
        self.set_preview(0, 0, (), ())

    def set_busy(self) -> None:
        """Say that the paths are being compared."""
        self._say("Comparing the paths…", "muted")

    def set_problem(self, problem: str) -> None:
        """Say why the patterns cannot be used."""
        self._show((), ())
        self._say(problem, "bad")

    def set_preview(
        self, n_matches: int, n_images: int, rows: Sequence[tuple[str, str]], thumbnails: Sequence[Thumbnail]
    ) -> None:
        """Show what the patterns match.

        Parameters
        ----------
        n_matches, n_images : int
            How many images match, of how many; 0 of 0 where there is no pattern or no image.
        rows : sequence of (str, str)
            Path of a matching image, and the pattern that it matches.
        thumbnails : sequence of Thumbnail
            The first of them.
        """
        self._show(rows, thumbnails)
        if not n_images:
            self._say(NOTHING if not self.text.strip() else "Scan the images to see which match.", "muted")
        elif n_matches == n_images:
            self._say(f"All {count(n_images)} images match; at least some must remain.", "bad")
        else:
            verb = "matches" if n_matches == 1 else "match"
            self._say(f"{images(n_matches)} of {count(n_images)} {verb}", "muted" if n_matches else "warning")

    def _show(self, rows: Sequence[tuple[str, str]], thumbnails: Sequence[Thumbnail]) -> None:
        self.matches.set_rows(list(rows[:MOST_SHOWN]))
        self.thumbnails.set_images(thumbnails)
        self.matches.setVisible(bool(rows))
        self.thumbnails.setVisible(bool(thumbnails))

    def _say(self, words: str, tone: str) -> None:
        self.summary.setText(words)
        self.field.setAccessibleDescription(words)
        set_tone(self.summary, tone)

    def _wait_for_more(self) -> None:
        self._wait.start()

    def _emit(self) -> None:
        self.text_changed.emit(self.field.text())

    def _accept(self) -> None:
        if self._wait.isActive():
            self._wait.stop()
            self._emit()
        self.text_accepted.emit(self.field.text())
