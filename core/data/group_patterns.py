"""Likely patterns of patients or slides in the names of images, which are suggested and never applied automatically."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from coreset_studio.core.data.folder_names import PATIENT_WORDS
from coreset_studio.core.data.page_names import file_and_page
from coreset_studio.core.results import Image

_WORD = re.compile(rf"(?i)(?:^|[/_ .-])({PATIENT_WORDS})[ _.-]?[0-9]")
_CANDIDATES = (
    r"(?:^|[/_ .-])([A-Za-z]{1,3}[0-9]+)[_ .-][^/]*$",
    r"([^/]+)/[^/]+$",
    r"([^/_]+)_[^/]*$",
    r"([^/-]+)-[^/]*$",
    r"([^/]+)_[^/_]*$",
    r"([^/ ]+) [^/]*$",
)
_MOSTLY = 0.95
_MOST_OF_ONE = 0.5
_NUMBERED = 0.9
_MOST = 3
_LOOKED_AT = 200_000


@dataclass(frozen=True)
class GroupSuggestion:
    """A pattern that may find groups.

    Attributes
    ----------
    pattern : str
        For the setting `group_pattern`.
    n_groups : int
        How many groups it makes.
    n_without : int
        How many images it finds none in.
    example : str
        One group.
    """

    pattern: str
    n_groups: int
    n_without: int
    example: str


def suggest_patterns(images: Sequence[Image]) -> tuple[GroupSuggestion, ...]:
    """Return up to three patterns that are likely to find groups in the paths of images, the most likely first.

    A pattern is likely where nearly every path has a group, the groups have numbers and several images each, and they
    are not the classes over again.

    Parameters
    ----------
    images : sequence of Image
        Of a very large dataset the first 200,000 are inspected.
    """
    # Pages of one file are on one side anyway; its name is inspected once.
    looked = [image for image in images[:_LOOKED_AT] if file_and_page(image.path)[1] in (0, 1)]
    found: dict[tuple[str, ...], GroupSuggestion] = {}
    for pattern in (*_by_word(looked), *_CANDIDATES):
        search = re.compile(pattern).search
        groups = tuple(match.group(1) if (match := search(image.path)) else "" for image in looked)
        if groups in found or not _is_likely(groups, looked):
            continue
        counts = Counter(filter(None, groups))
        found[groups] = GroupSuggestion(pattern, len(counts), groups.count(""), min(counts))
    return tuple(found.values())[:_MOST]


def _by_word(images: Sequence[Image]) -> tuple[str, ...]:
    """Return a pattern of the word for patients before a number in most paths, if there is one."""
    words = Counter(match[1] for image in images if (match := _WORD.search(image.path)))
    return tuple(rf"(?:^|[/_ .-])({word}[ _.-]?[0-9]+)" for word, _ in words.most_common(1))


def suggestion_words(suggestion: GroupSuggestion) -> str:
    """Return a suggestion as one sentence."""
    without = f" ({suggestion.n_without:,} images have none)" if suggestion.n_without else ""
    return (
        f'The file names may identify patients or slides: --group-pattern "{suggestion.pattern}" finds '
        f"{suggestion.n_groups:,} groups, such as “{suggestion.example}”{without}, and keeps each on one side of the "
        "split."
    )


def _is_likely(groups: Sequence[str], images: Sequence[Image]) -> bool:
    counts = Counter(filter(None, groups))
    held = sum(counts.values())
    if len(counts) < 2 or held < _MOSTLY * len(groups) or held < 2 * len(counts):
        return False
    if max(counts.values()) > _MOST_OF_ONE * held or sum(n > 1 for n in counts.values()) < len(counts) / 2:
        return False
    if sum(any(letter.isdecimal() for letter in name) for name in counts) < _NUMBERED * len(counts):
        return False
    classes: dict[str, set[str]] = defaultdict(set)
    for group, image in zip(groups, images, strict=True):
        classes[group].add(image.class_name)
    n_classes = len({image.class_name for image in images})
    # Names that begin with the class are not patients; nor are the class folders.
    return len(counts) > n_classes or any(len(found) > 1 for found in classes.values())
