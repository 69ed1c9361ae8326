"""Other files in a folder that may be a dataset of files such as archives."""

import os
from itertools import islice
from pathlib import Path

from coreset_studio.core.data.folder_names import has_image_suffix

_INSPECTED = 50


def folder_has_images(folder: Path) -> bool:
    """Return whether a folder has image files, or folders of them, which are read as classes then.

    The first files of the folder and of each folder in it are inspected. True if it cannot be read.
    """
    try:
        names = _names(folder)
        if any(map(has_image_suffix, names)):
            return True
        inner = [folder / name for name in names if not name.startswith(".")]
        return any(any(map(has_image_suffix, _names(each))) for each in inner if each.is_dir())
    except OSError:
        return True


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in islice(entries, _INSPECTED)]
