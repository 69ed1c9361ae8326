"""The code of the example's source."""

import json
from pathlib import Path

from coreset_example.source import JsonLinesSettings
from coreset_studio.plugin_code import DatasetError, Entry, FileReader, Listing
from coreset_studio.plugins import Match


class JsonLinesReader(FileReader):
    """Images that lines of JSON name; how files are read and watched is inherited."""

    def recognise(self, path: Path, head: bytes) -> Match:  # noqa: ARG002
        """Take what is named .jsonl."""
        return Match.NAME if path.suffix.lower() == ".jsonl" else Match.NO

    def listing(self, path: Path, settings: JsonLinesSettings) -> Listing:  # type: ignore[override]
        """List the images of the lines, relative to the file's folder."""
        entries = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                values = json.loads(line)
                entries.append(Entry(str(values["path"]), str(values[settings.class_key])))
            except (ValueError, KeyError, TypeError) as error:
                wanted = f"path and {settings.class_key}"
                raise DatasetError(
                    f"Line {number} of {path.name} is no JSON object with {wanted} ({error})."
                ) from error
        return Listing(path.parent, entries)


READER = JsonLinesReader()
