"""What a comparison will still take, in words and seconds."""

from dataclasses import replace

import pytest

from coreset_studio.core.pipeline.views import ComparisonPlan, EstimatedRun
from coreset_studio.core.results import Estimate
from coreset_studio.desktop_app.pages.compare_outlook import Outlook

RUNS = tuple(
    EstimatedRun(network, "random", 0.5, repetition, n_images=10, estimate=Estimate(seconds, 0, 0, "measured"))
    for network, seconds in (("custom", 20.0), ("transfer", 5.0))
    for repetition in range(2)
)
PLAN = ComparisonPlan(RUNS, 50.0, 0, "", backbones={"custom": 0.0, "transfer": 100.0})


@pytest.mark.parametrize(
    ("done", "seconds"),
    [
        (set(), 150.0),
        ({("custom", "random", 0.5, 0, 0)}, 130.0),
        ({("transfer", "random", 0.5, 0, 0)}, 45.0),  # its first training has computed the features
    ],
)
def test_features_of_a_backbone_are_counted_until_a_training_has_them(done: set[object], seconds: float) -> None:
    assert Outlook(PLAN, done).seconds() == pytest.approx(seconds)  # type: ignore[arg-type]


def test_disk_space_and_a_note_on_slow_trainings_are_shown() -> None:
    plan = replace(PLAN, disk_bytes=3_200_000_000, note="Fine-tuning is meant for a GPU.")
    words = Outlook(plan, set()).words()
    assert ", up to 3.2 GB of disk space." in words
    assert words.endswith(" Fine-tuning is meant for a GPU.")
    assert "disk" not in Outlook(PLAN, set()).words()
