"""The pages of Help: their names, titles and texts, and which of them hold a word."""

from functools import cache

from PySide6.QtGui import QTextDocument

from core.resources import resource_folder
from desktop_app import theme
from desktop_app.dialogs.sampler_picture import example

OVERVIEW = "samplers/overview"
TITLES = {"tour": "A short tour", "method": "The method", OVERVIEW: "Samplers"}


@cache
def page_titles() -> dict[str, str]:
    """Return the titles by name, in the order of the list; the pages of samplers follow their overview."""
    samplers = {f"samplers/{name}": theme.sampler_title(name) for name in example().chosen}
    return TITLES | samplers | {"licences": "Licences"}


def sampler_page(name: str) -> str:
    """Return the page of a sampler, or the overview for one that has none."""
    page = f"samplers/{name}"
    return page if page in page_titles() else OVERVIEW


def page_html(name: str) -> str:
    """Return the text of a page."""
    return (resource_folder() / "help" / f"{name}.html").read_text(encoding="utf-8")


def pages_with(words: str) -> list[str]:
    """Return the pages whose text holds `words`, capital or not; all of them where `words` is empty."""
    wanted = " ".join(words.casefold().split())
    return [name for name in page_titles() if wanted in _plain(name)]


@cache
def _plain(name: str) -> str:
    document = QTextDocument()
    document.setHtml(page_html(name))
    # A space that cannot break is a space to whoever searches.
    return document.toPlainText().replace("\u00a0", " ").casefold()
