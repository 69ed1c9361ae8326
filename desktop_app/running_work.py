"""What running jobs are called when the user is asked whether they may be stopped."""

from collections.abc import Iterable

from desktop_app.worker import Worker

_STEPS = {
    "dataset": "the scan of the images",
    "features": "the feature extraction",
    "clusters": "the clustering",
    "coreset": "the choice of the coreset",
    "compare": "the comparison",
}
_JOBS = "core.pipeline.window_jobs:"
_WORK = {
    f"{_JOBS}export_coreset": "an export",
    f"{_JOBS}verify_export": "the check of an export",
    f"{_JOBS}look_for_doubts": "the search for doubtful labels",
    f"{_JOBS}judge_sizes": "the estimate of sizes",
    f"{_JOBS}import_weights": "the import of weights",
    f"{_JOBS}download_weights": "the download of weights",
    f"{_JOBS}write_study_report": "a report",
    f"{_JOBS}keep_bundle": "the keeping of a model bundle",
    f"{_JOBS}search": "a search",
    f"{_JOBS}predict_folder": "a prediction",
    "core.data.demo:make_demo": "the drawing of the demo",
    "core.housekeeping:clear_cache": "the clearing of the cache",
    "core.cache_limit:set_limit": "the making of room in the cache",
}
# What pages and dialogs ask for by themselves, to show it: nobody waits for it once they are gone.
_LOOKS = (
    f"{_JOBS}look_at_extractors",
    f"{_JOBS}estimate_comparison",
    f"{_JOBS}compare_finished",
    "core.cache_limit:look_at_cache",
)


def running_work(worker: Worker) -> tuple[str, ...]:
    """Return what runs and would be missed if it were stopped, each once; a job that is not known is "other work"."""
    found: dict[str, None] = {}
    for number in worker.running():
        stage, function = worker.stage_of(number), worker.function_of(number)
        if stage or function not in _LOOKS:
            found[_STEPS.get(stage) or _WORK.get(function, "other work")] = None
    return tuple(sorted(found, key="other work".__eq__))


def looks_by_itself(worker: Worker, number: int) -> bool:
    """Return whether a page or dialog asked for a running job by itself, only to show something."""
    return number in worker.running() and worker.function_of(number) in _LOOKS


def asked_for(worker: Worker, number: int) -> str:
    """Return what a job that is no step is called, with a capital; empty for what was not asked for by the user."""
    words = _WORK.get(worker.function_of(number), "") if number in worker.running() else ""
    return words[:1].upper() + words[1:]


def sentence(work: Iterable[str]) -> str:
    """Return that it is still running, as a sentence."""
    *before, last = work
    words = f"{', '.join(before)} and {last} are" if before else f"{last} is"
    return f"{words[0].upper()}{words[1:]} still running."
