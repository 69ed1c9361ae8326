"""The measures of each class of one row of a comparison."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from coreset_studio.core.results import Row
from coreset_studio.desktop_app.models.metrics import by_class
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.words import count

if TYPE_CHECKING:
    from coreset_studio.core.training.metric import Metric

NAN = float("nan")


@dataclass(frozen=True)
class ClassRow:
    """A class of a row of a comparison: its name, its test images, and the row."""

    name: str
    test_images: int
    row: Row

    def measured(self, metric: str) -> tuple[float, float, float]:
        """Return a measure with the ends of its 95 % interval; NaN where it does not exist."""
        return self.row.class_measures.get(metric, {}).get(self.name, (NAN, NAN, NAN))


class ClassTable(Table):
    """Sensitivity, specificity, predictive values and AUC of each class against all others."""

    def __init__(self, parent: QWidget | None = None) -> None:
        columns = [
            Column("Class", lambda row: row.name),
            Column(
                "Test images", lambda row: count(row.test_images), lambda row: row.test_images, numeric=True,
                tooltip="Number of test images of this class, of all splits together",
            ),
            *(_column(metric, place) for place, metric in enumerate(by_class())),
        ]  # fmt: skip
        super().__init__("Measures by class", columns, parent)
        self.set_note("No results yet")

    def show_rows(self, rows: Sequence[ClassRow]) -> None:
        """Show the classes of another row of the comparison."""
        self.set_rows(rows)


def _column(metric: "Metric", place: int) -> Column:
    title = metric.class_title or metric.title
    name, unknown, interval = metric.name, metric.class_undefined, metric.class_interval

    def value(row: ClassRow) -> float:
        return row.measured(name)[0]

    def text(row: ClassRow) -> str:
        mean, low, high = row.measured(name)
        if mean != mean:
            return "–"
        return f"{mean:.3f} ({low:.3f}–{high:.3f})"

    def tooltip(row: ClassRow) -> str:
        mean, low, high = row.measured(name)
        if mean != mean:
            return f"Unknown for {row.name}: {row.row.unknown.get(name, unknown)}"
        return f"{title} of {row.name} {mean:.3f}, 95 % interval {low:.3f} to {high:.3f}"

    key: Callable[[Any], Any] = value
    whose = "Wilson" if interval == "share" else "Newcombe"
    says = f"{title} of the class against all others, with the 95 % interval of the test images ({whose})"
    return Column(
        metric.class_head, text, key, numeric=True, tooltip=says, row_tooltip=tooltip, may_go=0 if place < 2 else 5
    )
