"""The report: one HTML file that contains all it shows, and the CSV of every table next to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.blocks import Numbering, Section
from coreset_studio.core.output.content import Labels, ReportContent, labels_for
from coreset_studio.core.output.drawing import colour_variable
from coreset_studio.core.output.placing import disk_sentence
from coreset_studio.core.output.report_sections import (
    clusters_section,
    coreset_section,
    coreset_words,
    dataset_section,
    features_section,
    making_section,
    methods_section,
    structure_summary,
)
from coreset_studio.core.output.search_report import search_section
from coreset_studio.core.output.tables import write_table
from coreset_studio.core.output.training_figures import accuracy_with_intervals
from coreset_studio.core.output.training_sections import comparison_section, has_figure, headline, paper_section
from coreset_studio.core.palette import dark_colours
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.version import __version__
from coreset_studio.core.words import percent

__all__ = ["ReportContent", "Tile", "WrittenReport", "render_page", "write_report"]


@dataclass(frozen=True)
class WrittenReport:
    """A report on disk: the page, and the CSV files next to it, sorted."""

    page: Path
    tables: tuple[Path, ...]


@dataclass(frozen=True)
class Tile:
    """A number that is shown large at the top."""

    value: str
    name: str


def write_report(
    target: Path, content: ReportContent, *, private: bool = False, progress: Progress = NO_PROGRESS
) -> WrittenReport:
    """Write a report as one self-contained page, and its tables as CSV into the folder ``tables`` next to it.

    Parameters
    ----------
    target : Path
        The page, ending with ``.html``; replaced if it is there.
    content : ReportContent
    private : bool
        No name of a file and no thumbnail of an image appears.

    Raises
    ------
    ExportError
        If the page or its tables cannot be written; a page that was there is then as it was.
    CancelledError
        If the user cancelled; nothing is written then.

    Notes
    -----
    The page needs no network, no script and no other file. It follows the reader's light or dark setting, and prints on
    white.
    """
    labels = labels_for(content, private=private)
    numbering = Numbering()
    parts: list[tuple[str, Callable[[], Section]]] = [
        ("answer", lambda: _answer_section(content, labels, numbering)),
        ("coreset", lambda: coreset_section(content, labels, numbering)),
        ("comparison", lambda: comparison_section(content, labels, numbering)),
        ("networks", lambda: paper_section(content, numbering)),
        *_searched(content, labels, numbering),
        ("images", lambda: dataset_section(content, labels, numbering)),
        ("features", lambda: features_section(content, numbering)),
        ("clusters", lambda: clusters_section(content, labels, numbering)),
        ("methods", lambda: methods_section(content)),
        ("making", lambda: making_section(content, labels)),
    ]
    sections = []
    for done, (name, build) in enumerate(parts):
        progress.report(done, len(parts) + 1, f"Writing the report ({name}): sections")
        sections.append(build())
    page = _render(content, sections, labels)
    progress.report(len(parts), len(parts) + 1, "Writing the report: files")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        files = [write_table(target.parent / "tables", table) for section in sections for table in section.tables]
        write_atomically(target, page.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise ExportError(disk_sentence(error, target)) from error
    progress.report(len(parts) + 1, len(parts) + 1, "Writing the report: files")
    return WrittenReport(target, tuple(sorted(files)))


def _searched(content: ReportContent, labels: Labels, numbering: Numbering) -> list[tuple[str, Callable[[], Section]]]:
    """Return the section of a search, if there was one."""
    found = content.search
    if found is None:
        return []
    named = replace(found, notes=tuple(labels.texts(found.notes)))
    return [("search", lambda: search_section(named, numbering))]


def _answer_section(content: ReportContent, labels: Labels, numbering: Numbering) -> Section:
    section = Section("answer", "Summary")
    first = labels.texts(content.sentences)
    for sentence in first or [coreset_words(content)]:
        section.say(sentence)
    comparison = content.comparison
    if comparison is not None and comparison.rows:
        for sentence in labels.texts(headline(comparison, content.coreset)):
            section.say(sentence)
        relabelled = comparison.relabelled
        if relabelled is not None and relabelled.rows:
            section.say(
                f"Labels of {relabelled.n_test:,} of {relabelled.n_tested:,} test images were corrected, which biases "
                "the score; the table under Comparison has the accuracy with both labels.",
                "warning",
            )
        section.say("All rows are listed under Comparison.", "small")
    else:
        section.say("Networks were not trained, so the cost of the coreset in accuracy was not measured.")
    if content.clusters:
        section.say(structure_summary(content.clusters))
    if comparison is not None and has_figure(comparison):
        numbering.draw(
            section,
            accuracy_with_intervals(comparison),
            "Test accuracy by share of the pool selected, with 95 % intervals; the horizontal line is the whole pool.",
        )
    return section


def _tiles(content: ReportContent) -> list[Tile]:
    dataset, coreset = content.dataset, content.coreset
    tiles = [Tile(f"{len(dataset.images):,}", "images"), Tile(f"{len(dataset.classes):,}", "classes")]
    if dataset.skipped:
        n = len(dataset.skipped)
        tiles.append(Tile(f"{n:,}", "file skipped" if n == 1 else "files skipped"))
    if content.split is not None:
        tiles.append(Tile(f"{len(content.split.pool):,}", "in the pool"))
    if coreset is not None:
        tiles.append(Tile(f"{len(coreset.indices):,}", f"selected, {percent(coreset.fraction)}"))
    if content.shares:
        touched = sum(int((share.chosen > 0).sum()) for share in content.shares)
        n_clusters = sum(len(share.sizes) for share in content.shares)
        tiles.append(Tile(f"{touched:,} of {n_clusters:,}", "clusters covered"))
    return tiles


def _render(content: ReportContent, sections: list[Section], labels: Labels) -> str:
    name = content.title or ("" if labels.private else content.dataset.source.name)
    return render_page(
        labels.text(name) or "Coreset report",
        sections,
        tiles=_tiles(content),
        labels=labels.texts(content.labels),
        private=labels.private is not None,
    )


def render_page(
    title: str, sections: Sequence[Section], *, tiles: Sequence[Tile], labels: Sequence[str], private: bool
) -> str:
    """Return a self-contained page of `sections`; the tiles are in the section with the identifier ``answer``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("coreset_studio.core.output", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    colours = [(colour_variable(colour), colour, dark) for colour, dark in dark_colours().items()]
    return environment.get_template("report.html").render(
        title=title,
        date=datetime.now().astimezone().strftime("%d %B %Y, %H:%M"),
        version=__version__,
        labels=labels,
        private=private,
        tiles=tiles,
        sections=sections,
        colours=colours,
    )
