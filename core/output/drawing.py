"""Style of figures: page widths, quiet axes, and SVG that follows the page's light or dark colours."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.placing import disk_sentence
from coreset_studio.core.palette import Mark, dark_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 9.0
"""Width in inches of a figure that fills the report's column; on A4 it prints at four fifths, with 7.5 pt text."""

HALF = 4.4

INK, MUTED, GRID, PAPER, MEDOID = "#1d2126", "#6a7079", "#e4e6e9", "#fefefe", "#010101"
"""Colours that an SVG in the report takes from the page: see `svg_for_page`."""

_PAGE_COLOURS = {INK: "--ink", MUTED: "--muted", GRID: "--line", PAPER: "--card", MEDOID: "--medoid"}
_MARKERS = {
    "circle": "o", "square": "s", "triangle-up": "^", "triangle-down": "v", "diamond": "D", "pentagon": "p",
    "hexagon": "h", "star": "*", "plus": "P", "cross": "X",
}  # fmt: skip
_STYLE: Any = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 9, "axes.titlesize": 9.5,
    "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.labelsize": 9, "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5, "legend.fontsize": 8.5, "legend.frameon": False, "axes.spines.top": False,
    "axes.spines.right": False, "axes.edgecolor": MUTED, "axes.linewidth": 0.7, "axes.labelcolor": INK,
    "text.color": INK, "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.7, "axes.axisbelow": True, "lines.linewidth": 1.8,
    "axes.facecolor": "none", "figure.facecolor": "none", "savefig.facecolor": "none", "axes.unicode_minus": True,
    "xtick.major.width": 0.7, "ytick.major.width": 0.7, "xtick.major.size": 3, "ytick.major.size": 3,
    "svg.fonttype": "none", "svg.hashsalt": "coreset", "figure.dpi": 150,
}  # fmt: skip


@contextmanager
def style() -> Iterator[None]:
    """Use the report's style inside; what matplotlib was set to before comes back afterwards."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of `width` by `height` inches; it belongs to no window and no global list."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def panels(n: int, *, n_columns: int = 4, height: float = 1.9, width: float = WIDE) -> "tuple[Figure, list[Axes]]":
    """Return a figure of `n` small panels, filled row by row.

    Parameters
    ----------
    n : int
        At least 1.
    height : float
        Of one panel, in inches.
    """
    n_columns = min(n_columns, n) if n > 2 else 2
    n_rows = -(-n // n_columns)
    figure = new_figure(width, height * n_rows)
    axes = [figure.add_subplot(n_rows, n_columns, at + 1) for at in range(n)]
    return figure, axes


def marker(mark: Mark) -> str:
    """Return matplotlib's sign for a marker shape."""
    return _MARKERS[mark.marker]


def line_style(mark: Mark) -> dict[str, Any]:
    """Return the look of a line with markers for `mark`."""
    return {
        "color": mark.colour, "marker": marker(mark), "markersize": 6, "markeredgecolor": PAPER,
        "markeredgewidth": 0.8, "label": mark.title,
    }  # fmt: skip


def shortened(text: str, n: int = 22) -> str:
    """Return `text`, cut in its middle where it is longer than `n` characters."""
    return text if len(text) <= n else f"{text[: n // 2 - 1]}…{text[-(n - n // 2) :]}"


def plain(text: str) -> str:
    """Return `text` so that matplotlib does not take a dollar sign for a formula."""
    return text.replace("$", r"\$")


def svg_for_page(figure: "Figure", identifier: str, description: str) -> str:
    """Return `figure` as an SVG element for a page that defines the colours as CSS variables.

    Parameters
    ----------
    identifier : str
        Put before every id, so that several figures may be in one page.
    description : str
        Read out by a screen reader.
    """
    with style():
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = stream.getvalue().decode()
    text = text[text.index("<svg") :].rstrip()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, count=1, flags=re.S)
    text = re.sub(r"<style type=\"text/css\">.*?</style>", "", text, count=1, flags=re.S)
    text = _own_identifiers(text, identifier)
    text = re.sub(r"font-family: [^;\"]+;? ?", "", text)
    for colour, name in _PAGE_COLOURS.items():
        text = text.replace(colour, f"var({name})")
    for colour in dark_colours():
        text = text.replace(colour.lower(), f"var({colour_variable(colour)})")
    return text.replace("<svg ", f'<svg role="img" aria-label="{_attribute(description)}" ', 1)


def colour_variable(colour: str) -> str:
    """Return the name of the CSS variable that represents a colour with a dark form of its own."""
    return f"--c{colour.lstrip('#').lower()}"


def save_figure(figure: "Figure", file: Path) -> None:
    """Write `figure` as SVG, PDF or PNG (300 dots an inch) on white, whole or not at all.

    Raises
    ------
    ExportError
        If the file cannot be written, or its suffix is none of these.
    """
    kind = file.suffix.lower().lstrip(".")
    if kind not in ("svg", "png", "pdf"):
        raise ExportError(f"A figure cannot be written as {file.name}; name it .svg, .pdf or .png.")
    stream = io.BytesIO()
    with style():
        figure.savefig(stream, format=kind, dpi=300, facecolor="white")
    try:
        write_atomically(file, stream.getvalue())
    except OSError as error:
        raise ExportError(disk_sentence(error, file)) from error


def _own_identifiers(svg: str, start: str) -> str:
    """Put `start` before every id that is referred to, and remove the others, so that ids are unique."""
    used = set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg))
    seen: set[str] = set()

    def keep(match: re.Match[str]) -> str:
        name = match[1]
        if name not in used or name in seen:
            return ""
        seen.add(name)
        return f' id="{start}-{name}"'

    svg = re.sub(r'\sid="([^"]+)"', keep, svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{start}-\1"', svg)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{start}-\1)", svg)


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
