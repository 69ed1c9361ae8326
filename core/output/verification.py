"""Does an export still hold what was written? Every file that does not is named."""

import os
from collections.abc import Iterator
from pathlib import Path

from core.errors import ExportError
from core.files import reason_of
from core.output.manifest import LIST_NAME, MANIFEST_NAME, read_manifest
from core.output.placing import hash_file
from core.progress import NO_PROGRESS, Progress
from core.reading import IrregularFileError
from core.results import VerifyResult

# What Finder and Explorer put into any folder that somebody looks at.
_LEFT_BY_THE_SYSTEM = {".DS_Store", "Thumbs.db", "desktop.ini"}


def verify(folder: Path, progress: Progress = NO_PROGRESS) -> VerifyResult:
    """Compare every file of an export with its SHA-256 in `coreset.json`.

    Parameters
    ----------
    folder : Path
        An export, or its `coreset.json`.

    Raises
    ------
    ExportError
        If there is no manifest, or it, a file or a folder cannot be read.
    """
    manifest = read_manifest(folder)
    folder = manifest.file.parent
    differing = [] if manifest.intact else [MANIFEST_NAME]
    missing = []
    for done, listed in enumerate(manifest.files):
        progress.report(done, len(manifest.files), "Verifying: files")
        try:
            found, _ = hash_file(folder / listed.file)
        except (FileNotFoundError, NotADirectoryError):
            missing.append(listed.file)
            continue
        except IrregularFileError:
            found = ""
        except OSError as error:
            if not (folder / listed.file).is_dir():
                raise ExportError(f"{folder / listed.file} cannot be read ({reason_of(error)}).") from error
            found = ""
        if found != listed.sha256:
            differing.append(listed.file)
    progress.report(len(manifest.files), len(manifest.files), "Verifying: files")
    known = {listed.file for listed in manifest.files} | {MANIFEST_NAME}
    extra = [name for name in _files_below(folder) if name not in known]
    n_files, n_images = len(manifest.files) + 1, sum(bool(listed.set_name) for listed in manifest.files)
    return VerifyResult(
        folder, n_files, tuple(sorted(differing)), tuple(sorted(missing)), tuple(sorted(extra)), n_images
    )


def is_export(folder: Path) -> bool:
    """Return whether `folder` looks like an export of this program: a manifest and a list."""
    return (folder / MANIFEST_NAME).is_file() and (folder / LIST_NAME).is_file()


def _files_below(folder: Path) -> Iterator[str]:
    """Yield every file, and what else may hold some: links to folders, and folders that cannot be opened."""
    closed: list[str] = []
    for place, folders, files in os.walk(folder, onerror=lambda error: closed.append(error.filename)):
        for name in [*files, *(name for name in folders if (Path(place) / name).is_symlink())]:
            if name not in _LEFT_BY_THE_SYSTEM:
                yield (Path(place) / name).relative_to(folder).as_posix()
    yield from (f"{Path(name).relative_to(folder).as_posix()}/ (cannot be opened)" for name in closed)
