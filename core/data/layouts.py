"""The meaning of the levels of a folder tree: sets of a split, patients, classes.

A layout is written as its levels from the top, such as ``"groups/classes"``; what is deeper belongs to the folder it
is in. ``any`` is a level that means nothing.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from coreset_studio.core.data.folder_names import (
    are_aspects,
    are_classes,
    are_folds,
    are_numbered,
    are_patients,
    are_places,
    split_names,
)
from coreset_studio.core.data.unlabelled import beside_classes, loose_images
from coreset_studio.core.results import SplitName

Parts = tuple[str, ...]
CLASSES: Parts = ("classes",)
NO_CLASSES: Parts = ("unlabelled",)

_MOSTLY = 0.9
_LOOSE = 0.02
_ENOUGH_GROUPS = 5
_NAMED = 3


@dataclass(frozen=True)
class FolderReading:
    """How a folder tree is read.

    Attributes
    ----------
    levels : tuple of str
        ``"split"``, ``"groups"``, ``"classes"`` and ``"any"``, from the top; ``"unlabelled"`` alone where no folder is
        a class.
    splits : mapping of str to str
        Sets by folder name, where one of the levels is a split; empty where the split is left to the program.
    unlabelled : tuple of str
        Folders of sets that contain no class folders.
    assumed : str
        What was assumed, as a sentence, where the tree could be meant in another way; else empty.
    other : str
        The layout that it could be as well.
    to_be_labelled : tuple of str
        Names of class folders whose images have no label.
    """

    levels: Parts
    splits: Mapping[str, SplitName | None] = field(default_factory=dict)
    unlabelled: Parts = ()
    assumed: str = ""
    other: str = ""
    to_be_labelled: Parts = ()

    @property
    def layout(self) -> str:
        """The levels as they are written."""
        return "/".join(self.levels)

    @property
    def class_level(self) -> int:
        """The place of the classes among the levels; behind the last one if there are none."""
        return self.levels.index("classes") if "classes" in self.levels else len(self.levels)


def read_as(layout: str, folders: Mapping[Parts, int]) -> FolderReading:
    """Return the reading that a user requested.

    Parameters
    ----------
    layout : str
        Levels with slashes between.
    folders : mapping of tuple of str to int
        How many images are in each folder itself, by the parts of its path.
    """
    levels = tuple(layout.split("/"))
    if levels == NO_CLASSES:
        return FolderReading(levels)
    if layout not in ("classes", "any/classes"):
        # One folder around all others is not a set, group or class of such a tree.
        levels = ("any",) * _wrapped(folders) + levels
    if "split" not in levels:
        return FolderReading(levels)
    at = levels.index("split")
    return FolderReading(levels, split_names({parts[at] for parts in folders if len(parts) > at}))


def guess_labelled(folders: Mapping[Parts, int]) -> FolderReading:
    """Return the most likely reading of a folder tree, which may contain images without labels.

    Parameters
    ----------
    folders : mapping of tuple of str to int
        How many images are in each folder itself, by the parts of its path.
    """
    assumed = loose_images(folders)
    if assumed:
        return FolderReading(NO_CLASSES, assumed=assumed, other="classes" if any(folders) else "")
    reading = guess_reading(folders)
    at = reading.class_level
    below: Counter[str] = Counter()
    for parts, n in folders.items():
        if len(parts) > at and not ("split" in reading.levels and _is_outside(parts, reading)):
            below[parts[at]] += n
    names = beside_classes(below)
    if not names:
        return reading
    count = sum(below[name] for name in names)
    which = f"folder “{_named(names)}” next to the class folders was"
    if len(names) > 1:
        which = f"folders {_named(names)} next to the class folders were"
    guess = (
        f"The {which} read as {count:,} images without labels, which take no part in training until they are labelled; "
        "--unlabelled class reads such folders as classes."
    )
    return replace(reading, assumed=f"{guess} {reading.assumed}".strip(), to_be_labelled=names)


def _is_outside(parts: Parts, reading: FolderReading) -> bool:
    """Return whether a folder is in none of the sets."""
    at = reading.levels.index("split")
    return len(parts) <= at or parts[at] not in reading.splits


def guess_reading(folders: Mapping[Parts, int]) -> FolderReading:
    """Return the most likely reading of a folder tree in which every folder with images is of a class.

    Parameters
    ----------
    folders : mapping of tuple of str to int
        How many images are in each folder itself, by the parts of its path.
    """
    depth = _wrapped(folders)
    inside = {parts[depth:]: n for parts, n in folders.items() if len(parts) >= depth}
    reading = _read_level(inside)
    if not depth:
        return reading
    wrapper = "/".join(next(parts for parts in folders if len(parts) > depth)[:depth])
    guess = f"All images are inside “{wrapper}”, so it was read as if it had been opened itself."
    return FolderReading(
        ("any",) * depth + reading.levels,
        reading.splits,
        reading.unlabelled,
        f"{guess} {reading.assumed}".strip(),
        reading.other or "classes",
    )


def _wrapped(folders: Mapping[Parts, int]) -> int:
    """Return how many levels are one folder that contains all the rest, and no class of its own."""
    depth = 0
    total = sum(folders.values())
    while True:
        names = {parts[depth] for parts in folders if len(parts) > depth}
        loose = sum(n for parts, n in folders.items() if len(parts) == depth)
        if loose > max(2, _LOOSE * total):
            return 0
        if len(names) != 1:
            return depth if len(names) > 1 else 0
        depth += 1


def _read_level(folders: Mapping[Parts, int]) -> FolderReading:
    names = {parts[0] for parts in folders if parts}
    splits = split_names(names)
    if splits:
        found = _read_split(folders, splits)
        if found is not None:
            return found
        if set(splits) == names and _share_below(folders, 1) < 1 - _MOSTLY:
            guess = (
                f"The folders {_named(names)} are named like the sets of a split, but contain no class folders, so "
                "they were read as classes. If they are sets, open a folder whose sets contain one folder per class."
            )
            return FolderReading(CLASSES, assumed=guess)
    inner = {parts[1] for parts in folders if len(parts) > 1}
    inner_splits = split_names(inner)
    if len(names) > 1 and set(inner_splits) == inner and inner_splits and _share_below(folders, 1) >= _MOSTLY:
        guess = f"The folders {_named(inner)} inside the class folders were read as the sets of a split."
        return FolderReading(("classes", "split"), inner_splits, assumed=guess, other="classes")
    return _read_classes(folders)


def _read_split(folders: Mapping[Parts, int], splits: Mapping[str, SplitName]) -> FolderReading | None:
    """Return the reading of sets with class folders inside, or None where no training set has any."""
    inside: dict[str, set[str]] = {name: set() for name in splits}
    for parts in folders:
        if len(parts) > 1 and parts[0] in splits:
            inside[parts[0]].add(parts[1])
    trained = {one for name, found in inside.items() if splits[name] == "train" for one in found}
    if not trained:
        if "train" not in splits.values() and all(inside.values()):
            guess = f"The folders {_named(splits)} are named like sets of a split without training images, so the "
            guess += "folders inside them were read as the classes, and the program creates the split."
            return FolderReading(("any", "classes"), assumed=guess, other="classes")
        return None
    unlabelled = tuple(
        name
        for name, found in sorted(inside.items())
        if splits[name] != "train" and (not found or (len(found) == 1 < len(trained) and not found & trained))
    )
    labelled = {name: found for name, found in splits.items() if name not in unlabelled}
    below: Counter[Parts] = Counter()
    for parts, n in folders.items():
        if parts and parts[0] in labelled:
            below[parts[1:]] += n
    rest = _read_classes(below)
    sets = set(labelled.values())
    sentences: list[str] = []
    if unlabelled:
        count = sum(n for parts, n in folders.items() if parts and parts[0] in unlabelled)
        sentences.append(
            f"“{_named(unlabelled, plain=True)}” contains no class folders, so its {count:,} images have no class "
            f"and are skipped; the classes were read inside “{_named(labelled, plain=True)}”."
        )
        if len(sets) == 1:
            sentences.append("The program creates the split.")
    if rest.assumed:
        sentences.append(rest.assumed)
    kept: dict[str, SplitName | None] = {name: found if len(sets) > 1 else None for name, found in labelled.items()}
    return FolderReading(("split", *rest.levels), kept, unlabelled, " ".join(sentences), "classes" if sentences else "")


def _read_classes(folders: Mapping[Parts, int]) -> FolderReading:
    """Return where the classes, and patients or other groups, are in a tree without sets."""
    inside: dict[str, set[str]] = {}
    for parts in folders:
        if parts:
            inside.setdefault(parts[0], set()).update(parts[1:2])
    tops, counts = list(inside), Counter(name for found in inside.values() for name in found)
    if len(tops) < 2 or not counts or _share_below(folders, 1) < _MOSTLY:
        return _flat(tops)
    inner = list(counts)
    if _share_below(folders, 2) >= _MOSTLY and (len(inner) == 1 or (are_patients(tops) and are_places(inner))):
        # Such as a visit between patient and class; what is inside of it decides.
        rest: Counter[Parts] = Counter()
        for parts, n in folders.items():
            rest[parts[:1] + parts[2:]] += n
        deeper = _read_classes(rest)
        levels = (deeper.levels[0], "any", *deeper.levels[1:])
        return deeper if deeper.levels == CLASSES else FolderReading(levels, {}, (), deeper.assumed, deeper.other)
    if are_patients(tops) and (are_patients(inner) or are_places(inner)):
        return _flat(tops)
    shared = len(inner) > 1 and sum(counts.values()) > 1.5 * len(inner)
    if (shared and _upper_are_groups(tops, inner)) or (
        not shared and len(inner) > 1 and are_patients(tops) and not are_numbered(inner)
    ):
        return _groups_above(tops, inner)
    if are_patients(inner):
        guess = (
            f"The folders {_named(inner)} inside the class folders {_named(tops)} were read as {len(inner):,} "
            "groups, such as patients, which are never divided between the sets."
        )
        return FolderReading(("classes", "groups"), assumed=guess, other="classes")
    if len(inner) == 1 or not (shared or min(len(found) for found in inside.values()) > 1):
        return FolderReading(CLASSES)
    guess = f"The folders {_named(tops)} were read as the classes, and those inside them ({_named(inner)}) as parts "
    other = "classes/groups" if are_numbered(inner) else "any/classes"
    return FolderReading(CLASSES, assumed=f"{guess}of their class.", other=other)


def _flat(tops: Collection[str]) -> FolderReading:
    if len(tops) > 1 and are_folds(tops):
        guess = (
            f"The folders {_named(tops)} are named like parts of one set, and were read as the classes. "
            "If they are not classes, open a table that lists the class of each image."
        )
        return FolderReading(CLASSES, assumed=guess)
    if len(tops) > 2 and are_patients(tops):
        guess = (
            f"The folders {_named(tops)} are named like patients or slides, and were read as the classes. "
            "If they are not classes, open a table that lists the class of each image."
        )
        return FolderReading(CLASSES, assumed=guess)
    return FolderReading(CLASSES)


def _upper_are_groups(tops: Sequence[str], inner: Sequence[str]) -> bool:
    """Return whether the same folder names inside of all folders are the classes, rather than these folders."""
    if are_patients(tops) or are_places(tops):
        return not are_patients(inner)
    if are_patients(inner) or are_places(inner) or are_aspects(inner):
        return False
    if are_classes(tops) != are_classes(inner):
        return are_classes(inner)
    if are_numbered(tops) != are_numbered(inner):
        return are_numbered(tops)
    return len(inner) <= len(tops)


def _groups_above(tops: Sequence[str], inner: Sequence[str]) -> FolderReading:
    guess = f"The folders {_named(inner)} inside the folders {_named(tops)} were read as the classes, "
    if are_folds(tops):
        guess += "and the folders above, which look like parts of one set, were ignored."
        return FolderReading(("any", "classes"), assumed=guess, other="groups/classes")
    if len(tops) >= _ENOUGH_GROUPS or are_patients(tops):
        guess += f"and the {len(tops):,} folders above as groups, such as patients, which are never divided."
        return FolderReading(("groups", "classes"), assumed=guess, other="classes")
    guess += "and the few folders above were ignored; as groups they would leave hardly anything to divide "
    return FolderReading(("any", "classes"), assumed=f"{guess}(--layout groups/classes).", other="classes")


def _share_below(folders: Mapping[Parts, int], depth: int) -> float:
    """Return the share of the images in folders that are deeper than `depth`."""
    held = sum(n for parts, n in folders.items() if parts)
    return sum(n for parts, n in folders.items() if len(parts) > depth) / held if held else 0.0


def _named(names: Collection[str], *, plain: bool = False) -> str:
    """Return some names, the first few of them, and how many there are."""
    shown = sorted(names)[:_NAMED]
    rest = len(names) - len(shown)
    words = ", ".join(shown) if plain or rest else " and ".join([", ".join(shown[:-1]), shown[-1]][len(shown) < 2 :])
    return f"{words}, … ({len(names):,})" if rest else words
