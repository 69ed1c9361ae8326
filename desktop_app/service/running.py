"""Names of running jobs for the question whether they may be stopped."""

from collections.abc import Iterable

from coreset_studio.desktop_app.service.engine import EngineService

_STEPS = {
    "dataset": "the scan of the images",
    "features": "the feature extraction",
    "clusters": "the clustering",
    "coreset": "the selection of the coreset",
    "compare": "the comparison",
}


def running_work(service: EngineService) -> tuple[str, ...]:
    """Return the names of running work that the user asked for, each once; "other work" for what has no name."""
    found: dict[str, None] = {}
    for number in service.running():
        stage, request = service.stage_of(number), service.request_of(number)
        if stage or not request.is_for_display:
            found[_STEPS.get(stage) or request.title or "other work"] = None
    return tuple(sorted(found, key="other work".__eq__))


def is_for_display(service: EngineService, number: int) -> bool:
    """Return whether a page or dialog asked for a running job by itself, only to show something."""
    return number in service.running() and service.request_of(number).is_for_display


def title_of_job(service: EngineService, number: int) -> str:
    """Return the name of a job that is no step, capitalised; empty if the user did not ask for it."""
    words = service.request_of(number).title if number in service.running() else ""
    return words[:1].upper() + words[1:]


def sentence(work: Iterable[str]) -> str:
    """Return a sentence saying that the work is still running."""
    *before, last = work
    words = f"{', '.join(before)} and {last} are" if before else f"{last} is"
    return f"{words[0].upper()}{words[1:]} still running."
