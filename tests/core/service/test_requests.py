"""What holds of every request: light to import, frozen, able to travel, and typed from the page to the engine."""

import dataclasses
import inspect
import os
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.service.coreset_requests import ExportCoreset
from coreset_studio.core.service.requests import Request, ServiceRequest
from coreset_studio.core.service.selection_requests import ChooseCoreset, OpenSelectionService
from coreset_studio.core.settings import ClusterSettings, FeatureSettings, SelectionSettings, Settings

ROOT = Path(__file__).resolve().parents[3]
SUBJECTS = ("cache", "comparison", "coreset", "dataset", "feature", "map", "reading", "selection", "weights")
MODULES = [f"coreset_studio.core.service.{subject}_requests" for subject in SUBJECTS]
KINDS = [
    one
    for module in MODULES
    for one in vars(import_module(module)).values()
    if inspect.isclass(one) and issubclass(one, Request | ServiceRequest) and not inspect.isabstract(one)
]
HEAVY = ("tensorflow", "keras", "sklearn", "kmedoids", "matplotlib", "cv2", "PySide6")


def test_requests_bring_none_of_the_engines_libraries() -> None:
    code = f"import sys, {', '.join(MODULES)}; print([name for name in {HEAVY} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_there_are_requests_of_every_subject() -> None:
    assert {kind.__module__ for kind in KINDS} == set(MODULES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_is_a_frozen_dataclass_that_names_its_result(kind: type[Any]) -> None:
    assert kind.__dataclass_params__.frozen
    assert kind.__doc__
    (base,) = kind.__orig_bases__
    assert len(base.__args__) == (2 if issubclass(kind, ServiceRequest) else 1)


def test_requests_travel() -> None:
    study = Study(Path("images"), Settings(), Path("cache"))
    for request in (
        ExportCoreset(study, Path("coreset"), overwrite=True),
        OpenSelectionService.of(study, "these images"),
        ChooseCoreset(SelectionSettings(fraction=0.2), ClusterSettings()),
    ):
        assert pickle.loads(pickle.dumps(request)) == request
        with pytest.raises(dataclasses.FrozenInstanceError):
            request.study = study  # type: ignore[misc, union-attr]


def test_a_service_serves_a_study_that_differs_in_its_clusters_and_in_what_follows() -> None:
    study = Study(Path("images"), Settings(), Path("cache"))
    opening = OpenSelectionService.of(study, "these images")

    def changed(**sections: Any) -> Study:
        return dataclasses.replace(study, settings=dataclasses.replace(study.settings, **sections))

    assert opening.serves(study, "these images")
    assert opening.serves(changed(clusters=ClusterSettings(k_max=3)), "these images")
    assert opening.serves(changed(selection=SelectionSettings(fraction=0.3)), "these images")
    assert not opening.serves(study, "other images")
    assert not opening.serves(changed(features=FeatureSettings(variance=0.5)), "these images")
    assert not opening.serves(dataclasses.replace(study, source=Path("other")), "these images")


PAGE = """
from pathlib import Path

from coreset_studio.core.results import VerifyResult
from coreset_studio.core.service.coreset_requests import VerifyExport
from coreset_studio.core.service.selection_requests import CoresetSummary, ChooseCoreset
from coreset_studio.core.settings import ClusterSettings, SelectionSettings
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.service.selection import SelectionQuestions


def show(summary: VerifyResult) -> None: ...
def show_coreset(summary: CoresetSummary) -> None: ...


def ask(service: EngineService, questions: SelectionQuestions) -> None:
    service.ask(VerifyExport(Path()), show)
    service.ask(VerifyExport(Path()), show_coreset)
    questions.ask(ChooseCoreset(SelectionSettings(), ClusterSettings()), show_coreset)
    questions.ask(ChooseCoreset(SelectionSettings(), ClusterSettings()), show)
    service.ask(VerifyExport("a text"), show)
"""


@pytest.mark.slow
def test_mypy_follows_a_request_from_the_page_to_its_result(tmp_path: Path) -> None:
    """Of the lines above, those that hand a result to a method that takes another are refused, and no other."""
    file = tmp_path / "page_of_a_test.py"
    subprocess.run([sys.executable, str(ROOT / "packaging" / "link.py")], check=True)
    file.write_text(PAGE)
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--no-error-summary", "--hide-error-context"]
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--no-pretty", str(file)],
        cwd=ROOT, env={**os.environ, "MYPYPATH": str(ROOT / "build" / "link")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line.split(":")[1] for line in ran.stdout.splitlines() if "error:" in line and file.name in line]
    numbered = dict(enumerate(PAGE.splitlines(), 1))
    assert [numbered[int(line)].strip() for line in dict.fromkeys(lines)] == [
        "service.ask(VerifyExport(Path()), show_coreset)",
        "questions.ask(ChooseCoreset(SelectionSettings(), ClusterSettings()), show)",
        'service.ask(VerifyExport("a text"), show)',
    ], ran.stdout + ran.stderr
