"""Patterns of paths as they are typed, such as ``*_mask.*``: which images `--leave-out-pattern` excludes."""

import fnmatch
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from coreset_studio.core.errors import SettingsError

EXAMPLES = "thumbs, *_mask.* or train/preview/*"

_ANY_FOLDERS = "**"
_PAGE = re.compile(r"#page=[1-9][0-9]{0,7}$")

_Fits = Callable[[str], object]


@dataclass(frozen=True)
class _Pattern:
    """One pattern, split at its slashes.

    Attributes
    ----------
    text : str
        As it was typed.
    tests : tuple of callable or None
        One for each part; None for any number of folders.
    is_whole : bool
        Whether it is compared with the path from the root; else with single names.
    is_folder : bool
        Whether it is compared with folders alone.
    """

    text: str
    tests: tuple[_Fits | None, ...]
    is_whole: bool
    is_folder: bool

    def holds(self, folders: tuple[str, ...]) -> bool:
        """Return whether it matches one of the folders above a file."""
        if self.is_whole:
            return any(_fits(self.tests, folders[:depth]) for depth in range(1, len(folders) + 1))
        return any(_fits(self.tests, (folder,)) for folder in folders)

    def matches(self, folders: tuple[str, ...], name: str) -> bool:
        """Return whether it matches a file itself."""
        if self.is_folder:
            return False
        last = self.tests[-1]
        if last is not None and not last(name):
            return False
        return not self.is_whole or _fits(self.tests, (*folders, name))


class PathPatterns:
    """Patterns that are compared with many paths.

    Parameters
    ----------
    patterns : iterable of str
        ``*`` is any text without a slash, ``?`` one character, ``[abc]`` one of several and ``[!abc]`` none of them;
        ``**`` between slashes is any number of folders. A pattern without a slash matches the name of a file, or of any
        folder above it; one with a slash matches the path from the root, or a folder above the file; one that ends in a
        slash matches folders alone. Upper and lower case are the same, and so are the two ways of writing ``é``.

    Raises
    ------
    SettingsError
        If a pattern is empty, or cannot be used.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [_pattern(text) for text in patterns]
        self._folders: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {}

    def first(self, path: str) -> str:
        """Return the first pattern that matches a path with forward slashes; empty where none does.

        A page of a file is matched by what matches the file.
        """
        if not self._patterns:
            return ""
        folder, _, name = _plain(path).rpartition("/")
        # Many images share a folder, which is compared once.
        known = self._folders.get(folder)
        if known is None:
            above = tuple(folder.split("/")) if folder else ()
            known = above, frozenset(each.text for each in self._patterns if each.holds(above))
            self._folders[folder] = known
        above, held = known
        for each in self._patterns:
            if each.text in held or each.matches(above, name):
                return each.text
        whole = _PAGE.sub("", name) if "#page=" in name else name
        return self.first(f"{folder}/{whole}") if whole != name else ""


def check_patterns(patterns: Iterable[str]) -> None:
    """Make sure that patterns can be used.

    Raises
    ------
    SettingsError
        If one is empty, has a bracket that is not closed, or matches every image.
    """
    for pattern in patterns:
        _pattern(pattern)


def split_patterns(text: str) -> tuple[str, ...]:
    """Return the patterns of a text with semicolons between, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(";") if part.strip()))


def _pattern(text: str) -> _Pattern:
    typed = text.strip().replace("\\", "/").removeprefix("./")
    parts = [part for part in _plain(typed).split("/") if part]
    if not parts:
        raise SettingsError(f"left_out_patterns has the empty pattern {text!r}; expected one such as {EXAMPLES}.")
    if any(_has_open_bracket(part) for part in parts):
        raise SettingsError(
            f"left_out_patterns has the pattern {text!r}, in which a [ has no ]; expected one such as *_[0-9].png. For "
            "a bracket in a name, write [[]."
        )
    if ".." in parts or any(_ANY_FOLDERS in part and part != _ANY_FOLDERS for part in parts):
        raise SettingsError(
            f"left_out_patterns has the pattern {text!r}; expected one such as {EXAMPLES}, without the folder “..” and "
            "with ** only between slashes."
        )
    if set(parts) <= {_ANY_FOLDERS, "*"}:
        raise SettingsError(
            f"left_out_patterns has the pattern {text!r}, which matches every image; expected one such as {EXAMPLES}."
        )
    tests = tuple(None if part == _ANY_FOLDERS else re.compile(fnmatch.translate(part)).match for part in parts)
    is_whole = len(parts) > 1 or typed.startswith("/")
    return _Pattern(text, tests, is_whole, typed.endswith("/"))


def _has_open_bracket(part: str) -> bool:
    """Return whether a bracket is not closed; the first character inside of one may be ``]``."""
    at = part.find("[")
    while at >= 0:
        first = at + 1 + part.startswith("!", at + 1)
        at = part.find("]", first + 1)
        if at < 0:
            return True
        at = part.find("[", at)
    return False


def _plain(path: str) -> str:
    """Return a text in which upper and lower case are one, and an accent is written in one way."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def _fits(tests: Sequence[_Fits | None], parts: Sequence[str]) -> bool:
    """Return whether the parts of a path match the tests one by one; None matches any number of parts."""
    reached = set(_passed(tests, 0))
    for part in parts:
        following = {at + (tests[at] is not None) for at in reached if at < len(tests) and _test(tests[at], part)}
        reached = {later for at in following for later in _passed(tests, at)}
        if not reached:
            return False
    return len(tests) in reached


def _test(test: _Fits | None, part: str) -> bool:
    return test is None or bool(test(part))


def _passed(tests: Sequence[_Fits | None], at: int) -> Iterator[int]:
    """Yield a place among the tests, and those behind it that are reached without a further part."""
    yield at
    while at < len(tests) and tests[at] is None:
        at += 1
        yield at
