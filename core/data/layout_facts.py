"""The reading of a folder under each layout, for the choice of one."""

from pathlib import Path

from coreset_studio.core.data.folder_names import has_image_suffix
from coreset_studio.core.data.folders import list_layouts
from coreset_studio.core.data.layouts import FolderReading
from coreset_studio.core.data.listing import Entry, Listing
from coreset_studio.core.descriptions import choices_of
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import LayoutFacts, counts_of
from coreset_studio.core.settings import DataSettings

_OLD = "plain"
_EXAMPLES = 3


def layout_facts(root: Path, data: DataSettings, progress: Progress = NO_PROGRESS) -> tuple[LayoutFacts, ...]:
    """Return what a folder gives under the most likely layout, and under each other one that gives something else.

    Parameters
    ----------
    root : Path
        An existing folder.
    data : DataSettings
        Determine whether masks are excluded, and which layout is used now, which is among those returned.
    progress : Progress

    Raises
    ------
    DatasetError
        If the folder cannot be opened.
    CancelledError
        If the user cancelled.
    """
    offered = [name for name in dict(choices_of(DataSettings))["layout"].values if name != _OLD]
    facts: list[LayoutFacts] = []
    for name, (reading, listing) in zip(offered, list_layouts(root, data, offered, progress), strict=True):
        one = _facts(name, reading, listing)
        is_new = one.n_images and all(_what(one) != _what(each) for each in facts[1:])
        if name in ("auto", data.layout) or is_new:
            facts.append(one)
    return tuple(facts)


def _what(facts: LayoutFacts) -> object:
    return facts.n_images, facts.classes, facts.splits, facts.n_groups


def _facts(name: str, reading: FolderReading, listing: Listing) -> LayoutFacts:
    named = [entry for entry in listing.entries if has_image_suffix(entry.path)]
    images = sorted(named or listing.entries, key=lambda entry: entry.path)
    return LayoutFacts(
        layout=name,
        levels=reading.layout,
        n_images=len(images),
        classes=counts_of(entry.class_name for entry in images),
        splits=counts_of(entry.split or "" for entry in images),
        n_groups=len({entry.group for entry in images} - {""}),
        n_skipped=len(listing.skipped),
        examples=tuple(_example(images[at * len(images) // _EXAMPLES]) for at in range(min(_EXAMPLES, len(images)))),
        assumed=reading.assumed,
    )


def _example(entry: Entry) -> tuple[str, str, str, str]:
    return entry.path, entry.class_name, entry.group, entry.split or ""
