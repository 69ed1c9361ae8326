"""What undo takes back: changes of settings, and of what is noted on single images."""

import time
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QUndoCommand

from core.project import Project

if TYPE_CHECKING:
    from desktop_app.project_model import ProjectModel

MERGE_SECONDS = 1.0
_MERGE_ID = 1


class SettingsCommand(QUndoCommand):
    """One change of one section."""

    def __init__(
        self,
        model: "ProjectModel",
        section: str,
        before: Any,
        after: Project,
        names: tuple[str, ...],
        text: str,
        merge: bool,
    ) -> None:
        super().__init__(text)
        self._model = model
        # With the words: own settings of two samplers are both changes of `own`.
        self.what = (section, names, text)
        self.before, self.after = before, getattr(after.settings, section)
        self._merge = merge
        self.at = time.monotonic()

    def id(self) -> int:
        """Return what commands that may become one step have in common."""
        return _MERGE_ID if self._merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:  # noqa: N802
        """Take a later change of the same values into this one."""
        if not isinstance(other, SettingsCommand) or other.what != self.what:
            return False
        if other.at - self.at > MERGE_SECONDS:
            return False
        self.after, self.at = other.after, other.at
        self.setObsolete(self.after == self.before)
        return True

    def redo(self) -> None:
        """Put the new values in place."""
        self._model.put_settings(self.what[0], self.after)

    def undo(self) -> None:
        """Put the earlier values in place."""
        self._model.put_settings(self.what[0], self.before)


class FactsCommand(QUndoCommand):
    """One change of what is noted on images, or of which were reviewed."""

    def __init__(self, model: "ProjectModel", after: Project, text: str) -> None:
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
