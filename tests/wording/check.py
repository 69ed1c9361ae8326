"""Find the words to avoid in documents, in Help and in the strings of Python files."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.wording.words import AVOIDED, DOCSTRING_OPENINGS, DOCUMENTS, NOT_DOCUMENTS, NOT_PYTHON, PYTHON

# Code, addresses and tags are not text for users. They are replaced by spaces, so that line numbers stay right.
_NOT_TEXT = re.compile(
    r"```.*?```|`[^`\n]*`|<code>.*?</code>|<!--.*?-->|<[^<>]*>|\]\([^)]*\)|^ {4}.*?$|https?://\S+|\*\*/\S+",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Finding:
    """A word to avoid.

    Attributes
    ----------
    line : int
        Where it is, from 1.
    word : str
        As it is written there.
    instead : str
        What to write instead.
    """

    line: int
    word: str
    instead: str


def find_words(text: str, avoided: Mapping[str, str] = AVOIDED, *, first_line: int = 1) -> Iterator[Finding]:
    """Yield the words to avoid in a text without markup, in the sequence of the patterns."""
    for pattern, instead in avoided.items():
        for found in re.finditer(rf"\b(?:{pattern})\b", text, re.IGNORECASE):
            yield Finding(first_line + text.count("\n", 0, found.start()), found[0], instead)


def in_document(text: str) -> list[Finding]:
    """Return the words to avoid in Markdown or HTML, by line; code, tags and addresses are ignored."""
    bare = _NOT_TEXT.sub(lambda found: "\n" * found[0].count("\n") or " ", text)
    return sorted(find_words(bare), key=lambda each: each.line)


def in_python(text: str) -> list[Finding]:
    """Return the words to avoid in the strings of a Python file, by line; docstrings and single words are ignored."""
    tree = ast.parse(text)
    ignored = {id(each) for each in _not_alone(tree)}
    found: list[Finding] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant | ast.JoinedStr) or id(node) in ignored:
            continue
        words = _string(node)
        if " " in words.strip():
            found += [Finding(node.lineno, each.word, each.instead) for each in find_words(_bare(words))]
    return sorted(found, key=lambda each: each.line)


def in_docstrings(text: str) -> list[Finding]:
    """Return the docstrings of a Python file that open with a word to avoid, by line."""
    found: list[Finding] = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        words, instead = (ast.get_docstring(node) or "").split(maxsplit=1), DOCSTRING_OPENINGS
        if words and words[0] in instead:
            found.append(Finding(node.body[0].lineno, words[0], instead[words[0]]))
    return sorted(found, key=lambda each: each.line)


def files(root: Path, patterns: Iterable[str], leave_out: Iterable[str] = ()) -> list[Path]:
    """Return the files that match the patterns, sorted by path.

    Raises
    ------
    FileNotFoundError
        If a pattern names a file or folder that does not exist.
    """
    found: set[Path] = set()
    for pattern in patterns:
        fixed = pattern.partition("*")[0]
        if not (root / fixed).exists():
            raise FileNotFoundError(f"tests/wording/words.py names {pattern}, but {fixed} does not exist.")
        found |= set(root.glob(pattern))
    return sorted(found - {root / each for each in leave_out})


def messages(root: Path) -> list[str]:
    """Return one line per word to avoid in the files of a repository: file, line, word and what to write instead."""
    found = []
    for path in files(root, DOCUMENTS, NOT_DOCUMENTS):
        found += [_message(root, path, each) for each in in_document(path.read_text(encoding="utf-8"))]
    for path in files(root, PYTHON, NOT_PYTHON):
        found += [_message(root, path, each) for each in in_python(path.read_text(encoding="utf-8"))]
    for path in files(root, PYTHON):
        found += [_message(root, path, each) for each in in_docstrings(path.read_text(encoding="utf-8"))]
    return found


def _message(root: Path, path: Path, finding: Finding) -> str:
    place = f"{path.relative_to(root).as_posix()}:{finding.line}"
    return f'{place}: "{finding.word}" is a word to avoid; write instead: {finding.instead}'


def _bare(text: str) -> str:
    return _NOT_TEXT.sub(" ", text) if "`" in text or "<" in text else text


def _string(node: ast.AST) -> str:
    """Return the text of a string, with a mark for each value in it; empty for any other node."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_string(part) or "{}" for part in node.values)
    return ""


def _not_alone(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield docstrings, and the parts of strings with values, which are read together."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield from node.values
