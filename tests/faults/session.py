"""Work through a study as the window does: every step a job in an engine process, the project saved after each.

    python -m tests.faults.session FOLDER

An engine process that dies is told to the user, who runs the step again; so does this, a few times.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import CoresetError
from core.jobs import Failed, Finished, Job
from core.project import Project, StageResult, read_project, write_project
from tests.faults.study import LOG, PROJECT, settings, study_of

JOBS = "core.pipeline.window_jobs"
AGAIN = 12


def steps(folder: Path) -> dict[str, tuple[str, str, tuple[Any, ...]]]:
    """Return the steps: the project's stage, the job's function, its arguments."""
    study, out = study_of(folder), folder / "out"
    return {
        "scan": ("dataset", f"{JOBS}:look_at_extractors", (study,)),
        "features": ("features", f"{JOBS}:compute_features", (study,)),
        "clusters": ("clusters", f"{JOBS}:compute_clusters", (study,)),
        "export": ("coreset", f"{JOBS}:export_coreset", (study, out / "coreset", True)),
        "verify": ("coreset", f"{JOBS}:verify_export", (out / "coreset",)),
        "compare": ("compare", f"{JOBS}:compare", (study, out / "runs", out / "models")),
        "report": ("compare", f"{JOBS}:write_study_report", (study, out / "report.html", out / "runs", True)),
    }


def run_job(name: str, arguments: tuple[Any, ...]) -> str:
    """Run a job; return nothing, or the sentence with which it failed for good."""
    sentence = ""
    for _ in range(AGAIN):
        job = Job(name, arguments)
        job.start()
        last = list(job.events())[-1]
        if isinstance(last, Finished):
            return ""
        if not isinstance(last, Failed):
            return f"The job ended with {last}."
        sentence = last.sentence
        if not sentence.startswith("The engine process"):
            return sentence if last.expected else f"{sentence}\n{last.details}"
    return sentence


def note(folder: Path, step: str) -> None:
    """Keep, past any power cut, that a step is done."""
    with (folder / LOG).open("a") as stream:
        stream.write(f"{step}\n")
        stream.flush()
        os.fsync(stream.fileno())


def main(folder: Path, act: Callable[[str, tuple[Any, ...]], str] = run_job) -> int:
    """Do every step, and return the exit code: 1 after a sentence."""
    file = folder / PROJECT
    try:
        project = read_project(file) if file.exists() else Project(source=folder / "images", settings=settings())
        for step, (stage, name, arguments) in steps(folder).items():
            if problem := act(name, arguments):
                print(problem, flush=True)
                return 1
            result = StageResult(project.key(stage), {"step": step}, content=f"of {step}")
            done = dict.fromkeys([*project.notes.split(), step])
            project = replace(project.with_result(stage, result), notes=" ".join(done))
            write_project(project, file)
            note(folder, step)
    except CoresetError as error:
        print(error, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
