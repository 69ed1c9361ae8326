"""Stored forms with relabelled images, notes and reviews are read, and made again, by every later version."""

import json
from pathlib import Path

import pytest

from coreset_studio.core.data.label_files import read_label_file
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.output.verification import verify
from coreset_studio.core.pipeline.exporting import rerun
from coreset_studio.core.project import STAGES, project_to_dict, read_project
from coreset_studio.core.settings import Relabelling

GOLDEN = Path(__file__).parents[1] / "golden"
FOLDER, IMAGES = GOLDEN / "relabelled", GOLDEN / "format-2" / "images.npz"
WHEN = "2026-11-27T09:30:00+00:00"
RECORDS = (
    Relabelling("test/00002.png", "2", "0", WHEN),
    Relabelling("train/00000.png", "0", "1", WHEN),
    Relabelling("train/00004.png", "1", "new", WHEN),
    Relabelling("val/00000.png", "0", "1", WHEN),
)


def test_the_project_is_read_and_current_and_written_as_it_was() -> None:
    file = FOLDER / "project.coreset"
    project = read_project(file)
    assert project.settings.data.relabelled == RECORDS
    assert project.image_notes == {"train/00000.png": "blurred", "test/00002.png": "two cells"}
    assert project.reviewed == {"train/00001.png": "kept", "train/00002.png": "skipped"}
    assert all(project.result(stage) is not None for stage in STAGES)
    stored = json.loads(file.read_text(encoding="utf-8"))
    assert json.loads(json.dumps(project_to_dict(project, FOLDER, version="golden"))) == stored
    assert read_label_file(file).records == RECORDS


@pytest.mark.parametrize("name", ["export", "export-private"])
def test_the_exports_are_verified_and_made_again(name: str, tmp_path: Path) -> None:
    assert verify(FOLDER / name).ok
    manifest = read_manifest(FOLDER / name)
    assert manifest.intact
    assert manifest.settings.data.relabelled == (() if manifest.private else RECORDS)
    assert len(manifest.relabelled) == (len(RECORDS) if manifest.private else 0)
    again = rerun(FOLDER / name / "coreset.json", IMAGES, tmp_path)
    assert again.differences == ()
    assert again.prepared.study.settings.data.relabelled == RECORDS
    assert again.prepared.study.settings.data.left_out_images == ("train/00005.png",)
