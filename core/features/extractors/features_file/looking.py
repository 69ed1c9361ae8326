"""Look at a features file when it is chosen, and find it again later by its content."""

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from coreset_studio.core.cache import ArrayCache, fingerprint
from coreset_studio.core.errors import CacheError, FeatureError, SettingsError
from coreset_studio.core.features.extractors.features_file.forms import (
    ListMissingError,
    Opened,
    one_sentence,
    open_features,
)
from coreset_studio.core.features.extractors.features_file.matching import Row
from coreset_studio.core.features.steps import FileState
from coreset_studio.core.files import reason_of
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.reading import open_regular
from coreset_studio.core.settings import DataSettings
from coreset_studio.core.settings.chosen_file import ChosenFile, FeaturesFile

DIGEST_STAGE = "file-digest"
LARGEST = 1e12
"""Numbers beyond are not used: sums of their squares over many images would not be finite in float32."""

_PIECE = 1 << 22


def features_from_file(
    file: Path,
    source: Path,  # noqa: ARG001 - as all functions of `from_file`
    settings: DataSettings,  # noqa: ARG001
    progress: Progress = NO_PROGRESS,
) -> tuple[FeaturesFile, tuple[str, ...]]:
    """Return what ``--features-file FILE`` means, and what was assumed about it; the whole file is read.

    The list of paths may be named later, so that an array without one is taken here.

    Raises
    ------
    FeatureError
        If it cannot be read or is no features file.
    """
    digest = _digest_told(file, progress)
    try:
        with open_features(file) as opened:
            found, notes = _looked(opened, file, digest, progress), tuple(opened.notes)
    except ListMissingError as error:
        # A list may be named by `--features-paths`; without one, reading the rows states what is missing.
        found = FeaturesFile(
            digest=digest, name=file.name, place=_place(file), rows=error.n_rows, blocks=dict(error.blocks)
        )
        notes = ()
    return found, notes


def paths_from_file(
    file: Path,
    source: Path,  # noqa: ARG001 - as all functions of `from_file`
    settings: DataSettings,  # noqa: ARG001
    progress: Progress = NO_PROGRESS,
) -> tuple[ChosenFile, tuple[str, ...]]:
    """Return what ``--features-paths FILE`` means; how many paths it has is checked together with the features.

    Raises
    ------
    FeatureError
        If it cannot be read.
    """
    return ChosenFile(digest=_digest_told(file, progress), name=file.name, place=_place(file)), ()


def rows_of(opened: Opened, progress: Progress = NO_PROGRESS) -> Iterator[Row]:
    """Read a features file through, and yield what is known of each row.

    Raises
    ------
    FeatureError
        If it is damaged.
    """
    number = 0
    for part in opened.parts():
        finite = np.asarray((np.abs(part.rows) <= LARGEST).all(axis=1)).tolist()  # nor is a NaN
        for name, key, row, is_finite in zip(part.numbers, part.keys, part.rows, finite, strict=True):
            yield Row(number, name, key, zlib.crc32(row.data), is_finite)
            number += 1
        progress.report(number, max(number, opened.n_rows or 0), f"Reading {opened.name}: rows")


def locate(chosen: ChosenFile, beside: Path, cache_folder: Path, what: str = "features file") -> Path:
    """Return where a chosen file is now: where it was chosen, or with its name in or next to the dataset.

    Parameters
    ----------
    chosen : ChosenFile
    beside : Path
        The dataset.
    cache_folder : Path
        Where digests of unchanged files are remembered.
    what : str
        What it is called in sentences.

    Raises
    ------
    FeatureError
        If it is nowhere, or has changed.
    """
    state = find(chosen, beside, cache_folder, what)
    if state.file is None or state.name != FileState.THERE:
        raise FeatureError(state.sentence)
    return state.file


def find(chosen: ChosenFile, beside: Path, cache_folder: Path, what: str = "features file") -> FileState:
    """Return whether and where a chosen file is; see `locate`."""
    places = [Path(chosen.place)] if chosen.place else []
    if chosen.name:
        places += [folder / chosen.name for folder in (beside, beside.parent)]
    changed: Path | None = None
    for place in dict.fromkeys(places):
        if not place.is_file():
            continue
        try:
            if digest_of(place, cache_folder) == chosen.digest:
                return FileState(FileState.THERE, "", place)
        except OSError as error:
            return FileState(FileState.MISSING, f"The {what} {place} cannot be read ({reason_of(error)}).")
        changed = changed or place
    named = f"The {what} {chosen.name}" if chosen.name else f"The {what} with the SHA-256 {chosen.digest[:12]}…"
    again = "Choose it again (--features-file, or “Locate…” on the Features page)"
    if changed is not None:
        return FileState(
            FileState.CHANGED,
            f"{named} has changed since it was chosen, so that results made with it are outdated. {again} to use it as "
            "it is now.",
            changed,
        )
    where = f"at {chosen.place} or next to the dataset" if chosen.place else "next to the dataset"
    return FileState(FileState.MISSING, f"{named} was not found {where}. {again}.")


def digest_of(file: Path, cache_folder: Path) -> str:
    """Return the SHA-256 (hex) of a file, remembered in the cache as long as its size and time are the same.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    status = file.stat()
    key = fingerprint(1, str(file.absolute()), status.st_size, status.st_mtime_ns)
    cache = ArrayCache(cache_folder)
    stored = cache.load(DIGEST_STAGE, key)
    if stored is not None:
        return str(stored.facts["sha256"])
    digest = _digest(file, NO_PROGRESS)
    try:
        cache.store(DIGEST_STAGE, key, {}, {"sha256": digest})
    except CacheError:
        return digest
    return digest


def _looked(opened: Opened, file: Path, digest: str, progress: Progress) -> FeaturesFile:
    n_rows = sum(1 for _ in rows_of(opened, progress))
    try:
        return FeaturesFile(
            digest=digest, name=file.name, place=_place(file), rows=n_rows, blocks=dict(opened.blocks),
            paths_name=opened.paths.name if opened.paths is not None else "",
            paths_digest=_digest(opened.paths, progress) if opened.paths is not None else "",
        )  # fmt: skip
    except SettingsError as error:
        raise FeatureError(f"{file.name}: {error}") from error


def _digest_told(file: Path, progress: Progress) -> str:
    with one_sentence(file):
        return _digest(file, progress)


def _digest(file: Path, progress: Progress) -> str:
    digest, done, size = hashlib.sha256(), 0, file.stat().st_size
    with open_regular(file) as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
            done += len(piece)
            progress.report(min(done, size), size, f"Reading {file.name}: bytes")
    return digest.hexdigest()


def _place(file: Path) -> str:
    return file.absolute().as_posix()
