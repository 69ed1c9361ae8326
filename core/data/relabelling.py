"""Apply corrected classes to what a source lists; image files and tables are never changed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from coreset_studio.core.data.listing import Entry, Listing, class_text, spelling_notes
from coreset_studio.core.results import Dataset, Split
from coreset_studio.core.settings import Relabelling

_NAMED = 5


def relabelled(listing: Listing, records: Sequence[Relabelling]) -> Listing:
    """Return a listing with the corrected classes, and what could not be applied in its warnings.

    A record is applied if its image is listed with the class that it had when it was relabelled. One whose image has
    the new class in the source already changes nothing, without a note.

    Parameters
    ----------
    listing : Listing
        As in the source, of any kind.
    records : sequence of Relabelling
        One for each image at most.
    """
    if not records:
        return listing
    by_path = {record.path: record for record in records}
    entries, changed = [], []
    for entry in listing.entries:
        record = by_path.pop(entry.path, None)
        new = class_text(record.new) if record is not None else entry.class_name
        if record is None or new == entry.class_name:
            entries.append(entry)
        elif class_text(record.old) == entry.class_name:
            entries.append(replace(entry, class_name=new, original_class=entry.class_name))
        else:
            entries.append(entry)
            changed.append(f"{entry.path} (was {record.old}, now {entry.class_name})")
    before = spelling_notes(listing.entries)
    warnings = [note for note in listing.warnings if note not in before]
    notes = [*spelling_notes(entries), *_not_applied(list(by_path), changed), *_emptied(_of_classes(listing), entries)]
    return replace(listing, entries=entries, warnings=[*warnings, *notes])


def relabelled_notes(dataset: Dataset, split: Split) -> tuple[str, ...]:
    """Return how many images of each set were relabelled, as a sentence; nothing where none was."""
    name = dataset.unlabelled
    labelled = [at for at, image in enumerate(dataset.images) if name and image.original_class == name]
    return (
        *_changed_notes(labelled, "labelled by hand", split),
        *_changed_notes(dataset.corrected, "relabelled", split),
    )


def _changed_notes(changed: Sequence[int], word: str, split: Split) -> tuple[str, ...]:
    if not changed:
        return ()
    counts = [int(np.isin(changed, part).sum()) for part in (split.pool, split.validation, split.test)]
    n_pool, n_validation, n_test = counts
    parts = [
        (n_pool, "in the pool"),
        (n_validation, f"validation image{'s' * (n_validation != 1)}"),
        (n_test, f"test image{'s' * (n_test != 1)}"),
        (len(changed) - sum(counts), "not used"),
    ]
    words = ", ".join(f"{n:,} {where}" for n, where in parts if n)
    return (f"{len(changed):,} image{'s were' if len(changed) > 1 else ' was'} {word}: {words}.",)


def _not_applied(missing: Sequence[str], changed: Sequence[str]) -> list[str]:
    """Return in one note which records were not applied, and what to do."""
    parts = []
    if missing:
        parts.append(f"the dataset has no {_words(missing)}")
    if changed:
        parts.append(f"the class in the dataset has changed for {_words(changed)}")
    if not parts:
        return []
    n = len(missing) + len(changed)
    which = "1 correction of a class was" if n == 1 else f"{n:,} corrections of classes were"
    advice = (
        f"Relabel {'it' if n == 1 else 'them'} again, or remove the record{'s' * (n != 1)} from the project, the "
        "settings or the file that --labels names."
    )
    return [f"{which} not applied: {'; '.join(parts)}. {advice}"]


def _words(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _of_classes(listing: Listing) -> list[Entry]:
    """Return the entries that have a label."""
    name = listing.read_as.get("unlabelled", "")
    return [entry for entry in listing.entries if not name or entry.class_name != name]


def _emptied(before: Sequence[Entry], after: Sequence[Entry]) -> list[str]:
    """Return a note for each class all images of which were relabelled."""
    sizes = Counter(entry.class_name for entry in before)
    left = {entry.class_name for entry in after}
    return [
        f"The class “{name}” is not used: its {f'{n:,} images were' if n > 1 else 'only image was'} relabelled."
        for name, n in sorted(sizes.items())
        if name not in left
    ]
