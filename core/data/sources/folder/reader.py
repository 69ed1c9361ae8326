"""Read a folder of class folders."""

from collections.abc import Sequence
from pathlib import Path

from coreset_studio.core.data.description import Match
from coreset_studio.core.data.folders import ClassFolderReader, list_folder, listed
from coreset_studio.core.data.listing import Listing
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Image
from coreset_studio.core.settings import DataSettings


class FolderReader(ClassFolderReader):
    """Class folders just below the root."""

    def recognise(self, path: Path, head: bytes) -> Match:  # noqa: ARG002
        """Take any folder."""
        return Match.NAME if path.is_dir() else Match.NO

    def listing(self, path: Path, progress: Progress = NO_PROGRESS, data: DataSettings | None = None) -> Listing:
        """List every file of every class folder."""
        return listed(path, data, list_folder, progress)

    def one_class_advice(self, images: Sequence[Image]) -> str:
        """Return what to do where the class folders seem to are one level deeper."""
        folders = {image.path.split("/")[1] for image in images if image.path.count("/") > 1}
        if len(folders) < 2:
            return ""
        top = images[0].path.split("/")[0]
        return f"; if the folders inside “{top}” are the classes, open that folder"


READER = FolderReader()
