"""Excluding images by patterns of their paths: the field on the Dataset page, and its preview."""

from collections.abc import Iterator

from PySide6.QtCore import QObject, Signal

from coreset_studio.core.errors import SettingsError
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.settings.path_patterns import PathPatterns, check_patterns, split_patterns
from coreset_studio.desktop_app.in_steps import InSteps
from coreset_studio.desktop_app.models.thumbnail_model import Thumbnail
from coreset_studio.desktop_app.widgets.exclusion_field import MOST_SHOWN, ExclusionField

AT_ONCE = 2000
THUMBNAILS = 8
SEPARATOR = "; "


class ExcludingByPattern(QObject):
    """Shows what patterns match while they are typed, and says when others are to be used.

    Attributes
    ----------
    field : ExclusionField

    Signals
    -------
    changed : (tuple of str)
        The user has given other patterns, all of which can be used.
    """

    changed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.field = ExclusionField()
        self.field.text_changed.connect(self._preview)
        self.field.text_accepted.connect(self._accept)
        self._steps = InSteps(self)
        self._summary: DatasetSummary | None = None
        self._patterns: tuple[str, ...] = ()
        self._shown: tuple[object, str] | None = None

    def show_summary(self, summary: DatasetSummary | None, patterns: tuple[str, ...]) -> None:
        """Show the patterns of the settings and what they match; what is being typed stays."""
        is_other = patterns != self._patterns
        self._summary, self._patterns = summary, patterns
        if is_other or not self.field.field.hasFocus():
            self.field.set_text(SEPARATOR.join(patterns))
        self._preview(self.field.text)

    def forget(self, patterns: tuple[str, ...]) -> None:
        """Show the patterns of another project, and no images."""
        self._steps.stop()
        self._summary, self._patterns, self._shown = None, patterns, None
        self.field.forget(SEPARATOR.join(patterns))

    def _preview(self, text: str) -> None:
        images = self._summary.dataset.images if self._summary is not None else ()
        if self._shown is not None and self._shown[0] is images and self._shown[1] == text:
            return
        self._shown = images, text
        try:
            patterns = PathPatterns(split_patterns(text))
        except SettingsError as error:
            self._steps.stop()
            self.field.set_problem(str(error))
            return
        if not self._steps.run(self._compared(patterns, has_any=bool(text.strip()))):
            self.field.set_busy()

    def _compared(self, patterns: PathPatterns, *, has_any: bool) -> Iterator[None]:
        """Compare all paths, some at a time, and show what matches."""
        summary = self._summary
        if summary is None or not has_any:
            self.field.set_preview(0, 0, (), ())
            return
        images, n_matches = summary.dataset.images, 0
        rows: list[tuple[str, str]] = []
        thumbnails: list[Thumbnail] = []
        for start in range(0, len(images), AT_ONCE):
            for index, image in enumerate(images[start : start + AT_ONCE], start):
                pattern = patterns.first(image.path)
                if not pattern:
                    continue
                n_matches += 1
                if len(rows) < MOST_SHOWN:
                    rows.append((image.path, pattern))
                if len(thumbnails) < THUMBNAILS:
                    thumbnails.append(Thumbnail(index, str(summary.thumbnail(index)), image.path))
            yield
        self.field.set_preview(n_matches, len(images), rows, thumbnails)

    def _accept(self, text: str) -> None:
        """Take patterns that can be used; others stay in the field with their problem."""
        patterns = split_patterns(text)
        if patterns == self._patterns:
            return
        try:
            check_patterns(patterns)
        except SettingsError:
            return  # the preview says why
        first = PathPatterns(patterns).first
        if self._summary is None or not all(first(image.path) for image in self._summary.dataset.images):
            self.changed.emit(patterns)
