"""Stored values and pages of a few files, before and after a change of how they are read."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from coreset_studio.core.data.colour import RGBArray
from coreset_studio.core.data.description import Source
from coreset_studio.core.data.images import n_pages
from coreset_studio.core.data.levels import fixed, together
from coreset_studio.core.data.page_names import page_path
from coreset_studio.core.data.thumbnails import shrink
from coreset_studio.core.errors import ImageError
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import LevelsFacts, PagesFacts, Reading, SmallImage

MOST_PAGES = 24
_SIDE = 192
_PAGE_SIDE = 96
_BINS = 64
_PERCENTILES = (0.0, 1.0, 50.0, 99.0, 100.0)


def levels_facts(
    source: Source, root: Path, kind: str, paths: Sequence[str], before: Reading, after: Reading,
    progress: Progress = NO_PROGRESS,
) -> LevelsFacts:  # fmt: skip
    """Return the stored values of some images of a file kind, and the first of them under two readings.

    Parameters
    ----------
    source : Source
    root : Path
    kind : str
        Such as ``"16-bit-tiff"``.
    paths : sequence of str
        Some images of this kind. What `after` does not fix is fixed from these alone.
    before, after : Reading
    progress : Progress

    Raises
    ------
    CancelledError
        If the user cancelled.
    """
    # Without a range, the values are surveyed instead of converted.
    survey = Reading("percentiles", (0.0, 100.0), alpha="white", pages=before.pages, window="full")
    found, faults = [], []
    for number, path in enumerate(paths):
        progress.report(number, len(paths), "Reading stored values: files")
        try:
            decoded = source.load(root, path, survey).decoded
        except ImageError as error:
            faults.append(f"{path}: {error}")
            continue
        if decoded is not None and decoded.stored is not None and decoded.survey is not None:
            found.append((decoded.stored, decoded.survey))
    if not found:
        return LevelsFacts(kind, problem=faults[0] if faults else f"None of the files is {kind}.")
    if after.levels != "declared" and after.range_of(kind) is None:
        after = fixed(after, [(stored, one, False) for stored, one in found if stored.kind == kind])
    values = together([one for _, one in found]).quantiles
    low, high = min(stored.low for stored, _ in found), max(stored.high for stored, _ in found)
    counts, _ = np.histogram(values, bins=_BINS, range=(low, high if high > low else low + 1))
    window = _window_of(source, root, paths[0], after)
    ends = after.range_of(kind) if not window else window_range(window)
    outside = np.mean((values < ends[0]) | (values > ends[1])) if ends is not None else 0.0
    facts = LevelsFacts(
        kind=kind,
        n_files=len(found),
        low=low,
        high=high,
        counts=tuple((counts / max(1, counts.sum())).tolist()),
        percentiles=tuple((each, float(np.percentile(values, each))) for each in _PERCENTILES),
        range_before=before.range_of(kind),
        range_after=ends,
        clipped=float(outside),
        window=window,
    )
    try:
        shown = [small_image(source.read(root, paths[0], reading), _SIDE) for reading in (before, after)]
    except ImageError as error:
        return replace(facts, problem=str(error))
    return replace(facts, before=shown[0], after=shown[1])


def _window_of(source: Source, root: Path, path: str, reading: Reading) -> str:
    """Return the window by which an image is converted under a reading; empty if by the range of its file kind."""
    try:
        decoded = source.load(root, path, reading).decoded
    except ImageError:
        return ""
    return decoded.stored.window if decoded is not None and decoded.stored is not None else ""


def window_range(window: str) -> tuple[float, float] | None:
    """Return the values that a window makes black and white; None of a table."""
    found = window.rpartition(" ")[2].partition(":")
    try:
        centre, width = float(found[0]), float(found[2])
    except ValueError:
        return None
    return centre - width / 2, centre + width / 2


def pages_facts(
    source: Source, root: Path, file: str, reading: Reading, rule: str, progress: Progress = NO_PROGRESS
) -> PagesFacts:
    """Return the first pages of a file, and what a rule makes of them.

    Parameters
    ----------
    source : Source
        Holds files.
    root : Path
    file : str
        Path of a whole file.
    reading : Reading
        How stored values become pixels.
    rule : str
        A value of the setting `pages`.
    progress : Progress

    Raises
    ------
    CancelledError
        If the user cancelled.
    """
    n = n_pages(root / file)
    pages: list[SmallImage | None] = []
    single = replace(reading, pages="each")
    for number in range(1, min(n, MOST_PAGES) + 1):
        progress.report(number - 1, min(n, MOST_PAGES), "Reading pages: pages")
        try:
            rgb = source.read(root, page_path(file, number) if n > 1 else file, single)
        except ImageError:
            pages.append(None)
        else:
            pages.append(small_image(rgb, _PAGE_SIDE))
    if rule == "each":
        return PagesFacts(file, n, tuple(pages))
    try:
        result = small_image(source.read(root, file, replace(reading, pages=rule)), _SIDE)
    except ImageError as error:
        return PagesFacts(file, n, tuple(pages), problem=str(error))
    return PagesFacts(file, n, tuple(pages), result)


def small_image(rgb: RGBArray, side: int) -> SmallImage:
    """Return an image for display, of which no side is longer than `side`; small ones are enlarged to whole multiples.

    Parameters
    ----------
    rgb : ndarray of shape (height, width, 3), uint8
    side : int
        Pixels.
    """
    small = shrink(rgb, side)
    times = max(1, side // max(small.shape[:2]))
    small = np.ascontiguousarray(small.repeat(times, 0).repeat(times, 1))
    return SmallImage(small.shape[1], small.shape[0], small.tobytes())
