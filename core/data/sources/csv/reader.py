"""Read a CSV of image files."""

from pathlib import Path

from core.data.description import Match
from core.data.listing import Listing
from core.data.reader import FileReader
from core.data.sources.csv.rows import list_table
from core.progress import NO_PROGRESS, Progress


class TableReader(FileReader):
    """Images that a table names."""

    def recognise(self, path: Path, head: bytes) -> Match:  # noqa: ARG002
        """Take what is named .csv, and any other file that nothing else takes: tables have many names."""
        if path.is_dir():
            return Match.NO
        return Match.NAME if path.suffix.lower() == ".csv" else Match.POSSIBLE

    def listing(self, path: Path, progress: Progress = NO_PROGRESS) -> Listing:
        """List the files of the rows."""
        return list_table(path, progress)


READER = TableReader()
