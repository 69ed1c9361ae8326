"""No value of a DICOM header leaves unless its file is asked for."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.tag import Tag

from coreset_studio.core.cli import main
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.images import decode
from coreset_studio.core.output.export import export_coreset
from coreset_studio.core.output.formats import EXPORT_FORMATS
from coreset_studio.core.output.verification import verify
from coreset_studio.core.results import Coreset, Dataset, Reading, Split
from coreset_studio.core.settings import DataSettings, ExportSettings
from tests.core.data.dicom_files import dicom_bytes, written

SECRET = "QXPLANT"


def planted(number: int) -> bytes:
    """Return a DICOM file with a string of its own wherever one fits."""
    values = np.random.default_rng(number).integers(0, 4000, (32, 32)).astype(np.uint16)
    values[8:24, 8:24] += np.uint16(2000 * (number % 2))
    data = dicom_bytes(
        values, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=1000, WindowWidth=4000,
        WindowCenterWidthExplanation=SECRET, PatientName=f"{SECRET}^NAME", PatientID=f"{SECRET}ID{number // 2}",
        AccessionNumber=f"{SECRET}ACC", InstitutionName=f"{SECRET}HOSPITAL", StudyDescription=f"{SECRET}STUDY",
        PatientBirthDate="19010203", OtherPatientIDs=f"{SECRET}OTHER", StudyInstanceUID=f"1.2.99887766.{number // 2}",
        SeriesInstanceUID=f"1.2.99887755.{number // 2}", InstanceNumber=number, StationName=f"{SECRET}STATION",
        meta={"SourceApplicationEntityTitle": SECRET[:16], "ImplementationVersionName": SECRET[:16]},
    )  # fmt: skip
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.add_new(Tag(0x00091001), "LO", f"{SECRET}PRIVATE")
    dataset.preamble = SECRET.encode().ljust(128, b"\0")
    return written(dataset)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Sixteen files of eight patients in two classes, one that is damaged, and one without pixels."""
    root = tmp_path / "source" / "images"
    for number in range(16):
        file = root / ("odd" if number % 2 else "even") / f"SE{number // 2}" / f"IM{number:03d}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(planted(number))
    (root / "odd" / "cut").write_bytes(planted(1)[:-600])
    (root / "odd" / "report").write_bytes(
        dicom_bytes(None, sop_class="1.2.840.10008.5.1.4.1.1.88.33", PatientName=SECRET)
    )
    return root


def leaks(*places: Path) -> Iterator[str]:
    """Yield the files that contain anything of the headers, by content or by name."""
    needles = [SECRET.encode(), SECRET.lower().encode(), b"99887766", b"99887755", b"19010203"]
    for place in places:
        for file in place.rglob("*"):
            content = file.read_bytes() if file.is_file() else b""
            if any(needle in content or needle in str(file).encode() for needle in needles):
                yield str(file)


FEW = ("--extractor", "colour-texture", "--k-max", "2", "--test-fraction", "0.25")


@pytest.fixture
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders for results, cache and data of the test."""
    for name in ("cache", "data"):
        monkeypatch.setenv(f"CORESET_{name.upper()}", str(tmp_path / name))
    return [tmp_path / name for name in ("out", "cache", "data")]


@pytest.mark.slow
def test_nothing_leaves_by_any_export(
    tmp_path: Path, source: Path, own_places: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["scan", str(source)]) == 0
    for name in ("copy", "list", "private"):
        more = ["--private"] if name == "private" else ["--files", name]
        assert main(["export", str(source), *FEW, "--fraction", "0.5", *more, "--out", str(out / name)]) == 0
    assert main(["methods", str(out / "copy")]) == 0
    printed = "".join(capfd.readouterr())
    assert SECRET not in printed
    assert "99887766" not in printed
    assert "8 patients according to the DICOM PatientID" in printed
    assert list(leaks(tmp_path / "source")), "the strings were not planted"
    assert not list(leaks(*own_places))
    notes = json.loads((out / "copy" / "coreset.json").read_text())["notes"]
    assert any("without headers, which may identify patients" in note for note in notes)


@pytest.mark.slow
def test_nothing_leaves_by_a_study(
    tmp_path: Path, source: Path, own_places: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "out" / "study"
    compared = ["compare", str(source), *FEW, "--samplers", "random", "--fractions", "0.5,1", "--networks", "head"]
    assert main([*compared, "--out", str(study)]) == 0
    assert main(["methods", str(study)]) == 0
    printed = "".join(capfd.readouterr())
    assert SECRET not in printed
    assert list(study.rglob("*.html")), "there is no report"
    assert not list(leaks(*own_places))


def chosen(root: Path, cache: Path) -> tuple[Dataset, Split, Coreset]:
    dataset = scan(root, cache_folder=cache, settings=DataSettings())
    everything = np.arange(len(dataset.images))
    none = np.array([], dtype=np.int64)
    coreset = Coreset(
        sampler="random", seed=0, indices=np.array([0, 3, 9]), ranks=np.array([0, 1, 0]), reasons=("drawn",) * 3,
        budgets={"even": 2, "odd": 1}, pool_sizes={"even": 8, "odd": 8}, nested=True,
    )  # fmt: skip
    return dataset, Split(everything, none, none), coreset


@pytest.mark.parametrize("name", [name for name in EXPORT_FORMATS if name != "list"])
def test_pixels_leave_as_png_in_every_format(tmp_path: Path, source: Path, name: str) -> None:
    dataset, split, coreset = chosen(source, tmp_path / "cache")
    result = export_coreset(dataset, split, coreset, tmp_path / "out", ExportSettings(files=name))
    assert verify(tmp_path / "out").ok
    files = [file for file in (tmp_path / "out").rglob("*") if file.parent.name.startswith("SE")]
    assert len(files) == 3
    assert all(not file.is_symlink() and file.name.endswith(".png") and file.stem.startswith("IM") for file in files)
    again = scan(tmp_path / "out", cache_folder=tmp_path / "cache")
    assert {image.pixels for image in again.images} == {dataset.images[int(i)].pixels for i in coreset.indices}
    note = "3 DICOM images were written as PNG, 8 bits per channel, without headers"
    assert any(each.startswith(note) for each in result.notes)
    assert not any("another name in the export" in each for each in result.notes)


def test_files_leave_with_their_headers_on_request(tmp_path: Path, source: Path) -> None:
    dataset, split, coreset = chosen(source, tmp_path / "cache")
    result = export_coreset(dataset, split, coreset, tmp_path / "out", ExportSettings(dicom_headers=True))
    assert any(
        each == "3 DICOM files were written with the header, which may identify patients." for each in result.notes
    )
    copied = [file for file in (tmp_path / "out").rglob("IM*") if file.is_file()]
    assert len(copied) == 3
    for file in copied:
        assert file.name.endswith(".dcm")
        assert file.read_bytes() == (source / file.parent.parent.name / file.parent.name / file.stem).read_bytes()


def test_private_export_has_no_headers_even_on_request(tmp_path: Path, source: Path) -> None:
    dataset, split, coreset = chosen(source, tmp_path / "cache")
    export_coreset(dataset, split, coreset, tmp_path / "out", ExportSettings(private=True, dicom_headers=True))
    assert not list(leaks(tmp_path / "out"))
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3


def test_tiff_with_the_header_of_dicom_leaves_as_pixels(tmp_path: Path) -> None:
    """Some slide scanners write files that are both."""
    stream = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(stream, "TIFF")
    tiff = bytearray(stream.getvalue())
    whole = dicom_bytes(np.zeros((4, 4), np.uint8), PatientName=SECRET)
    # The TIFF's directory and pixels behind the DICOM dataset, and its head in the preamble.
    shift = len(whole)
    moved = tiff.copy()
    data = bytearray(whole) + moved
    data[:8] = tiff[:4] + (int.from_bytes(tiff[4:8], "little") + shift).to_bytes(4, "little")
    at = shift + int.from_bytes(tiff[4:8], "little")
    for entry in range(int.from_bytes(data[at : at + 2], "little")):
        place = at + 2 + 12 * entry
        tag = int.from_bytes(data[place : place + 2], "little")
        if tag == 273:  # the place of the pixels
            old = int.from_bytes(data[place + 8 : place + 12], "little")
            data[place + 8 : place + 12] = (old + shift).to_bytes(4, "little")
    found = decode(bytes(data), Reading())
    assert (found.rgb[:, :, 0].ravel() == np.arange(64)).all()
    assert found.stored is not None
    assert found.stored.form == "dicom"
