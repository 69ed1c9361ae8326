"""Find which arrays of an HDF5 file are images and which are their labels, and refuse what cannot be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coreset_studio.core.data.images import PIXEL_LIMIT
from coreset_studio.core.data.sources.hdf5.container import ArrayFacts, Container
from coreset_studio.core.data.sources.hdf5.labels import MOST_IMAGES, is_label_shape, is_one_column_each
from coreset_studio.core.data.sources.hdf5.names import Name, is_group_name, name_of
from coreset_studio.core.data.sources.hdf5.settings import Hdf5Settings
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.results import SplitName

_SHOWN = 6
_CHANNELS = (1, 3, 4)
_MATLAB = b"MATLAB 7.3"
_ORDER = ("train", "validation", "test", None)


class IncompleteError(DatasetError):
    """One set of a split has images without labels, or the reverse."""


@dataclass(frozen=True)
class Pair:
    """Images with their labels; `labels` is None where they are in a file of their own."""

    split: SplitName | None
    images: ArrayFacts
    labels: str | None


def pairs_of(container: Container, settings: Hdf5Settings, *, has_file: bool) -> list[Pair]:
    """Return the arrays of images that are read, each with its labels."""
    name = container.file.name
    usable = {facts.key: facts for facts in container.arrays.values() if _are_images(facts)}
    if settings.image_key:
        key = settings.image_key.strip("/")
        facts = container.arrays.get(key)
        if facts is None:
            raise DatasetError(f"{name} has no array {key}; {found_words(container)}")
        container.array(key)  # refuses what is not read
        chosen = [facts]
    else:
        chosen = _chosen(name_of_all(usable), usable)
    if not chosen:
        faulty = next((each for each in container.arrays.values() if each.fault and _names_images(each.key)), None)
        if faulty is not None:
            raise DatasetError(f"{faulty.key} of {name} is {faulty.fault}.")
        raise IncompleteError(
            f"{name} has no array of images; expected images by height by width, or by height by width by 3; "
            f"{found_words(container)}"
        )
    return [_with_labels(container, settings, facts, has_file=has_file) for facts in chosen]


def _with_labels(container: Container, settings: Hdf5Settings, facts: ArrayFacts, *, has_file: bool) -> Pair:
    meant = name_of(facts.key)
    own_file = settings.label_key.strip("/") in container.arrays
    if has_file and not own_file:
        return Pair(meant.split, facts, None)
    return Pair(
        meant.split,
        facts,
        label_key_of(
            container, settings.label_key if own_file or not has_file else "", facts.shape[0], meant, facts.key
        ),
    )


def name_of_all(keys: Mapping[str, ArrayFacts]) -> dict[str, Name]:
    """Return what the names of arrays say."""
    return {key: name_of(key) for key in keys}


def _chosen(names: Mapping[str, Name], usable: Mapping[str, ArrayFacts]) -> list[ArrayFacts]:
    """Return those of several arrays that are named like images, of each set of the split one."""
    named = [key for key, name in names.items() if name.role == "images"]
    unnamed = [key for key, name in names.items() if name.role == ""]
    candidates = named or unnamed
    by_frame: dict[tuple[str, ...], dict[SplitName | None, str]] = {}
    for key in sorted(candidates, key=lambda each: (each.count("/"), each)):
        by_frame.setdefault(names[key].frame, {}).setdefault(names[key].split, key)
    # The most sets, then the shortest name, then the most images.
    best = max(
        by_frame.items(),
        key=lambda each: (len(each[1]), -len(each[0]), sum(usable[key].shape[0] for key in each[1].values())),
        default=((), {}),
    )[1]
    sets = {split: key for split, key in best.items() if split is not None or len(best) == 1} or best
    return [usable[sets[split]] for split in _ORDER if split in sets]


def label_key_of(container: Container, wanted: str, n_rows: int, meant: Name | None, images: str) -> str | None:
    """Return the array of labels of so many images; None if there is none.

    Parameters
    ----------
    container : Container
    wanted : str
        Setting `label_key`.
    n_rows : int
    meant : Name or None
        What the name of the images says; None if they are in another file.
    images : str
        The array of the images, which is not one of labels.

    Raises
    ------
    DatasetError
        If the one that was requested is not in the file.
    """
    arrays = container.arrays
    if wanted:
        key = wanted.strip("/")
        if key not in arrays:
            raise DatasetError(f"{container.file.name} has no array {key}; {found_words(container)}")
        return key
    others = {key: facts for key, facts in arrays.items() if key != images}
    named = {key: name for key, name in name_of_all(others).items() if name.role == "labels"}
    if meant is not None:
        same = [key for key, name in named.items() if (name.split, name.frame) == (meant.split, meant.frame)]
        fitting = [key for key in same if _fits(others[key], n_rows)]
        if fitting or same:
            return (fitting or same)[0]
        named = {key: name for key, name in named.items() if name.split == meant.split}
    fitting = [key for key in named if _fits(others[key], n_rows)]
    if fitting:
        return fitting[0]
    if meant is not None and meant.split is not None:
        return None
    plain = [
        key
        for key, facts in others.items()
        if not facts.fault and is_label_shape(facts.shape, n_rows) and not is_group_name(key)
        and name_of(key).role == "" and facts.dtype is not None and facts.dtype.kind in "biuSO"
    ]  # fmt: skip
    return plain[0] if len(plain) == 1 else None


def _fits(facts: ArrayFacts, n_rows: int) -> bool:
    return not facts.fault and (is_label_shape(facts.shape, n_rows) or is_one_column_each(facts.shape, n_rows))


def _are_images(facts: ArrayFacts) -> bool:
    """Return whether an array may hold images; those named like labels or masks do not."""
    if facts.fault or facts.dtype is None or facts.dtype.kind not in "biuf":
        return False
    if len(facts.shape) not in (3, 4) or name_of(facts.key).role in ("labels", "other", "meta"):
        return False
    return len(facts.shape) == 3 or axes_of(facts.shape) != ()


def _names_images(key: str) -> bool:
    return name_of(key).role == "images"


# --- what they must be --------------------------------------------------------------------------------------------


def check_images(name: str, facts: ArrayFacts) -> None:
    """Refuse an array of the file `name` that cannot hold images, or only claims to.

    Raises
    ------
    DatasetError
        With the reason, for its type, shape or size.
    """
    where, shape = f"{facts.key} of {name}", facts.shape
    if facts.dtype is None or facts.dtype.kind not in "biuf":
        raise DatasetError(f"{where} contains {facts.dtype}; expected integers or floating-point numbers.")
    if len(shape) not in (3, 4) or (len(shape) == 4 and not axes_of(shape)):
        raise DatasetError(
            f"{where} has the shape {shape}; expected images by height by width, or images by height by width by 3."
        )
    if shape[0] > MOST_IMAGES:
        raise DatasetError(f"{where} has {shape[0]:,} images; at most {MOST_IMAGES:,} are read.")
    height, width = (shape[2:] if axes_of(shape) == ("first",) else shape[1:3]) if len(shape) == 4 else shape[1:]
    if height * width > PIXEL_LIMIT:
        raise DatasetError(
            f"{where} has images of {width:,} × {height:,} pixels, more than the limit of {PIXEL_LIMIT:,}."
        )
    if facts.is_empty and shape[0]:
        raise DatasetError(f"{where} contains no images: nothing was written into it.")


def axes_of(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return where the channels of images of this shape can be, the most likely first; empty if nowhere."""
    if len(shape) != 4:
        return ()
    last, first = shape[3] in _CHANNELS, shape[1] in _CHANNELS
    return (*(("last",) if last else ()), *(("first",) if first else ()))


def channel_axis(facts: ArrayFacts, wanted: str) -> tuple[str, str]:
    """Return where the channels of images are, empty for none, and a note where both were possible.

    Raises
    ------
    DatasetError
        If they cannot be where they were requested.
    """
    possible = axes_of(facts.shape)
    if len(facts.shape) == 3:
        return "", ""
    if wanted != "auto":
        if wanted not in possible:
            raise DatasetError(
                f"{facts.key} has the shape {facts.shape}, whose {wanted} axis of an image is not 1, 3 or 4 channels; "
                "use --channel-axis auto."
            )
        return wanted, ""
    if len(possible) == 1:
        return possible[0], ""
    note = (
        f"The colour channels of {facts.key} can be the first or the last axis of its shape {facts.shape}; the last "
        "was used. Change it with --channel-axis first."
    )
    return "last", note


def refuse_matlab(container: Container) -> None:
    """Refuse a file of MATLAB.

    Raises
    ------
    DatasetError
        If it is one.
    """
    with container.file.open("rb") as stream:
        if stream.read(len(_MATLAB)) == _MATLAB:
            raise DatasetError(
                f"{container.file.name} is a MATLAB file, whose arrays have their axes in reverse order; save the "
                "images as PNG files or with h5py."
            )


def missing_note(file: Path, facts: ArrayFacts) -> list[str]:
    """Return a sentence about chunks of an array that were never written; nothing where all were."""
    if not facts.n_missing or facts.is_empty:
        return []
    note = (
        f"{facts.n_missing:,} of {facts.n_chunks:,} chunks of {facts.key} in {file.name} were never written; images in "
        "them only have the fill value."
    )
    return [note]


def no_labels(container: Container, facts: ArrayFacts) -> str:
    """Return the sentence for images without labels."""
    n_rows = facts.shape[0]
    beside = f"{container.file.stem}_y{container.file.suffix}"
    return (
        f"{container.file.name} has no labels for the {n_rows:,} images of {facts.key}, and no file with labels, such "
        f"as {beside}, was found next to it; {found_words(container)} Specify them (--label-key)."
    )


def found_words(container: Container) -> str:
    """Return the arrays of a file as the end of a sentence: ``"found x (3, 8, 8) uint8."``."""
    words = [facts.words for facts in container.arrays.values()]
    rest = len(words) - _SHOWN
    more = f" and {rest:,} more" if rest > 0 else ""
    return f"found {', '.join(words[:_SHOWN]) or 'no arrays'}{more}."
