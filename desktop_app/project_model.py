"""The current project, its changes as signals, undo, and the state of every stage."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from coreset_studio.core.errors import ProjectError
from coreset_studio.core.project import (
    STAGES,
    Choices,
    Project,
    StageResult,
    digest_on_disk,
    read_stored_project,
    write_project,
)
from coreset_studio.core.settings import Settings
from coreset_studio.core.version import __version__
from coreset_studio.desktop_app.project_images import ImageRecords

StageState = Literal["ready", "stale", "running", "done"]
VALUES_KEPT = 4
MERGE_SECONDS = 1.0
_MERGE_ID = 1


class ChangedOutsideError(ProjectError):
    """The project file is not as this window last read or wrote it: another window or program has changed it.

    Attributes
    ----------
    gone : bool
        Whether it was moved or deleted, rather than written.
    """

    def __init__(self, file: Path, *, gone: bool) -> None:
        self.gone = gone
        happened = "was moved or deleted" if gone else "was changed by another window or program"
        super().__init__(f"{file.name} {happened} after it was opened here. It was not saved; save it as another file.")


class ProjectModel(ImageRecords):
    """The project that is open; pages listen here and never to each other.

    Attributes
    ----------
    project : Project
        Frozen; replaced whole at every change.
    file : Path or None
        Where it is saved.
    digest : str
        Of the project file when it was last read or written here; empty where there is none.
    held_elsewhere : bool
        Another window has the project open: this one does not save it by itself.
    undo_stack : QUndoStack
        Changes of settings and of what is noted on images.

    Signals
    -------
    project_replaced : ()
        Another project was opened, or a new one started: read everything again.
    settings_changed : (str)
        A section of the settings ("data", "features", "clusters", "selection", "training", "comparison", "export")
        has other values, by the user, undo or redo.
    results_changed : (str)
        A stage has another current result, or none any more; also for every stage after one that changed.
    states_changed : ()
        Some stage is ready, stale, running or done where it was not before.
    choices_changed : ()
        Class, components or step in view.
    source_changed : ()
        The images are in another place.
    image_facts_changed : ()
        Notes on images, or which were reviewed, are others, by the user, undo or redo.
    saved_changed : ()
        The file, or whether there is something to save, is another.
    """

    project_replaced = Signal()
    settings_changed = Signal(str)
    results_changed = Signal(str)
    states_changed = Signal()
    choices_changed = Signal()
    source_changed = Signal()
    saved_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project = Project()
        self.file: Path | None = None
        self.digest = ""
        self.held_elsewhere = False
        self.undo_stack = QUndoStack(self)
        self.undo_stack.setUndoLimit(200)
        self._saved = self.project
        self._running: set[str] = set()
        self._values: dict[str, OrderedDict[str, object]] = {stage: OrderedDict() for stage in STAGES}
        self._current: dict[str, str | None] = dict.fromkeys(STAGES)

    # --- the file ---------------------------------------------------------------------------------------------

    @property
    def has_unsaved_changes(self) -> bool:
        """Whether something would be lost if the window closed now."""
        return self.project != self._saved

    @property
    def is_worth_keeping(self) -> bool:
        """Whether there is more than a folder that was opened: choices, words of the user, or results that took time.

        A scan of the images alone is made again in a moment.
        """
        project = self.project
        return (
            self.file is not None
            or project.settings != Settings()
            or bool(project.notes or project.image_notes or project.reviewed)
            or any(results for stage, results in project.results.items() if stage != "dataset")
        )

    @property
    def name(self) -> str:
        """The project's name for the window's title."""
        if self.file is not None:
            return self.file.stem
        return self.project.source.name if self.project.source is not None else ""

    def start(self, source: Path | None) -> None:
        """Start a new project on a folder, CSV or .npz."""
        self._replace(Project(source=source), None, saved=source is None)

    def open(self, file: Path) -> None:
        """Open a project file.

        Raises
        ------
        ProjectError
            If it cannot be read; the open project then stays.
        """
        stored = read_stored_project(file)
        self._replace(stored.project, file, saved=True, digest=stored.digest)

    def recover(self, project: Project, file: Path | None, digest: str = "") -> None:
        """Open what was kept of a session that ended badly; it counts as not saved.

        Parameters
        ----------
        digest : str
            Of the file when that session last read or wrote it; empty where that is not known, and the file is then
            taken to be the one that the session knew.
        """
        if file is not None and not digest:
            with suppress(ProjectError):  # said when it is to be saved
                digest = digest_on_disk(file)
        self._replace(project, file, saved=False, digest=digest)

    def save(self, file: Path | None = None, *, overwrite: bool = False) -> None:
        """Save to `file`, from now on the project's own; without it where it was saved last.

        Parameters
        ----------
        overwrite : bool
            Write the project's own file even where another window or program has changed it.

        Raises
        ------
        ProjectError
            If it cannot be written; a `ChangedOutsideError` if the project's own file is not as it was left here.
        """
        target = file or self.file
        if target is None:
            raise ValueError("a project that was never saved requires a file")
        if target == self.file and not overwrite:
            self._check_unchanged(target)
        self.digest = write_project(self.project, target, version=__version__)
        self.file, self._saved, self.held_elsewhere = target, self.project, False
        self.saved_changed.emit()

    def close(self) -> None:
        """Have no project open."""
        self._replace(Project(), None, saved=True)

    # --- choices ----------------------------------------------------------------------------------------------

    def settings(self, section: str) -> Any:
        """Return one section of the settings, such as `DataSettings` for "data"."""
        return getattr(self.project.settings, section)

    def set_settings(self, section: str, *, text: str = "", merge: bool = False, **changes: Any) -> None:
        """Change values of one section; undo takes them back.

        Parameters
        ----------
        section : str
            "data", "features", "clusters", "selection", "training", "comparison" or "export".
        text : str
            What undo offers to take back: "Undo `text`".
        merge : bool
            Let this and the change less than a second before it be one step of undo if both are of the same
            values: for sliders.
        **changes
            Fields of the section and their new values.

        Raises
        ------
        SettingsError
            If a value is out of its range; nothing has changed then.
        """
        after = self.project.with_settings(section, **changes)
        if after.settings != self.project.settings:
            names = tuple(sorted(changes))
            words = text or f"change of {' and '.join(name.replace('_', ' ') for name in names)}"
            self.undo_stack.push(_SettingsCommand(self, section, self.settings(section), after, names, words, merge))

    def put_settings(self, section: str, value: Any) -> None:
        """Put a whole section in place, without undo; for the undo commands and for tests."""
        self._set(replace(self.project, settings=replace(self.project.settings, **{section: value})))
        self.settings_changed.emit(section)
        self._emit_results_changed()

    def set_choices(self, **changes: Any) -> None:
        """Change what the window shows (`stage`, `class_name`, `components`); no undo, as no result depends on it."""
        choices: Choices = replace(self.project.choices, **changes)
        if choices != self.project.choices:
            self._set(replace(self.project, choices=choices))
            self.choices_changed.emit()

    def set_notes(self, notes: str) -> None:
        """Keep the user's own words."""
        self._set(replace(self.project, notes=notes))

    # --- the dataset's place ----------------------------------------------------------------------------------

    def locate(self, source: Path) -> None:
        """Say where the images are now; results made from the same images stay current."""
        if source != self.project.source:
            self._values = {stage: OrderedDict() for stage in STAGES}  # they hold paths to where the images were
            self._set(replace(self.project, source=source))
            self.source_changed.emit()
            self._emit_results_changed()

    # --- results ----------------------------------------------------------------------------------------------

    def key(self, stage: str) -> str:
        """Return the fingerprint of a result of `stage` made from the choices as they are now."""
        return self.project.key(stage)

    def store_result(
        self,
        stage: str,
        key: str,
        facts: Mapping[str, Any],
        value: object = None,
        *,
        content: str = "",
        seconds: float = 0.0,
    ) -> None:
        """Keep what came out of a stage.

        Parameters
        ----------
        key : str
            `key(stage)` when the stage was *started*: the choices may have changed since.
        facts : mapping
            Small JSON values, kept in the project file.
        value : object
            The result itself, kept in memory for the pages; see `value`.
        content : str
            Identity of the result where it depends on more than the choices, such as the images found.
        """
        if value is not None:
            kept = self._values[stage]
            kept[key] = value
            kept.move_to_end(key)
            while len(kept) > VALUES_KEPT:
                kept.popitem(last=False)
        self._current[stage] = None  # so that listeners hear of a result computed again, too
        self._set(self.project.with_result(stage, StageResult(key, dict(facts), content, seconds)))
        self._emit_results_changed()

    def facts(self, stage: str) -> Mapping[str, Any] | None:
        """Return the facts of the stage's current result, or None."""
        result = self.project.result(stage)
        return None if result is None else result.facts

    def value(self, stage: str) -> Any:
        """Return the current result itself, or None where there is none or it is not in memory (after opening)."""
        return self._values[stage].get(self.key(stage))

    def latest_value(self, stage: str) -> Any:
        """Return the newest result in memory, current or stale, or None."""
        current = self.value(stage)
        if current is not None:
            return current
        return next(reversed(self._values[stage].values()), None)

    def state(self, stage: str) -> StageState:
        """Return what the step at the side shows."""
        if stage in self._running:
            return "running"
        if self.project.result(stage) is not None:
            return "done"
        return "stale" if self.project.results.get(stage) else "ready"

    def set_running(self, stage: str, running: bool) -> None:
        """Say that a job of the stage has started or ended."""
        if running != (stage in self._running):
            (self._running.add if running else self._running.discard)(stage)
            self.states_changed.emit()

    # --- inside -----------------------------------------------------------------------------------------------

    def _set(self, project: Project) -> None:
        self.project = project
        self.saved_changed.emit()

    def _check_unchanged(self, file: Path) -> None:
        if not file.parent.is_dir():  # a drive that is not connected; making the folder again would hide that
            raise ProjectError(
                f"The project could not be saved to {file}: the folder was not found. Save it to another location."
            )
        now = digest_on_disk(file)
        if self.digest and now != self.digest:
            raise ChangedOutsideError(file, gone=not now)

    def _replace(self, project: Project, file: Path | None, *, saved: bool, digest: str = "") -> None:
        self.undo_stack.clear()
        self.project, self.file, self.digest, self.held_elsewhere = project, file, digest, False
        self._saved = project if saved else Project()
        self._values = {stage: OrderedDict() for stage in STAGES}
        self._current = {stage: self._fingerprint(stage) for stage in STAGES}
        self._running.clear()
        self.project_replaced.emit()
        self.states_changed.emit()
        self.saved_changed.emit()

    def _fingerprint(self, stage: str) -> str | None:
        result = self.project.result(stage)
        return None if result is None else result.fingerprint

    def _emit_results_changed(self) -> None:
        """Tell every stage whose current result is another one now."""
        now = {stage: self._fingerprint(stage) for stage in STAGES}
        before, self._current = self._current, now
        changed = [stage for stage in STAGES if now[stage] != before[stage]]
        for stage in changed:
            self.results_changed.emit(stage)
        self.states_changed.emit()


class _SettingsCommand(QUndoCommand):
    """One change of one section."""

    def __init__(
        self,
        model: ProjectModel,
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
        if not isinstance(other, _SettingsCommand) or other.what != self.what:
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
