"""Read a list of images as MXNet writes them."""

from pathlib import Path

from coreset_studio.core.data.description import Match
from coreset_studio.core.data.listing import Entry, Listing
from coreset_studio.core.data.reader import FileReader
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.results import Skipped


class LstReader(FileReader):
    """Images that the lines of a list name."""

    def recognise(self, path: Path, head: bytes) -> Match:  # noqa: ARG002
        """Take what is named .lst."""
        return Match.NAME if path.suffix.lower() == ".lst" and path.is_file() else Match.NO

    def listing(self, path: Path) -> Listing:
        """List the files of the lines, relative to the folder of the list."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DatasetError(f"{path} cannot be read as text ({error}).") from error
        listing = Listing(path.absolute().parent)
        for number, line in enumerate(lines, start=1):
            parts = line.split("\t")
            if len(parts) == 3:
                listing.entries.append(Entry(parts[2], parts[1].removesuffix(".000000")))
            else:
                listing.skipped.append(Skipped(f"line {number}", "It is not number, label and path with tabs between."))
        return listing


READER = LstReader()
