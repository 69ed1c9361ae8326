"""The files of a finished search: its tables, its stored form, the settings of its best configuration, its report."""

import json
from pathlib import Path

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.errors import ExportError
from coreset_studio.core.files import reason_of
from coreset_studio.core.forms import FormError, read_form, read_json, write_form
from coreset_studio.core.output.blocks import Numbering
from coreset_studio.core.output.content import ReportContent, labels_for
from coreset_studio.core.output.placing import disk_sentence
from coreset_studio.core.output.report import Tile, render_page
from coreset_studio.core.output.search_report import search_section
from coreset_studio.core.output.tables import Cell, csv_bytes, csv_of, write_table
from coreset_studio.core.results import Dataset
from coreset_studio.core.results.searches import SearchResult, SearchTrial
from coreset_studio.core.settings import GRID, Settings, settings_to_dict

TABLE, TIMES, FORM, BEST, REPORT = (
    "search.csv", "search-times.csv", "search.json", "best-settings.json", "search-report.html",
)  # fmt: skip
FORMAT = 1


def write_search(out: Path, found: SearchResult, best: Settings, dataset: Dataset, *, private: bool = False) -> Path:
    """Write a finished search into its folder.

    Parameters
    ----------
    out : Path
        Gets ``search.csv``, ``search-times.csv`` (measured times, which differ between runs; in a grid they are in
        ``search.csv``), ``search.json``, ``best-settings.json``, ``search-report.html`` and ``tables/``. The first is
        written last: a folder that has it has all.
    best : Settings
        With the training of the best configuration.
    private : bool
        Whether the report names no file.

    Returns
    -------
    Path
        ``search.csv``.

    Raises
    ------
    ExportError
        If a file cannot be written.
    """
    numbering = Numbering()
    section = search_section(found, numbering, identifier="answer", title="Summary")
    labels = labels_for(ReportContent(dataset=dataset, settings=best), private=private)
    name = "" if private else dataset.source.name
    tiles = [
        Tile(f"{len(found.trials):,}", "trials"),
        Tile(f"{found.n_coreset:,}", "images in the coreset"),
        Tile(f"{found.best.coreset.accuracy:.3f}", "best validation accuracy"),
    ]
    page = render_page(
        labels.text(name) or "Search", [section], tiles=tiles, labels=labels.texts(found.notes), private=private
    )
    try:
        for table in section.tables:
            write_table(out / "tables", table)
        write_atomically(out / REPORT, page.encode("utf-8", "backslashreplace"))
        stored = json.dumps({"format": FORMAT, **write_form(found)}, ensure_ascii=False, indent=1)
        write_atomically(out / FORM, stored.encode("utf-8", "backslashreplace") + b"\n")
        text = json.dumps(settings_to_dict(best), ensure_ascii=False, indent=1)
        write_atomically(out / BEST, text.encode("utf-8", "backslashreplace") + b"\n")
        if found.method != GRID:
            write_atomically(out / TIMES, csv_bytes(csv_of(*_times(found))))
        write_atomically(out / TABLE, csv_bytes(csv_of(*_rows(found))))
    except OSError as error:
        raise ExportError(disk_sentence(error, out)) from error
    return out / TABLE


def read_search(folder: Path) -> SearchResult:
    """Return the stored form of a finished search.

    Raises
    ------
    ExportError
        If there is none, or it cannot be read.
    """
    file = folder / FORM
    try:
        values = read_json(file)
        number = values.get("format") if isinstance(values, dict) else None
        if isinstance(number, int) and number > FORMAT:
            raise ExportError(f"{file} was written by a newer version of the program. Update the program to read it.")
        if number != FORMAT:
            raise FormError(f"its format is {number!r}; expected {FORMAT}")
        found = read_form(values, SearchResult)
    except OSError as error:
        raise ExportError(f"{file} cannot be read ({reason_of(error)}).") from error
    except ValueError as error:
        raise ExportError(f"{file} is damaged ({error}). Search again, which keeps finished trainings.") from error
    if not found.trials or any(set(trial.values) != set(found.titles) for trial in found.trials):
        raise ExportError(f"{file} is damaged (its trials do not fit). Search again, which keeps finished trainings.")
    return found


# --- tables -----------------------------------------------------------------------------------------------------------


def _rows(found: SearchResult) -> tuple[list[str], list[list[Cell]]]:
    """Return heads and rows of ``search.csv``; that of a grid has its times, too, as in the first version."""
    if found.method == GRID:
        heads = [*found.titles, "coreset_accuracy", "coreset_seconds", "pool_accuracy", "pool_seconds",
                 "coreset_epochs", "pool_epochs"]  # fmt: skip
        return heads, [
            [
                *_values(found, trial), trial.coreset.accuracy, trial.coreset.seconds,
                trial.pool.accuracy if trial.pool else None, trial.pool.seconds if trial.pool else None,
                trial.coreset.epochs, trial.pool.epochs if trial.pool else None,
            ]
            for trial in found.trials
        ]  # fmt: skip
    heads = ["trial", "state", "pruned_after", *found.titles, "coreset_accuracy", "coreset_epochs", "pool_accuracy",
             "pool_epochs"]  # fmt: skip
    return heads, [
        [
            trial.number + 1, "complete" if trial.is_ranked else "pruned", trial.coreset.pruned_after,
            *_values(found, trial), trial.coreset.accuracy, trial.coreset.epochs,
            trial.pool.accuracy if trial.pool else None, trial.pool.epochs if trial.pool else None,
        ]
        for trial in found.trials
    ]  # fmt: skip


def _times(found: SearchResult) -> tuple[list[str], list[list[Cell]]]:
    heads = ["trial", "coreset_seconds", "pool_seconds"]
    return heads, [
        [trial.number + 1, trial.coreset.seconds, trial.pool.seconds if trial.pool else None] for trial in found.trials
    ]


def _values(found: SearchResult, trial: SearchTrial) -> list[Cell]:
    return [trial.values[name] for name in found.titles]
