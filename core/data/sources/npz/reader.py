"""Read an .npz of images."""

import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NoReturn

import numpy as np

from coreset_studio.core.data.colour import BEFORE, RGBArray, array_to_rgb, decode_array
from coreset_studio.core.data.description import Match
from coreset_studio.core.data.listing import Listing
from coreset_studio.core.data.reader import Loaded, SourceReader
from coreset_studio.core.data.sources.npz.arrays import holds_arrays, list_npz, npz_array
from coreset_studio.core.errors import ImageError
from coreset_studio.core.files import reason_of
from coreset_studio.core.results import Image, Reading

_ZIP = b"PK\x03\x04"


class NpzReader(SourceReader):
    """Images that are rows of an array; the root is the file itself."""

    def recognise(self, path: Path, head: bytes) -> Match:
        """Take an archive with arrays inside, and what is named .npz."""
        if head.startswith(_ZIP) and holds_arrays(path):
            return Match.CONTENT
        named = path.is_file() and path.suffix.lower() == ".npz"
        return Match.NAME if named or head.startswith(_ZIP) else Match.NO

    def listing(self, path: Path) -> Listing:
        """List the rows of the arrays."""
        return list_npz(path)

    def load(self, root: Path, path: str, reading: Reading = BEFORE) -> Loaded:
        """Convert one row of an array."""
        try:
            facts = root.stat()
        except OSError as error:
            raise ImageError(f"The file cannot be read ({reason_of(error)}).") from error
        array = npz_array(root, path)
        stored = np.ascontiguousarray(array)
        digest = hashlib.sha256(stored.data).hexdigest()
        decoded = decode_array(array, reading)
        return Loaded(decoded.rgb, digest, stored.nbytes, facts.st_mtime_ns, decoded)

    def read(self, root: Path, path: str, reading: Reading = BEFORE) -> RGBArray:
        """Convert one row of an array."""
        return array_to_rgb(npz_array(root, path), reading)

    def changed(self, root: Path, image: Image) -> bool:
        """Compare the time of the file."""
        try:
            return root.stat().st_mtime_ns != image.modified_ns
        except OSError:
            return True

    def original(self, root: Path, path: str) -> NoReturn:
        """Refuse: there are pixels only."""
        raise ImageError(f"{path} of {root.name} is not an image file.")

    def file(self, root: Path, path: str) -> NoReturn:
        """Refuse: there are pixels only."""
        raise ImageError(f"{path} of {root.name} is not a file.")

    def parts_below_class(self, image: Image) -> tuple[str, ...]:
        """Return split and number as one name, such as ``"train_00012.png"``."""
        return ("_".join(PurePosixPath(image.path).parts),)

    def one_class_advice(self, images: Sequence[Image]) -> str:  # noqa: ARG002
        """Return nothing."""
        return ""


READER = NpzReader()
