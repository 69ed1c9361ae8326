"""Work through a study as the window does: every step a job in an engine process, the project saved after each.

    python -m tests.faults.session FOLDER

An engine process that dies is told to the user, who runs the step again; so does this, a few times.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from coreset_studio.core.errors import CoresetError
from coreset_studio.core.project import Project, StageResult, read_project, write_project
from coreset_studio.core.service.comparison_requests import CompareNetworks, WriteReport
from coreset_studio.core.service.coreset_requests import ExportCoreset, VerifyExport
from coreset_studio.core.service.feature_requests import ComputeClusters, ComputeFeatures, DescribeExtractors
from coreset_studio.core.service.messages import Failed, Finished
from coreset_studio.core.service.processes import Job
from coreset_studio.core.service.requests import AnyRequest
from tests.faults.study import LOG, PROJECT, settings, study_of

AGAIN = 12


def steps(folder: Path) -> dict[str, tuple[str, AnyRequest]]:
    """Return the steps: the project's stage, and the request."""
    study, out = study_of(folder), folder / "out"
    return {
        "scan": ("dataset", DescribeExtractors(study)),
        "features": ("features", ComputeFeatures(study)),
        "clusters": ("clusters", ComputeClusters(study)),
        "export": ("coreset", ExportCoreset(study, out / "coreset", overwrite=True)),
        "verify": ("coreset", VerifyExport(out / "coreset")),
        "compare": ("compare", CompareNetworks(study, out / "runs", out / "models")),
        "report": ("compare", WriteReport(study, out / "report.html", out / "runs", synthetic=True)),
    }


def run_job(request: AnyRequest) -> str:
    """Run a job; return nothing, or the sentence with which it failed for good."""
    sentence = ""
    for _ in range(AGAIN):
        job = Job(request)
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


def main(folder: Path, act: Callable[[AnyRequest], str] = run_job) -> int:
    """Do every step, and return the exit code: 1 after a sentence."""
    file = folder / PROJECT
    try:
        project = read_project(file) if file.exists() else Project(source=folder / "images", settings=settings())
        for step, (stage, request) in steps(folder).items():
            if problem := act(request):
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
