"""Take a coreset away: class folders with their images, the list of every image, and the manifest.

An export is built beside its target and moved there when it is complete, so that a target either holds a whole
export or is as it was before.
"""

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import cast

import numpy as np

from core.errors import ExportError
from core.output.lists import list_text
from core.output.manifest import LIST_NAME, MANIFEST_NAME, ListedFile, ManifestParts, manifest_text
from core.output.names import PrivateNames, free_name, parts_inside_class, safe_names, safe_path
from core.output.placing import Placer, Way, check_space, disk_sentence, hash_file
from core.output.verification import is_export
from core.progress import NO_PROGRESS, Progress
from core.results import ClassClusters, Coreset, Dataset, IntArray, Split, WeightsUsed
from core.settings import ExportSettings, Settings

_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
_KERAS_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif"}


@dataclass(frozen=True)
class ExportResult:
    """A finished export.

    Attributes
    ----------
    folder : Path
    n_files : int
        Images written or linked; list and manifest not counted.
    n_bytes : int
        Size of these images.
    files_as : {"copy", "hardlink", "symlink", "list"}
        How they got there in the end.
    class_folders : mapping of str to str
        Class name to folder name.
    notes : tuple of str
        Sentences that a user should read.
    """

    folder: Path
    n_files: int
    n_bytes: int
    files_as: str
    class_folders: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Planned:
    """One image on its way: where it goes, relative to the export, and in which set it is."""

    index: int
    set_name: str
    file: str


def export_coreset(
    dataset: Dataset,
    split: Split,
    coreset: Coreset,
    target: Path,
    settings: ExportSettings,
    *,
    clusters: Sequence[ClassClusters] | None = None,
    all_settings: Settings | None = None,
    weights: Sequence[WeightsUsed] = (),
    notes: Sequence[str] = (),
    overwrite: bool = False,
    progress: Progress = NO_PROGRESS,
) -> ExportResult:
    """Write a coreset as class folders, always with `coreset.csv` and `coreset.json`.

    Parameters
    ----------
    target : Path
        A folder that does not exist or is empty.
    settings : ExportSettings
    clusters : sequence of ClassClusters, optional
        For the columns `cluster` and `is_medoid`.
    all_settings : Settings, optional
        What the coreset was made with, so that it can be made again.
    weights : sequence of WeightsUsed
    notes : sequence of str
        Sentences about the making that belong into the manifest, such as "synthetic images".
    overwrite : bool
        Replace an export that is there; any other folder is never replaced.

    Returns
    -------
    ExportResult

    Raises
    ------
    ExportError
        If the target is taken or cannot be written, the disk is full, or an image has changed since the scan; nothing
        is left behind then.
    CancelledError
        If the user asked to stop; nothing is left behind.

    Notes
    -----
    Folders: class folders at the top; ``train/``, ``val/`` and ``test/`` with class folders inside where the split is
    wanted; ``coreset/`` and ``remainder/`` where the remainder is wanted without the split. Keras'
    `image_dataset_from_directory`, torchvision's `ImageFolder` and YOLO's classification read these.

    In a private export names are keyed hashes, sub-folders are left away, and metadata is taken out of the images: from
    JPEG and PNG with the compressed pixels untouched; other formats are written anew as PNG. All other images are the
    dataset's own files, byte for byte.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 - without following links: a linked folder is still a target
    _check_target(dataset, target, overwrite)
    if settings.private and settings.files in ("hardlink", "symlink"):
        raise ExportError("A private export cannot be made of links: they lead back to the files. Choose copy or list.")
    names = PrivateNames(image.path for image in dataset.images) if settings.private else None
    whole = replace(all_settings or Settings(), export=settings)
    try:
        made = _make_parents(target.parent)
    except OSError as error:
        raise ExportError(disk_sentence(error, target)) from error
    building = target.parent / f".{target.name[:60]}.{secrets.token_hex(4)}.partial"
    try:
        building.mkdir()
        result = _build(dataset, split, coreset, building, whole, names, clusters or (), weights, notes, progress)
        _move_into_place(building, target)
    except BaseException as error:
        shutil.rmtree(building, ignore_errors=True)
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise ExportError(disk_sentence(error, target)) from error
        raise
    return replace(result, folder=target)


def _build(
    dataset: Dataset,
    split: Split,
    coreset: Coreset,
    building: Path,
    settings: Settings,
    names: PrivateNames | None,
    clusters: Sequence[ClassClusters],
    weights: Sequence[WeightsUsed],
    notes: Sequence[str],
    progress: Progress,
) -> ExportResult:
    """Write everything into the empty folder `building`."""
    export = settings.export
    sets = _sets(split, coreset, export)
    folders = safe_names(_class_names(dataset, coreset, sets), taken=(LIST_NAME, MANIFEST_NAME, "coreset", "remainder"))
    # Images inside an .npz are no files that a link could lead to.
    way = cast("Way", "copy" if export.files == "list" or dataset.kind == "npz" else export.files)
    placer = Placer(dataset, way, export.private)
    files: list[ListedFile] = []
    all_notes = [*notes, *coreset.notes]
    if export.files != "list":
        planned = _plan(placer, sets, folders, names)
        all_notes += _make_class_folders(building, sets, folders, planned)
        all_notes += _format_notes(planned)
        files = _place_all(placer, planned, building, names, progress)
        all_notes += placer.notes
        if dataset.kind == "npz" and export.files != "copy":
            all_notes.append("The images come out of an .npz and were written as PNG; there is nothing to link to.")
        if placer.n_rewritten:
            all_notes.append(
                f"{placer.n_rewritten:,} images were written anew as 8-bit RGB PNG, since their format's metadata "
                "cannot be taken out otherwise."
            )
    if names is not None:
        all_notes = [names.scrub(note) for note in all_notes]
        taken_out = "" if export.files == "list" else "; metadata was taken out of the images"
        all_notes.append(f"Private: file names are hashes under a key that was not kept{taken_out}.")
    all_notes = list(dict.fromkeys(all_notes))
    n_bytes = sum(each.n_bytes for each in files)
    files_as = "list" if export.files == "list" else placer.way
    (building / LIST_NAME).write_bytes(list_text(dataset, split, coreset, clusters, names))
    listed = (*files, ListedFile(LIST_NAME, *hash_file(building / LIST_NAME)))
    parts = ManifestParts(
        dataset, coreset, clusters, settings, weights, folders, listed, files_as, tuple(all_notes), names
    )
    (building / MANIFEST_NAME).write_bytes(manifest_text(parts))
    return ExportResult(building, len(files), n_bytes, files_as, folders, tuple(all_notes))


def _sets(split: Split, coreset: Coreset, export: ExportSettings) -> dict[str, tuple[str, IntArray]]:
    """Return for each folder of sets (empty: the top) the name of its set and its images."""
    top = "train" if export.with_split else "coreset" if export.remainder else ""
    sets = {top: ("coreset", coreset.indices)}
    if export.with_split:
        sets |= {"val": ("validation", split.validation), "test": ("test", split.test)}
    if export.remainder:
        sets["remainder"] = ("remainder", np.setdiff1d(split.pool, coreset.indices))
    return {folder: each for folder, each in sets.items() if len(each[1]) or folder == top}


def _class_names(dataset: Dataset, coreset: Coreset, sets: Mapping[str, tuple[str, IntArray]]) -> set[str]:
    used = {dataset.images[index].class_name for _, indices in sets.values() for index in indices}
    return used | set(coreset.pool_sizes)


def _plan(
    placer: Placer,
    sets: Mapping[str, tuple[str, IntArray]],
    folders: Mapping[str, str],
    names: PrivateNames | None,
) -> list[_Planned]:
    """Give every image its place; two never share one, even where case is not told apart."""
    planned: list[_Planned] = []
    used: set[str] = set()
    for folder, (set_name, indices) in sets.items():
        for index in sorted(int(each) for each in indices):
            above = [part for part in (folder, folders[placer.dataset.images[index].class_name]) if part]
            file = "/".join([*above, _file_below_class(placer, index, names)])
            planned.append(_Planned(index, set_name, free_name(file, used)))
    return planned


def _file_below_class(placer: Placer, index: int, names: PrivateNames | None) -> str:
    if names is not None:
        suffix = placer.suffix(index)
        return names.name(placer.dataset.images[index].path, suffix if suffix in (".jpg", ".png") else ".png")
    path = safe_path(parts_inside_class(placer.dataset, index))
    # Loaders go by the suffix, the scan by the content: a file without a usual suffix gets one.
    if PurePosixPath(path).suffix.lower() not in _IMAGE_SUFFIXES:
        path += placer.suffix(index)
    return path


def _make_class_folders(
    building: Path,
    sets: Mapping[str, tuple[str, IntArray]],
    folders: Mapping[str, str],
    planned: Sequence[_Planned],
) -> list[str]:
    """Make every class's folder in every set, and tell which stay empty.

    Loaders number the classes by the folders they find: a folder left out would give the same class another number
    in another set.
    """
    filled = {file.file.rpartition("/")[0] for file in planned}
    notes = []
    for folder, (set_name, _) in sets.items():
        if set_name == "remainder":
            continue
        for class_name, name in folders.items():
            place = "/".join(part for part in (folder, name) if part)
            (building / place).mkdir(parents=True, exist_ok=True)
            if not any(each == place or each.startswith(f"{place}/") for each in filled):
                notes.append(
                    f"Class {class_name} has no {set_name} images; its folder {place} is empty, so that class numbers "
                    "agree between sets (torchvision's ImageFolder wants allow_empty=True)."
                )
    return notes


def _format_notes(planned: Sequence[_Planned]) -> list[str]:
    suffixes = Counter(PurePosixPath(each.file).suffix.lower() for each in planned)
    unread = {suffix: n for suffix, n in sorted(suffixes.items()) if suffix not in _KERAS_SUFFIXES}
    if not unread:
        return []
    what = ", ".join(f"{n:,} {suffix or 'without suffix'}" for suffix, n in unread.items())
    return [f"Keras' image_dataset_from_directory reads no such files: {what}."]


def _place_all(
    placer: Placer, planned: Sequence[_Planned], building: Path, names: PrivateNames | None, progress: Progress
) -> list[ListedFile]:
    images = placer.dataset.images
    if names is not None:
        # The order in which files are made, too, would tell the order of their names.
        planned = sorted(planned, key=lambda each: each.file)
    listed = []
    way = ""
    for done, each in enumerate(planned):
        progress.report(done, len(planned), "Exporting: images")
        if placer.way != way:  # at the start, and where links turned out not to be possible
            way = placer.way
            if way == "copy":
                check_space(building, sum(_size(placer.dataset, rest.index) for rest in planned[done:]))
        place = building / each.file
        place.parent.mkdir(parents=True, exist_ok=True)
        digest, n_bytes = placer.place(each.index, place)
        path = "" if names is not None else images[each.index].path
        listed.append(ListedFile(each.file, digest, n_bytes, each.set_name, path))
    progress.report(len(planned), len(planned), "Exporting: images")
    return listed


def _size(dataset: Dataset, index: int) -> int:
    """Return about how many bytes a copy of an image takes."""
    image = dataset.images[index]
    return image.width * image.height * 3 if dataset.kind == "npz" else image.n_bytes


def _check_target(dataset: Dataset, target: Path, overwrite: bool) -> None:
    root = dataset.root.resolve()
    place = target.resolve()
    if dataset.kind != "npz" and (place == root or place in root.parents):
        raise ExportError(f"{target} holds the dataset itself. Choose another folder.")
    if dataset.kind in ("folder", "split-folder") and root in place.parents:
        raise ExportError(
            f"{target} is inside the dataset, whose next scan would count the copies as images. Choose another folder."
        )
    if not target.exists():
        return
    if not target.is_dir():
        raise ExportError(f"{target} is a file; an export is a folder. Choose another name.")
    try:
        if not any(target.iterdir()):
            return
    except OSError as error:
        raise ExportError(disk_sentence(error, target)) from error
    if not overwrite:
        raise ExportError(f"{target} is not empty. Choose another folder, or ask to overwrite it.")
    if not is_export(target):
        raise ExportError(f"{target} holds other files than an export and is never overwritten. Choose another folder.")


def _make_parents(folder: Path) -> list[Path]:
    """Make `folder` and return the folders that were made, the innermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _move_into_place(building: Path, target: Path) -> None:
    """Rename `building` to `target`; an export that is there is removed only when the new one stands."""
    if not target.exists():
        building.rename(target)
        return
    old = target.with_name(f"{building.name}.old")
    target.rename(old)
    try:
        building.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
