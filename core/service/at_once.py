"""Answer one request in an engine process and wait for it, as the command line does with files that are not trusted."""

from typing import TypeVar, cast

from coreset_studio.core.errors import CancelledError, InputError
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.service.messages import Cancelled, Failed, Finished, Progressed
from coreset_studio.core.service.processes import Job
from coreset_studio.core.service.requests import Request

Result = TypeVar("Result")


def answer(request: Request[Result], progress: Progress = NO_PROGRESS, *, threads: int | None = None) -> Result:
    """Run a request in a process of its own, within its limits, and return its result.

    Parameters
    ----------
    request : Request
    progress : Progress
        Gets the reports; the process is stopped where it raises `CancelledError`.
    threads : int, optional
        Largest number of threads of the numerical libraries.

    Raises
    ------
    InputError
        If the request fails; the text is the sentence that the window would show.
    CancelledError
        If the user cancelled.
    """
    job = Job(request, threads=threads)
    try:
        job.start()
        for event in job.events():
            match event:
                case Progressed(done, total, message):
                    progress.report(done, total, message)
                case Finished():
                    return cast("Result", event.result)
                case Failed(sentence):
                    raise InputError(sentence)
                case Cancelled():
                    break
    finally:
        job.close()
    raise CancelledError
