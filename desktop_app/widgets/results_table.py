"""The table of a comparison: one row for network, sampler and fraction."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from core.results import Row, split_word, splits_words
from core.service.networks import network_title
from core.words import duration, percent
from desktop_app import theme
from desktop_app.models.metrics import by_column
from desktop_app.models.table_model import Column
from desktop_app.widgets.table import Table
from desktop_app.widgets.words import count, with_interval

if TYPE_CHECKING:
    from core.training.metric import Metric


class ResultsTable(Table):
    """Rows of a comparison with their intervals and their price."""

    def __init__(self, parent: QWidget | None = None) -> None:
        columns = _columns()
        super().__init__("Results", columns, parent)
        at = {column.title: number for number, column in enumerate(columns)}
        self._hidden_where_alike: dict[int, Callable[[Row], object]] = {
            0: lambda row: row.network,
            at["Splits"]: lambda row: row.n_splits == 1,
            at["Teacher"]: lambda row: row.teacher_seconds == 0,
        }
        self.absent = {at["Teacher"]}
        self._folds = 0
        self.set_note("No results yet")

    def set_rows(self, rows: Sequence[Row], folds: int = 0) -> None:
        """Show other rows; a column that tells the same network, one split, or no teacher in all of them is hidden.

        Where the images are divided into `folds`, the column of splits counts these.
        """
        if folds != self._folds:
            self._folds = folds
            self.rows_model.set_columns(_columns(folds))
        values = {column: {value(row) for row in rows} for column, value in self._hidden_where_alike.items()}
        self.absent = {column for column, found in values.items() if (found <= {True} if column else len(found) == 1)}
        super().set_rows(rows)


def _columns(folds: int = 0) -> list[Column]:
    """Return the columns; where the images are divided into folds they speak of these."""
    return [
        Column("Network", lambda row: network_title(row.network)),
        Column("Sampler", lambda row: theme.sampler_title(row.sampler)),
        Column(
            "Fraction",
            lambda row: percent(row.fraction),
            lambda row: row.fraction,
            numeric=True,
            tooltip="Fraction of the pool",
        ),
        *(_column(metric, place, folds) for place, metric in enumerate(by_column())),
        Column(
            "Images",
            lambda row: count(row.n_images),
            lambda row: row.n_images,
            numeric=True,
            tooltip="Number of training images",
            may_go=3,
        ),
        Column(
            f"{split_word(folds)}s".capitalize(),
            lambda row: count(row.n_splits),
            lambda row: row.n_splits,
            numeric=True,
            tooltip="Splits into pool and test images; all have the same weight",
            may_go=2,
        ),
        Column(
            "Runs",
            lambda row: count(row.n_repetitions),
            lambda row: row.n_repetitions,
            numeric=True,
            tooltip=f"Trainings with different seeds, over all {split_word(folds)}s",
            may_go=5,
        ),
        Column(
            "Selection",
            lambda row: duration(row.select_seconds),
            lambda row: row.select_seconds,
            numeric=True,
            tooltip="Time for the selection, without feature extraction, which later selections share",
            may_go=4,
        ),
        Column(
            "Teacher",
            lambda row: duration(row.teacher_seconds),
            lambda row: row.teacher_seconds,
            numeric=True,
            tooltip=(
                "Time to fit the teacher of the soft labels, once for all trainings of a split, without feature "
                "extraction"
            ),
            may_go=4,
        ),
        Column(
            "Training",
            lambda row: duration(row.train_seconds),
            lambda row: row.train_seconds,
            numeric=True,
            tooltip="Mean time of one training, including validation",
            may_go=1,
        ),
        Column(
            "Validation",
            lambda row: "–" if row.validation_seconds != row.validation_seconds else duration(row.validation_seconds),
            lambda row: row.validation_seconds,
            numeric=True,
            tooltip="Mean share of the training time used for validation",
            may_go=6,
        ),
        Column(
            "Pays off after",
            _pays,
            lambda row: row.pays_after,
            numeric=True,
            tooltip="Number of trainings after which selection, and the teacher, have saved more time than they took",
            may_go=4,
        ),
    ]


def _column(metric: "Metric", place: int, folds: int) -> Column:
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
            return "Unknown for this row"
        low, high = row.lows.get(name, mean), row.highs.get(name, mean)
        return f"{title} {mean:.3f}{unit}, 95 % interval {low:.3f} to {high:.3f}, {_over(row, folds)}"

    key: Callable[[Any], Any] = value
    says = f"{metric.tip.rstrip('.')}{direction}; ± half of the 95 % interval"
    return Column(
        title, text, key, numeric=True, tooltip=says, row_tooltip=tooltip, may_go=(0, 2, 2)[place] if place < 3 else 6
    )


def _over(row: Row, folds: int) -> str:
    runs = "1 run" if row.n_repetitions == 1 else f"{row.n_repetitions} runs"
    return f"over {splits_words(row.n_splits, folds)}, {runs} in total" if row.n_splits > 1 else f"over {runs}"


def _pays(row: Row) -> str:
    if row.pays_after is None:
        return "–"
    return "1 training" if row.pays_after == 1 else f"{count(row.pays_after)} trainings"
