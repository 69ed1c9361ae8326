"""Read the images of HDF5 files."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.data.beside import folder_has_images
from coreset_studio.core.data.colour import BEFORE, RGBArray, decode_array, settled
from coreset_studio.core.data.description import Match
from coreset_studio.core.data.levels import Decoded
from coreset_studio.core.data.listing import Listing
from coreset_studio.core.data.reader import Loaded, SourceReader
from coreset_studio.core.data.sources.hdf5.arrays import channel_axis
from coreset_studio.core.data.sources.hdf5.container import SIGNATURE, ArrayFacts, opened
from coreset_studio.core.data.sources.hdf5.listing import list_hdf5
from coreset_studio.core.data.sources.hdf5.names import SUFFIXES, family_in
from coreset_studio.core.data.sources.hdf5.paths import Place, place_of
from coreset_studio.core.data.sources.hdf5.settings import Hdf5Settings
from coreset_studio.core.errors import DatasetError, ImageError
from coreset_studio.core.files import reason_of
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Image, Reading

_GZIP = b"\x1f\x8b"
_AS_PAGES = "hdf5"


class Hdf5Reader(SourceReader):
    """Images that are rows of arrays; the root is the folder of the files."""

    def recognise(self, path: Path, head: bytes) -> Match:
        """Take what begins as such a file or is named like one, and a folder of such files in pairs."""
        if path.is_dir():
            return Match.CONTENT if not folder_has_images(path) and family_in(path) is not None else Match.NO
        # A block of a user's own can come first, of 512 bytes or twice, four times, … as many.
        if head.startswith(SIGNATURE) or _starts_later(path):
            return Match.CONTENT
        return Match.NAME if _plain_suffix(path, head) in SUFFIXES else Match.NO

    def listing(self, path: Path, settings: Hdf5Settings | None = None, progress: Progress = NO_PROGRESS) -> Listing:
        """List the rows of the arrays of images."""
        if path.is_file() and _plain_suffix(path) != path.suffix.lower() and not _begins(path, SIGNATURE):
            raise DatasetError(
                f"{path.name} is compressed as a whole, so that single images cannot be read; unpack it first "
                f"(gunzip {path.name}) and open {path.stem}."
            )
        return list_hdf5(path, settings or Hdf5Settings(), progress)

    def load(self, root: Path, path: str, reading: Reading = BEFORE) -> Loaded:
        """Convert one row of an array."""
        place = _place(path)
        try:
            modified_ns = (root / place.file).stat().st_mtime_ns
        except OSError as error:
            raise ImageError(f"The file cannot be read ({reason_of(error)}).") from error
        array = _row(root, path)
        stored = np.ascontiguousarray(array)
        digest = hashlib.sha256(stored.data).hexdigest()
        decoded = _decoded(stored, reading)
        return Loaded(decoded.rgb, digest, stored.nbytes, modified_ns, decoded)

    def read(self, root: Path, path: str, reading: Reading = BEFORE) -> RGBArray:
        """Convert one row of an array."""
        return settled(_decoded(_row(root, path), reading))

    def changed(self, root: Path, image: Image) -> bool:
        """Compare the time of the file."""
        place = place_of(image.path)
        try:
            return place is None or (root / place.file).stat().st_mtime_ns != image.modified_ns
        except OSError:
            return True

    def original(self, root: Path, path: str) -> NoReturn:
        """Refuse: there are pixels only."""
        raise ImageError(f"{path} of {root.name} is not an image file.")

    def file(self, root: Path, path: str) -> NoReturn:
        """Refuse: there are pixels only."""
        raise ImageError(f"{path} of {root.name} is not a file.")

    def parts_below_class(self, image: Image) -> tuple[str, ...]:
        """Return file, array and row as one name, such as ``"train_x_x_000012.png"``."""
        place = place_of(image.path)
        if place is None:
            return (image.path.replace("/", "_"),)
        words = (Path(place.file).stem, *place.key.split("/"), image.path.rpartition("/")[2])
        return ("_".join(words),)

    def one_class_advice(self, images: Sequence[Image]) -> str:  # noqa: ARG002
        """Return nothing."""
        return ""


def _place(path: str) -> Place:
    place = place_of(path)
    if place is None:
        raise ImageError(f"{path} is not the path of an image in an HDF5 file.")
    return place


def _row(root: Path, path: str) -> NDArray[Any]:
    """Return one image with its channels last, in the byte order of the machine."""
    place = _place(path)
    try:
        with opened(root / place.file) as container:
            array = container.array(place.key)
            facts = ArrayFacts(place.key, tuple(int(length) for length in array.shape), array.dtype)
            values = container.row(place.key, place.row)
            axis = place.axis or channel_axis(facts, "auto")[0]
    except DatasetError as error:
        raise ImageError(f"{path} cannot be read: {error}") from error
    if values.dtype.kind not in "biuf":
        raise ImageError(f"{path} contains {values.dtype}; expected integers or floating-point numbers.")
    if axis == "first" and values.ndim == 3:
        values = np.moveaxis(values, 0, 2)
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        values = values.astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
    return np.ascontiguousarray(values, values.dtype.newbyteorder("="))


def _decoded(values: NDArray[Any], reading: Reading) -> Decoded:
    return decode_array(values, reading, _AS_PAGES)


def _plain_suffix(path: Path, head: bytes | None = None) -> str:
    """Return the suffix of a file, of one that gzip has packed that below ``.gz``."""
    suffix = path.suffix.lower()
    packed = suffix == ".gz" and (_begins(path, _GZIP) if head is None else head.startswith(_GZIP))
    return Path(path.stem).suffix.lower() if packed else suffix


def _begins(path: Path, signature: bytes) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(signature)) == signature
    except OSError:
        return False


def _starts_later(path: Path) -> bool:
    """Return whether a file has the signature behind a block of its user's own."""
    if path.suffix.lower() not in (*SUFFIXES, ".mat"):
        return False
    try:
        with path.open("rb") as stream:
            for place in (512, 1024, 2048):
                stream.seek(place)
                if stream.read(len(SIGNATURE)) == SIGNATURE:
                    return True
    except OSError:
        return False
    return False


READER = Hdf5Reader()
