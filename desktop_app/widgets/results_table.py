"""The table of a comparison: one row for network, sampler and fraction."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from coreset_studio.core.results import Row, split_word, splits_words
from coreset_studio.core.service.networks import network_title
from coreset_studio.core.words import duration, percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.metrics import by_column
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.words import count, with_interval

if TYPE_CHECKING:
    from coreset_studio.core.training.metric import Metric


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
        """Show other rows; a column with the same network, one split, or no teacher in every row is hidden.

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
    split = split_word(folds)
    return [
        Column("Network", lambda row: network_title(row.network)),
        Column("Sampler", lambda row: theme.sampler_title(row.sampler)),
        _figure("Fraction", "fraction", percent, "Fraction of the pool", 0),
        *(_column(metric, place, folds) for place, metric in enumerate(by_column())),
        _figure("Images", "n_images", count, "Number of training images", 3),
        _figure(
            f"{split}s".capitalize(), "n_splits", count, "Splits into pool and test images; all have the same weight", 2
        ),
        _figure("Runs", "n_repetitions", count, f"Trainings with different seeds, over all {split}s", 5),
        _figure(
            "Selection", "select_seconds", duration,
            "Time for the selection, without feature extraction, which later selections share", 4,
        ),
        _figure(
            "Teacher", "teacher_seconds", duration,
            "Time to fit the teacher of the soft labels, once for all trainings of a split, without feature extraction",
            4,
        ),
        _figure("Training", "train_seconds", duration, "Mean time of one training, including validation", 1),
        _figure(
            "Validation", "validation_seconds", lambda seconds: "–" if seconds != seconds else duration(seconds),
            "Part of the training time that was used for validation, on average", 6,
        ),
        _figure(
            "Pays off after", "pays_after", _trainings,
            "Number of trainings after which selection, and the teacher, have saved more time than they took", 4,
        ),
    ]  # fmt: skip


def _figure(title: str, name: str, words: Callable[[Any], str], tip: str, may_go: int) -> Column:
    """Return the column of a number of each row, by the name of its field."""
    value = attrgetter(name)
    return Column(title, lambda row: words(value(row)), value, numeric=True, tooltip=tip, may_go=may_go)


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
            why = row.unknown.get(name, "")
            return f"Unknown for this row: {why}" if why else "Unknown for this row"
        low, high = row.lows.get(name, mean), row.highs.get(name, mean)
        return f"{title} {mean:.3f}{unit}, 95 % interval {low:.3f} to {high:.3f}, {_over(row, folds)}"

    key: Callable[[Any], Any] = value
    says = f"{metric.tip.rstrip('.')}{direction}; ± half of the 95 % interval"
    return Column(
        title,
        text,
        key,
        numeric=True,
        tooltip=says,
        row_tooltip=tooltip,
        may_go=(0, 2, 2)[place] if place < 3 else 6,
        on_request=metric.on_request,
    )


def _over(row: Row, folds: int) -> str:
    runs = "1 run" if row.n_repetitions == 1 else f"{row.n_repetitions} runs"
    return f"over {splits_words(row.n_splits, folds)}, {runs} in total" if row.n_splits > 1 else f"over {runs}"


def _trainings(n: int | None) -> str:
    if n is None:
        return "–"
    return "1 training" if n == 1 else f"{count(n)} trainings"
