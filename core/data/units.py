"""Tie together images that no split may divide: copies, groups such as patients, near-duplicates."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from coreset_studio.core.data.duplicates import near_pairs
from coreset_studio.core.data.page_names import file_and_page
from coreset_studio.core.errors import SplitError
from coreset_studio.core.results import Dataset, Image
from coreset_studio.core.settings import DataSettings

_NO_GROUPS = ("pixels", "file")


@dataclass(frozen=True)
class Ties:
    """Reasons why images stay together.

    Attributes
    ----------
    keys : sequence of tuple
        For each image of the dataset: its pixels, its groups where it has any, and its file where it is a page of one.
        Images with a key in common are tied.
    near : list of (int, int)
        Pairs of near-duplicates; empty unless requested.
    """

    keys: Sequence[tuple[tuple[str, str], ...]]
    near: list[tuple[int, int]]

    @property
    def groups(self) -> list[str]:
        """The group of each image, that of the dataset before that of the pattern; empty where there is none."""
        return [next((str(name) for kind, name in keys if kind not in _NO_GROUPS), "") for keys in self.keys]


def group_finder(pattern: str) -> Callable[[str], str]:
    """Return a function from a path to the group that `pattern` finds in it, or ``''`` where it finds none.

    Parameters
    ----------
    pattern : str
        Regular expression; its first group names the group, or the whole match where it has none.

    Raises
    ------
    SplitError
        If the pattern is not a regular expression.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise SplitError(
            f"The group pattern “{pattern}” is not a regular expression ({error}). "
            "For example, (P[0-9]+)_ extracts the patient from “P12_03.png”."
        ) from error
    at = 1 if compiled.groups else 0

    def find(path: str) -> str:
        match = compiled.search(path)
        return (match.group(at) or "") if match else ""

    return find


def group_span(path: str, pattern: str) -> tuple[int, int]:
    """Return start and end of what a valid pattern takes as the group of a path; 0 and 0 where it finds none."""
    compiled = re.compile(pattern)
    match = compiled.search(path)
    start, end = match.span(1 if compiled.groups else 0) if match else (0, 0)
    return max(0, start), max(0, end)


def preview_groups(paths: Sequence[str], pattern: str) -> tuple[str, ...]:
    """Return the group that `pattern` finds in each of some relative paths with forward slashes; see `group_finder`.

    Raises
    ------
    SplitError
        If the pattern is not a regular expression.
    """
    return tuple(map(group_finder(pattern), paths))


def found_groups(paths: Sequence[str], pattern: str) -> tuple[str, ...]:
    """Return what `preview_groups` does, but refuse a pattern that finds nothing at all.

    Raises
    ------
    SplitError
        If the pattern is not a regular expression, or finds no group in any of the paths.
    """
    groups = preview_groups(paths, pattern)
    if paths and not any(groups):
        raise SplitError(no_groups(paths, pattern))
    return groups


def no_groups(paths: Sequence[str], pattern: str) -> str:
    """Return why a pattern that finds no group in any of some paths is refused."""
    return (
        f"The group pattern “{pattern}” finds no group in any of the {len(paths):,} paths, such as "
        f"“{paths[0]}”. Change it, or leave it empty to divide the images individually."
    )


def group_notes(ties: Ties, dataset: Dataset) -> list[str]:
    """Return what is odd about the groups that were found, in a sentence each."""
    groups = ties.groups
    counts = Counter(filter(None, groups))
    if not counts:
        return []
    notes = []
    if "" in groups:
        example = dataset.images[groups.index("")].path
        notes.append(
            f"{len(counts):,} {'group was' if len(counts) == 1 else 'groups were'} found, but none for "
            f"{groups.count(''):,} of {len(groups):,} images, such as {example}; each of these is divided individually."
        )
    if len(counts) == 1 and "" not in groups:
        notes.append("All images are of one group, so they cannot be divided.")
    elif len(counts) == len(groups) > 1:
        notes.append(f"Each of the {len(groups):,} images is a group of its own, so the groups have no effect.")
    spellings: dict[str, set[str]] = {}
    for name in counts:
        spellings.setdefault(name.casefold().strip(), set()).add(name)
    alike = [names for names in spellings.values() if len(names) > 1]
    if alike:
        n = len(alike)
        notes.append(f"{n:,} {'group differs' if n == 1 else 'groups differ'} from another only in case.")
    return notes


def find_ties(dataset: Dataset, settings: DataSettings) -> Ties:
    """Return what ties the images of `dataset` together under `settings`.

    Raises
    ------
    SplitError
        If the group pattern is not a regular expression, or finds no group in any path.
    """
    images = dataset.images
    by_pattern: Sequence[str] = [""] * len(images)
    if settings.group_pattern:
        by_pattern = found_groups([image.path for image in images], settings.group_pattern)
    keys = [
        tuple(
            (kind, name)
            for kind, name in (("pixels", image.pixels), ("group", image.group), ("pattern", found), _file_of(image))
            if name
        )
        for image, found in zip(images, by_pattern, strict=True)
    ]
    near: list[tuple[int, int]] = []
    if settings.near_duplicates_together:
        pairs = near_pairs([image.perceptual for image in images], settings.near_duplicate_bits)
        near = [(int(a), int(b)) for a, b in pairs]
    return Ties(keys, near)


def _file_of(image: Image) -> tuple[str, str]:
    """Return the units of the pages of a file; slices of one stack are very similar."""
    file, page = file_and_page(image.path)
    return "file", file if page else ""


def units(indices: Iterable[int], ties: Ties) -> list[tuple[int, ...]]:
    """Return the images of `indices` in sets that must stay together.

    Returns
    -------
    list of tuple of int
        Each ascending, ordered by their first image. An image that nothing ties is a unit of its own.
    """
    members = sorted(indices)
    parent = {index: index for index in members}

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(a: int, b: int) -> None:
        low, high = sorted((root(a), root(b)))
        parent[high] = low

    first: dict[Hashable, int] = {}
    for index in members:
        for key in ties.keys[index]:
            join(first.setdefault(key, index), index)
    for a, b in ties.near:
        if a in parent and b in parent:
            join(a, b)
    tied: dict[int, list[int]] = {}
    for index in members:
        tied.setdefault(root(index), []).append(index)
    return [tuple(tied[index]) for index in sorted(tied)]
