"""The contents of a section of the report: words, figures, tables, images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from markupsafe import Markup

from coreset_studio.core.output.drawing import svg_for_page
from coreset_studio.core.output.tables import Table, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS_SHOWN = 25
"""Rows of a table that are in the report; its CSV has all."""


@dataclass(frozen=True)
class Words:
    """A paragraph; `kind` is how much it matters."""

    text: str
    kind: Literal["plain", "small", "note", "warning"] = "plain"
    block: str = "words"


@dataclass(frozen=True)
class Folded:
    """Sentences that the reader may unfold."""

    title: str
    sentences: tuple[str, ...]
    block: str = "folded"


@dataclass(frozen=True)
class Drawing:
    """A figure with its number and caption."""

    svg: Markup
    caption: str
    number: int
    block: str = "figure"


@dataclass(frozen=True)
class ShownTable:
    """A table as the report prints it, cut to `ROWS_SHOWN` rows; `csv` is the file that has all."""

    table: Table
    csv: str
    rows: tuple[tuple[str, ...], ...]
    n_more: int
    block: str = "table"


@dataclass(frozen=True)
class EmbeddedImage:
    """One image: its data address, what has it, and the colour of its frame (empty for none)."""

    address: str
    caption: str
    colour: str = ""


@dataclass(frozen=True)
class ImageRows:
    """Images in rows, each row with a title."""

    rows: tuple[tuple[str, tuple[EmbeddedImage, ...]], ...]
    caption: str
    block: str = "images"


Block = Words | Folded | Drawing | ShownTable | ImageRows


@dataclass
class Section:
    """One section of the report; `tables` are all its CSV files, shown or not."""

    identifier: str
    title: str
    lead: str = ""
    blocks: list[Block] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def say(self, text: str, kind: Literal["plain", "small", "note", "warning"] = "plain") -> None:
        """Add a paragraph."""
        self.blocks.append(Words(text, kind))

    def fold(self, title: str, sentences: Sequence[str]) -> None:
        """Add sentences to unfold, if there are any."""
        if sentences:
            self.blocks.append(Folded(title, tuple(sentences)))

    def show(self, table: Table, *, limit: int = ROWS_SHOWN, csv: str = "") -> None:
        """Add a table, printed and as CSV; an empty one is left away.

        With `csv` it is printed only, and that other table has the numbers.
        """
        if not table.rows:
            return
        if not csv:
            self.tables.append(table)
        kinds = [column.kind for column in table.columns]
        rows = tuple(
            tuple(shown(cell, kind) for cell, kind in zip(row, kinds, strict=True)) for row in table.rows[:limit]
        )
        self.blocks.append(ShownTable(table, csv or table.name, rows, max(0, len(table.rows) - limit)))

    def keep(self, *tables: Table) -> None:
        """Add tables as CSV only."""
        self.tables += [table for table in tables if table.rows]

    def image_rows(self, rows: Iterable[tuple[str, Sequence[EmbeddedImage]]], caption: str) -> None:
        """Add rows of images; rows without images are omitted."""
        kept = tuple((title, tuple(p for p in row if p.address)) for title, row in rows)
        kept = tuple(row for row in kept if row[1])
        if kept:
            self.blocks.append(ImageRows(kept, caption))


class Numbering:
    """Number the figures of a report from 1, in order."""

    def __init__(self) -> None:
        self.count = 0

    def draw(self, section: Section, figure: "Figure", caption: str) -> None:
        """Add `figure` to `section` under the next number."""
        self.count += 1
        svg = Markup(svg_for_page(figure, f"f{self.count}", caption))  # noqa: S704 - our own figure, text escaped in it
        section.blocks.append(Drawing(svg, caption, self.count))
