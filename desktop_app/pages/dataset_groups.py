"""Groups that stay together, on the Dataset page: by a pattern, by an example, or by a column of a table."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields

from PySide6.QtCore import QObject, Signal

from coreset_studio.core.descriptions import registry
from coreset_studio.core.errors import SplitError
from coreset_studio.core.results import Image
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.settings import DataSettings, own_settings
from coreset_studio.desktop_app.in_steps import InSteps
from coreset_studio.desktop_app.widgets.pattern_field import MOST_SHOWN, GroupPreview, PatternField

AT_ONCE = 2000
EXAMPLES = 50
COLUMN = "group_column"


class GroupsOfImages(QObject):
    """Shows the groups that a pattern, an example or a column gives, and says when others are to be used.

    Attributes
    ----------
    field : PatternField

    Signals
    -------
    changed : (str)
        The user has given another pattern, which finds groups.
    column_changed : (str, str)
        Source of the images, and the column that the user has chosen.
    """

    changed = Signal(str)
    column_changed = Signal(str, str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.field = PatternField()
        self.field.pattern_changed.connect(self._preview)
        self.field.pattern_accepted.connect(self._accept)
        self.field.example_marked.connect(self._mark)
        self.field.example_moved.connect(self._show_part)
        self.field.column_chosen.connect(self._choose_column)
        self._steps = InSteps(self)
        self._summary: DatasetSummary | None = None
        self._pattern = ""
        self._shown: tuple[object, str] | None = None

    def show_summary(self, summary: DatasetSummary | None, settings: DataSettings) -> None:
        """Show the pattern of the settings and the groups; what is being typed or marked stays."""
        field, pattern = self.field, settings.group_pattern
        is_other, self._pattern = pattern != self._pattern, pattern
        if is_other or (field.pattern != pattern and not field.field.hasFocus() and not field.is_offered):
            field.set_pattern(pattern)
        self._summary = summary
        images = self._images()
        field.example.set_paths([image.path for image in _spread(images, EXAMPLES)])
        field.set_suggestions(summary.suggested_patterns if summary is not None and not field.pattern else ())
        field.set_columns(*_columns(summary, settings))
        self._preview(field.pattern)

    def forget(self, pattern: str) -> None:
        """Show the pattern of another project, and no images."""
        self._steps.stop()
        self._summary, self._pattern, self._shown = None, pattern, None
        self.field.forget(pattern)

    def _images(self) -> Sequence[Image]:
        return self._summary.dataset.images if self._summary is not None else ()

    # --- previews ---------------------------------------------------------------------------------------------

    def _preview(self, pattern: str) -> None:
        images = self._images()
        if self._shown is not None and self._shown[0] is images and self._shown[1] == pattern:
            return
        self._shown = images, pattern
        self.field.set_suggestions(
            self._summary.suggested_patterns if self._summary is not None and not pattern else ()
        )
        try:
            find = _finder(pattern)
        except SplitError as error:
            self._steps.stop()
            self.field.show_preview(GroupPreview(), str(error))
            return
        if not self._steps.run(self._found(images, pattern, find)):
            self.field.set_busy()

    def _found(self, images: Sequence[Image], pattern: str, find: Callable[[str], str] | None) -> Iterator[None]:
        """Find the groups, of some images at a time, and show them."""
        counts: Counter[str] = Counter()
        files: list[tuple[str, str]] = []
        without = ""
        for start in range(0, len(images), AT_ONCE):
            some = images[start : start + AT_ONCE]
            groups = [find(image.path) if find is not None else image.group for image in some]
            counts.update(groups)
            files += [(i.path, group) for i, group in zip(some[: MOST_SHOWN - len(files)], groups, strict=False)]
            if not without and "" in groups:
                without = some[groups.index("")].path
            yield
        problem = ""
        if images and not any(counts):
            if pattern:
                problem = _none_found([image.path for image in images], pattern)
            counts.clear()  # without groups there is nothing to list
            files = []
        source = "" if pattern else "from the dataset"
        self.field.show_preview(GroupPreview.of(files, counts, source, without), problem)
        self._show_part(self.field.example.path)

    def _mark(self, path: str, start: int, end: int) -> None:
        from coreset_studio.core.service.groups import pattern_from_example

        pattern = pattern_from_example(path, start, end, [image.path for image in self._images()])
        if pattern:
            self.field.offer(pattern)

    def _show_part(self, path: str) -> None:
        """Select in the example what the pattern finds there."""
        if self.field.example.line.hasFocus() and self.field.example.line.hasSelectedText():
            return  # the user is marking
        start = end = 0
        pattern = self.field.pattern
        if pattern and path:
            from coreset_studio.core.service.groups import group_span

            start, end = group_span(path, pattern)
        self.field.example.show_part(start, end)

    # --- telling ----------------------------------------------------------------------------------------------

    def _accept(self, pattern: str) -> None:
        """Take a pattern that finds groups; another one stays in the field with its problem."""
        if pattern == self._pattern:
            return
        try:
            find = _finder(pattern)
        except SplitError:
            return  # the preview says why
        images = self._images()
        if find is None or not images or any(find(image.path) for image in images):
            self.changed.emit(pattern)

    def _choose_column(self, column: str) -> None:
        if self._summary is not None:
            self.column_changed.emit(self._summary.dataset.kind, column)


def _finder(pattern: str) -> Callable[[str], str] | None:
    if not pattern:
        return None
    # The engine's splitting is imported when a pattern is given, not when the window opens.
    from coreset_studio.core.service.groups import group_finder

    return group_finder(pattern)


def _none_found(paths: Sequence[str], pattern: str) -> str:
    from coreset_studio.core.service.groups import no_groups

    return no_groups(paths, pattern)


def _spread(images: Sequence[Image], n: int) -> list[Image]:
    """Return some images, evenly spaced."""
    return [images[at * len(images) // n] for at in range(n)] if len(images) > n else list(images)


def _columns(summary: DatasetSummary | None, settings: DataSettings) -> tuple[tuple[str, ...], str]:
    """Return the columns that may name groups, and which of them is chosen; none of what is no table."""
    if summary is None or summary.dataset.kind not in registry("source"):
        return (), ""
    own = own_settings(settings, registry("source")[summary.dataset.kind])
    if own is None or COLUMN not in {each.name for each in fields(own)}:
        return (), ""
    used = summary.dataset.read_as.get(COLUMN, "")
    return tuple(dict.fromkeys(each for each in (used, *summary.dataset.columns) if each)), getattr(own, COLUMN)
