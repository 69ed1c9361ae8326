"""A pattern of groups from one example: the part of a path that names the patient, marked by the user."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

_SEPARATORS = " _.-"
"""The hyphen comes last, so that it is one inside of brackets."""

_BEGINS = r"(?:^|[/ _.-])"
_ENDS = r"(?=$|[/ _.-])"
_SAMPLE = 3000
_GAIN = 0.02
"""How many more of the paths a more general pattern must match to be taken instead of a more specific one."""


def pattern_from_example(path: str, start: int, end: int, paths: Sequence[str]) -> str:
    """Return a pattern that finds what is marked in one path in as many of the others as possible.

    What is marked is described by its place (which folder from the top or the bottom, which part between separators of
    the name) and by its form (letters, digits). Of several descriptions that find exactly what is marked, the most
    specific one is taken unless another finds a group in at least 2 % more of the paths.

    Parameters
    ----------
    path : str
        With forward slashes.
    start, end : int
        The part that is marked; separators at its ends do not count.
    paths : sequence of str
        Of all images; of many, 3,000 evenly spaced ones are used.

    Returns
    -------
    str
        For the setting `group_pattern`; empty where nothing but separators is marked.
    """
    start, end = max(0, start), min(len(path), end)
    while start < end and path[start] in _SEPARATORS + "/":
        start += 1
    while end > start and path[end - 1] in _SEPARATORS + "/":
        end -= 1
    if start == end:
        return ""
    sample = [*paths[:: max(1, len(paths) // _SAMPLE)], path]
    best, most = "", -1.0
    for pattern in dict.fromkeys(_candidates(path, start, end)):
        compiled = re.compile(pattern)
        found = compiled.search(path)
        if found is None or found.span(1) != (start, end):
            continue
        share = sum(compiled.search(each) is not None for each in sample) / len(sample)
        if most < 0 or share > most + _GAIN:
            best, most = pattern, share
    return best or f"({_escaped(path[start:end])})"


def _candidates(path: str, start: int, end: int) -> Iterator[str]:
    """Yield patterns, the most specific first."""
    marked, level = path[start:end], path.rfind("/", 0, start) + 1
    before, after = path[level:start], path[end : end + 1]
    separators = "".join(each for each in _SEPARATORS if each in before[-1:] + after)
    forms = list(_forms(marked, before[-1:], after, separators))
    word = re.search(r"([^\W\d_]{2,})([ _.-]?)$", before)
    if word is not None:
        # Such as the 12 of patient-12, at any depth.
        for form in forms[:2]:
            yield f"{_BEGINS}{_escaped(word[0])}({form})"
    for form in forms:
        for head, tail in _places(path, start, end):
            for left in _lefts(before, marked[0], separators):
                yield f"{head}{left}({form}){_right(marked[-1], after, separators)}{tail}"
    if any(map(str.isalpha, marked)) and any(map(str.isdecimal, marked)) and not _is_inside(before[-1:], after):
        yield f"{_BEGINS}({forms[0]}){_ENDS}"


def _places(path: str, start: int, end: int) -> Iterator[tuple[str, str]]:
    """Yield what is before and behind the level of the path that contains what is marked."""
    depth, below = path.count("/", 0, start), path.count("/", end)
    if not below:
        yield "(?:^|/)", "[^/]*$"
        return
    yield f"^{_times('[^/]+/', depth)}", ""
    yield "(?:^|/)", "[^/]*" + _times("/[^/]+", below) + "$"


def _forms(marked: str, before: str, after: str, separators: str) -> Iterator[str]:
    """Yield descriptions of what is marked: with its own letters, by letters and digits, and by its end alone."""
    runs = [(kind, "".join(run)) for kind, run in groupby(marked, _kind)]
    # Where the neighbour is of the same kind, only the length determines where the part ends.
    cut = {0} if before and _kind(before) == runs[0][0] != "" else set()
    cut |= {len(runs) - 1} if after and _kind(after) == runs[-1][0] != "" else set()
    if any(kind == "digit" for kind, _ in runs):
        yield "".join(
            _run(kind, text, fixed=at in cut, literal=kind != "digit") for at, (kind, text) in enumerate(runs)
        )
    yield "".join(_run(kind, text, fixed=at in cut, literal=False) for at, (kind, text) in enumerate(runs))
    if not _is_inside(before, after):
        outside = _outside(separators)
        inner = "/" + separators
        parts = re.split(_one_of(inner, group=True), marked)
        yield "".join(_escaped(part) if part in inner else f"{outside}+" for part in parts if part)


def _is_inside(before: str, after: str) -> bool:
    """Return whether a part has letters or digits right before or behind it."""
    return bool((before and _kind(before)) or (after and _kind(after)))


def _run(kind: str, text: str, *, fixed: bool, literal: bool) -> str:
    if literal or not kind:
        return _escaped(text)
    one = "[0-9]" if kind == "digit" else "[A-Za-z]" if text.isascii() else r"[^\W\d_]"
    return f"{one}{{{len(text)}}}" if fixed else f"{one}+"


def _lefts(before: str, first: str, separators: str) -> Iterator[str]:
    """Yield descriptions of what is before the marked part in its level."""
    if not before:
        yield ""
        return
    between = _one_of(separators)
    n = sum(letter in separators for letter in before)
    rest = re.split(between, before)[-1] if between else before
    outside = _outside(separators)
    skipped = _times(f"{outside}*{between}", n)
    runs = [(kind, "".join(run)) for kind, run in groupby(rest, _kind)]
    last = len(runs) - 1
    shape = "".join(
        _run(kind, text, fixed=at == last and kind == _kind(first), literal=False)
        for at, (kind, text) in enumerate(runs)
    )
    yield f"{skipped}{shape}"
    if between and not rest:
        # Any number of parts before it, such as a name of several words.
        yield f"[^/]*{between}"


def _right(last: str, after: str, separators: str) -> str:
    if not after:
        return "$"
    if after == "/":
        return "(?=/)"
    if after in _SEPARATORS:
        return f"(?={_one_of(separators)}|$)"
    return "" if _kind(after) == _kind(last) else f"(?=[^{'0-9' if last.isdecimal() else 'A-Za-z'}]|$)"


def _outside(separators: str) -> str:
    return f"[^/{separators}]"


def _one_of(separators: str, *, group: bool = False) -> str:
    """Return a pattern of one of some separators, of which the hyphen comes last."""
    one = f"[{separators}]" if len(separators) > 1 else _escaped(separators)
    return f"({one})" if group else one


def _escaped(text: str) -> str:
    """Return a pattern of a text as it is, without the backslashes that are not needed: users read it."""
    return re.sub(r"([.\\+*?\[\](){}^$|])", r"\\\1", text)


def _times(pattern: str, n: int) -> str:
    if n < 2:
        return pattern * n
    return f"(?:{pattern}){{{n}}}"


def _kind(letter: str) -> str:
    return "digit" if letter.isdecimal() else "letter" if letter.isalpha() else ""
