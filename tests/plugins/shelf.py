"""A source as a plugin has it: one file with the base64 text of whole image files, a line each."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from coreset_studio.core.data.description import Match, Source
from coreset_studio.core.data.images import read_rgb
from coreset_studio.core.data.listing import Entry, Listing
from coreset_studio.core.data.reader import Loaded, SourceReader
from coreset_studio.core.errors import ImageError
from coreset_studio.core.results import Image

MAGIC = "SHELF\n"


def write_shelf(file: Path, images: dict[str, tuple[str, bytes]]) -> Path:
    """Write images, by name: class and content."""
    lines = [f"{name}\t{label}\t{base64.b64encode(content).decode()}\n" for name, (label, content) in images.items()]
    file.write_text(MAGIC + "".join(lines))
    return file


def _lines(file: Path) -> list[list[str]]:
    return [line.split("\t") for line in file.read_text().splitlines()[1:]]


class ShelfReader(SourceReader):
    """Reads them."""

    def recognise(self, path: Path, head: bytes) -> Match:
        return Match.CONTENT if head.startswith(MAGIC.encode()) else Match.NO

    def listing(self, path: Path) -> Listing:
        return Listing(path, [Entry(name, label) for name, label, _ in _lines(path)])

    def load(self, root: Path, path: str) -> Loaded:
        modified_ns = root.stat().st_mtime_ns
        content = self.original(root, path)
        return Loaded(read_rgb(content), hashlib.sha256(content).hexdigest(), len(content), modified_ns)

    def read(self, root: Path, path: str):
        return read_rgb(self.original(root, path))

    def changed(self, root: Path, image: Image) -> bool:
        return not root.exists() or root.stat().st_mtime_ns != image.modified_ns

    def original(self, root: Path, path: str) -> bytes:
        for name, _, content in _lines(root):
            if name == path:
                return base64.b64decode(content)
        raise ImageError("It is not on the shelf.")

    def file(self, root: Path, path: str) -> NoReturn:
        raise AssertionError("asked of sources that hold files only")

    def parts_below_class(self, image: Image) -> tuple[str, ...]:
        return (image.path,)

    def one_class_advice(self, images: Sequence[Image]) -> str:
        return ""


READER = ShelfReader()
DESCRIPTION = Source(
    name="shelf",
    title="Shelf",
    tip="Whole image files as text, a line each.",
    does=f"{__name__}:READER",
    short="a shelf",
    expects="a shelf of images",
    suffixes=(".shelf",),
    holds="bytes",
)
