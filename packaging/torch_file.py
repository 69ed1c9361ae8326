"""Read the tensors of a file that `torch.save` wrote before PyTorch 1.6, without PyTorch and without running it.

Such a file is a series of pickles and then the bytes of the storages. A pickle can name any function and have it
called; here it may name four things, none of which does anything: `OrderedDict`, the storage of 32-bit floats and
that of 64-bit integers, which become labels, and the function that puts a tensor together, which becomes a record of
what it was given. Its instructions are read first, and those that such a file does not need are refused. Nothing that
a pickle can name keeps what it is told to set (`BUILD`) but the dictionaries that it makes itself. Only packaging reads
such a file; the program itself reads no pickle.
"""

import io
import math
import pickle
import pickletools
from collections import OrderedDict
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
LARGEST_FILE = 1 << 28
_MOST_DIMENSIONS = 8
_MOST_INSTRUCTIONS = 1_000_000
# fmt: off
_INSTRUCTIONS = frozenset((
    "PROTO", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BUILD", "BININT", "BININT1", "BININT2", "LONG1",
    "BINUNICODE", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "APPEND", "APPENDS",
    "SETITEM", "SETITEMS", "BINGET", "LONG_BINGET", "BINPUT", "LONG_BINPUT", "BINPERSID", "GLOBAL", "REDUCE",
))
# fmt: on


class TorchFileError(Exception):
    """The file is no such file, or contains something else than plain tensors."""


# Tuples, since no pickle can change one: the bounds of a tensor are checked once.
class _StorageKind(NamedTuple):
    """What a pickle names as the class of a storage."""

    dtype: str


class _Storage(NamedTuple):
    """The part of the file that holds the numbers of one or more tensors."""

    kind: _StorageKind
    key: str
    n_numbers: int


class _Tensor(NamedTuple):
    """A part of a storage, by its place, shape and strides in numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _is_counts(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) <= _MOST_DIMENSIONS and all(_is_count(each) for each in value)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_FILE


class _Rebuilding:
    """Stands in for `torch._utils._rebuild_tensor_v2`; without attributes, so that no pickle can change it."""

    __slots__ = ()

    def __call__(self, *arguments: Any) -> _Tensor:
        """Keep what it is given, if that describes a tensor inside its storage."""
        if not 4 <= len(arguments) <= 6:
            raise TorchFileError(f"a tensor of {len(arguments)} facts; expected 4 to 6")
        storage, offset, shape, strides = arguments[:4]
        if not (isinstance(storage, _Storage) and _is_count(offset) and _is_counts(shape) and _is_counts(strides)):
            raise TorchFileError("a tensor whose storage, place or shape is something else")
        if len(shape) != len(strides):
            raise TorchFileError(f"a tensor of shape {shape} with the strides {strides}")
        last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
        count = math.prod(shape)
        if count > storage.n_numbers or (count and last >= storage.n_numbers):
            raise TorchFileError(f"a tensor of shape {shape} that does not lie inside its storage")
        return _Tensor(storage, offset, shape, strides)


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "FloatStorage"): _StorageKind("<f4"),
    ("torch", "LongStorage"): _StorageKind("<i8"),
    ("torch._utils", "_rebuild_tensor_v2"): _Rebuilding(),
}


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows four names; see the module."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream, encoding="utf-8", errors="strict")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands in for a name, or refuse it."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise TorchFileError(f"it names {module}.{name}, which is not allowed") from None

    def persistent_load(self, pid: Any) -> _Storage:
        """Return the storage that a pickle refers to."""
        if not (isinstance(pid, tuple) and len(pid) == 6):
            raise TorchFileError("it refers to something that is not a storage")
        what, kind, key, place, n_numbers, view = pid
        is_storage = what == "storage" and isinstance(kind, _StorageKind) and isinstance(key, str)
        if not is_storage or place != "cpu" or not _is_count(n_numbers) or view is not None:
            raise TorchFileError("it refers to something that is not a storage in memory")
        storage = _Storage(kind, key, n_numbers)
        if self.storages.setdefault(key, storage) != storage:
            raise TorchFileError(f"it describes the storage {key} in two ways")
        return storage


def read_torch_file(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the tensors of a file by name.

    Parameters
    ----------
    content : bytes
        The whole file, at most 256 MiB.

    Returns
    -------
    dict of str to ndarray
        float32 or int64, in C order, in the file's order.

    Raises
    ------
    TorchFileError
        If it is not such a file, is truncated, or names or contains anything but tensors.
    """
    if len(content) > LARGEST_FILE:
        raise TorchFileError(f"it has {len(content):,} bytes; expected at most {LARGEST_FILE:,}")
    stream = io.BytesIO(content)
    try:
        magic, protocol, system = (_unpickled(stream)[0] for _ in range(3))
        if (magic, protocol) != (MAGIC, PROTOCOL):
            raise TorchFileError("it does not start as files of torch.save do")
        if not isinstance(system, dict) or system.get("little_endian") is not True:
            raise TorchFileError("its numbers are not stored in little-endian order")
        tensors, storages = _unpickled(stream)
        keys, _ = _unpickled(stream)
    except TorchFileError:
        raise
    except Exception as error:  # a damaged pickle raises nearly any exception
        raise TorchFileError(f"its pickle cannot be read ({type(error).__name__}: {error})") from error
    # By the class: a pickle may have set an attribute `items`.
    named = list(dict.items(tensors)) if isinstance(tensors, dict) else []
    if not named or not all(isinstance(name, str) and isinstance(tensor, _Tensor) for name, tensor in named):
        raise TorchFileError("it contains something else than tensors by name")
    if sum(math.prod(tensor.shape) for _, tensor in named) > len(content):
        raise TorchFileError("its tensors have more numbers than the file")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or sorted(keys) != sorted(storages):
        raise TorchFileError("its list of storages does not name those that its tensors lie in")
    numbers = {key: _numbers(stream, storages[key]) for key in keys}
    if stream.read(1):
        raise TorchFileError("something follows its last storage")
    return {name: _array(tensor, numbers[tensor.storage.key]) for name, tensor in named}


def _unpickled(stream: io.BytesIO) -> tuple[Any, dict[str, _Storage]]:
    """Read the next pickle, after its instructions were looked at; return its object and the storages it refers to."""
    start = stream.tell()
    for count, (instruction, argument, _) in enumerate(pickletools.genops(stream)):
        if instruction.name not in _INSTRUCTIONS:
            raise TorchFileError(f"its pickle has the instruction {instruction.name}, which is not allowed")
        # A pickle with a large place for what it remembers would take as much memory.
        if count > _MOST_INSTRUCTIONS or (instruction.name == "LONG_BINPUT" and argument > count):
            raise TorchFileError("its pickle is longer, or remembers more, than that of a network")
    stream.seek(start)
    unpickler = _Unpickler(stream)
    return unpickler.load(), unpickler.storages


def _numbers(stream: io.BytesIO, storage: _Storage) -> NDArray[Any]:
    """Read the next storage: how many numbers it has, and these."""
    dtype = np.dtype(storage.kind.dtype)
    count = int.from_bytes(stream.read(8), "little")
    if count != storage.n_numbers:
        raise TorchFileError(f"the storage {storage.key} has {count:,} numbers; expected {storage.n_numbers:,}")
    held = stream.read(count * dtype.itemsize)
    if len(held) != count * dtype.itemsize:
        raise TorchFileError("it is truncated")
    return np.frombuffer(held, dtype=dtype)


def _array(tensor: _Tensor, numbers: NDArray[Any]) -> NDArray[Any]:
    strides = tuple(stride * numbers.itemsize for stride in tensor.strides)
    part = np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides, writeable=False)
    return np.array(part, order="C")
