"""Whether confidence is the share of correct predictions."""

from typing import TYPE_CHECKING

from coreset_studio.core.training.metric import Metric

if TYPE_CHECKING:
    from coreset_studio.core.training.evidence import Evidence, Values

DESCRIPTION = Metric(
    name="calibration_error",
    title="Expected calibration error",
    short="ECE",
    words="expected calibration error",
    tip="Mean distance of accuracy from confidence, over 10 bins of confidence.",
    does=f"{__name__}:calibration_error",
    higher_is_better=False,
    needs=frozenset({"probabilities"}),
    place=130,
    column=130,
    on_request=True,
    shown={"further": 60},
    source="docs/method.md, section 4",
    references=("guo2017",),
    help="coreset_studio.resources:help/metrics/calibration_error.html",
)


def calibration_error(evidence: "Evidence") -> "Values":
    """Return the expected calibration error of the predicted classes' probabilities."""
    from coreset_studio.core.training.calibration import expected_calibration_error

    return expected_calibration_error(evidence)
