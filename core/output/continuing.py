"""Read an earlier export to continue from it."""

from pathlib import Path

from coreset_studio.core.errors import ExportError
from coreset_studio.core.files import reason_of
from coreset_studio.core.output.manifest import LIST_NAME, MANIFEST_NAME, read_manifest
from coreset_studio.core.output.placing import hash_file
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import DataSettings, EarlierCoreset, EarlierImage, SelectionSettings


def read_earlier(file: Path) -> tuple[EarlierCoreset, tuple[str, ...]]:
    """Return the coreset of an earlier export, and what was assumed about it.

    Parameters
    ----------
    file : Path
        A `coreset.json`, the folder of an export, or the `coreset.csv` in it.

    Raises
    ------
    ExportError
        If it cannot be read, is not an export, or has no images.
    """
    notes = []
    manifest_file = file / MANIFEST_NAME if file.is_dir() else file
    if file.name == LIST_NAME:
        manifest_file = file.with_name(MANIFEST_NAME)
        if not manifest_file.is_file():
            raise ExportError(
                f"{file} is a list without a {MANIFEST_NAME} next to it; to continue from an earlier coreset, use the "
                f"{MANIFEST_NAME} of its export."
            )
        notes.append(f"{manifest_file} was read instead of the list next to it.")
    manifest = read_manifest(file if file.is_dir() else manifest_file)
    if not manifest.chosen:
        raise ExportError(f"{manifest_file} names no images. Use the {MANIFEST_NAME} of an export with images.")
    if not manifest.intact:
        notes.append(f"{manifest_file} was changed after it was written; its list of images was used.")
    images = tuple(EarlierImage(each.path, each.class_name, each.pixels) for each in manifest.chosen)
    try:
        digest, _size = hash_file(manifest_file)
    except OSError as error:
        raise ExportError(f"{manifest_file} cannot be read ({reason_of(error)}).") from error
    return EarlierCoreset(manifest_file.absolute().parent.name, digest, images), tuple(notes)


def earlier_from_file(
    file: Path,
    source: Path,  # noqa: ARG001 - as all functions of `from_file`
    settings: DataSettings,  # noqa: ARG001
    progress: Progress = NO_PROGRESS,  # noqa: ARG001
) -> tuple[EarlierCoreset, tuple[str, ...]]:
    """Return what ``--continue-from FILE`` means; see `read_earlier`."""
    return read_earlier(file)


def known_paths(dataset: Dataset, selection: SelectionSettings) -> list[str]:
    """Return the paths of images that notes may name: those of the dataset, and those of the earlier coreset."""
    earlier = selection.continue_from
    paths = [image.path for image in dataset.images]
    return paths + [image.path for image in earlier.images if image.path] if earlier is not None else paths
