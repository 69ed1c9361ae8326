"""What running work is called when the user is asked about it."""

import inspect
from importlib import import_module

import pytest

from coreset_studio.core.service.requests import Request
from coreset_studio.desktop_app.service import running

MODULES = ("cache", "comparison", "coreset", "dataset", "feature", "image", "selection", "weights")
REQUESTS = [
    one
    for name in MODULES
    for one in vars(import_module(f"coreset_studio.core.service.{name}_requests")).values()
    if isinstance(one, type) and issubclass(one, Request) and not inspect.isabstract(one)
]
STEPS = {
    "ScanDataset",
    "ComputeFeatures",
    "ComputeClusters",
    "CompareNetworks",
    "OpenSelectionService",
    "OpenImageService",
}


@pytest.mark.parametrize("kind", REQUESTS)
def test_every_request_that_is_no_step_has_a_name_or_is_for_display(kind: type[Request[object]]) -> None:
    assert (kind.__name__ in STEPS) + bool(kind.title) + kind.is_for_display == 1


def test_the_sentence() -> None:
    assert running.sentence(["an export"]) == "An export is still running."
    assert running.sentence(["an export", "a report", "other work"]) == (
        "An export, a report and other work are still running."
    )
