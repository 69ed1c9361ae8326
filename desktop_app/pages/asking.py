"""The part of a page that sends requests to the engine and stores their results in the project."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, TypeVar

from PySide6.QtWidgets import QWidget

from coreset_studio.core.errors import DatasetError
from coreset_studio.core.pipeline.study import Study, settings_of_project
from coreset_studio.core.service.requests import AnyRequest, PublishingRequest
from coreset_studio.desktop_app.image_findings import ImageFindings
from coreset_studio.desktop_app.messages import Messages
from coreset_studio.desktop_app.pages.frame import PageFrame
from coreset_studio.desktop_app.project_model import ProjectModel
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.service.selection import SelectionQuestions
from coreset_studio.desktop_app.settings import Preferences

Result = TypeVar("Result")
Part = TypeVar("Part")
Asked = TypeVar("Asked", bound=AnyRequest)


@dataclass(frozen=True)
class PageContext:
    """The objects that every page gets: project, engine service, messages, preferences, findings."""

    model: ProjectModel
    service: EngineService
    messages: Messages
    preferences: Preferences
    findings: ImageFindings = field(default_factory=ImageFindings)


@dataclass(eq=False)
class _PageJob:
    """A request that runs for a page.

    Attributes
    ----------
    stage, key : str
        The step whose result it brings, and of what choices; both empty for what is no step.
    """

    request: AnyRequest
    stage: str
    key: str
    on_cancelled: Callable[[], object] | None
    number: int = 0


class AskingPage(PageFrame):
    """The part of a page that asks the engine; `desktop_app.pages.page.Page` adds how a page lives.

    Attributes
    ----------
    stage : str
        Key in `core.project.STAGES`.
    context, model, service, messages, preferences, found
        The context and its parts.
    """

    stage: ClassVar[str] = ""

    def __init__(
        self, context: PageContext, title: str, sentence: str, widths: tuple[int, int], parent: QWidget | None = None
    ) -> None:
        super().__init__(title, sentence, self.stage, parent, widths=widths)
        self.context = context
        self.model = context.model
        self.service = context.service
        self.messages = context.messages
        self.preferences = context.preferences
        self.found = context.findings
        self._jobs: dict[int, _PageJob] = {}
        self._ended: _PageJob | None = None

    def ask(
        self,
        request: PublishingRequest[Result, Part],
        on_result: Callable[[Result], object],
        *,
        on_part: Callable[[Part], object] | None = None,
        on_failed: Callable[[], object] | None = None,
        on_cancelled: Callable[[], object] | None = None,
        as_step: bool = False,
        expected_seconds: float | None = None,
    ) -> int:
        """Run a request in a process of its own, and return its number.

        None of the methods given is called any more once another project is open; if only the images are in another
        place now, `on_cancelled` is.

        Parameters
        ----------
        request : PublishingRequest
            A `Request`, or one that publishes parts.
        on_result : callable
            Takes the result; it usually calls `keep` where the request is the step.
        on_part : callable
            Takes each finished part of the result, of the type that the class of the request names.
        on_failed : callable
            The error has been shown to the user before.
        on_cancelled : callable
        as_step : bool
            The page's own step, which is shown as running; else work that leaves the states of steps alone.
        expected_seconds : float, optional
            Its estimated time.
        """
        stage = self.stage if as_step else ""
        job = _PageJob(request, stage, self.model.key(stage) if stage else "", on_cancelled)
        job.number = self.service.ask(
            request,
            partial(self._on_result, job, on_result),
            on_part=partial(self._on_part, job, on_part) if on_part is not None else None,
            on_failed=partial(self._on_failed, job, on_failed),
            on_cancelled=partial(self._on_cancelled, job),
            stage=stage,
            expected_seconds=expected_seconds,
        )
        self._jobs[job.number] = job
        self.show_run_state()
        return job.number

    def job_numbers(self, *kinds: type[AnyRequest]) -> tuple[int, ...]:
        """Return the numbers of the page's requests that run, all or those of some classes."""
        return tuple(number for number, job in self._jobs.items() if not kinds or isinstance(job.request, kinds))

    def requests(self, kind: type[Asked]) -> tuple[Asked, ...]:
        """Return the page's requests of a class that run."""
        return tuple(job.request for job in self._jobs.values() if isinstance(job.request, kind))

    def is_step_running(self) -> bool:
        """Whether the page's own step runs."""
        return any(job.stage == self.stage for job in self._jobs.values())

    def keep(self, value: object, facts: Mapping[str, Any], *, content: str = "") -> None:
        """Keep the result of a step in the project under what it was made from; to be called in `on_result`.

        Parameters
        ----------
        value : object
            For the pages, in memory: `ProjectModel.value`.
        facts : mapping
            Small JSON values for the project file: `ProjectModel.facts`.
        content : str
            Identity of the result where it depends on more than the choices, such as the images found.
        """
        job = self._ended
        if job is None:
            raise RuntimeError("keep belongs into the method that takes the result")
        seconds = self.service.seconds_of(job.number)
        self.model.store_result(job.stage, job.key, facts, value, content=content, seconds=seconds)

    def study(self) -> Study:
        """Return what the engine works on: the images, all choices, the cache folder.

        Raises
        ------
        DatasetError
            If no images have been opened.
        """
        source = self.model.project.source
        if source is None:
            raise DatasetError("No images are open. Open a folder first.")
        return Study(source, settings_of_project(self.model.project), self.preferences.cache_folder)

    def open_image_service(self, questions: SelectionQuestions) -> bool:
        """Have a process that answers about single images of the last scan, and return whether there is one.

        The selection service where clusters are there, else the image service. Where settings have changed since the
        scan, only what is open on its images already answers about them.
        """
        scan = self.model.project.latest("dataset")
        if scan is None or not self.images_are_there():
            return False
        if self.model.facts("dataset") is None:
            return questions.has_images(scan.content)
        if self.model.facts("clusters") is not None:
            questions.open(self.study(), scan.content)
        else:
            has_features = self.model.facts("features") is not None
            questions.open_images(self.study(), scan.content, with_features=has_features)
        return True

    def images_are_there(self) -> bool:
        """Whether the images of the project lie where it says; what a page asks for by itself, it asks only then."""
        source = self.model.project.source
        return source is not None and source.exists()

    def drop_jobs(self) -> None:
        """Stop the page's requests without calling their callbacks."""
        for job in self._take_all():
            self.service.drop(job.number)

    def cancel_jobs(self) -> None:
        """Stop the page's requests and call their `on_cancelled` at once."""
        for job in self._take_all():
            self.service.drop(job.number)
            if job.on_cancelled is not None:
                job.on_cancelled()

    def show_run_state(self) -> None:
        """Show whether the step can run now."""

    # --- inside -----------------------------------------------------------------------------------------------

    def _take_all(self) -> list[_PageJob]:
        jobs, self._jobs = self._jobs, {}
        return list(jobs.values())

    def _on_part(self, job: _PageJob, on_part: Callable[[Any], object], part: object) -> None:
        if job.number in self._jobs:
            on_part(part)

    def _on_result(self, job: _PageJob, on_result: Callable[[Any], object], result: object) -> None:
        if self._jobs.pop(job.number, None) is not None:
            self._ended = job
            try:
                on_result(result)
            finally:
                self._ended = None
                self.show_run_state()

    def _on_failed(self, job: _PageJob, on_failed: Callable[[], object] | None, sentence: str, details: str) -> None:
        if self._jobs.pop(job.number, None) is not None:
            self.messages.error(sentence, details)
            if on_failed is not None:
                on_failed()
            self.show_run_state()

    def _on_cancelled(self, job: _PageJob) -> None:
        if self._jobs.pop(job.number, None) is not None:
            if job.on_cancelled is not None:
                job.on_cancelled()
            self.show_run_state()
