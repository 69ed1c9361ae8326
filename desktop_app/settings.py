"""Preferences of the person at this machine, typed over QSettings. What belongs to a study is in the project."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Literal

import platformdirs
from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

from coreset_studio.core.resources import APPLICATION, ensure_home
from coreset_studio.core.service.cluster_requests import SchedulerChoice

Theme = Literal["system", "light", "dark"]
THEMES: tuple[Theme, ...] = ("system", "light", "dark")
RECENT_KEPT = 10
_OF_SCHEDULER = tuple(field.name for field in fields(SchedulerChoice))
LONG_SECONDS = 30.0
"""Work that has taken so long is notified when it ends."""


class Preferences(QObject):
    """Settings of the program that are kept between starts.

    Signals
    -------
    theme_changed : (str)
    recent_changed : ()
    """

    theme_changed = Signal(str)
    recent_changed = Signal()

    def __init__(self, store: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store

    @property
    def theme(self) -> Theme:
        """How the window looks: as the system, light or dark."""
        value = self._store.value("theme", "system")
        return value if value in THEMES else "system"

    @theme.setter
    def theme(self, theme: Theme) -> None:
        if theme != self.theme:
            self._store.setValue("theme", theme)
            self.theme_changed.emit(theme)

    @property
    def cache_folder(self) -> Path:
        """Where computed arrays and thumbnails are kept; the environment variable CORESET_CACHE comes first."""
        named = os.environ.get("CORESET_CACHE") or str(self._store.value("cache_folder", ""))
        return Path(named) if named else default_cache_folder()

    @cache_folder.setter
    def cache_folder(self, folder: Path | None) -> None:
        self._store.setValue("cache_folder", "" if folder is None else os.fspath(folder))

    @property
    def cache_folder_is_fixed(self) -> bool:
        """Whether the environment decides, so that the window cannot."""
        return bool(os.environ.get("CORESET_CACHE"))

    @property
    def threads(self) -> int:
        """Largest number of threads of the engine; 0 leaves it to the engine."""
        return max(0, _whole(self._store.value("threads", 0)))

    @threads.setter
    def threads(self, threads: int) -> None:
        self._store.setValue("threads", threads)

    @property
    def scheduler(self) -> SchedulerChoice:
        """The Dask scheduler on whose workers features are extracted; without an address this computer extracts."""
        return SchedulerChoice(**{name: str(self._store.value(f"scheduler/{name}", "")) for name in _OF_SCHEDULER})

    @scheduler.setter
    def scheduler(self, choice: SchedulerChoice) -> None:
        for name in _OF_SCHEDULER:
            self._store.setValue(f"scheduler/{name}", getattr(choice, name))

    @property
    def autosave(self) -> bool:
        """Whether a project that has a file is saved by itself."""
        return str(self._store.value("autosave", "true")).lower() == "true"

    @autosave.setter
    def autosave(self, autosave: bool) -> None:
        self._store.setValue("autosave", "true" if autosave else "false")

    @property
    def notifications(self) -> bool:
        """Whether the end of a long job is notified while another program is in use."""
        return str(self._store.value("notifications", "true")).lower() == "true"

    @notifications.setter
    def notifications(self, is_on: bool) -> None:
        self._store.setValue("notifications", "true" if is_on else "false")

    @property
    def similar_images(self) -> bool:
        """Whether the window of one image shows those that are similar."""
        return str(self._store.value("similar_images", "true")).lower() == "true"

    @similar_images.setter
    def similar_images(self, shown: bool) -> None:
        self._store.setValue("similar_images", "true" if shown else "false")

    @property
    def last_folder(self) -> Path:
        """Where the last folder or project was opened."""
        value = str(self._store.value("last_folder", ""))
        return Path(value) if value and Path(value).is_dir() else Path.home()

    @last_folder.setter
    def last_folder(self, folder: Path) -> None:
        self._store.setValue("last_folder", os.fspath(folder))

    @property
    def recent(self) -> tuple[Path, ...]:
        """Project files opened last, the newest first."""
        value = self._store.value("recent", [])
        names = value if isinstance(value, list) else [value]
        return tuple(Path(str(name)) for name in names if name)[:RECENT_KEPT]

    def remember(self, file: Path) -> None:
        """Put a project file first among the recent ones."""
        self._set_recent([file, *(old for old in self.recent if old != file)])

    def forget(self, file: Path) -> None:
        """Take a project file off the recent ones."""
        self._set_recent([old for old in self.recent if old != file])

    def forget_all(self) -> None:
        """Empty the list of recent projects."""
        self._set_recent([])

    def window_bytes(self, name: str) -> QByteArray:
        """Return what `keep_window_bytes` kept: geometry or layout of the window; may be empty."""
        value = self._store.value(f"window/{name}")
        return value if isinstance(value, QByteArray) else QByteArray()

    def keep_window_bytes(self, name: str, value: QByteArray) -> None:
        """Keep the geometry or the layout of the window."""
        self._store.setValue(f"window/{name}", value)

    def is_seen(self, name: str) -> bool:
        """Whether something that is shown once, such as the tour, has been shown."""
        return str(self._store.value(f"seen/{name}", "false")) == "true"

    def set_seen(self, name: str) -> None:
        """Remember that it has been shown."""
        self._store.setValue(f"seen/{name}", "true")

    def _set_recent(self, files: list[Path]) -> None:
        self._store.setValue("recent", [os.fspath(file) for file in files[:RECENT_KEPT]])
        self.recent_changed.emit()


def default_cache_folder() -> Path:
    """Return where the cache is unless someone says otherwise."""
    ensure_home()
    return Path(platformdirs.user_cache_dir(APPLICATION, appauthor=False))


def _whole(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
