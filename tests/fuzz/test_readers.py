"""Whatever stands in a file, its reader returns or says in one sentence what is wrong, within ten seconds.

`make fuzz` runs this for FUZZ_SECONDS (60); without that variable it takes about half a minute in all. A failure
names its seed: FUZZ_SEED=… makes the same files again.
"""

import io
import json
import os
import random
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.cache import ArrayCache, RowStore
from core.data.dataset import load_dataset, save_dataset
from core.data.images import read_rgb
from core.data.sources.csv.rows import list_table
from core.data.sources.npz.arrays import list_npz
from core.data.sources.npz.reader import READER as NPZ
from core.errors import CoresetError, ImageError
from core.features.weight_files import Layer, fits, read_tensors
from core.output.manifest import read_manifest
from core.output.model_bundle import read_facts
from core.project import read_project, read_recovery
from core.results import Dataset, Skipped
from core.results import Image as ImageFacts
from core.settings import read_settings
from core.training.pixels import PixelStore
from core.training.runs import load_runs

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "golden" / "format-2"
BUNDLE = TESTS / "core" / "output" / "golden" / "bundle-format-1" / "bundle.json"
LAYERS = (Layer("a", "conv2d", ((2, 3), (3,))), Layer("b", "dense", ((3, 1), (1,))))


@dataclass(frozen=True)
class Reader:
    """One kind of file.

    Attributes
    ----------
    name : str
        What the file is called; the folder holds the rest that the reader wants.
    whole : callable
        Returns files as they should be.
    read : callable
        Takes the file; may raise `CoresetError`.
    """

    name: str
    whole: Callable[[], list[bytes]]
    read: Callable[[Path], object]


def _images() -> list[bytes]:
    rgb = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    found = []
    for form, options in (("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("GIF", {}), ("BMP", {}),
                          ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {}),
                          ("WEBP", {"lossless": True})):  # fmt: skip
        stream = io.BytesIO()
        Image.fromarray(rgb).save(stream, form, **options)
        found.append(stream.getvalue())
    return found


def _tables() -> list[bytes]:
    text = 'path,class,split,group\na/1.png,"x, y",train,g1\n../b.png,z,test,\n"q""r.png",z,val,2\n'
    return [text.encode(), text.replace(",", ";").encode("utf-16"), text.replace(",", "\t").encode("utf-8-sig")]


def _npz() -> list[bytes]:
    rng = np.random.default_rng(0)
    found = []
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        images = rng.integers(0, 256, (4, 5, 6), dtype=np.uint8)
        save(stream, train_images=images, train_labels=np.arange(4)[:, None] % 2, test_images=images[:1],
             test_labels=np.zeros(1, dtype=np.uint8))  # fmt: skip
        found.append(stream.getvalue())
    return found


def _read_npz(file: Path) -> None:
    for entry in list_npz(file).entries[:6]:
        try:
            NPZ.read(file, entry.path)
        except ImageError:
            continue


def _weights() -> list[bytes]:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as container:
        for name, shapes in (("conv2d", LAYERS[0].shapes), ("dense", LAYERS[1].shapes)):
            group = container.create_group(f"layers/{name}/vars")
            for position, shape in enumerate(shapes):
                group.create_dataset(str(position), data=np.ones(shape, dtype=np.float32))
    archived = io.BytesIO()
    with zipfile.ZipFile(archived, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", stream.getvalue())
    return [stream.getvalue(), archived.getvalue()]


def _read_weights(file: Path) -> None:
    fits(file, LAYERS)
    read_tensors(file, LAYERS, "the fuzzed network")


def _stored(pattern: str) -> Callable[[], list[bytes]]:
    def whole() -> list[bytes]:
        return [file.read_bytes() for file in sorted(GOLDEN.glob(pattern))[:3]]

    return whole


def _read_run(file: Path) -> None:
    for arrays in GOLDEN.glob("study/runs/*.npz"):
        (file.parent / arrays.name).write_bytes(arrays.read_bytes())
    load_runs(file.parent)


def _read_run_arrays(file: Path) -> None:
    stored = next(GOLDEN.glob("study/runs/*.json"))
    values = json.loads(stored.read_text())
    (file.parent / "run.json").write_text(json.dumps({**values, "arrays": file.name}))
    load_runs(file.parent)


def _scan() -> list[bytes]:
    image = ImageFacts(path="a/1.png", class_name="a", split="train", group="", width=3, height=4, pixels="ab" * 32,
                       file="cd" * 32, n_bytes=5, modified_ns=6, perceptual="ef" * 8)  # fmt: skip
    skipped = (Skipped("a/x", "It is no image."),)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scan.json"
        save_dataset(Dataset(Path("/x"), Path("/x"), "folder", (image,), skipped, ("A note.",)), file)
        return [file.read_bytes()]


def _read_squares(file: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.zeros((2, 4, 4, 3), dtype=np.uint8))
    file.with_suffix(".npy").write_bytes(stream.getvalue())
    PixelStore(file.parent, 4)


def _entry() -> list[bytes]:
    return [json.dumps({"arrays": {"x": [[2, 3], "<f4"]}, "facts": {"curve": {"2": 0.5}}}).encode()]


def _array() -> list[bytes]:
    stream = io.BytesIO()
    np.save(stream, np.ones((2, 3), dtype=np.float32))
    return [stream.getvalue()]


def _read_entry(file: Path) -> None:
    """Read an entry of a stage, of which either the facts or the array are not as they were written."""
    for name, [content] in (("facts.json", _entry()), ("x.npy", _array())):
        if file.name != name:
            (file.parent / name).write_bytes(content)
    ArrayCache(file.parents[2]).load(file.parents[1].name, file.parent.name)


def _read_rows(file: Path) -> None:
    if file.suffix == ".json":
        file.with_suffix(".npy").write_bytes(_array()[0])
    else:
        file.with_suffix(".json").write_text('["a", "b"]')
    store = RowStore(file.parent, 3)
    if "a" in store:
        store.rows(["a"])


READERS = {
    "image": Reader("image.png", _images, read_rgb),
    "table": Reader("table.csv", _tables, list_table),
    "npz": Reader("arrays.npz", _npz, _read_npz),
    "bundle": Reader("bundle.json", lambda: [BUNDLE.read_bytes()], lambda file: read_facts(file.parent)),
    "project": Reader("study.coreset", _stored("project*.coreset"), read_project),
    "recovery": Reader("recovery.json", _stored("recovery.json"), read_recovery),
    "manifest": Reader("coreset.json", _stored("study/coreset/coreset.json"), read_manifest),
    "settings": Reader("settings.json", _stored("settings*.json"), read_settings),
    "run": Reader("run.json", _stored("study/runs/*.json"), _read_run),
    "arrays of a run": Reader("run.npz", _stored("study/runs/*.npz"), _read_run_arrays),
    "scan": Reader("scan.json", _scan, load_dataset),
    "cache facts": Reader("facts.json", _entry, _read_entry),
    "cache array": Reader("x.npy", _array, _read_entry),
    "row keys": Reader("1.json", lambda: [b'["a", "b"]'], _read_rows),
    "rows": Reader("1.npy", _array, _read_rows),
    "pixel keys": Reader("1.json", lambda: [b'["a", "b"]'], _read_squares),
    "weights": Reader("weights.h5", _weights, _read_weights),
}

SECONDS = float(os.environ.get("FUZZ_SECONDS", "24")) / len(READERS)
SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.randrange(1, 2**31)
LIMIT = 10.0
PER_ROUND = 25

NASTY: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**40, 0.5, 1e308, -0.0, float("nan"), float("inf"), "", "x", "\0",
    "../../x", "/etc/passwd", "C:\\x", "\ud800", "é" * 300, [], {}, [[]], [None], {"": None}, [[[[[[]]]]]], "NaN",
]  # fmt: skip


@st.composite
def broken_bytes(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """A whole file with a few cuts, copies and other bytes in it, or any bytes at all."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=400))
    content = bytearray(draw(st.sampled_from(whole)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        n = draw(st.integers(1, 16))
        change = draw(st.sampled_from(["flip", "other", "cut", "drop", "copy", "zeros", "ones", "end"]))
        if change == "flip" and content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "other":
            content[at : at + n] = draw(st.binary(min_size=n, max_size=n))
        elif change == "cut":
            del content[at:]
        elif change == "drop":
            del content[at : at + n]
        elif change == "copy":
            content[at:at] = content[at : at + n] * draw(st.integers(1, 200))
        elif change in ("zeros", "ones"):
            content[at : at + n] = (b"\0" if change == "zeros" else b"\xff") * n
        else:
            content += draw(st.binary(max_size=32))
    return bytes(content)


@st.composite
def broken_json(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """JSON of a whole file with other values in a few of its places."""
    values = json.loads(draw(st.sampled_from(whole)))
    for _ in range(draw(st.integers(1, 3))):
        values = _changed(draw, values)
    return json.dumps(values).encode()


def _changed(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 7)) == 0:
        return draw(st.sampled_from(NASTY))
    if isinstance(value, dict):
        name = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 7)) == 0:
            return {key: inner for key, inner in value.items() if key != name}
        return {**value, name: _changed(draw, value[name])}
    at = draw(st.integers(0, len(value) - 1))
    return [*value[:at], _changed(draw, value[at]), *value[at + 1 :]]


def check(reader: Reader, content: bytes, place: Path) -> None:
    """Read `content` as the reader's file, in an empty folder."""
    folder = place / "stage" / "entry"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    file = folder / reader.name
    file.write_bytes(content)
    started = time.perf_counter()
    try:
        reader.read(file)
    except CoresetError as error:
        said = str(error)
        assert said.strip(), "an error without a sentence"
        assert "Traceback" not in said
    assert time.perf_counter() - started < LIMIT, "it takes too long"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", READERS)
def test_no_file_stops_its_reader(kind: str, tmp_path: Path) -> None:
    reader = READERS[kind]
    whole = reader.whole()
    assert whole, "there is no file to begin from"
    for content in whole:
        check(reader, content, tmp_path)
    strategy = broken_bytes(whole)
    if reader.name.endswith((".json", ".coreset")):
        strategy = st.one_of(broken_json(whole), broken_bytes(whole))
    end, seed = time.monotonic() + SECONDS, SEED
    while time.monotonic() < end:
        print(f"FUZZ_SEED={seed}")

        @hypothesis.seed(seed)
        @settings(max_examples=PER_ROUND, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(strategy)
        def some_files(content: bytes) -> None:
            check(reader, content, tmp_path)

        some_files()
        seed += 1


def _packed(name: str, claimed: int) -> bytes:
    """An archive of one member that claims to have so many bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(100))
        archive.filelist[0].file_size = claimed
    return stream.getvalue()


def _with_head(head: bytes) -> bytes:
    """A .npy whose head says something else, in the place of a whole one."""
    whole = _array()[0]
    return whole[:10] + head.ljust(len(whole) - 10 - 24)[: len(whole) - 10 - 24] + whole[-24:]


FOUND = [
    ("cache array", _with_head(b"{'descr': '<f4', 'fortran_order': F2, 3), }")),
    ("cache array", _with_head(b"{'descr': '<f4', '\0")),
    ("rows", _with_head(b"{'descr': '<f4', 'fortran_order': F2, 3), }")),
    ("row keys", b"null"),
    ("row keys", b"[[], 1]"),
    ("pixel keys", b"null"),
    ("arrays of a run", _packed("true.npy", 130_000_000)),
    ("arrays of a run", _packed("true.npy", 2**40)),
    ("weights", _packed("model.weights.h5", 2**31)),
]
"""The smallest files by which readers were once stopped."""


@pytest.mark.parametrize(("kind", "content"), FOUND)
def test_files_that_once_stopped_their_reader(kind: str, content: bytes, tmp_path: Path) -> None:
    check(READERS[kind], content, tmp_path)
