"""Tables that name the images of an export next to them."""

from collections.abc import Sequence
from pathlib import Path

from coreset_studio.core.output.manifest import ListedFile
from coreset_studio.core.output.placing import hash_file
from coreset_studio.core.output.tables import csv_of


def write_image_table(folder: Path, name: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> ListedFile:
    """Write a CSV into an export and return its entry in the manifest; its cells are safe to open in a spreadsheet.

    Parameters
    ----------
    folder : Path
        Of the export.
    name : str
        Relative to it, forward slashes.
    heads : sequence of str
    rows : sequence of sequence of str

    Raises
    ------
    OSError
        If it cannot be written.
    """
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    # No byte order mark (see `csv_bytes`): the readers are programs, and not all of them expect one.
    file.write_bytes(csv_of(heads, rows).encode("utf-8", "backslashreplace"))
    return ListedFile(name, *hash_file(file))
