"""Features as datasets of an HDF5 file; links out of it are not followed."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from coreset_studio.core.data.heaps import texts_of
from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.extractors.features_file.arrays import PLAIN_BLOCK, Arrays, chosen_names, named_blocks
from coreset_studio.core.reading import ZIP_RATIO, ZIP_UNSUSPICIOUS_BYTES

_CHUNK_BYTES = 1 << 28


@contextmanager
def open_h5(file: Path) -> Iterator[tuple[Arrays, list[str] | None]]:
    """Open an .h5: its dataset `features`, or a group of this name with a dataset for each block, and `paths`."""
    import h5py

    with h5py.File(file, "r") as container:
        names = [name for name in container if isinstance(container.get(name, getlink=True), h5py.HardLink)]
        rows_name, keys_name = chosen_names(file, names)
        found = container[rows_name]
        if isinstance(found, h5py.Group):
            inner = [name for name in found if isinstance(found.get(name, getlink=True), h5py.HardLink)]
            if not inner:
                raise FeatureError(f"The group {rows_name} of {file.name} is empty; expected a dataset for each block.")
            arrays = named_blocks(inner, [found[name] for name in inner])
        else:
            arrays = {PLAIN_BLOCK: found}
        for array in arrays.values():
            _check_dataset(file, array)
        keys = None
        if keys_name:
            listed = container[keys_name]
            _check_dataset(file, listed)
            keys = _h5_texts(file, keys_name, listed)
        yield arrays, keys


def _check_dataset(file: Path, dataset: Any) -> None:
    """Refuse what is no dataset, is in another file, or is made to fill memory and time."""
    import h5py

    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise FeatureError(f"{file.name}: {dataset.name} is not a dataset of numbers or text.")
    if dataset.external or dataset.is_virtual:
        raise FeatureError(f"{file.name}: {dataset.name} refers to another file, which is not read; store the values.")
    stored, whole = dataset.id.get_storage_size(), dataset.size * dataset.dtype.itemsize
    if whole > ZIP_UNSUSPICIOUS_BYTES and whole > ZIP_RATIO * max(1, stored):
        raise FeatureError(
            f"{file.name}: {dataset.name} has {whole:,} bytes, of which {stored:,} are stored; it is not complete, or "
            f"was packed more than {ZIP_RATIO} times. Write it again."
        )
    chunk = math.prod(dataset.chunks or (1,)) * dataset.dtype.itemsize
    if chunk > _CHUNK_BYTES:
        raise FeatureError(
            f"{file.name}: {dataset.name} is stored in chunks of {chunk:,} bytes; at most {_CHUNK_BYTES:,} are read at "
            "once. Write it with smaller chunks."
        )


def _h5_texts(file: Path, name: str, dataset: Any) -> list[str]:
    import h5py

    if dataset.ndim == 1 and h5py.check_string_dtype(dataset.dtype) is not None:
        with texts_of(file) if dataset.dtype.kind == "O" else nullcontext():
            values = dataset[()]
        return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]
    raise FeatureError(
        f"{name} of {file.name} is {dataset.dtype} of shape {dataset.shape}; expected a list of text: the path of each "
        "row."
    )
