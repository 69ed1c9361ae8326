"""Names of the pages of a file if each is a separate image."""

import re
from pathlib import PurePosixPath

_MARK = "#page="
_PAGE = re.compile(r"(.+)#page=([1-9][0-9]{0,7})", re.DOTALL)


def page_path(file: str, number: int) -> str:
    """Return what the page `number`, from 1, of a file is called, such as ``"stack.tif#page=3"``."""
    return f"{file}{_MARK}{number}"


def file_and_page(path: str) -> tuple[str, int]:
    """Return the file that an image is read from and the number of its page; 0 for a whole file."""
    found = _PAGE.fullmatch(path) if _MARK in path else None
    return (found[1], int(found[2])) if found else (path, 0)


def exported_name(name: str) -> str:
    """Return a file name for what a path ends in; a page of a file, such as ``"stack_page-3"``, has no suffix."""
    file, page = file_and_page(name)
    return f"{PurePosixPath(file).stem}_page-{page}" if page else name
