"""Files of PyTorch are read as tensors alone: whatever else a pickle in one names or does is refused."""

import importlib.util
import io
import os
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "torch_file.py"


@pytest.fixture(scope="module")
def torch_file() -> ModuleType:
    spec = importlib.util.spec_from_file_location("torch_file", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- a writer of such files, by hand: instructions of pickle's protocol 2 ---------------------------------------------


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def group(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def named(module: str, name: str) -> bytes:
    return b"c" + f"{module}\n{name}\n".encode()


def storage(key: str, n: int, kind: str = "FloatStorage") -> bytes:
    return group(text("storage"), named("torch", kind), text(key), text("cpu"), number(n), b"N") + b"Q"


def tensor(key: str, n: int, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, **of: str) -> bytes:
    facts = [storage(key, n, **of), number(offset), group(*map(number, shape)), group(*map(number, strides))]
    hooks = named("collections", "OrderedDict") + b")R"
    return named("torch._utils", "_rebuild_tensor_v2") + group(*facts, b"\x89", hooks) + b"R"


def names(entries: dict[str, bytes]) -> bytes:
    """Return a pickle's instructions for an OrderedDict of entries."""
    inside = b"".join(text(name) + value for name, value in entries.items())
    return named("collections", "OrderedDict") + b")R(" + inside + b"u"


def file_of(content: bytes, storages: dict[str, np.ndarray], after: bytes = b"") -> bytes:
    start = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2)]
    start.append(pickle.dumps({"protocol_version": 1001, "little_endian": True}, 2))
    held = b"".join(struct.pack("<q", array.size) + array.tobytes() for array in storages.values())
    return b"".join(start) + b"\x80\x02" + content + b"." + pickle.dumps(list(storages), 2) + held + after


SIX = np.arange(6, dtype=np.float32)


def test_tensors_are_read_with_their_shapes_and_strides(torch_file: ModuleType) -> None:
    entries = {
        "rows": tensor("a", 6, (2, 3), (3, 1)),
        "columns": tensor("a", 6, (3, 2), (1, 3)),
        "part": tensor("a", 6, (2,), (1,), offset=4),
        "count": tensor("b", 1, (), (), kind="LongStorage"),
    }
    content = file_of(names(entries), {"a": SIX, "b": np.array([7], dtype=np.int64)})

    found = torch_file.read_torch_file(content)

    assert list(found) == ["rows", "columns", "part", "count"]
    np.testing.assert_array_equal(found["rows"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found["columns"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(found["part"], [4, 5])
    assert found["count"] == 7
    assert found["rows"].dtype == np.float32


class Hostile:
    """What is made when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def test_a_pickle_that_calls_something_is_refused_and_calls_nothing(torch_file: ModuleType, tmp_path: Path) -> None:
    calls = [
        (os.system, f"touch {tmp_path / 'made'}"),
        (os.mkdir, str(tmp_path / "made")),
        (eval, f"open({str(tmp_path / 'made')!r}, 'w')"),
        (getattr, OrderedDict, "__init__"),
        (pickle.loads, pickle.dumps(Hostile(os.mkdir, str(tmp_path / "made")))),
    ]
    for function, *arguments in calls:
        hostile = pickle.dumps({"w": Hostile(function, *arguments)}, 2)
        with pytest.raises(torch_file.TorchFileError, match="which is not allowed"):
            torch_file.read_torch_file(hostile)
        inside = pickle.dumps(OrderedDict(w=Hostile(function, *arguments)), 2)[2:-1]
        with pytest.raises(torch_file.TorchFileError, match="which is not allowed"):
            torch_file.read_torch_file(file_of(inside, {"a": SIX}))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        # Written by hand: other ways to name a function, and to call one.
        (b"cos\nsystem\n" + group(text("true")) + b"R", "names os.system"),
        (b"(" + text("true") + b"ios\nsystem\n", "instruction INST"),
        (b"(cos\nsystem\n" + text("true") + b"o", "instruction OBJ"),
        (text("os") + text("system") + b"\x93", "instruction STACK_GLOBAL"),
        (named("collections", "OrderedDict") + b")\x81", "instruction NEWOBJ"),
        (b"\x82\x01", "instruction EXT1"),
        (named("torch._utils", "_rebuild_tensor"), "names torch._utils._rebuild_tensor"),
        (named("torch", "load"), "names torch.load"),
        (named("collections", "OrderedDict.popitem"), "names collections.OrderedDict.popitem"),
        (named("__builtin__", "getattr"), "names __builtin__.getattr"),
        # It remembers at a place that takes gigabytes.
        (b"Nr\xff\xff\xff\x7f", "remembers more"),
        # Tensors beyond their storage, or of something else.
        (names({"w": tensor("a", 6, (2, 3), (3, 1), offset=1)}), "does not lie inside its storage"),
        (names({"w": tensor("a", 6, (7,), (0,))}), "does not lie inside its storage"),
        (names({"w": tensor("a", 6, (2,), (-1,))}), "place or shape is something else"),
        (names({"w": tensor("a", 6, (2, 3), (3,))}), "with the strides"),
        (names({"w": tensor("a", 7, (2, 3), (3, 1))}), "has 6 numbers; expected 7"),
        (names({"w": tensor("a", 6, (1,), (1,)), "v": tensor("a", 5, (1,), (1,))}), "in two ways"),
        (names({"w": tensor("b", 6, (1,), (1,))}), "does not name those"),
        (names({"w": text("no tensor")}), "something else than tensors"),
        (tensor("a", 6, (6,), (1,)), "something else than tensors"),
        (names({str(i): tensor("a", 1000, (1000,), (0,)) for i in range(99)}), "more numbers than the file"),
        (names({"w": group(text("storage"), text("torch")) + b"Q"}), "not a storage"),
        # An attribute of what stands in for a name cannot be set.
        (named("torch", "FloatStorage") + b"}" + text("dtype") + text("O") + b"sb", "cannot be read"),
        (named("torch._utils", "_rebuild_tensor_v2") + b"}" + text("a") + b"Nsb", "cannot be read"),
        (named("collections", "OrderedDict") + b"}" + text("items") + b"Nsb", "cannot be read"),
    ],
)
def test_anything_but_plain_tensors_is_refused(torch_file: ModuleType, content: bytes, why: str) -> None:
    with pytest.raises(torch_file.TorchFileError, match=why):
        torch_file.read_torch_file(file_of(content, {"a": SIX}))

    whole = torch_file.read_torch_file(file_of(names({"w": tensor("a", 6, (6,), (1,))}), {"a": SIX}))
    np.testing.assert_array_equal(whole["w"], SIX)


def test_attributes_of_the_dictionary_change_nothing(torch_file: ModuleType) -> None:
    state = b"}" + text("items") + named("collections", "OrderedDict") + b"sb"

    found = torch_file.read_torch_file(file_of(names({"w": tensor("a", 6, (6,), (1,))}) + state, {"a": SIX}))

    np.testing.assert_array_equal(found["w"], SIX)


def test_truncated_and_other_files_are_refused(torch_file: ModuleType) -> None:
    whole = file_of(names({"w": tensor("a", 6, (6,), (1,))}), {"a": SIX})
    for end in range(0, len(whole), 7):
        with pytest.raises(torch_file.TorchFileError):
            torch_file.read_torch_file(whole[:end])
    stream = io.BytesIO()
    np.save(stream, SIX)
    for other in (b"PK\x03\x04" + bytes(40), pickle.dumps([1, 2]) * 3, whole + b"more", stream.getvalue()):
        with pytest.raises(torch_file.TorchFileError):
            torch_file.read_torch_file(other)
