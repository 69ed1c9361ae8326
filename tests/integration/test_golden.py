"""Stored forms of earlier versions, whole: nothing is computed again, trained again or called outdated."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.cli import main
from coreset_studio.core.errors import InputError
from coreset_studio.core.features.extraction import count_missing
from coreset_studio.core.output.manifest import read_manifest
from coreset_studio.core.output.model_bundle import load_bundle, predict
from coreset_studio.core.pipeline import comparing
from coreset_studio.core.pipeline.comparing import compare_stored, run_comparison
from coreset_studio.core.pipeline.stages import prepare, used_images
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.project import read_project, read_recovery
from coreset_studio.core.settings import read_settings

FOLDERS = sorted((Path(__file__).parents[1] / "golden").glob("format-*"))


@pytest.fixture(params=FOLDERS, ids=[folder.name for folder in FOLDERS])
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of everything that one version wrote."""
    return Path(shutil.copytree(request.param, tmp_path / "golden"))


def study_of(golden: Path) -> Study:
    settings = read_settings(golden / "study" / "coreset" / "coreset.json")
    return Study(golden / "images.npz", settings, golden / "cache")


def test_features_in_the_cache_are_found(golden: Path) -> None:
    study = study_of(golden)
    n_files = len(list((golden / "cache" / "features").rglob("*.npy")))
    prepared = prepare(study)
    indices = used_images(prepared.split)
    assert count_missing(prepared.dataset, "colour-texture", cache_folder=study.cache_folder, indices=indices) == 0
    features = list((golden / "cache" / "features").rglob("*.npy"))
    assert len(features) == n_files


@pytest.mark.slow
def test_no_stored_run_is_trained_again(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_keywords: object) -> None:
        raise AssertionError("a stored run is trained again")

    monkeypatch.setattr(comparing, "train_planned", refuse)
    prepared = prepare(study_of(golden))
    runs = golden / "study" / "runs"
    stored = [json.loads(file.read_text(encoding="utf-8")) for file in runs.glob("*.json")]
    comparison = run_comparison(prepared, runs)
    assert comparison.notes == ()
    assert {run.key.fingerprint for run in comparison.runs} == {one["key"]["fingerprint"] for one in stored}
    for run in comparison.runs:
        one = next(each for each in stored if each["key"]["fingerprint"] == run.key.fingerprint)
        told = one["metrics"].get("values", one["metrics"])
        assert run.metrics["accuracy"] == pytest.approx(told["accuracy"], abs=1e-12)
        assert (run.probabilities is None) == (one["format"] == 1)
        assert run.best_epoch == one["best_epoch"]
        assert len(run.history) == len(one["history"])
        assert run.train_seconds == one["train_seconds"]
    assert len(compare_stored(prepared, runs).runs) == len(comparison.runs)


def test_an_export_is_verified_and_made_again(golden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coreset = golden / "study" / "coreset"
    assert main(["verify", str(coreset)]) == 0
    arguments = ["rerun", str(coreset / "coreset.json"), str(golden / "images.npz"), "--cache", str(golden / "cache")]
    assert main(arguments) == 0
    assert "The same 12 images were selected again." in capsys.readouterr().out
    manifest = read_manifest(coreset)
    assert manifest.intact
    assert len(manifest.chosen) == 12
    assert manifest.plugins == {}


def test_a_bundle_predicts_as_it_did(golden: Path, tmp_path: Path) -> None:
    folder = next((golden / "study" / "models").iterdir())
    bundle = load_bundle(folder)
    assert bundle.classes == ("0", "1", "2")
    predictions = predict(bundle, golden / "study" / "coreset")
    assert predictions.n_images == 12
    assert np.isfinite(predictions.probabilities).all()
    stored = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    assert bundle.image_size == stored["image_size"] == 32


def test_projects_settings_and_recovery_are_read(golden: Path) -> None:
    project = read_project(golden / "project.coreset")
    assert all(project.result(stage) is not None for stage in ("dataset", "features", "clusters", "coreset", "compare"))
    assert read_settings(golden / "settings.json") == project.settings
    changed = read_project(golden / "project-changed.coreset")
    assert read_settings(golden / "settings-changed.json") == changed.settings
    recovered = read_recovery(golden / "recovery.json").project
    assert recovered.settings == changed.settings
    assert recovered.source == Path("/nowhere/images.npz")  # no path of the machine that wrote it


@pytest.mark.parametrize("name", ["project.coreset", "study/coreset/coreset.json", "study/models/*/bundle.json"])
def test_a_newer_format_is_refused_in_a_sentence(golden: Path, name: str) -> None:
    file = next(golden.glob(name))
    values = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**values, "format": 99}), encoding="utf-8")
    read = {"project.coreset": read_project, "coreset.json": read_manifest, "bundle.json": load_bundle}[file.name]
    with pytest.raises(InputError, match=r"99.*[Uu]pdate"):
        read(file)
