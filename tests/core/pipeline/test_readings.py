"""What a scan fixed of how stored values become pixels travels with manifest, bundle and project."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coreset_studio.core.cli import main
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.pipeline.study import Study, settings_of_project
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.project import Project, StageResult, read_project, write_project
from coreset_studio.core.service.dataset_requests import ScanDataset
from coreset_studio.core.settings import DataSettings, Settings


def cells(folder: Path, n: int = 12, high: int = 4096) -> Path:
    """Write dim and bright noise in the 12 of 16 bits of a camera; the classes differ in brightness."""
    for number in range(n):
        name = "ab"[number % 2]
        values = np.random.default_rng(number).integers(0, high // (2 - number % 2), (40, 40)).astype(np.uint16)
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(folder / name / f"{number:02d}.tif")
    return folder


@pytest.mark.slow
def test_a_manifest_reads_a_dataset_as_its_export_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = cells(tmp_path / "cells")
    cache = ["--cache", str(tmp_path / "cache")]
    few = ["--extractor", "colour-texture", "--fraction", "0.5"]
    assert main(["export", str(images), *few, *cache, "--out", str(tmp_path / "out")]) == 0
    manifest = read_manifest(tmp_path / "out")
    said = capsys.readouterr().out
    (note,) = [note for note in manifest.notes if "12 of 16 bits" in note]
    assert said.count(note) == 1
    assert any(
        "with --grey-levels 16-bit-tiff=0:4095 they are read like those of the dataset" in n for n in manifest.notes
    )
    assert manifest.settings.data.grey_levels == ("used", "16-bit-tiff=0:4095")
    # A later image of more bits would widen a range that is fixed anew; in an empty cache there is nothing to hold it.
    Image.fromarray(np.full((40, 40), 65535, np.uint16)).save(images / "a" / "99.tif")
    shutil.rmtree(tmp_path / "cache")
    assert main(["rerun", str(tmp_path / "out" / "coreset.json"), str(images), *cache]) == 1
    assert "no longer" not in capsys.readouterr().out
    (images / "a" / "99.tif").unlink()
    assert main(["rerun", str(tmp_path / "out" / "coreset.json"), str(images), *cache]) == 0


def test_the_command_line_tells_and_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = cells(tmp_path / "cells")
    cache = ["--cache", str(tmp_path / "cache")]
    assert main(["scan", str(images), *cache]) == 0
    assert "note: 12 images (16-bit-tiff) use 12 of 16 bits: 0 to 4095 became 0 to 255." in capsys.readouterr().out
    assert main(["scan", str(images), "--grey-levels", "16-bit-tiff=0:1000", *cache]) == 0
    assert "values outside 0 to 1000" in capsys.readouterr().out
    assert main(["scan", str(images), "--grey-levels", "bright", *cache]) == 2
    assert "grey_levels must be used, declared, percentiles:0.1:99.9" in capsys.readouterr().err


def test_a_project_keeps_what_was_fixed_whatever_becomes_of_the_cache(tmp_path: Path) -> None:
    images = cells(tmp_path / "cells")
    view = ScanDataset(Study(images, Settings(), tmp_path / "cache")).run(NO_PROGRESS)
    assert view.fixed["grey_levels"] == ["used", "16-bit-tiff=0:4095"]
    project = Project(source=images)
    key = project.key("dataset")
    project = project.with_result("dataset", StageResult(key, {"reading": view.fixed}, view.identity))
    write_project(project, tmp_path / "a.coreset")
    again = read_project(tmp_path / "a.coreset")
    assert again.key("dataset") == key
    Image.fromarray(np.full((40, 40), 65535, np.uint16)).save(images / "a" / "99.tif")
    later = ScanDataset(Study(images, settings_of_project(again), tmp_path / "other cache")).run(NO_PROGRESS)
    assert later.dataset.reading.range_of("16-bit-tiff") == (0.0, 4095.0)
    assert any("a/99.tif" in warning for warning in later.dataset.warnings)
    before = {image.path: image.pixels for image in view.dataset.images}
    assert all(before.get(image.path, image.pixels) == image.pixels for image in later.dataset.images)


def test_a_project_of_before_reads_as_before(tmp_path: Path) -> None:
    images = cells(tmp_path / "cells")
    write_project(Project(source=images), tmp_path / "old.coreset")
    stored = json.loads((tmp_path / "old.coreset").read_text())
    for name in ("grey_levels", "alpha", "pages"):
        stored["settings"]["data"].pop(name, None)
    (tmp_path / "old.coreset").write_text(json.dumps(stored))
    old = read_project(tmp_path / "old.coreset")
    assert old.settings.data == DataSettings(grey_levels=("declared",), alpha=("white",))
    view = ScanDataset(Study(images, settings_of_project(old), tmp_path / "cache")).run(NO_PROGRESS)
    assert view.fixed == {}
    (told,) = [warning for warning in view.dataset.warnings if "grey levels" in warning]
    assert "16 of 256 grey levels are left. --grey-levels used" in told


@pytest.mark.parametrize("facts", [{"reading": 5}, {"reading": {"grey_levels": ["foo"]}}, {"reading": {"x": 1}}, {}])
def test_facts_that_cannot_be_change_nothing(facts: dict[str, object]) -> None:
    project = Project()
    project = project.with_result("dataset", StageResult(project.key("dataset"), facts))
    assert settings_of_project(project) == project.settings
