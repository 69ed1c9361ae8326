"""Stored forms that name a features file are read, and made again, by every later version."""

import json
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.features.extractors.features_file import FeaturesFileSettings
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.output.verification import verify
from coreset_studio.core.pipeline.exporting import rerun
from coreset_studio.core.project import STAGES, project_to_dict, read_project
from coreset_studio.core.settings import settings_to_dict

GOLDEN = Path(__file__).parents[1] / "golden"
FOLDER, IMAGES = GOLDEN / "features-file", GOLDEN / "format-2" / "images.npz"
FILE = "features.features-file.file"


def test_the_project_is_read_and_current_and_written_as_it_was() -> None:
    file = FOLDER / "project.coreset"
    project = read_project(file)
    assert project.settings.features.extractors == ("features-file",)
    chosen = project.settings.features.own["features-file"]
    assert isinstance(chosen, FeaturesFileSettings)
    assert chosen.file is not None
    assert Path(chosen.file.place) == FOLDER / "features.npy"
    assert (chosen.file.rows, dict(chosen.file.blocks), chosen.file.paths_name) == (66, {"features": 5}, "features.csv")
    assert all(project.result(stage) is not None for stage in STAGES)
    stored = json.loads(file.read_text(encoding="utf-8"))
    assert json.loads(json.dumps(project_to_dict(project, FOLDER, version="golden"))) == stored


@pytest.mark.parametrize("name", ["export", "export-private"])
def test_the_exports_are_verified_and_made_again(name: str, tmp_path: Path) -> None:
    assert verify(FOLDER / name).ok
    manifest = read_manifest(FOLDER / name)
    assert manifest.intact
    assert settings_to_dict(manifest.settings.features)["own"]["features-file"]["file"]["name"] == (
        "" if manifest.private else "features.npy"
    )
    assert [(each.extractor, each.state) for each in manifest.weights] == [("features-file", "file")]
    again = rerun(FOLDER / name / "coreset.json", IMAGES, tmp_path, files={FILE: FOLDER / "features.npy"})
    assert again.differences == ()
    rows = again.prepared.extracted[0].rows("features", again.coreset.indices)
    written = (FOLDER / "features.csv").read_text(encoding="utf-8").split()[1:]
    paths = [again.prepared.dataset.images[index].path for index in again.coreset.indices]
    np.testing.assert_array_equal(rows, np.load(FOLDER / "features.npy")[[written.index(path) for path in paths]])
