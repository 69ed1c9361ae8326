"""Read a CSV of image files."""

from pathlib import Path

from coreset_studio.core.data.description import Match
from coreset_studio.core.data.listing import Listing
from coreset_studio.core.data.reader import FileReader
from coreset_studio.core.data.sources.csv.cells import OLD_EXCEL, ZIP, is_xlsx
from coreset_studio.core.data.sources.csv.rows import list_table
from coreset_studio.core.data.sources.csv.settings import TableSettings
from coreset_studio.core.data.sources.csv.table import list_any_table
from coreset_studio.core.progress import NO_PROGRESS, Progress

_NAMES = (".csv", ".tsv", ".xlsx", ".xls", ".ods")


class TableReader(FileReader):
    """Images that a table names."""

    def recognise(self, path: Path, head: bytes) -> Match:
        """Take what is named like a table, and any other file that nothing else takes: tables have many names."""
        if path.is_dir():
            return Match.NO
        if head.startswith(ZIP) and is_xlsx(path):
            return Match.CONTENT
        return Match.NAME if path.suffix.lower() in _NAMES or head.startswith(OLD_EXCEL) else Match.POSSIBLE

    def listing(self, path: Path, settings: TableSettings | None = None, progress: Progress = NO_PROGRESS) -> Listing:
        """List the files of the rows."""
        settings = settings or TableSettings()
        if settings.names_nothing and path.suffix.lower() != ".xlsx":
            return list_table(path, progress)
        return list_any_table(path, settings, progress)


READER = TableReader()
