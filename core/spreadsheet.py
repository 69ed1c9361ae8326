"""Texts in a CSV that a spreadsheet opens safely, there and back."""

import re

__all__ = ["plain_text", "text_cell"]

# A spreadsheet takes a cell that begins with one of these for a formula (also in their wide forms).
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")


def text_cell(text: str) -> str:
    """Return `text` so that no spreadsheet runs it: an apostrophe is put before what looks like a formula.

    `plain_text` takes it back; text that begins with apostrophes before such a character gets one more, so that
    nothing is lost.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def plain_text(cell: str) -> str:
    """Return the text that `text_cell` was given."""
    return cell[1:] if _ESCAPED.match(cell) else cell
