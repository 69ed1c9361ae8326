"""How a page talks to the desk: the resident process that answers at once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.pipeline.study import Study
from core.settings import Settings
from desktop_app.worker import ResidentFace

DESK = "core.pipeline.desk:Desk"


@dataclass(frozen=True)
class _Question:
    method: str
    then: Callable[[Any], None]


class DeskTalk(QObject):
    """One page's questions to the desk, each with the method that takes the answer.

    Signals
    -------
    refused : (sentence, details)
        A question of this page could not be answered.
    revived : ()
        The process had ended and was started again: what was refused for that can be asked again.
    stopped : (method)
        A question to `method` was cancelled, and no newer one to it waits.
    lost : (sentence, details)
        The process ended and is not started again by itself.
    """

    refused = Signal(str, str)
    revived = Signal()
    stopped = Signal(str)
    lost = Signal(str, str)

    def __init__(self, resident: ResidentFace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._resident = resident
        self._open: dict[int, _Question] = {}
        resident.answered.connect(self._on_answered)
        resident.refused.connect(self._on_refused)
        resident.stopped.connect(self._on_stopped)
        resident.revived.connect(self._on_revived)
        resident.died.connect(self._on_died)

    def open(self, study: Study, content: str) -> None:
        """Have a desk on these images and features; one that differs in its clusters alone stays.

        Parameters
        ----------
        study : Study
            Only data, features and clusters of its settings count.
        content : str
            Identity of the images found.
        """
        chosen = study.settings
        wanted = replace(study, settings=Settings(data=chosen.data, features=chosen.features, clusters=chosen.clusters))
        if not self.is_open(wanted, content):
            self._resident.open(DESK, (wanted, content))

    def is_open(self, study: Study, content: str) -> bool:
        """Whether the desk is open on these images and features."""
        opened = self._resident.opened
        if opened is None or opened[0] != DESK or not isinstance(opened[1], tuple):
            return False
        there, there_content = opened[1]
        return there_content == content and _bare(there) == _bare(study)

    def ask(self, method: str, arguments: tuple[Any, ...], then: Callable[[Any], None], *, latest: bool = True) -> int:
        """Ask; `then` gets the answer. With `latest`, older questions to the method that still wait are dropped."""
        number = (self._resident.ask_latest if latest else self._resident.ask)(method, arguments)
        self._open[number] = _Question(method, then)
        return number

    def drop(self, method: str) -> None:
        """Want no answer to questions to `method` any more."""
        for number in [number for number, asked in self._open.items() if asked.method == method]:
            del self._open[number]
            self._resident.stop(number)

    def drop_all(self) -> None:
        """Want no answer to anything any more."""
        for method in {asked.method for asked in self._open.values()}:
            self.drop(method)

    def is_waiting(self, method: str) -> bool:
        """Whether an answer to `method` is still to come."""
        return any(asked.method == method for asked in self._open.values())

    def _on_answered(self, number: int, result: object) -> None:
        asked = self._open.pop(number, None)
        if asked is not None:
            # Older ones to the method were dropped on the way, or they would have been answered before.
            older = [other for other, one in self._open.items() if one.method == asked.method and other < number]
            for other in older:
                del self._open[other]
            asked.then(result)

    def _on_refused(self, number: int, sentence: str, details: str) -> None:
        if self._open.pop(number, None) is not None:
            self.refused.emit(sentence, details)

    def _on_stopped(self, number: int) -> None:
        ended = [number] if number else list(self._open)
        methods = dict.fromkeys(self._open.pop(one).method for one in ended if one in self._open)
        for method in methods:
            if not self.is_waiting(method):
                self.stopped.emit(method)

    def _on_revived(self) -> None:
        self.revived.emit()

    def _on_died(self, sentence: str, details: str) -> None:
        self._open.clear()
        self.lost.emit(sentence, details)


def _bare(study: Study) -> Study:
    return replace(study, settings=Settings(data=study.settings.data, features=study.settings.features))
