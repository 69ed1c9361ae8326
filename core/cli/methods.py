"""The command that prints the Methods paragraph of a study or an export."""

import argparse
import sys

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.errors import ExportError
from coreset_studio.core.files import reason_of
from coreset_studio.core.pipeline.methods import read_methods


def methods(options: argparse.Namespace) -> int:
    """Print the paragraph, and write what it cites as BibTeX on request."""
    file = options.bibtex
    if file is not None and file.exists() and not options.overwrite:
        raise ExportError(f"{file} already exists. Name another file, or add --overwrite.")
    found = read_methods(options.place)
    print(found.text)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    if file is not None:
        try:
            write_atomically(file, found.bibtex.encode())
        except OSError as error:
            raise ExportError(f"{file} cannot be written ({reason_of(error)}). Name another file.") from error
        print(f"written: {file}", file=sys.stderr)
    return 0
