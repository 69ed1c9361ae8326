"""Datasets of DICOM files: series folders, patients as groups, columns, windows in notes, what a scan keeps."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.dicom import subjects
from coreset_studio.core.data.split import make_split
from coreset_studio.core.data.units import find_ties
from coreset_studio.core.results import Dataset, Reading
from coreset_studio.core.settings import DataSettings, settings_from_dict, settings_to_dict
from tests.core.data.dicom_files import dicom_bytes

Look = Callable[..., Dataset]


def series(
    root: Path, patients: dict[str, str], *, slices: int = 4, suffix: str = "", **elements: Any
) -> dict[str, bytes]:
    """Write a folder of slices for each patient in the folder of its class, the last slice first."""
    written: dict[str, bytes] = {}
    for number, (patient, class_name) in enumerate(patients.items()):
        for at in range(slices):
            values = np.random.default_rng([number, at]).integers(0, 2000, (16, 16)).astype(np.uint16)
            content = dicom_bytes(values, bits=12, **{
                "RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 400,
                "PatientID": patient, "StudyInstanceUID": f"1.2.{number}", "SeriesInstanceUID": f"1.2.{number}.1",
                "InstanceNumber": slices - at, **elements,
            })  # fmt: skip
            path = f"{class_name}/SE{number:03d}/IM{at:04d}{suffix}"
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
            written[path] = content
    return written


PATIENTS = {"P-1": "benign", "P-2": "benign", "P-3": "malignant", "P-4": "malignant"}


@pytest.mark.parametrize("suffix", ["", ".dcm", ".ima"])
def test_series_folders_are_read_by_content(tmp_path: Path, look: Look, suffix: str) -> None:
    series(tmp_path / "images", PATIENTS, suffix=suffix)
    (tmp_path / "images" / "benign" / "SE000" / "DICOMDIR").write_bytes(
        dicom_bytes(None, sop_class="1.2.840.10008.1.3.10")
    )
    dataset = look()
    assert len(dataset.images) == 16
    assert dataset.classes == ("benign", "malignant")
    assert dataset.columns == subjects.COLUMNS
    assert [skipped.path for skipped in dataset.skipped] == ["benign/SE000/DICOMDIR"]
    assert dataset.skipped[0].reason.startswith("It is a DICOMDIR")


def test_patients_are_groups_unless_there_are_others(tmp_path: Path, look: Look) -> None:
    root = tmp_path / "images"
    series(root, PATIENTS)
    # A second series of the first patient, in the folder of another class.
    series(root / "malignant", {"P-1": "again"})
    dataset = look(settings=DataSettings(layout="classes"))
    groups = {image.path.split("/SE")[0]: image.group for image in dataset.images if "again" in image.path}
    first = next(image for image in dataset.images if image.path.startswith("benign/SE000"))
    assert set(groups.values()) == {first.group} == {"patient-001"}
    assert len({image.group for image in dataset.images}) == 4
    assert any("from 4 patients according to the DICOM PatientID" in note for note in dataset.warnings)
    assert any("--header-groups" in note for note in dataset.warnings)
    split = make_split(dataset, DataSettings())
    sides = {dataset.images[index].group for index in split.test} & {dataset.images[i].group for i in split.pool}
    assert not sides
    by_layout = look(settings=DataSettings(layout="classes/groups"))
    assert not any(image.group.startswith("patient-") for image in by_layout.images)
    assert not any("PatientID" in note for note in by_layout.warnings)


@pytest.mark.parametrize(("value", "n"), [("patient", 2), ("study", 4), ("series", 4), ("none", 0)])
def test_setting_for_groups_of_headers(tmp_path: Path, look: Look, value: str, n: int) -> None:
    root = tmp_path / "images"
    series(root, PATIENTS)
    for path in (root / "malignant").rglob("IM*"):
        path.write_bytes(path.read_bytes().replace(b"P-3", b"P-1").replace(b"P-4", b"P-2"))
    settings = DataSettings(header_groups=value)
    dataset = look(settings=settings)
    assert len({image.group for image in dataset.images} - {""}) == n
    assert len(set(find_ties(dataset, settings).groups) - {""}) == n


def test_one_patient_for_all_is_no_group(tmp_path: Path, look: Look) -> None:
    series(tmp_path / "images", PATIENTS, PatientID="ANON")
    dataset = look()
    assert {image.group for image in dataset.images} == {""}
    note = "All images have the same DICOM PatientID, so it is not used to keep images together. --header-groups study"
    assert any(warning.startswith(note) for warning in dataset.warnings)


def test_no_earlier_key_or_stored_form_changes() -> None:
    """Earlier versions read no DICOM images, so that the default is what they did with all others."""
    assert settings_from_dict({}).data.header_groups == DataSettings().header_groups == "patient"
    assert settings_from_dict({}).data.window == Reading().window == "stored"
    assert not {"header_groups", "window", "channels"} & set(settings_to_dict(DataSettings()))


def test_slices_are_in_the_order_of_their_instance_numbers(tmp_path: Path, look: Look) -> None:
    series(tmp_path / "images", PATIENTS)
    dataset = look()
    at = dataset.columns.index("DICOM slice")
    of_first = [image.more[at] for image in dataset.images if image.path.startswith("benign/SE000")]
    assert of_first == ["001-0004", "001-0003", "001-0002", "001-0001"]


def test_slices_without_numbers_are_in_the_order_of_their_positions(tmp_path: Path, look: Look) -> None:
    root = tmp_path / "images"
    for at, z in enumerate((30.0, -10.0, 20.0)):
        folder = root / "ab"[at % 2] / "s"
        folder.mkdir(parents=True, exist_ok=True)
        content = dicom_bytes(
            np.full((4, 4), at * 9, np.uint8), Modality="US", SeriesInstanceUID="1.2", StudyInstanceUID="1",
            ImagePositionPatient=[0, 0, z], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        )  # fmt: skip
        (folder / f"{at}").write_bytes(content)
    dataset = look()
    found = {image.path: image.more[-1] for image in dataset.images}
    assert found == {"a/s/0": "001-0003", "a/s/2": "001-0002", "b/s/1": "001-0001"}


def test_next_scan_decodes_nothing_and_finds_the_same_patients(
    tmp_path: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "images"
    series(root, PATIENTS)
    before = look()
    series(root, {"P-1": "benign"}, slices=5)
    with monkeypatch.context() as patched:
        calls: list[str] = []
        patched.setattr("coreset_studio.core.data.dicom.decoding.parse", lambda data: calls.append("") or _parse(data))
        after = look()
    assert len(calls) == 5  # those that were written again
    assert {image.group for image in after.images} == {image.group for image in before.images}
    again = look()
    assert again == after


def _parse(data: bytes) -> Any:
    from coreset_studio.core.data.dicom.parsing import parse

    return parse(data)


def test_another_key_reads_the_headers_again(tmp_path: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    series(tmp_path / "images", PATIENTS)
    before = look()
    monkeypatch.setenv("CORESET_DATA", str(tmp_path / "elsewhere"))
    after = look()
    assert [image.group for image in after.images] == [image.group for image in before.images]
    assert not {image.header[0] for image in after.images} & {image.header[0] for image in before.images}


def test_key_is_private_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORESET_DATA", str(tmp_path))
    header = replace(subjects.HeaderFacts(), patient="P-1")
    once = subjects.hashed(header)
    file = tmp_path / "dicom-pseudonyms.key"
    assert os.name == "nt" or file.stat().st_mode & 0o077 == 0
    subjects._key.cache_clear()
    assert subjects.hashed(header) == once
    assert once[1:3] == ("", "")
    file.unlink()
    subjects._key.cache_clear()
    assert subjects.hashed(header) != once


def test_scan_keeps_no_identifier(tmp_path: Path, look: Look) -> None:
    series(tmp_path / "images", {"SECRET-1": "a", "SECRET-2": "b"}, PatientName="SECRET^NAME")
    dataset = look()
    assert "SECRET" not in repr(dataset)
    for file in (tmp_path / "cache").rglob("*"):
        assert not file.is_file() or b"SECRET" not in file.read_bytes(), file
    [stored] = (tmp_path / "cache" / "datasets").glob("*.json")
    assert "header" in json.loads(stored.read_text())["fields"]


def test_notes_tell_the_windows(tmp_path: Path, look: Look) -> None:
    root = tmp_path / "images"
    series(root, {"P-1": "a"})
    assert any("by the window in the file, 40:400 (centre and width)" in note for note in look().warnings)
    series(root, {"P-1": "a", "P-2": "b"}, WindowCenter=[-600, 40], WindowWidth=[1500, 400])
    series(root, {"P-1": "a"})
    told = [note for note in look().warnings if "(DICOM)" in note]
    assert len(told) == 1
    assert "-600:1500 in 4, 40:400 in 4" in told[0] or "40:400 in 4, -600:1500 in 4" in told[0]
    assert "4 of them offer several windows, of which the first was used." in told[0]
    own = look(settings=DataSettings(window="0:100"))
    assert any("values from -50 to 50 became 0 to 255, by the window 0:100" in note for note in own.warnings)
    full = look(settings=DataSettings(window="full"))
    assert full.reading.ranges == {"ct-dicom": (-1024.0, 975.0)} or "ct-dicom" in full.reading.ranges
    assert any("(ct-dicom)" in note and "--grey-levels ct-dicom=LOW:HIGH" in note for note in full.warnings)


def test_range_that_no_window_leaves_an_effect_is_told(tmp_path: Path, look: Look) -> None:
    series(tmp_path / "images", {"P-1": "a", "P-2": "b"})
    dataset = look(settings=DataSettings(grey_levels=("used", "ct-dicom=0:100")))
    assert any("all its images are converted by windows; --window full uses the range" in n for n in dataset.warnings)


def test_window_without_dicom_is_told(put: Callable[..., Path], look: Look) -> None:
    put("a/1.png", 1)
    put("b/1.png", 2)
    dataset = look(settings=DataSettings(window="40:400"))
    assert "--window 40:400 has no effect: no image is DICOM." in dataset.warnings


def test_table_of_paths_names_dicom_files(tmp_path: Path) -> None:
    root = tmp_path / "images"
    paths = list(series(root, {"P-1": "x", "P-2": "y"}))
    table = root / "labels.csv"
    table.write_text("path,class,age\n" + "".join(f"{path},{path[0]},7\n" for path in paths))
    dataset = scan(table, cache_folder=tmp_path / "cache")
    assert len(dataset.images) == 8
    assert dataset.columns == ("age", *subjects.COLUMNS)
    assert dataset.images[0].more[:2] == ("7", "patient-001")
    assert {image.group for image in dataset.images} == {"patient-001", "patient-002"}
    table.write_text("path,class,group\n" + "".join(f"{path},{path[0]},g{path[-1]}\n" for path in paths))
    by_table = scan(table, cache_folder=tmp_path / "cache")
    assert {image.group for image in by_table.images} == {"g0", "g1", "g2", "g3"}
