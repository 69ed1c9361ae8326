"""The interface to the selection service, whose process stays open and answers at once."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.service.image_requests import OpenImageService
from coreset_studio.core.service.messages import BUILDING, Cancelled, Ended, Failed, Finished, Ready, ServiceEvent
from coreset_studio.core.service.requests import AnyRequest, AnyServiceRequest, ServiceRequest
from coreset_studio.core.service.selection_requests import OpenSelectionService
from coreset_studio.desktop_app.service.thread import WorkerThread

Result = TypeVar("Result")
Kind = type[AnyServiceRequest]


class SelectionClient(QObject):
    """The window's side of the process that stays; pages ask through a `SelectionQuestions` of their own.

    Attributes
    ----------
    opening : Request or None
        What the process was started for; None where there is none.

    Signals
    -------
    ready : ()
        It can answer, also after it was started again.
    progressed : (request, done, total, message, seconds_left)
        Request 0 is the start of the service.
    over : (request)
        It was answered, refused or stopped.
    refused : (request, sentence, details)
        It could not be answered.
    restarted : (sentence)
        The process had ended and was started again.
    lost : (sentence, details)
        The process is gone and is not started again; `open` it again.
    """

    ready = Signal()
    progressed = Signal(int, int, int, str, object)
    over = Signal(int)
    refused = Signal(int, str, str)
    restarted = Signal(str)
    lost = Signal(str, str)

    def __init__(self, thread: WorkerThread, parent: QObject) -> None:
        super().__init__(parent)
        self.opening: AnyRequest | None = None
        self._thread = thread
        self._numbers = itertools.count(1)
        self._build = self._since = 0
        self._pending: dict[int, _Pending] = {}
        self._pages: list[SelectionQuestions] = []
        thread.service_replied.connect(self._on_replied)
        thread.service_progressed.connect(self._on_progressed)
        thread.service_restarted.connect(self._on_restarted)

    def open(self, opening: AnyRequest) -> None:
        """Start the service; one that was started for an equal request is left as it is.

        Requests can be sent immediately; they are answered when it is ready.
        """
        if self.opening != opening:
            self.opening = opening
            self._build += 1
            self._thread.open_service(self._build, opening)

    def cancel(self, request: int) -> None:
        """Stop a request for the user; `over` is emitted when it has stopped. 0 aborts the start of the service.

        A request that has not stopped after three seconds is ended with the process, which is then started again.
        """
        if request == BUILDING:
            self.opening = None
        self._thread.cancel_asking(request)

    def shut(self) -> None:
        """End the process; messages that are still on their way are ignored."""
        self.opening = None
        self._build += 1
        self._since = self._build
        self._pending.clear()
        self._thread.shut_service(self._build)

    def add_page(self, page: "SelectionQuestions") -> None:
        """Let `page` emit its signals when the process is restarted or lost."""
        self._pages.append(page)

    def ask(
        self,
        page: "SelectionQuestions",
        request: ServiceRequest[Any, Result],
        on_result: Callable[[Result], None],
        *,
        latest: bool,
    ) -> int:
        """Ask for a page; see `SelectionQuestions.ask`."""
        number = next(self._numbers)
        self._pending[number] = _Pending(request, on_result, page)
        self._send(number, request, latest=latest)
        return number

    def waiting(self, page: "SelectionQuestions", kind: Kind | None = None) -> list[int]:
        """Return the requests of a page, all or those of one kind, that wait for an answer, the oldest first."""
        mine = ((number, one) for number, one in self._pending.items() if one.page is page)
        return [number for number, one in mine if kind is None or type(one.request) is kind]

    def drop(self, number: int) -> None:
        """Ignore the answer to this request; if it is being answered, it stops at its next report."""
        if self._pending.pop(number, None) is not None:
            self._thread.stop_asking(number)

    def _send(self, number: int, request: AnyServiceRequest, *, latest: bool) -> None:
        self._thread.ask_service(number, request, latest=latest)

    # Messages of a process may still be queued when it is shut or replaced. Those of a process that was shut are
    # ignored; of one that was replaced, only the outcomes of its requests count.

    def _on_replied(self, build: int, number: int, event: ServiceEvent) -> None:
        match event:
            case Ready() if build == self._build:
                self.ready.emit()
            case Ended(sentence, details) if build == self._build:
                self.opening = None
                self._pending.clear()
                self.lost.emit(sentence, details)
                for page in self._shown_pages():
                    page.lost.emit(sentence, details)
            case Finished(result) if build >= self._since:
                self._take_answer(number, result)
            case Failed(sentence, details) if build >= self._since:
                pending = self._pending.pop(number, None)
                self.over.emit(number)
                self.refused.emit(number, sentence, details)
                if pending is not None and isValid(pending.page):
                    pending.page.refused.emit(sentence, details)
            case Cancelled() if build >= self._since:
                self._take_stop(number)

    def _take_answer(self, number: int, result: object) -> None:
        pending = self._pending.pop(number, None)
        self.over.emit(number)
        if pending is None or not isValid(pending.page):
            return
        # Older ones of the kind were dropped on the way, or they would have been answered before.
        for older in self.waiting(pending.page, type(pending.request)):
            if older < number:
                del self._pending[older]
        pending.on_result(result)

    def _take_stop(self, number: int) -> None:
        ended = list(self._pending) if number == BUILDING else [number]
        stopped = [self._pending.pop(one) for one in ended if one in self._pending]
        self.over.emit(number)
        for page, kind in dict.fromkeys((one.page, type(one.request)) for one in stopped):
            if isValid(page) and not page.is_waiting(kind):
                page.stopped.emit(kind)

    def _on_progressed(self, build: int, number: int, done: int, total: int, message: str, left: object) -> None:
        if build == self._build or (number != BUILDING and build >= self._since):
            self.progressed.emit(number, done, total, message, left)

    def _on_restarted(self, build: int, sentence: str) -> None:
        if build == self._build:
            self.restarted.emit(sentence)
            for page in self._shown_pages():
                page.restarted.emit()

    def _shown_pages(self) -> "list[SelectionQuestions]":
        self._pages = [page for page in self._pages if isValid(page)]
        return list(self._pages)


class SelectionQuestions(QObject):
    """One page's requests to the selection service.

    Signals
    -------
    refused : (sentence, details)
        A request of this page could not be answered.
    restarted : ()
        The process had ended and was started again: requests that were refused for that can be sent again.
    stopped : (kind)
        A request of this class was cancelled, and no newer one of the class waits.
    lost : (sentence, details)
        The process ended and is not started again by itself.
    """

    refused = Signal(str, str)
    restarted = Signal()
    stopped = Signal(object)
    lost = Signal(str, str)

    def __init__(self, client: SelectionClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client
        client.add_page(self)

    def open(self, study: Study, content: str) -> bool:
        """Have the service on these images and features, and return whether another one had to be started.

        Parameters
        ----------
        study : Study
            A service that differs in its clusters alone stays: requests bring the clusters they are about.
        content : str
            Identity of the images found.
        """
        if self.is_open(study, content):
            return False
        self._client.open(OpenSelectionService.of(study, content))
        return True

    def open_images(self, study: Study, content: str, *, with_features: bool) -> None:
        """Have a service that answers about single images: the one that is open, or the image service.

        Parameters
        ----------
        study : Study
        content : str
            Identity of the images found.
        with_features : bool
            Whether features have been extracted, so that similar images can be found.
        """
        opening = self._client.opening
        serves = isinstance(opening, OpenSelectionService) and opening.content == content
        if not serves or (with_features and not self.is_open(study, content)):
            self._client.open(OpenImageService.of(study, content, with_features=with_features))

    def has_images(self, content: str) -> bool:
        """Whether a service is open on the images of this identity."""
        opening = self._client.opening
        return isinstance(opening, OpenSelectionService | OpenImageService) and opening.content == content

    def is_open(self, study: Study, content: str) -> bool:
        """Whether the service is on these images and features."""
        opening = self._client.opening
        return isinstance(opening, OpenSelectionService) and opening.serves(study, content)

    def ask(
        self, request: ServiceRequest[Any, Result], on_result: Callable[[Result], None], *, latest: bool = True
    ) -> int:
        """Ask; `on_result` takes the answer.

        Parameters
        ----------
        latest : bool
            Older requests of the same class that wait are not answered any more; for sliders.
        """
        return self._client.ask(self, request, on_result, latest=latest)

    def drop(self, kind: Kind) -> None:
        """Ignore the answers to requests of a class that wait."""
        for number in self._client.waiting(self, kind):
            self._client.drop(number)

    def drop_all(self) -> None:
        """Ignore the answers to all requests that wait."""
        for number in self._client.waiting(self):
            self._client.drop(number)

    def is_waiting(self, kind: Kind) -> bool:
        """Whether the answer to a request of a class is still to come."""
        return bool(self._client.waiting(self, kind))

    def waiting(self, kind: Kind) -> list[int]:
        """Return the numbers of the requests of a class whose answers are still to come."""
        return self._client.waiting(self, kind)


@dataclass(frozen=True)
class _Pending:
    """A request that waits for an answer, with its callback."""

    request: AnyServiceRequest
    on_result: Callable[[Any], None]
    page: SelectionQuestions
