"""Take a coreset away: its images in one of the export formats, the list of every image, and the manifest.

An export is built next to its target and moved there when it is complete, so that a target either contains a whole
export or is unchanged.
"""

import itertools
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from coreset_studio.core.cluster import WorkerFacts
from coreset_studio.core.data.sources import source_of
from coreset_studio.core.errors import ExportError
from coreset_studio.core.files import is_held, make_temporary_folder, move, put_in_place, reason_of, removed_on_failure
from coreset_studio.core.output.continuing import known_paths
from coreset_studio.core.output.formats import EXPORT_FORMATS
from coreset_studio.core.output.image_files import ImageFiles, has_header
from coreset_studio.core.output.lists import NO_COLUMNS, ExtraColumns, Places, list_text, renamed_columns_note
from coreset_studio.core.output.manifest import LIST_NAME, MANIFEST_NAME, ListedFile
from coreset_studio.core.output.manifest_writing import ManifestParts, manifest_text
from coreset_studio.core.output.names import PrivateNames, parts_inside_class, renamed_note, safe_names
from coreset_studio.core.output.placing import disk_sentence, hash_file
from coreset_studio.core.output.planning import Plan
from coreset_studio.core.output.verification import is_export
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import ClassClusters, Coreset, Dataset, ExportResult, IntArray, Split, WeightsUsed
from coreset_studio.core.settings import ExportSettings, Settings, own_settings
from coreset_studio.core.windows import (
    HOW_TO_ALLOW,
    LONGEST_FOLDER,
    LONGEST_PATH,
    excess_of,
    is_path_limited,
    length_of,
)


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
    workers: Mapping[str, Sequence[WorkerFacts]] | None = None,
    notes: Sequence[str] = (),
    extra: ExtraColumns = NO_COLUMNS,
    overwrite: bool = False,
    progress: Progress = NO_PROGRESS,
) -> ExportResult:
    """Write a coreset in the format that the settings name, always with `coreset.csv` and `coreset.json`.

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
    workers : mapping of str to sequence of WorkerFacts, optional
        Workers of a cluster that extracted features, by extractor.
    notes : sequence of str
        Labels to store in the manifest, such as "synthetic images".
    extra : ExtraColumns
        Additional columns of `coreset.csv`.
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
        If the user cancelled; nothing remains.

    Notes
    -----
    Folders: class folders at the top; ``train/``, ``val/`` and ``test/`` with class folders inside where the split is
    requested; ``coreset/`` and ``remainder/`` for the remainder without the split. Keras'
    `image_dataset_from_directory`, torchvision's `ImageFolder` and YOLO's classification read these.

    In a private export names are keyed hashes, sub-folders are left away, and metadata is taken out of the images: from
    JPEG and PNG with the compressed pixels untouched; other formats are written again as PNG. All other images are the
    dataset's own files, byte for byte.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 - without following links: a linked folder is still a target
    _check_target(dataset, target, overwrite)
    refusal = EXPORT_FORMATS.refusal(settings.files, private=settings.private)
    if refusal:
        raise ExportError(refusal)
    whole = replace(all_settings or Settings(), export=settings)
    names = PrivateNames(known_paths(dataset, whole.selection)) if settings.private else None
    try:
        made = _make_parents(target.parent)
    except OSError as error:
        raise ExportError(disk_sentence(error, target)) from error
    try:
        with removed_on_failure(make_temporary_folder(target)) as building:
            result = _build(
                dataset,
                split,
                coreset,
                building,
                target,
                whole,
                names,
                clusters or (),
                weights,
                workers or {},
                notes,
                extra,
                progress,
            )
            left = _move_into_place(building, target)
    except BaseException as error:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise ExportError(disk_sentence(error, target)) from error
        raise
    leftover_notes = (f"The previous export could not be removed completely; the rest is in {left}.",) if left else ()
    return replace(result, folder=target, notes=(*result.notes, *leftover_notes))


def _build(
    dataset: Dataset,
    split: Split,
    coreset: Coreset,
    building: Path,
    target: Path,
    settings: Settings,
    names: PrivateNames | None,
    clusters: Sequence[ClassClusters],
    weights: Sequence[WeightsUsed],
    workers: Mapping[str, Sequence[WorkerFacts]],
    notes: Sequence[str],
    extra: ExtraColumns,
    progress: Progress,
) -> ExportResult:
    """Write everything into the empty folder `building`, which becomes `target`."""
    export = settings.export
    sets = _sets(split, coreset, export)
    described = EXPORT_FORMATS[export.files]
    taken = (LIST_NAME, MANIFEST_NAME, "coreset", "remainder", *described.writes)
    folders = safe_names(_class_names(dataset, coreset, sets), taken=taken)
    contents = ImageFiles(dataset, private=export.private, headers=export.dicom_headers)
    plan = Plan(dataset, sets, folders, contents, names, own_settings(export, described))
    if described.holds_images:
        _check_lengths(plan, building, target)
    written = described.writer.write(plan, building, progress)
    there = {each.file for each in written.files}
    all_notes = [*notes, *coreset.notes, *_renaming_notes(plan, there), *written.notes]
    if contents.n_rewritten:
        all_notes.append(
            f"{contents.n_rewritten:,} images were converted to 8-bit RGB PNG, because the metadata of their "
            "format cannot be removed otherwise."
        )
    if names is None:
        all_notes += renamed_columns_note(dataset, extra)
    else:
        all_notes = [names.scrub(note) for note in all_notes]
        taken_out = "; metadata was removed from the images" if described.holds_images else ""
        all_notes.append(f"Private: file names are hashes with a key that was not stored{taken_out}.")
    all_notes = list(dict.fromkeys(all_notes))
    n_bytes = sum(each.n_bytes for each in written.files)
    files_as = written.as_format or described.name
    # A format may write something else than files of single images.
    places = Places(target, {each.index: each.file for each in plan.images if each.file in there})
    (building / LIST_NAME).write_bytes(list_text(dataset, split, coreset, places, clusters, names, extra))
    listed = (*written.files, ListedFile(LIST_NAME, *hash_file(building / LIST_NAME)))
    parts = ManifestParts(
        dataset, coreset, clusters, settings, weights, folders, listed, files_as, tuple(all_notes), names, extra,
        split, workers,
    )  # fmt: skip
    (building / MANIFEST_NAME).write_bytes(manifest_text(parts))
    return ExportResult(building, written.n_images, n_bytes, files_as, folders, tuple(all_notes))


def _renaming_notes(plan: Plan, there: set[str]) -> list[str]:
    """Return notes on classes and files that have another name than in the dataset."""
    if not there:
        return []
    notes = [renamed_note(plan.class_folders, "class", "classes")]
    if plan.names is None:
        files = {}
        for each in plan.images:
            name, suffix = parts_inside_class(plan.dataset, each.index)[-1], PurePosixPath(each.file).suffix
            given = each.file.rpartition("/")[2]
            # A suffix that was missing, or that of pixels in place of a DICOM file, is no other name.
            given = given if name.endswith(suffix) else given.removesuffix(suffix)
            if has_header(plan.dataset.images[each.index]) and given == PurePosixPath(name).stem:
                continue
            if each.file in there and given != name:
                files[plan.dataset.images[each.index].path] = given
        notes.append(renamed_note(files, "file", "files"))
    return [note for note in notes if note]


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


def _check_target(dataset: Dataset, target: Path, overwrite: bool) -> None:
    root = dataset.root.resolve()
    place = target.resolve()
    if place in root.parents or (place == root and root.is_dir()):
        raise ExportError(f"{target} contains the dataset itself. Choose another folder.")
    if source_of(dataset.kind).is_folder and root in place.parents:
        raise ExportError(
            f"{target} is inside the dataset, whose next scan would count the copies as images. Choose another folder."
        )
    if not target.exists():
        return
    if not target.is_dir():
        raise ExportError(f"{target} is a file; expected a folder. Choose another name.")
    try:
        if not any(target.iterdir()):
            return
    except OSError as error:
        raise ExportError(disk_sentence(error, target)) from error
    if not overwrite:
        raise ExportError(f"{target} is not empty. Choose another folder, or allow overwriting.")
    if not is_export(target):
        raise ExportError(
            f"{target} contains files that are not an export, so it is not overwritten. Choose another folder."
        )


def _check_lengths(plan: Plan, building: Path, target: Path) -> None:
    """Make sure that the system takes all paths, before anything is written.

    Raises
    ------
    ExportError
        If one is too long, which Windows would only call "not found".
    """
    if not is_path_limited():
        return
    folders = {image.file.rpartition("/")[0] for image in plan.images}
    excess = {folder: excess_of(building / folder, is_folder=True) for folder in folders}
    excess |= {image.file: excess_of(building / image.file) for image in plan.images}
    worst = max(excess, key=excess.__getitem__, default="")
    if excess.get(worst, 0):
        raise ExportError(
            f"{target} is too deep: the path of {worst} would have {length_of(os.fspath(building / worst))} characters "
            f"while the export is written, and Windows allows {LONGEST_PATH}, of folders {LONGEST_FOLDER}. Choose a "
            f"folder whose path is at least {excess[worst]} characters shorter, or {HOW_TO_ALLOW}."
        )


def _make_parents(folder: Path) -> list[Path]:
    """Make `folder` and return the folders that were made, the innermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _move_into_place(building: Path, target: Path) -> Path | None:
    """Rename `building` to `target`; an existing export is only removed when the new one is complete.

    Returns
    -------
    Path or None
        Where the old export still is, if it could not be removed.

    Raises
    ------
    ExportError
        If the old export is held by another program; the new one is complete then and stays, next to it.
    """
    try:
        return put_in_place(building, target)
    except OSError as error:
        if not target.exists():
            raise
        aside = _free_beside(target)
        try:
            move(building, aside)
        except OSError:
            raise error from None
        why = "A file in it is open in another program" if is_held(error) else reason_of(error)
        raise ExportError(
            f"{target} cannot be replaced and is unchanged: {why}. "
            f"The new export is complete, in {aside}. Close the programs that use the old one, remove it, and rename "
            "the new one."
        ) from error


def _free_beside(target: Path) -> Path:
    """Return a name next to `target` that is free, such as ``out (new 2)``."""
    numbers = itertools.count(1)
    names = (target.with_name(f"{target.name} (new{f' {number}' if number > 1 else ''})") for number in numbers)
    return next(name for name in names if not os.path.lexists(name))
