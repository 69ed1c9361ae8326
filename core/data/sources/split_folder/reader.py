"""Read a folder of train, validation and test folders."""

from pathlib import Path

from core.data.description import Match
from core.data.folders import ClassFolderReader, is_split_folder, list_split_folder
from core.data.listing import Listing
from core.progress import NO_PROGRESS, Progress


class SplitFolderReader(ClassFolderReader):
    """Class folders inside the folders of the sets."""

    depth = 1

    def recognise(self, path: Path, head: bytes) -> Match:  # noqa: ARG002
        """Take a folder that has a train folder and one of another set, each with folders inside."""
        return Match.CONTENT if path.is_dir() and is_split_folder(path) else Match.NO

    def listing(self, path: Path, progress: Progress = NO_PROGRESS) -> Listing:
        """List every file of every class folder of every set."""
        return list_split_folder(path, progress)


READER = SplitFolderReader()
