"""Tests of the window act on what a user sees: the number of looks at private attributes does not grow again."""

from tests.private_reads import in_tests, private_reads

MOST_IN_PAGES, MOST = 40, 113


def test_what_counts() -> None:
    source = "page._summary = other.summary\nself._kept = page.table_card._note.text()\ntype(page).__name__"
    assert list(private_reads(source)) == [(1, "page._summary"), (2, "page.table_card._note")]


def test_there_are_few() -> None:
    found = in_tests()
    in_pages = [line for line in found if line.startswith("desktop_app/pages/")]
    assert len(in_pages) < MOST_IN_PAGES, "\n".join(in_pages)
    assert len(found) <= MOST, "\n".join(found)
