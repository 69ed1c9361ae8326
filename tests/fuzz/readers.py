"""Every reader of a file that may come from anywhere, whole files for it to begin from, and what is asked of it.

Whatever stands in a file, its reader returns or says in one sentence what is wrong: within ten seconds, with less than
a gigabyte for what it refuses, and without touching a file outside the folder that the file lies in.
"""

import io
import json
import os
import shutil
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import h5py
import numpy as np
import pydicom
import tifffile
from openjpeg.utils import encode_array
from openpyxl import Workbook
from PIL import Image
from pydicom.uid import JPEG2000Lossless, RLELossless

from coreset_studio.core.cache import ArrayCache
from coreset_studio.core.data.dataset import load_dataset, save_dataset
from coreset_studio.core.data.images import decode, decode_page, n_pages, read_file, read_rgb
from coreset_studio.core.data.label_files import read_label_file
from coreset_studio.core.data.levels import fixed
from coreset_studio.core.data.sources.coreset_list.reader import READER as CORESET_LIST
from coreset_studio.core.data.sources.csv.rows import list_table
from coreset_studio.core.data.sources.csv.settings import TableSettings
from coreset_studio.core.data.sources.csv.table import list_any_table
from coreset_studio.core.data.sources.hdf5.container import close
from coreset_studio.core.data.sources.hdf5.listing import list_hdf5
from coreset_studio.core.data.sources.hdf5.reader import READER as HDF5
from coreset_studio.core.data.sources.hdf5.settings import Hdf5Settings
from coreset_studio.core.data.sources.npz.arrays import list_npz
from coreset_studio.core.data.sources.npz.reader import READER as NPZ
from coreset_studio.core.data.sources.tar.listing import list_tar
from coreset_studio.core.data.sources.tar.reader import READER as TAR
from coreset_studio.core.data.sources.tar.settings import TarSettings
from coreset_studio.core.errors import CoresetError, ImageError
from coreset_studio.core.features.own_models.adding import inspect_model
from coreset_studio.core.features.own_models.description_file import read_description
from coreset_studio.core.features.own_models.store import read_model
from coreset_studio.core.features.weight_files import Layer, fits, read_tensors
from coreset_studio.core.forms import write_form
from coreset_studio.core.output.continuing import read_earlier
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.output.methods_facts import TrainingFacts, facts_of_manifest
from coreset_studio.core.output.model_bundle import read_facts
from coreset_studio.core.output.search_files import read_search
from coreset_studio.core.output.verification import verify
from coreset_studio.core.pipeline.methods import read_methods
from coreset_studio.core.pipeline.search_space import search_ranges
from coreset_studio.core.pipeline.search_summary import Searched, summarise_search
from coreset_studio.core.pipeline.search_trials import SearchTrials
from coreset_studio.core.project import digest_on_disk, read_project, read_recovery
from coreset_studio.core.results import Dataset, Reading, Skipped, Stored
from coreset_studio.core.results import Image as ImageFacts
from coreset_studio.core.results.searches import SearchTrial, TrialResult
from coreset_studio.core.row_store import RowStore
from coreset_studio.core.settings import SearchSettings, TrainingSettings, read_settings
from coreset_studio.core.training.pixels import PixelStore
from coreset_studio.core.training.runs import load_runs
from tests.core.data.dicom_files import compressed as encapsulated
from tests.core.data.dicom_files import dicom_bytes, item, written
from tests.core.features.own_models.onnx_files import SIZE
from tests.core.features.own_models.onnx_files import model as make_model
from tests.fuzz import feature_files

if sys.platform != "win32":
    import resource

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
GOLDEN = TESTS / "golden" / "format-2"
RELABELLED = TESTS / "golden" / "relabelled"
OWN_MODEL = TESTS / "golden" / "own-model" / "model.json"
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
                          ("WEBP", {"lossless": True}), ("HEIF", {}), ("AVIF", {}), ("JPEG2000", {})):  # fmt: skip
        stream = io.BytesIO()
        Image.fromarray(rgb).save(stream, form, **options)
        found.append(stream.getvalue())
    return found


def _deep_images() -> list[bytes]:
    """Return files of more than 8 bits, transparent ones, and such of several pages."""
    rng = np.random.default_rng(0)
    grey, colour = (rng.integers(0, 4096, shape).astype(np.uint16) for shape in ((9, 12), (9, 12, 3)))
    found = [cv2.imencode(suffix, each)[1].tobytes() for suffix in (".png", ".tiff") for each in (grey, colour)]
    values = rng.random((9, 12), dtype=np.float32)
    clear = np.dstack([rng.integers(0, 256, (9, 12, 3), dtype=np.uint8), np.zeros((9, 12), np.uint8)])
    pages = [Image.fromarray(each) for each in rng.integers(0, 256, (4, 9, 12), dtype=np.uint8)]
    for form, images in (("TIFF", [Image.fromarray(values)]), ("PNG", [Image.fromarray(clear)]), ("TIFF", pages),
                         ("GIF", pages), ("WEBP", pages), ("PNG", pages), ("HEIF", pages), ("AVIF", pages),
                         ("HEIF", [Image.fromarray(clear)])):  # fmt: skip
        stream = io.BytesIO()
        images[0].save(stream, form, save_all=len(images) > 1, append_images=images[1:])
        found.append(stream.getvalue())
    found += [cv2.imencode(".avif", colour >> 2, [cv2.IMWRITE_AVIF_DEPTH, 10])[1].tobytes()]
    large = (np.resize(each, (40, 40, *each.shape[2:])) for each in (grey, colour))
    return [*found, *(bytes(encode_array(each, bits_stored=12)) for each in large)]


def _other_tiffs() -> list[bytes]:
    """Return TIFF files that Pillow does not read, and such with dimensions by OME and ImageJ."""
    values = (np.random.default_rng(0).random((9, 12, 4)) * 250).astype(np.float32)
    planes = {"photometric": "minisblack", "planarconfig": "separate"}
    found = []
    for array, options in (
        (values, {"photometric": "minisblack", "planarconfig": "contig", "compression": "zlib", "rowsperstrip": 2}),
        (values.astype(np.uint8), {"photometric": "minisblack", "planarconfig": "contig", "tile": (16, 16)}),
        (np.moveaxis(values, 2, 0).astype(np.uint16), {**planes, "byteorder": ">", "compression": "lzma"}),
        (np.moveaxis(values, 2, 0).astype(np.uint8), {"ome": True, "photometric": "minisblack", "metadata":
         {"axes": "CYX", "Channel": {"Name": ["a", "b", "c", "d"]}}}),
        (np.moveaxis(values, 2, 0).astype(np.uint8), {"imagej": True, "metadata": {"axes": "CYX"}}),
        (values[:, :, 0].astype(np.float64), {"photometric": "minisblack", "bigtiff": True, "compression": "zlib"}),
    ):  # fmt: skip
        stream = io.BytesIO()
        tifffile.imwrite(stream, array, **options)
        found.append(stream.getvalue())
    return found


def _dicom_images() -> list[bytes]:
    """Return DICOM files with a window, tables, compressed pixels, several frames and no preamble."""
    values = np.random.default_rng(0).integers(0, 4096, (2, 9, 12)).astype(np.uint16)
    ct = {"RescaleSlope": 1, "RescaleIntercept": -1024, "PatientID": "P", "SeriesInstanceUID": "1.2"}
    group = item(FrameVOILUTSequence=[item(WindowCenter=9, WindowWidth=8)])
    table = item(LUTDescriptor=[4, 0, 16], LUTData=bytes(8))
    compressed = []
    for syntax in (RLELossless, JPEG2000Lossless):
        dataset = pydicom.dcmread(io.BytesIO(dicom_bytes(np.tile(values[0], (8, 6)), bits=12)))
        dataset.compress(syntax)
        compressed.append(written(dataset))
    baseline = encapsulated([_images()[0]], "1.2.840.10008.1.2.4.50", Rows=9, Columns=12, SamplesPerPixel=3,
                            PhotometricInterpretation="YBR_FULL_422", PlanarConfiguration=0)  # fmt: skip
    return [
        dicom_bytes(values[0], bits=12, WindowCenter=[40, 9], WindowWidth=[400, 8], **ct),
        dicom_bytes(values, bits=12, frames=2, PerFrameFunctionalGroupsSequence=[group, group], **ct),
        dicom_bytes(values[0], VOILUTSequence=[table], ModalityLUTSequence=[table], photometric="MONOCHROME1"),
        dicom_bytes(values[0], syntax="1.2.840.10008.1.2.1.99", PixelPaddingValue=0),
        dicom_bytes(values[0], syntax="1.2.840.10008.1.2", preamble=False),
        *compressed,
        baseline,
    ]


def _read_deep(file: Path) -> None:
    """Read a file in each way in which it can be, as a scan does: once for its range, then by it."""
    refused: CoresetError | None = None
    for pages in ("first", "2", "max", "mean", "channels"):
        reading = Reading(levels="used", alpha="auto", pages=pages)
        try:
            found = decode(file, reading)
            if found.is_open:
                read_rgb(file, fixed(reading, [(found.stored or Stored(), found.survey, found.open_alpha)]))
        except CoresetError as error:
            refused = error
    for page in range(1, min(n_pages(file), 4) + 1):
        try:
            decode_page(read_file(file), page, Reading())
        except CoresetError as error:
            refused = error
    if refused is not None:
        raise refused


def _tables() -> list[bytes]:
    text = 'path,class,split,group\na/1.png,"x, y",train,g1\n../b.png,z,test,\n"q""r.png",z,val,2\n'
    return [text.encode(), text.replace(",", ";").encode("utf-16"), text.replace(",", "\t").encode("utf-8-sig")]


def _lists() -> list[bytes]:
    head = "path,class,split,cluster,is_medoid,selected,rank,reason"
    rows = (
        'a/1.png,a,train,1,1,1,1,drawn,../a/1.png\n"b,2.png",\'=b,test,,0,0,,,b.png\n/etc/passwd,c,,,,0,,"left\nout",\n'
    )
    return [f"{head},file\n{rows}".encode(), f"{head}\n{rows}".encode("utf-8-sig")]


def _read_list(file: Path) -> None:
    (file.parent / "b.png").write_bytes(b"")
    CORESET_LIST.recognise(file, file.read_bytes()[:512])
    CORESET_LIST.listing(file)


def _published() -> list[bytes]:
    """Return tables whose columns have to be guessed."""
    texts = (
        "lesion_id,image_id,dx,age\nH1,1,nv,80\nH1,2,mel,\nH2,3,nv,7\n",
        "image,MEL,NV\n1,1.0,0.0\n2,0.0,1.0\n3,1,1\n",
        "Path,Sex,No Finding,Edema\ntrain/p1/1.png,F,1.0,\ntrain/p2/2.png,M,,-1.0\n",
        "Image Index,Finding Labels,Patient ID\n1.png,Mass|Nodule,1\n2.png,nan,1\n3.png,No Finding,2\n",
        "sep=;\npath;class;score\na.png;x;0,5\nb.png;größe;0,7\n",
        "a.png,x\nb.png,y\n",
    )
    return [*_tables(), *(text.encode(form) for text in texts for form in ("utf-8", "cp1252", "utf-16-le"))]


def _workbooks() -> list[bytes]:
    book = Workbook()
    for row in (["Image", "Diagnosis", "Age"], ["1.png", "ill", 7.5], ["2.png", "well", None], ["3.png", True, 1]):
        book.active.append(row)
    book.create_sheet("Other").append(["path", "class"])
    stream = io.BytesIO()
    book.save(stream)
    return [stream.getvalue()]


def _read_any_table(file: Path) -> None:
    for name in ("1.png", "a.png"):
        (file.parent / name).write_bytes(b"")
    list_any_table(file, TableSettings())


def _labels() -> list[bytes]:
    """Return tables of corrected classes."""
    texts = (
        'path,label\na/1.png,b\n"b,2.png",\'=a\n',
        "path;old;new;when\na/1.png;a;b;2026-11-27T09:30:00+00:00\nb\\2.png;b;a;2026-11-27 09:30\n",
        "path,class,original_class,label\na.png,x,,\nb.png,y,x,größe\n",
    )
    return [text.encode(form) for text in texts for form in ("utf-8", "cp1252", "utf-16")]


def _label_workbooks() -> list[bytes]:
    book = Workbook()
    for row in (["path", "new", "when"], ["1.png", "ill", "2026-11-27 09:30"], ["2.png", 1, None]):
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return [stream.getvalue()]


def _npz() -> list[bytes]:
    rng = np.random.default_rng(0)
    found = []
    for save, kind in ((np.savez, np.uint8), (np.savez_compressed, np.uint8), (np.savez, np.uint16),
                       (np.savez, np.float32)):  # fmt: skip
        stream = io.BytesIO()
        images = rng.integers(0, 256, (4, 5, 6)).astype(kind)
        save(stream, train_images=images, train_labels=np.arange(4)[:, None] % 2, test_images=images[:1],
             test_labels=np.zeros(1, dtype=np.uint8))  # fmt: skip
        found.append(stream.getvalue())
    return found


def _read_npz(file: Path) -> None:
    for entry in list_npz(file).entries[:6]:
        for reading in (Reading(), Reading(levels="used", ranges={"": (0.0, 1000.0)}, alpha="auto")):
            try:
                NPZ.read(file, entry.path, reading)
            except ImageError:
                continue


def _models() -> list[bytes]:
    return [make_model(shape=shape).SerializeToString() for shape in (("n", 3, SIZE, SIZE), (2, SIZE, SIZE, 3))]


def _model_descriptions() -> list[bytes]:
    steps = [{"name": "Resize", "arguments": {"size": 32}}, {"name": "ToTensor"},
             {"name": "Normalize", "arguments": {"mean": [0.5] * 3, "std": [0.5] * 3}}]  # fmt: skip
    wsinfer = {"spec_version": "1.0", "architecture": "a", "num_classes": 2, "transform": steps}
    own = {"title": "Net", "input_size": 32, "resize": "crop", "crop_fraction": 0.9, "mean": [0, 0, 0], "output": "y"}
    return [json.dumps(each).encode() for each in (wsinfer, own)]


def _hdf5() -> list[bytes]:
    """Return files of images: packed, with named classes, of more than 8 bits, of old and new formats."""
    rng = np.random.default_rng(0)
    found = []
    for kind, libver, options in (
        (np.uint8, "earliest", {}), (np.uint8, "latest", {"compression": "gzip", "chunks": (2, 5, 6), "shuffle": True}),
        (np.uint16, "earliest", {"chunks": (1, 5, 6), "fletcher32": True}), (np.float32, "latest", {}),
    ):  # fmt: skip
        stream = io.BytesIO()
        with h5py.File(stream, "w", libver=libver) as container:
            container.create_dataset("train/x", data=rng.integers(0, 256, (4, 5, 6)).astype(kind), **options)
            labels = container.create_dataset("train/y", data=np.arange(4)[:, None] % 2)
            labels.attrs["class_names"] = ["a", "b"]
            container.create_dataset("train/patient", data=["p", "p", "q", "r"], dtype=h5py.string_dtype())
            container["link"] = h5py.SoftLink("/train")
        found.append(stream.getvalue())
    return found


def _read_hdf5(file: Path) -> None:
    try:
        for entry in list_hdf5(file, Hdf5Settings()).entries[:6]:
            try:
                HDF5.read(file.parent, entry.path, Reading(levels="used", ranges={"": (0.0, 1000.0)}, alpha="auto"))
            except ImageError:
                continue
    finally:
        close(file)


def _tars() -> list[bytes]:
    """Return archives of samples and of folders, in each form."""
    image = _images()[2]
    samples = {"1.png": image, "1.cls": b"0", "2.png": image, "2.json": b'{"label": "x", "patient": 7}', "3.txt": b"y",
               "classes.txt": b"a\nb\n"}  # fmt: skip
    folders = {"a/1.png": image, "b/../2.png": image, "c/3.png": image[:20]}
    found = []
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        for files in (samples, folders):
            stream = io.BytesIO()
            with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
                for name, content in files.items():
                    info = tarfile.TarInfo(name if form == tarfile.USTAR_FORMAT else f"{'long/' * 30}{name}")
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
            found.append(stream.getvalue().rstrip(b"\0") + bytes(1024))
    return found


def _read_tar(file: Path) -> None:
    for entry in list_tar(file, TarSettings()).entries[:6]:
        try:
            TAR.read(file.parent, entry.path)
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
        files = sorted(GOLDEN.glob(pattern))[:3] + sorted(RELABELLED.rglob(pattern.removeprefix("study/coreset/")))
        return [file.read_bytes() for file in files]

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
        found = [file.read_bytes()]
        deep = replace(image, stored=Stored("16-bit-tiff", 1.0, 4095.0, 16, n_pages=3))
        reading = Reading(levels="used", ranges={"16-bit-tiff": (0.0, 4095.0)}, alphas={"alpha-png": "ignore"})
        save_dataset(Dataset(Path("/x"), Path("/x"), "folder", (deep,), reading=reading), file)
        found.append(file.read_bytes())
        headed = replace(
            image, header=("ab-cd", "ab-ef", "", "3.0"), stored=Stored("ct-dicom", form="dicom", window="4:8")
        )
        reading = Reading(levels="used", window="full")
        save_dataset(Dataset(Path("/x"), Path("/x"), "folder", (headed,), reading=reading), file)
        found.append(file.read_bytes())
        save_dataset(Dataset(Path("/x"), Path("/x"), "folder", (replace(image, original_class="b"),)), file)
        return [*found, file.read_bytes()]


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


def _read_project(file: Path) -> None:
    digest_on_disk(file)
    read_project(file)


def _facts() -> list[bytes]:
    found = facts_of_manifest(GOLDEN / "study" / "coreset")
    training = TrainingFacts(("head",), ("random",), (0.5,), True, 2, 1, 1, 0, ("accuracy",), False)
    return [json.dumps(write_form(replace(found, training=training))).encode()]


def _search() -> list[bytes]:
    trials = [SearchTrial(n, {"dropout": 0.1 * n}, TrialResult(0.5 + 0.1 * n, 9, 1.0)) for n in range(3)]
    trials.append(SearchTrial(3, {"dropout": 0.4}, TrialResult(0.2, 3, 1.0, 3), TrialResult(0.3, 9, 9.0)))
    found = summarise_search(Searched("tpe", "custom", "random", {"dropout": "Dropout"}, trials, 30))
    return [json.dumps({"format": 1, **write_form(found)}).encode()]


SEARCH = SearchSettings(method="random", parameters=("dropout",))


def _trials(folder: Path) -> SearchTrials:
    """Open the journal of a search, as a search that continues does."""
    return SearchTrials(folder, SEARCH, search_ranges(SEARCH, TrainingSettings()), "identity", 3)


def _journal() -> list[bytes]:
    with tempfile.TemporaryDirectory() as place:
        store = _trials(Path(place))
        for number in range(3):
            proposed = store.propose()
            for epoch in range(1, 4):
                proposed.report(epoch, 0.2 * epoch)
            store.finish(proposed, TrialResult(0.6, 3, 1.0, 2 if number == 2 else None))
        store.propose()
        return [(Path(place) / "search.journal").read_bytes()]


def _read_journal(file: Path) -> None:
    """Continue a search, and propose its next trial."""
    _trials(file.parent).propose()


READERS = {
    "image": Reader("image.png", _images, read_rgb),
    "deep image": Reader("image.tif", _deep_images, _read_deep),
    "other tiff": Reader("image.tif", _other_tiffs, _read_deep),
    "dicom": Reader("IM0001", _dicom_images, _read_deep),
    "table": Reader("table.csv", _tables, list_table),
    "coreset list": Reader("coreset.csv", _lists, _read_list),
    "any table": Reader("table.csv", _published, _read_any_table),
    "workbook": Reader("table.xlsx", _workbooks, _read_any_table),
    "labels": Reader("labels.csv", _labels, read_label_file),
    "labels workbook": Reader("labels.xlsx", _label_workbooks, read_label_file),
    "labels of an export": Reader("coreset.json", _stored("study/coreset/coreset.json"), read_label_file),
    "earlier coreset": Reader("coreset.json", _stored("study/coreset/coreset.json"), read_earlier),
    "methods of an export": Reader("coreset.json", _stored("study/coreset/coreset.json"), read_methods),
    "methods of a study": Reader("methods.json", _facts, lambda file: read_methods(file.parent)),
    "npz": Reader("arrays.npz", _npz, _read_npz),
    "hdf5": Reader("arrays.h5", _hdf5, _read_hdf5),
    "tar": Reader("images.tar", _tars, _read_tar),
    "bundle": Reader("bundle.json", lambda: [BUNDLE.read_bytes()], lambda file: read_facts(file.parent)),
    "project": Reader("study.coreset", _stored("project*.coreset"), _read_project),
    "recovery": Reader("recovery.json", _stored("recovery.json"), read_recovery),
    "manifest": Reader("coreset.json", _stored("study/coreset/coreset.json"), read_manifest),
    "export": Reader("coreset.json", _stored("study/coreset/coreset.json"), verify),
    "settings": Reader("settings.json", _stored("settings*.json"), read_settings),
    "run": Reader("run.json", _stored("study/runs/*.json"), _read_run),
    "arrays of a run": Reader("run.npz", _stored("study/runs/*.npz"), _read_run_arrays),
    "search": Reader("search.json", _search, lambda file: read_search(file.parent)),
    "search journal": Reader("search.journal", _journal, _read_journal),
    "scan": Reader("scan.json", _scan, load_dataset),
    "cache facts": Reader("facts.json", _entry, _read_entry),
    "cache array": Reader("x.npy", _array, _read_entry),
    "row keys": Reader("1.json", lambda: [b'["a", "b"]'], _read_rows),
    "rows": Reader("1.npy", _array, _read_rows),
    "pixel keys": Reader("1.json", lambda: [b'["a", "b"]'], _read_squares),
    "weights": Reader("weights.h5", _weights, _read_weights),
    "own model": Reader("net.onnx", _models, inspect_model),
    "model description": Reader("net.json", _model_descriptions, read_description),
    "added model": Reader("model.json", lambda: [OWN_MODEL.read_bytes()], lambda file: read_model(file.parent)),
    "features array": Reader("features.npy", feature_files.arrays, feature_files.read_features),
    "features archive": Reader("features.npz", feature_files.archives, feature_files.read_features),
    "features container": Reader("features.h5", feature_files.containers, feature_files.read_features),
    "features table": Reader("features.csv", feature_files.tables, feature_files.read_features),
    "features list": Reader("features.csv", feature_files.lists, feature_files.read_list),
}

CORPUS = Path(__file__).parent / "corpus"
"""The smallest files by which readers were once stopped, in a folder for each reader."""

SECONDS_LIMIT = 10.0
MEMORY_LIMIT = 1_000_000_000

NASTY: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**40, 0.5, 1e308, -0.0, float("nan"), float("inf"), "", "x", "\0",
    "../../x", "/etc/passwd", "C:\\x", "\ud800", "é" * 300, [], {}, [[]], [None], {"": None}, [[[[[[]]]]]], "NaN",
]  # fmt: skip


def corpus() -> list[tuple[str, Path]]:
    """Return the files by which readers were once stopped, each with the name of its reader."""
    return [(name, file) for name in READERS for file in sorted((CORPUS / folder_of(name)).glob("*"))]


def folder_of(name: str) -> str:
    """Return the name of a reader's folder."""
    return name.replace(" ", "_")


def check(reader: Reader, content: bytes, place: Path) -> Literal["read", "refused"]:
    """Read `content` as the reader's file, in an empty folder below `place`, and return how it went.

    Raises
    ------
    AssertionError
        If the reader does what it should not. Any other error is one that the reader let through.
    """
    folder = place / "stage" / "entry"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    file = folder / reader.name
    file.write_bytes(content)
    before, started = most_memory(), time.perf_counter()
    with nothing_outside(place) as touched:
        said = _sentence(reader, file)
    assert not touched, f"it touches what is outside of the folder: {touched[:3]}"
    assert time.perf_counter() - started < SECONDS_LIMIT, "it takes too long"
    if said is None:
        return "read"
    assert said.strip(), "an error without a sentence"
    assert "Traceback" not in said
    assert most_memory() - before < MEMORY_LIMIT, "it takes too much memory for what is refused"
    return "refused"


def _sentence(reader: Reader, file: Path) -> str | None:
    """Return what the reader says against a file, or None where it has read it."""
    try:
        reader.read(file)
    except CoresetError as error:
        return str(error)
    return None


def most_memory() -> int:
    """Return the most bytes of memory that this process has had; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# --- no file outside the folder -----------------------------------------------------------------------------------

_CHANGES = {
    "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate",
    "os.utime",
}  # fmt: skip
_STARTS = {
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pickle.find_class",
    "socket.__new__",
    "subprocess.Popen",
}
_OWN = tuple(
    os.path.realpath(each)
    for each in (
        sys.prefix,
        sys.base_prefix,
        Path(np.__path__[0]).parent,
        ROOT / "core",
        ROOT / "resources",
        ROOT
        / "coreset_studio.egg-info",  # what an installation for development leaves here; plugins are asked for in it
        GOLDEN,  # the rest of what a reader wants
        "/proc",
        "/sys",
        "/usr",
        *([sys.pycache_prefix] if sys.pycache_prefix else []),
    )
)
"""Where the program itself, its libraries and what they read of the system lie; read, never written."""

_watched: list[tuple[str, list[str]]] = []
_is_installed = False


@contextmanager
def nothing_outside(place: Path) -> Iterator[list[str]]:
    """Give a list of what is done inside of the block to files that are not below `place`; it should stay empty."""
    global _is_installed
    if not _is_installed:  # a hook cannot be taken back
        sys.addaudithook(_look)
        _is_installed = True
    touched: list[str] = []
    _watched.append((os.path.realpath(place), touched))
    # What a reader imports when it is first needed is Python's to write, not the reader's.
    writes_bytecode, sys.dont_write_bytecode = not sys.dont_write_bytecode, True
    try:
        yield touched
    finally:
        sys.dont_write_bytecode = not writes_bytecode
        _watched.pop()


def _look(event: str, given: tuple[Any, ...]) -> None:
    if not _watched:
        return
    place, touched = _watched[-1]
    if event in _STARTS:
        touched.append(f"{event} {given!r:.200}")
    elif event in _CHANGES:
        paths = given[:2] if event in ("os.rename", "os.link", "os.symlink") else given[:1]
        if event in ("os.remove", "os.rmdir") and given[1] >= 0:  # in a folder that is open
            paths = (Path(f"/proc/self/fd/{given[1]}") / os.fsdecode(given[0]),)
        touched += [f"{event} {path}" for path in paths if not _lies_in(path, (place,))]
    elif event == "open" and given[0] is not None:
        path, _, flags = given
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        if not _lies_in(path, (place,) if writes else (place, *_OWN)):
            touched.append(f"{event} {path}")


def _lies_in(path: Any, places: tuple[str, ...]) -> bool:
    if isinstance(path, int):  # a file that is open already
        return True
    full = os.path.realpath(os.fsdecode(path))
    if "__editable__" in full:  # no file: pip's finder of what is installed for development
        return True
    return any(full == each or full.startswith(each + os.sep) for each in places)
