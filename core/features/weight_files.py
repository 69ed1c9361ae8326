"""Read the tensors of a network from any Keras container, and know a set of weights by its tensors.

Only arrays are read, with h5py: no layer is built from a file, nothing in it is run, and links that lead out of
the file are refused. So a weight file from anywhere is safe to open.

The digest is the SHA-256 over the arrays of every layer with weights, in model order and in Keras' order inside a
layer (a convolution's kernel, then its bias), as float32, little-endian, in C order. One set of weights has the
same digest in a ``.h5``, a ``.weights.h5`` and a ``.keras``.
"""

import hashlib
import io
import math
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coreset_studio.core.data.heaps import heaps_are_whole
from coreset_studio.core.errors import CoresetError, WeightsError
from coreset_studio.core.files import temporary_file
from coreset_studio.core.reading import check_member, open_regular
from coreset_studio.core.results import FloatArray

SUFFIXES = (".h5", ".hdf5", ".keras")
_IN_ARCHIVE = "model.weights.h5"
_LARGEST_MEMBER = 4 << 30


@dataclass(frozen=True)
class Layer:
    """One layer with weights, as a network's architecture demands it.

    Attributes
    ----------
    name : str
        As Keras names it in this network.
    kind : str
        Its Keras class in snake case, such as ``"conv2d"``.
    shapes : tuple of tuple of int
        Of its arrays, in Keras' order.
    """

    name: str
    kind: str
    shapes: tuple[tuple[int, ...], ...]

    @property
    def n_numbers(self) -> int:
        """Number of values."""
        return sum(math.prod(shape) for shape in self.shapes)


@dataclass(frozen=True)
class Tensors:
    """The arrays of a network.

    Attributes
    ----------
    layers : tuple of tuple of ndarray
        By layer, in the order of the architecture; float32, in Keras' shapes.
    digest : str
        SHA-256 (hex) over all of them.
    """

    layers: tuple[tuple[FloatArray, ...], ...]
    digest: str


def tensors_of(layers: Sequence[Sequence[FloatArray]]) -> Tensors:
    """Return `layers`, as float32 in C order, together with their digest."""
    kept = tuple(tuple(np.ascontiguousarray(array, dtype="<f4") for array in arrays) for arrays in layers)
    digest = hashlib.sha256()
    for arrays in kept:
        for array in arrays:
            digest.update(array.data)
    return Tensors(kept, digest.hexdigest())


def fits(file: Path, layers: Sequence[Layer]) -> bool:
    """Return whether `file` contains exactly the arrays that `layers` require; only reads shapes.

    Raises
    ------
    WeightsError
        If it is not a weight file.
    """
    with _opened(file) as found:
        return not isinstance(_arranged(found, layers), str)


def read_tensors(file: Path, layers: Sequence[Layer], network: str) -> Tensors:
    """Read the weights of a network.

    Parameters
    ----------
    file : Path
        ``.h5`` (weights or a whole model), ``.weights.h5`` or ``.keras``.
    layers : sequence of Layer
        The architecture, which the file must fit exactly.
    network : str
        Its title, for messages.

    Raises
    ------
    WeightsError
        If the file is truncated, is not a weight file, holds other layers or shapes, or numbers that are not finite.
    """
    with _opened(file) as found:
        arranged = _arranged(found, layers)
        if isinstance(arranged, str):
            raise WeightsError(f"The weight file {file} does not match {network}: {arranged}.")
        tensors = tensors_of([[dataset[()] for dataset in datasets] for datasets in arranged])
    if not all(np.isfinite(array).all() for arrays in tensors.layers for array in arrays):
        raise WeightsError(f"The weight file {file} contains values that are not finite; it is damaged.")
    return tensors


def write_tensors(file: Path, layers: Sequence[Layer], tensors: Tensors) -> None:
    """Write a ``.weights.h5`` that Keras 3 loads too, replacing `file` only when it is complete.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    import h5py

    with temporary_file(file) as part, h5py.File(part, "w") as container:
        for path, layer, arrays in zip(_group_names(layers), layers, tensors.layers, strict=True):
            group = container.create_group(f"layers/{path}/vars")
            group.attrs["name"] = layer.name
            for position, array in enumerate(arrays):
                group.create_dataset(str(position), data=array)


@dataclass(frozen=True)
class _Found:
    """Layers with weights as they are in a file: how each is called there, and its arrays."""

    group: str
    name: str
    datasets: list[Any]


@contextmanager
def _opened(file: Path) -> Iterator[list[_Found]]:
    """Open a container and list its layers, converting every fault of the file into a `WeightsError`."""
    import h5py

    try:
        # A pipe or a device would be waited for.
        open_regular(file).close()
        if zipfile.is_zipfile(file):
            source: Any = io.BytesIO(_archived(file))
        else:
            source = file
        with open_regular(file) if source is file else nullcontext(source) as stream:
            if not heaps_are_whole(stream):  # HDF5 would not stop reading the names of layers
                raise ValueError("a part with texts has objects of impossible sizes")
        with h5py.File(source, "r") as container:
            yield list(_listed(container))
    except FileNotFoundError as error:
        raise WeightsError(f"The weight file {file} does not exist.") from error
    except CoresetError:
        raise
    except Exception as error:  # h5py and zipfile raise nearly any exception on damaged files
        raise WeightsError(
            f"The weight file {file} cannot be read: it is truncated or not a Keras weight file (.h5, .weights.h5 or "
            f".keras). Get it again."
        ) from error


def _archived(file: Path) -> bytes:
    """Return the weights inside a ``.keras`` archive."""
    with zipfile.ZipFile(file) as archive:
        member = archive.getinfo(_IN_ARCHIVE)
        check_member(archive, member, _LARGEST_MEMBER)
        return archive.read(member)


def _listed(container: Any) -> Iterator[_Found]:
    """Yield the layers with weights of either layout, in the file's own order."""
    if "layer_names" in container.attrs or "layer_names0" in container.attrs:
        yield from _listed_by_attributes(container)
    elif "model_weights" in container:
        yield from _listed_by_attributes(_inside(container, "model_weights"))
    else:
        yield from _listed_by_groups(_inside(container, "layers"))


def _listed_by_attributes(root: Any) -> Iterator[_Found]:
    """Yield from the layout of Keras 1 and 2, and of ``save`` to .h5: names are in attributes."""
    for name in _texts(root, "layer_names"):
        group = _inside(root, name)
        datasets = [_inside(group, path) for path in _texts(group, "weight_names")]
        if datasets:
            yield _Found(name, name, datasets)


def _listed_by_groups(root: Any) -> Iterator[_Found]:
    """Yield from the layout of Keras 3: ``layers/conv2d_1/vars/0``."""
    for name in root:
        layer = _inside(root, name)
        if "vars" not in layer:
            continue
        variables = _inside(layer, "vars")
        datasets = [_inside(variables, place) for place in sorted(variables, key=int)]
        if datasets:
            yield _Found(name, str(variables.attrs.get("name", "")), datasets)


def _texts(group: Any, attribute: str) -> list[str]:
    """Return a list of texts kept in an attribute, or in several where it was too long for one."""
    if attribute in group.attrs:
        values = list(group.attrs[attribute])
    else:
        values, part = [], 0
        while f"{attribute}{part}" in group.attrs:
            values.extend(group.attrs[f"{attribute}{part}"])
            part += 1
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def _inside(group: Any, path: str) -> Any:
    """Return the object at `path`, refusing links out of the file."""
    import h5py

    for step in path.split("/"):
        if not isinstance(group.get(step, getlink=True), h5py.HardLink):
            raise KeyError(path)
        group = group[step]
    if isinstance(group, h5py.Dataset) and (group.external or group.is_virtual):
        raise KeyError(path)
    return group


def _arranged(found: Sequence[_Found], layers: Sequence[Layer]) -> list[list[Any]] | str:
    """Return the file's arrays in the architecture's order, or in a few words what does not fit."""
    if len(found) != len(layers):
        return f"it contains {len(found)} layers with weights, expected {len(layers)} (the network without its top)"
    ordered = _by_name(found, layers) or _by_group(found, layers) or list(found)
    for layer, entry in zip(layers, ordered, strict=True):
        shapes = tuple(tuple(dataset.shape) for dataset in entry.datasets)
        if shapes != layer.shapes:
            return f"layer {layer.name} has the shapes {shapes}, expected {layer.shapes}"
        if any(dataset.dtype != np.float32 for dataset in entry.datasets):
            return f"layer {layer.name} contains {entry.datasets[0].dtype} values, expected float32"
    return [entry.datasets for entry in ordered]


def _by_name(found: Sequence[_Found], layers: Sequence[Layer]) -> list[_Found] | None:
    """Order by the names that the layers have in the network, if the file contains all of them."""
    named = {entry.name: entry for entry in found}
    if set(named) != {layer.name for layer in layers}:
        return None
    return [named[layer.name] for layer in layers]


def _by_group(found: Sequence[_Found], layers: Sequence[Layer]) -> list[_Found] | None:
    """Order by the numbers that Keras 3 gives to the layers of one class, in model order."""
    grouped = {entry.group: entry for entry in found}
    names = _group_names(layers)
    return [grouped[name] for name in names] if set(grouped) == set(names) else None


def _group_names(layers: Sequence[Layer]) -> list[str]:
    """Return the groups that Keras 3 puts these layers into: conv2d, conv2d_1, ..."""
    seen: Counter[str] = Counter()
    names = []
    for layer in layers:
        names.append(f"{layer.kind}_{seen[layer.kind]}" if seen[layer.kind] else layer.kind)
        seen[layer.kind] += 1
    return names
