"""Records of single images of a project: corrected classes, notes, and how their review ended."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, cast

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from coreset_studio.core.project import DECISIONS, Decision, Project
from coreset_studio.core.settings.relabelling import utc_text, with_relabelled


class ImageRecords(QObject):
    """The part of the project's model that is about single images; `ProjectModel` has the rest."""

    project: Project
    undo_stack: QUndoStack
    image_facts_changed = Signal()

    def relabel(self, paths: Iterable[str], new_class: str, old_classes: Mapping[str, str]) -> None:
        """Give images another class, in one step of undo; image files and tables are not changed.

        Parameters
        ----------
        paths : iterable of str
        new_class : str
            For an image that has this class in its source, the record of an earlier relabelling is removed.
        old_classes : mapping of str to str
            Class of each image in its source, by path: `Image.original_class` where there is one, else
            `Image.class_name`.

        Raises
        ------
        SettingsError
            If `new_class` is empty; nothing has changed then.
        """
        before = self.settings("data").relabelled
        after = with_relabelled(before, paths, new_class, old_classes, utc_text(datetime.now(UTC)))
        n_changed = len({record.path for record in {*before} ^ {*after}})
        words = f"relabelling of {n_changed:,} image{'s' * (n_changed != 1)}"
        self.set_settings("data", text=words, relabelled=after)

    def set_image_note(self, path: str, text: str) -> None:
        """Keep a note on an image; an empty text removes it. Undo takes it back."""
        notes = _with(self.project.image_notes, path, text.strip())
        self._push_facts(replace(self.project, image_notes=notes), "note on an image")

    def set_reviewed(self, path: str, decision: Decision | Literal[""]) -> None:
        """Keep how the review of an image ended; an empty text removes it. Undo takes it back.

        Raises
        ------
        ValueError
            If it is no such decision.
        """
        if decision and decision not in DECISIONS:
            raise ValueError(decision)
        reviewed = cast("dict[str, Decision]", _with(self.project.reviewed, path, decision))
        self._push_facts(replace(self.project, reviewed=reviewed), "review of an image")

    def put_image_facts(self, image_notes: Mapping[str, str], reviewed: Mapping[str, Decision]) -> None:
        """Put notes and reviewed images in place, without undo; for the undo commands."""
        self._set(replace(self.project, image_notes=image_notes, reviewed=reviewed))
        self.image_facts_changed.emit()

    def settings(self, section: str) -> Any:
        """Return one section of the settings."""
        raise NotImplementedError

    def set_settings(self, section: str, *, text: str = "", merge: bool = False, **changes: Any) -> None:
        """Change values of one section of the settings."""
        raise NotImplementedError

    def _set(self, project: Project) -> None:
        raise NotImplementedError

    def _push_facts(self, after: Project, words: str) -> None:
        if after != self.project:
            self.undo_stack.push(_FactsCommand(self, after, words))


class _FactsCommand(QUndoCommand):
    """One change of what is noted on images, or of which were reviewed."""

    def __init__(self, model: ImageRecords, after: Project, text: str) -> None:
        super().__init__(text)
        self._model = model
        before = model.project
        self._before, self._after = (before.image_notes, before.reviewed), (after.image_notes, after.reviewed)

    def redo(self) -> None:
        """Put the new values in place."""
        self._model.put_image_facts(*self._after)

    def undo(self) -> None:
        """Put the earlier values in place."""
        self._model.put_image_facts(*self._before)


def _with(values: Mapping[str, str], path: str, text: str) -> dict[str, str]:
    """Return texts by path with another for one path; without it where the text is empty."""
    others = {name: value for name, value in values.items() if name != path}
    return {**others, path: text} if text else others
