"""The frozen Project, its file format, and the copy kept for recovery.

A project is small: where the images are, every choice, and for each stage the facts that came out, under the
fingerprint of all that they were made from. The large arrays stay in the cache. A result whose fingerprint no
longer fits the choices is *stale*; it is kept, and current again when the choices return.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, Literal, get_args

from coreset_studio.core.errors import ProjectError, SettingsError
from coreset_studio.core.files import reason_of, replace_atomically
from coreset_studio.core.forms import FormError, parse_json, read_form
from coreset_studio.core.reading import read_regular
from coreset_studio.core.settings import Settings, settings_from_dict, settings_in_keys, settings_to_dict
from coreset_studio.core.settings.chosen_file import ChosenFile, changed_files

FORMAT = 1
SUFFIX = ".coreset"
PROGRAM = "Coreset Studio"
RESULTS_KEPT = 8

Decision = Literal["kept", "skipped"]
DECISIONS: tuple[str, ...] = get_args(Decision)

PROJECT_BYTES = 64_000_000
"""Largest project file that is read; the window reads it itself, and would freeze with a larger one."""

# Every stage in order, and the sections of the settings that its result is made from.
STAGES: Mapping[str, tuple[str, ...]] = {
    "dataset": ("data",),
    "features": ("features",),
    "clusters": ("clusters",),
    "coreset": ("selection",),
    "compare": ("training", "comparison"),
}
# A comparison has its own samplers, fractions and seeds: moving the coreset's slider does not touch it.
NOT_COMPARED = ("sampler", "fraction", "images", "seed")


@dataclass(frozen=True)
class StageResult:
    """The small facts that came out of a stage.

    Attributes
    ----------
    fingerprint : str
        Of everything that it was made from: `Project.key` when the stage was started.
    facts : mapping
        JSON values.
    content : str
        Identity of what came out, where it depends on more than the choices (the images found by a scan);
        later stages are stale when it changes. Empty otherwise.
    seconds : float
        How long it took.
    """

    fingerprint: str
    facts: Mapping[str, Any]
    content: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Choices:
    """State of the window, which changes no result.

    Attributes
    ----------
    stage : str
        The step that was open.
    class_name : str
        The class in view; empty for the first.
    components : tuple of int
        The two components that are plotted, from 0.
    margin : float
        The accuracy that may be lost when the size of a coreset is looked for, as a share above 0 and below 0.5.
    """

    stage: str = "dataset"
    class_name: str = ""
    components: tuple[int, int] = (0, 1)
    margin: float = 0.02


@dataclass(frozen=True, kw_only=True)
class Project:
    """One study: its images, its choices and what came out so far.

    Attributes
    ----------
    source : Path or None
        Folder, CSV or .npz of images; None before one is selected.
    settings : Settings
    results : mapping of str to tuple of StageResult
        By stage, the newest last; at most eight of each, so that undo finds its result again.
    choices : Choices
    notes : str
        The user's own words.
    image_notes : mapping of str to str
        The user's note on single images, by path. They change no result.
    reviewed : mapping of str to {"kept", "skipped"}
        Images whose class was reviewed and not changed, by path: kept as it is, or skipped for now. They change no
        result.

    Notes
    -----
    History of the file format (JSON, UTF-8, suffix ``.coreset``):

    1. ``format``, ``program``, ``version``, ``source`` (relative to the file where possible, forward slashes),
       ``settings``, ``results``, ``choices``, ``notes``. Added later, and excluded where they are empty:
       ``image_notes``, ``reviewed``, and ``margin`` in ``choices`` where it is 0.02.
    """

    source: Path | None = None
    settings: Settings = field(default_factory=Settings)
    results: Mapping[str, tuple[StageResult, ...]] = field(default_factory=dict)
    choices: Choices = field(default_factory=Choices)
    notes: str = ""
    image_notes: Mapping[str, str] = field(default_factory=dict)
    reviewed: Mapping[str, Decision] = field(default_factory=dict)

    def key(self, stage: str) -> str:
        """Return the fingerprint that a result of `stage` has if it is made from the choices as they are now.

        Where the images are is not a part of it: a folder that moved is still the same study. Which images were found
        there is (`StageResult.content` of the dataset), for every stage after it.
        """
        if stage not in self._keys:
            self._keys[stage] = self._key(stage)
        return self._keys[stage]

    def _key(self, stage: str) -> str:
        digest = hashlib.sha256(b"[")
        for name in STAGES:
            compared = stage == "compare" and name == "coreset"
            digest.update(self._settings_text(name, compared=compared))
            if name == stage:
                digest.update(b"]")
                return digest.hexdigest()[:32]
            if not compared:
                result = self.result(name)
                content = result.content if result is not None else ""
                digest.update(f", {json.dumps(content)}".encode())
            digest.update(b", ")
        raise ValueError(stage)

    # A project is frozen, and the window asks for its keys dozens of times after each change: with 100,000 excluded
    # images a key takes 50 ms to make.

    @cached_property
    def _keys(self) -> dict[str, str]:
        return {}

    @cached_property
    def _settings_texts(self) -> dict[tuple[str, bool], bytes]:
        return {}

    def _settings_text(self, stage: str, *, compared: bool) -> bytes:
        """Return the settings of a stage as JSON; `compared`: those that a comparison depends on."""
        if (stage, compared) not in self._settings_texts:
            settings = {section: settings_in_keys(getattr(self.settings, section)) for section in STAGES[stage]}
            if compared:
                settings = {name: v for name, v in settings["selection"].items() if name not in NOT_COMPARED}
            part = [stage, settings]
            self._settings_texts[stage, compared] = json.dumps(part, sort_keys=True).encode()
        return self._settings_texts[stage, compared]

    def result(self, stage: str) -> StageResult | None:
        """Return the result of `stage` that fits the choices, or None."""
        return self._find(stage, self.key(stage))

    def latest(self, stage: str) -> StageResult | None:
        """Return the newest result of `stage`, current or stale, or None."""
        return self.result(stage) or next(reversed(self.results.get(stage, ())), None)

    def with_result(self, stage: str, result: StageResult) -> "Project":
        """Return the project with one more result; one with the same fingerprint gives way."""
        others = [old for old in self.results.get(stage, ()) if old.fingerprint != result.fingerprint]
        return replace(self, results={**self.results, stage: (*others, result)[-RESULTS_KEPT:]})

    def with_settings(self, section: str, **changes: Any) -> "Project":
        """Return the project with other values in one section of the settings.

        Raises
        ------
        SettingsError
            If a value is out of its range.
        """
        changed = replace(getattr(self.settings, section), **changes)
        return replace(self, settings=replace(self.settings, **{section: changed}))

    def _find(self, stage: str, fingerprint: str) -> StageResult | None:
        for result in reversed(self.results.get(stage, ())):
            if result.fingerprint == fingerprint:
                return result
        return None


class NewerProjectError(ProjectError):
    """A project of a newer version of the program: it is whole, and not for this one to read."""


@dataclass(frozen=True)
class StoredProject:
    """A project as it was read from its file.

    Attributes
    ----------
    project : Project
    digest : str
        Of the bytes that were read: before the file is written later, it shows whether another program has written it
        since.
    """

    project: Project
    digest: str


def read_stored_project(file: Path) -> StoredProject:
    """Read a project file, and remember which bytes it was made of.

    Raises
    ------
    ProjectError
        If it cannot be read, is not a project, is damaged, or was written by a newer version of the program.
    """
    content = _read_bytes(file)
    return StoredProject(project_from_dict(_as_json(content, file), file.parent, file.name), _digest_of(content))


def read_project(file: Path) -> Project:
    """Read a project file.

    Raises
    ------
    ProjectError
        If it cannot be read, is not a project, is damaged, or was written by a newer version of the program.
    """
    return read_stored_project(file).project


def digest_on_disk(file: Path) -> str:
    """Return the digest of a project file as it is now, or an empty text where there is none.

    Raises
    ------
    ProjectError
        If it cannot be read.
    """
    try:
        return _digest_of(read_regular(file, PROJECT_BYTES))
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ProjectError(f"The project file {file} cannot be read ({reason_of(error)}).") from error


def write_project(project: Project, file: Path, *, version: str = "") -> str:
    """Write a project file whole or not at all.

    Parameters
    ----------
    version : str
        Of the program, for later readers of the file.

    Returns
    -------
    str
        Digest of the file, as `StoredProject.digest`.

    Raises
    ------
    ProjectError
        If it cannot be written; the old file is then as it was.
    """
    values = project_to_dict(project, file.parent, version=version)
    content = (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()
    try:
        replace_atomically(file, content)
    except OSError as error:
        raise ProjectError(
            f"The project could not be saved to {file} ({reason_of(error)}). Save it in another place."
        ) from error
    return _digest_of(content)


def project_to_dict(project: Project, folder: Path | None, *, version: str = "") -> dict[str, Any]:
    """Return the project as JSON values, with the images' place relative to `folder` (absolute for None)."""
    later = {"image_notes": project.image_notes, "reviewed": project.reviewed}
    return {
        "format": FORMAT,
        "program": PROGRAM,
        "version": version,
        "source": None if project.source is None else _relative(project.source, folder),
        "settings": settings_to_dict(_placed(project.settings, lambda place: _relative(Path(place), folder))),
        "results": {stage: [asdict(result) for result in results] for stage, results in project.results.items()},
        "choices": _stored_choices(project.choices),
        "notes": project.notes,
        **{name: dict(sorted(values.items())) for name, values in later.items() if values},
    }


def project_from_dict(values: Any, folder: Path, name: str) -> Project:
    """Build a project from JSON values; `name` is the file's, for the sentence when something is wrong.

    Raises
    ------
    ProjectError
        If the values are not a project, are damaged, or are of a newer format.
    """
    if not isinstance(values, dict) or values.get("program") != PROGRAM or not isinstance(values.get("format"), int):
        raise ProjectError(f"{name} is not a project of {PROGRAM}. Open a file that ends in {SUFFIX}.")
    if values["format"] > FORMAT:
        raise NewerProjectError(
            f"{name} was written by a newer version of {PROGRAM} ({values.get('version') or 'unknown'}, "
            f"file format {values['format']}; this one reads up to {FORMAT}). Update the program to open it."
        )
    try:
        form = read_form(values, _ProjectForm)
        return Project(
            source=None if form.source is None else Path(os.path.normpath(folder / form.source)),
            settings=_placed(
                settings_from_dict(form.settings), lambda place: Path(os.path.normpath(folder / place)).as_posix()
            ),
            results={stage: form.results[stage] for stage in STAGES if form.results.get(stage)},
            choices=_choices(form.choices),
            notes=form.notes,
            image_notes=form.image_notes,
            reviewed=form.reviewed,
        )
    except (FormError, SettingsError) as error:
        raise ProjectError(
            f"The project file {name} is damaged ({error}). Open a copy of it, or start a new project; "
            "computed results are still in the cache."
        ) from error


@dataclass(frozen=True)
class _ProjectForm:
    """A project as its file has it; see the history of the format at `Project`."""

    source: str | None
    settings: dict[str, Any]
    results: dict[str, tuple[StageResult, ...]]
    choices: Choices
    notes: str
    image_notes: dict[str, str] = field(default_factory=dict)
    reviewed: dict[str, Decision] = field(default_factory=dict)


@dataclass(frozen=True)
class Recovery:
    """A project that was not saved when the program ended.

    Attributes
    ----------
    project : Project
    file : Path or None
        The project file that it belongs to; None where it was never saved.
    digest : str
        Of that file when it was last read or written; empty where that is not known.
    """

    project: Project
    file: Path | None
    digest: str = ""


def write_recovery(recovery: Recovery, place: Path, *, version: str = "") -> None:
    """Keep what was not saved in `place`, with absolute paths.

    Raises
    ------
    ProjectError
        If it cannot be written.
    """
    values = {
        "file": None if recovery.file is None else os.fspath(recovery.file.absolute()),
        "digest": recovery.digest,
        "project": project_to_dict(recovery.project, None, version=version),
    }
    try:
        replace_atomically(place, json.dumps(values, ensure_ascii=False).encode())
    except OSError as error:
        raise ProjectError(f"The recovery copy could not be written ({reason_of(error)}).") from error


def read_recovery(place: Path) -> Recovery:
    """Read what `write_recovery` kept.

    Raises
    ------
    ProjectError
        If it is damaged.
    """
    try:
        form = read_form(_as_json(_read_bytes(place), place), _RecoveryForm)
    except FormError as error:
        raise ProjectError(f"The recovery copy {place.name} is damaged ({error}).") from error
    project = project_from_dict(form.project, place.parent, place.name)
    return Recovery(project, Path(form.file) if form.file is not None else None, form.digest)


@dataclass(frozen=True)
class _RecoveryForm:
    """A copy for recovery as its file has it."""

    project: dict[str, Any]
    file: str | None = None
    digest: str = ""


def _read_bytes(file: Path) -> bytes:
    try:
        return read_regular(file, PROJECT_BYTES)
    except FileNotFoundError as error:
        raise ProjectError(f"The project file {file} was not found. It may have been moved.") from error
    except OSError as error:
        raise ProjectError(f"The project file {file} cannot be read ({reason_of(error)}).") from error


def _as_json(content: bytes, file: Path) -> Any:
    try:
        # Facts of a stage may be NaN.
        return parse_json(content, not_finite="kept")
    except ValueError as error:
        raise ProjectError(
            f"{file.name} is not a project of {PROGRAM}, or it is damaged. Open a file that ends in {SUFFIX}."
        ) from error


def _relative(source: Path, folder: Path | None) -> str:
    absolute = source.absolute()
    if folder is None:
        return absolute.as_posix()
    try:
        return PurePath(os.path.relpath(absolute, folder.absolute())).as_posix()
    except ValueError:  # another drive
        return absolute.as_posix()


def _placed(settings: Settings, place: Callable[[str], str]) -> Settings:
    """Return settings with the places of chosen files, such as a features file, given by `place`."""

    def change(file: ChosenFile) -> ChosenFile:
        return replace(file, place=place(file.place)) if file.place else file

    return replace(settings, features=changed_files(settings.features, change))


def _choices(choices: Choices) -> Choices:
    known = choices if choices.stage in STAGES else replace(choices, stage="dataset")
    return known if 0 < known.margin < 0.5 else replace(known, margin=Choices.margin)


def _stored_choices(choices: Choices) -> dict[str, Any]:
    """Return choices as they are stored: a project without a margin of its own has the form that it always had."""
    stored = asdict(choices)
    if choices.margin == Choices.margin:
        del stored["margin"]
    return stored


def _digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
