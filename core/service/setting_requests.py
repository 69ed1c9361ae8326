"""Requests about settings whose value is read from a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from coreset_studio.core.limits import limited
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import Progress
from coreset_studio.core.service.requests import Request


@dataclass(frozen=True)
class SettingOfFile:
    """The value of a setting that was read from a file; `notes` state what was assumed."""

    where: str
    value: Any
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ReadSettingOfFile(Request[SettingOfFile]):
    """Read the value of a setting from a file, as its flag on the command line does.

    Attributes
    ----------
    study : Study
    where : str
        The setting; see `core.settings.listed.Setting.where`.
    file : Path
    """

    title: ClassVar[str] = "the reading of a file"
    study: Study
    where: str
    file: Path

    @limited(seconds=120, n_bytes=8_000_000_000)
    def run(self, progress: Progress) -> SettingOfFile:
        """Read the file."""
        from coreset_studio.core.descriptions import resolve
        from coreset_studio.core.settings.listed import settings_in

        section = self.where.partition(".")[0]
        setting = next(each for each in settings_in(section) if each.where == self.where)
        read = resolve(setting.facts.from_file)
        value, notes = read(self.file, self.study.source, self.study.settings.data, progress)
        return SettingOfFile(self.where, value, tuple(notes))
