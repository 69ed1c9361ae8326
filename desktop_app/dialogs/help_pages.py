"""The pages of Help: their names, titles and texts, and which of them hold a word.

What there is to describe is asked of the descriptions each time, so that a plugin's pages are there once it is.
"""

from functools import lru_cache

from PySide6.QtGui import QTextDocument

from coreset_studio.core import reference
from coreset_studio.core.resources import resource_folder
from coreset_studio.desktop_app import theme

OVERVIEW = reference.list_path("sampler")
# A control that stands beside samplers and is none of them.
MATCHED = "samplers/matched"
_LISTS = {reference.list_path(kind): kind for kind in reference.FOLDERS}


def page_titles() -> dict[str, str]:
    """Return the titles by name, in the order of the list; the pages of a kind follow its list."""
    titles = {"tour": "Tour", "method": "The method", "labelling": "Which images to label first"}
    titles |= {reference.SETTINGS_PAGE: "Settings"}
    for kind, (_, title) in reference.FOLDERS.items():
        titles[reference.list_path(kind)] = title
        titles |= {page.path: page.title for page in reference.pages_of(kind)}
        if kind == "sampler":
            titles[MATCHED] = theme.sampler_title("matched")
    return titles | {"machines": "Several machines", "licences": "Licences"}


def list_above(name: str) -> str:
    """Return the parent list of a page; empty for a page without one."""
    above = f"{name.partition('/')[0]}/overview"
    return above if above in _LISTS and above != name else ""


def page_of(kind: str, name: str) -> str:
    """Return the page of a description, such as ``page_of("sampler", "herding")``; the kind's list for one unknown."""
    found = next((page for page in reference.pages_of(kind) if page.name == name), None)
    return reference.list_path(kind) if found is None else found.path


def known_page(name: str) -> str:
    """Return the page itself where there is one of that name, else the list nearest to it."""
    return name if name in page_titles() else list_above(name) or OVERVIEW


def page_html(name: str) -> str:
    """Return the text of a page.

    Raises
    ------
    FileNotFoundError
        If there is no such page.
    """
    if name == reference.SETTINGS_PAGE:
        return reference.settings_html()
    if name in _LISTS:
        return reference.list_html(_LISTS[name])
    if list_above(name):
        described = reference.pages_of(_LISTS[list_above(name)])
        page = next((page for page in described if page.path == name), None)
        if page is not None:
            return reference.page_html(page)
    return (resource_folder() / "help" / f"{name}.html").read_text(encoding="utf-8")


def pages_with(words: str) -> list[str]:
    """Return the pages whose text holds `words`, capital or not; all of them where `words` is empty."""
    searched = " ".join(words.casefold().split())
    return [name for name in page_titles() if searched in _plain(page_html(name))]


@lru_cache(maxsize=256)
def _plain(html: str) -> str:
    document = QTextDocument()
    document.setHtml(html)
    # A space that cannot break is a space to whoever searches.
    return document.toPlainText().replace("\u00a0", " ").casefold()
