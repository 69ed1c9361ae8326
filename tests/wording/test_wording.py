"""The check of wording finds the words to avoid in text for users, and nothing in code."""

from pathlib import Path

import pytest

from tests.wording.check import files, in_docstrings, in_document, in_python, messages
from tests.wording.words import AVOIDED, DOCUMENTS, PYTHON

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "word", "instead"),
    [
        ("The fast judge takes seconds.", "fast judge", "linear probe"),
        ("What it wants:\nweights", "wants", "require, need"),
        ("<p>The split that was brought is kept.</p>", "split that was brought", "predefined split, import, add"),
        ("It stands for others.", "stands", "is, is listed, represents"),
        ("Take the pin back", "Take the pin back", "undo, unpin"),
        ("Doubtful labels", "Doubtful labels", "suspected label error"),
    ],
)
def test_a_word_to_avoid_is_found_with_a_better_one(text: str, word: str, instead: str) -> None:
    assert (word, instead) in [(each.word, each.instead) for each in in_document(text)]


def test_the_line_of_a_word_is_that_of_the_file() -> None:
    text = "# Title\n```\nit wants\nall\n```\n<b\n>ours</b>\n\nIt tells all.\n"
    assert [(each.line, each.word) for each in in_document(text)] == [(9, "tells")]


@pytest.mark.parametrize(
    "text",
    [
        "Set `choices` in `core/settings/choices.py`.",
        "See [the figure](docs/images/clusters.png).",
        '<img src="figure:herding">',
        "    coreset wants/ --out told/",
        "<code>--judge-extractor</code>",
        "A standard amendment of the bringing-up.",
        "```\nit wants\n```",
    ],
)
def test_code_paths_and_longer_words_are_no_findings(text: str) -> None:
    assert in_document(text) == []


def test_strings_of_python_are_checked_but_no_docstrings_names_or_comments() -> None:
    text = (
        '"""What the module wants."""\n'
        "def wants(judge):\n"
        '    """Tell what it wants."""\n'
        "    # It wants more.\n"
        '    key = "judge"\n'
        '    return f"The {judge} wants {key}", "It is " "told twice."\n'
    )
    assert [(each.line, each.word) for each in in_python(text)] == [(6, "wants"), (6, "told")]


def test_a_docstring_that_opens_with_what_is_found() -> None:
    text = (
        '"""What the module contains."""\n'
        "class Plan:\n"
        '    """A plan: What is in it."""\n'
        "    def rows(self):\n"
        '        """What it reads.\n\n        More.\n        """\n'
        '    name = "What is a string"\n'
        '    """What is no docstring of Python."""\n'
    )
    assert [(each.line, each.word) for each in in_docstrings(text)] == [(1, "What"), (5, "What")]


def test_messages_name_file_line_and_what_to_write(tmp_path: Path) -> None:
    for pattern in (*DOCUMENTS, *PYTHON):
        (tmp_path / pattern.partition("*")[0]).parent.mkdir(parents=True, exist_ok=True)
        if "*" in pattern:
            (tmp_path / pattern.partition("*")[0]).mkdir(parents=True, exist_ok=True)
        else:
            (tmp_path / pattern).write_text("", encoding="utf-8")
    assert messages(tmp_path) == []
    (tmp_path / "README.md").write_text("Clean.\nIt wants a file.\n", encoding="utf-8")
    (tmp_path / "core/one.py").write_text('TIP = "What it tells"\n', encoding="utf-8")
    (tmp_path / "docs/settings.md").write_text("It wants.\n", encoding="utf-8")
    assert messages(tmp_path) == [
        'README.md:2: "wants" is a word to avoid; write instead: require, need',
        'core/one.py:1: "tells" is a word to avoid; write instead: show, report, state',
    ]


def test_a_pattern_that_names_no_folder_is_an_error() -> None:
    with pytest.raises(FileNotFoundError, match="core/gone/ does not exist"):
        files(ROOT, ["core/gone/**/*.py"])


def test_every_pattern_of_the_repository_names_files() -> None:
    assert [pattern for pattern in (*DOCUMENTS, *PYTHON) if not files(ROOT, [pattern])] == []


def test_no_replacement_is_a_word_to_avoid() -> None:
    assert [instead for instead in AVOIDED.values() if in_document(instead)] == []
