"""The table of a comparison: one row for network, sampler and fraction."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from core.results import Row
from core.service.networks import network_title
from desktop_app import theme
from desktop_app.models.metrics import by_column
from desktop_app.models.table_model import Column
from desktop_app.widgets.table import Table
from desktop_app.widgets.words import count, duration, percent, with_interval

if TYPE_CHECKING:
    from core.training.metric import Metric


class ResultsTable(Table):
    """Rows of a comparison with their intervals and their price."""

    def __init__(self, parent: QWidget | None = None) -> None:
        columns = [
            Column("Network", lambda row: network_title(row.network)),
            Column("Sampler", lambda row: theme.sampler_title(row.sampler)),
            Column(
                "Kept",
                lambda row: percent(row.fraction),
                lambda row: row.fraction,
                numeric=True,
                tooltip="Share of the pool",
            ),
            *(_column(metric, place) for place, metric in enumerate(by_column())),
            Column(
                "Images",
                lambda row: count(row.n_images),
                lambda row: row.n_images,
                numeric=True,
                tooltip="Images trained on",
                may_go=3,
            ),
            Column(
                "Splits",
                lambda row: count(row.n_splits),
                lambda row: row.n_splits,
                numeric=True,
                tooltip="Divisions into pool and test images; each counts the same",
                may_go=2,
            ),
            Column(
                "Runs",
                lambda row: count(row.n_repetitions),
                lambda row: row.n_repetitions,
                numeric=True,
                tooltip="Trainings, each with its own seed, of all splits",
                may_go=5,
            ),
            Column(
                "Selecting",
                lambda row: duration(row.select_seconds),
                lambda row: row.select_seconds,
                numeric=True,
                tooltip="Time to select, features apart: they serve every later selection",
                may_go=4,
            ),
            Column(
                "Training",
                lambda row: duration(row.train_seconds),
                lambda row: row.train_seconds,
                numeric=True,
                tooltip="Mean time of one training",
                may_go=1,
            ),
            Column(
                "Pays after",
                _pays,
                lambda row: row.pays_after,
                numeric=True,
                tooltip="After how many trainings selecting has saved more time than it took",
                may_go=4,
            ),
        ]
        super().__init__("Results", columns, parent)
        self._hidden_where_alike = {
            0: lambda row: row.network,
            [column.title for column in columns].index("Splits"): lambda row: row.n_splits,
        }
        self.set_note("A row for network, sampler and fraction will stand here as soon as a training is done.")

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show other rows; a column that says the same network, or one split, in all of them is not shown."""
        self.absent = {
            column
            for column, value in self._hidden_where_alike.items()
            if (len({value(row) for row in rows}) == 1 if not column else {value(row) for row in rows} == {1})
        }
        super().set_rows(rows)


def _column(metric: "Metric", place: int) -> Column:
    """Return the column of a metric; of the metrics the first always stays, and the next two nearly always."""
    name, title = metric.name, metric.head
    unit = f" {metric.unit}" if metric.unit else ""
    direction = "" if metric.higher_is_better else "; lower is better"

    def value(row: Row) -> float:
        return row.means.get(name, float("nan"))

    def text(row: Row) -> str:
        mean = value(row)
        return with_interval(mean, row.lows.get(name, mean), row.highs.get(name, mean))

    def tooltip(row: Row) -> str:
        mean = value(row)
        if mean != mean:
            return "Not known for this row"
        low, high = row.lows.get(name, mean), row.highs.get(name, mean)
        return f"{title} {mean:.3f}{unit}, 95 % interval {low:.3f} to {high:.3f}, {_over(row)}"

    key: Callable[[Any], Any] = value
    says = f"{metric.tip.rstrip('.')}{direction}; ± half of the 95 % interval"
    return Column(
        title, text, key, numeric=True, tooltip=says, row_tooltip=tooltip, may_go=(0, 2, 2)[place] if place < 3 else 6
    )


def _over(row: Row) -> str:
    runs = "1 run" if row.n_repetitions == 1 else f"{row.n_repetitions} runs"
    return f"over {row.n_splits} splits, {runs} in all" if row.n_splits > 1 else f"over {runs}"


def _pays(row: Row) -> str:
    if row.pays_after is None:
        return "–"
    return "1 training" if row.pays_after == 1 else f"{count(row.pays_after)} trainings"
