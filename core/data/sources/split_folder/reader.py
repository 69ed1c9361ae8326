"""Read a folder of train, validation and test folders."""

from pathlib import Path

from coreset_studio.core.data.description import Match
from coreset_studio.core.data.folders import ClassFolderReader, is_split_folder, list_split_folder, listed
from coreset_studio.core.data.listing import Listing
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.settings import DataSettings


class SplitFolderReader(ClassFolderReader):
    """Class folders inside the folders of the sets."""

    depth = 1

    def recognise(self, path: Path, head: bytes, data: DataSettings | None = None) -> Match:  # noqa: ARG002
        """Take a folder that has a train folder and one of another set, each with folders inside."""
        return Match.CONTENT if path.is_dir() and is_split_folder(path, data or DataSettings()) else Match.NO

    def listing(self, path: Path, progress: Progress = NO_PROGRESS, data: DataSettings | None = None) -> Listing:
        """List every file of every class folder of every set."""
        return listed(path, data, list_split_folder, progress)


READER = SplitFolderReader()
