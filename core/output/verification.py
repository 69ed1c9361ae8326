"""Does an export still hold what was written? Every file that does not is named."""

import os
from collections.abc import Iterator
from pathlib import Path

from coreset_studio.core.errors import ExportError
from coreset_studio.core.files import reason_of
from coreset_studio.core.output.manifest import LIST_NAME, MANIFEST_NAME, read_manifest
from coreset_studio.core.output.placing import hash_file
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.reading import IrregularFileError
from coreset_studio.core.results import VerifyResult
from coreset_studio.core.spellings import by_composed, composed
from coreset_studio.core.windows import HOW_TO_ALLOW, why_not_found

# What Finder and Explorer put into any folder that somebody looks at.
_LEFT_BY_THE_SYSTEM = {".DS_Store", "Thumbs.db", "desktop.ini"}
# On disks that are not its own, macOS keeps what it knows of a file in a second one, whose name begins so.
_BESIDE_A_FILE = "._"


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
    below = set(_files_below(folder))
    on_disk = _spelled_on_disk([MANIFEST_NAME, *(listed.file for listed in manifest.files)], below)
    for done, listed in enumerate(manifest.files):
        progress.report(done, len(manifest.files), "Verifying: files")
        file = folder / on_disk.get(listed.file, listed.file)
        try:
            found, _ = hash_file(file)
        except (FileNotFoundError, NotADirectoryError) as error:
            if too_long := why_not_found(error):
                raise ExportError(
                    f"{file} cannot be read: {too_long}. Move the export to a folder with a shorter path, or "
                    f"{HOW_TO_ALLOW}."
                ) from error
            missing.append(listed.file)
            continue
        except IrregularFileError:
            found = ""
        except OSError as error:
            if not file.is_dir():
                raise ExportError(f"{file} cannot be read ({reason_of(error)}).") from error
            found = ""
        if found != listed.sha256:
            differing.append(listed.file)
    progress.report(len(manifest.files), len(manifest.files), "Verifying: files")
    extra = below - set(on_disk.values())
    n_files, n_images = len(manifest.files) + 1, sum(bool(listed.set_name) for listed in manifest.files)
    return VerifyResult(
        folder, n_files, tuple(sorted(differing)), tuple(sorted(missing)), tuple(sorted(extra)), n_images
    )


def is_export(folder: Path) -> bool:
    """Return whether `folder` looks like an export of this program: a manifest and a list."""
    return (folder / MANIFEST_NAME).is_file() and (folder / LIST_NAME).is_file()


def _spelled_on_disk(names: list[str], below: set[str]) -> dict[str, str]:
    """Return how the names that are in the folder are spelled there.

    They may be equal to a reader alone, see `core.spellings`.
    """
    spelled = by_composed(below)
    found = {name: name if name in below else spelled.get(composed(name)) for name in names}
    return {name: there for name, there in found.items() if there is not None}


def _files_below(folder: Path) -> Iterator[str]:
    """Yield every file, and what else may hold some: links to folders, and folders that cannot be opened."""
    closed: list[str] = []
    for place, folders, files in os.walk(folder, onerror=lambda error: closed.append(error.filename)):
        for name in [*files, *(name for name in folders if (Path(place) / name).is_symlink())]:
            if name not in _LEFT_BY_THE_SYSTEM and not name.startswith(_BESIDE_A_FILE):
                yield (Path(place) / name).relative_to(folder).as_posix()
    yield from (f"{Path(name).relative_to(folder).as_posix()}/ (cannot be opened)" for name in closed)
