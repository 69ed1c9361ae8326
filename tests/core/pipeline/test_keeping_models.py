"""Networks saved as ONNX in a comparison: with the training, afterwards, and not where that is not possible."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.model_bundle import FACTS_NAME, MODEL_NAME, read_facts
from coreset_studio.core.output.onnx_file import DESCRIPTION_NAME, FILE_NAME, OnnxFacts
from coreset_studio.core.pipeline import keeping_models
from coreset_studio.core.pipeline.comparing import run_comparison
from coreset_studio.core.pipeline.keeping_models import saved_sentence
from coreset_studio.core.pipeline.stages import Prepared, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.settings import (
    ClusterSettings,
    ComparisonSettings,
    FeatureSettings,
    Settings,
    TrainingSettings,
    settings_to_dict,
)

pytestmark = pytest.mark.slow

pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")
JUDGE = (
    "The linear probe is not saved as ONNX, since it has no Keras model, but is trained on features; these can be "
    "saved: custom network and transfer network."
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    place = tmp_path_factory.mktemp("keeping")
    make_demo(place / "demo", n_images=80, side=48)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=2),
        training=TrainingSettings(image_size=32, epochs=1, min_steps=2),
        comparison=ComparisonSettings(
            samplers=("stratified",), fractions=(0.5,), networks=("custom", "head"), controls=False
        ),
    )
    return prepare(Study(place / "demo", settings, place / "cache"))


def asking(prepared: Prepared, **changes: Any) -> Prepared:
    settings = prepared.study.settings
    wanted = replace(settings, comparison=replace(settings.comparison, **changes))
    return replace(prepared, study=replace(prepared.study, settings=wanted))


def kept_files(models: Path) -> set[str]:
    [bundle] = models.iterdir()
    return {file.name for file in bundle.iterdir()}


def test_the_setting_is_off_and_not_stored_then() -> None:
    assert not ComparisonSettings().onnx
    assert "onnx" not in settings_to_dict(ComparisonSettings())
    assert settings_to_dict(ComparisonSettings(onnx=True))["onnx"] is True


def test_a_network_is_saved_as_onnx_with_its_training(prepared: Prepared, tmp_path: Path) -> None:
    found = run_comparison(asking(prepared, onnx=True), tmp_path / "runs", keep_models=tmp_path / "models")

    assert {MODEL_NAME, FACTS_NAME, FILE_NAME, DESCRIPTION_NAME} <= kept_files(tmp_path / "models")
    [bundle] = (tmp_path / "models").iterdir()
    facts = read_facts(bundle).onnx
    assert facts is not None
    n_checked = min(64, len(prepared.split.validation))
    assert facts.images == n_checked
    assert saved_sentence([facts]) in found.notes
    assert JUDGE in found.notes


def test_a_network_of_an_earlier_training_gets_its_file_without_a_new_one(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, models = tmp_path / "runs", tmp_path / "models"
    plain = run_comparison(prepared, runs, keep_models=models)
    assert FILE_NAME not in kept_files(models)
    assert not any("ONNX" in note for note in plain.notes)
    [bundle] = models.iterdir()
    before = (bundle / MODEL_NAME).read_bytes()
    monkeypatch.setattr("coreset_studio.core.pipeline.comparing.train", None)

    again = run_comparison(asking(prepared, onnx=True), runs, keep_models=models)

    assert {FILE_NAME, DESCRIPTION_NAME} <= kept_files(models)
    assert (bundle / MODEL_NAME).read_bytes() == before
    assert any(note.startswith("1 network was also saved as ONNX (model.onnx); on ") for note in again.notes)
    # Once it is there it is not made again.
    made = (bundle / FILE_NAME).stat().st_mtime_ns
    third = run_comparison(asking(prepared, onnx=True), runs, keep_models=models)
    assert (bundle / FILE_NAME).stat().st_mtime_ns == made
    assert not any("also saved as ONNX" in note for note in third.notes)


def test_a_network_that_cannot_be_converted_is_kept_as_keras_with_a_sentence(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}

    def refuse(model: Any, pixels: np.ndarray, *, title: str, classes: tuple[str, ...], note: str) -> None:
        seen["classes"], seen["title"], seen["shape"] = tuple(classes), title, pixels.shape
        raise ExportError(f"The {title} is odd.")

    monkeypatch.setattr(keeping_models, "to_onnx", refuse)

    found = run_comparison(asking(prepared, onnx=True), tmp_path / "runs", keep_models=tmp_path / "models")

    assert "The custom network (stratified random, 50 %) is odd." in found.notes
    assert MODEL_NAME in kept_files(tmp_path / "models")
    assert not {FILE_NAME, DESCRIPTION_NAME} & kept_files(tmp_path / "models")
    assert seen["classes"] == found.runs[0].classes
    assert seen["shape"][1:] == (32, 32, 3)


def test_missing_packages_and_changed_bundles_are_told_and_nothing_stops(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, models = tmp_path / "runs", tmp_path / "models"
    with monkeypatch.context() as patched:
        patched.setattr(keeping_models, "missing_packages", lambda: "Something is missing.")
        found = run_comparison(asking(prepared, onnx=True), runs, keep_models=models)
    assert "Something is missing." in found.notes
    assert FILE_NAME not in kept_files(models)
    [bundle] = models.iterdir()
    with (bundle / MODEL_NAME).open("ab") as stream:
        stream.write(b"more")

    again = run_comparison(asking(prepared, onnx=True), runs, keep_models=models)

    assert any(
        note.startswith("The custom network (stratified random, 50 %) was not saved as ONNX: ")
        and "was changed or truncated" in note
        for note in again.notes
    )
    assert FILE_NAME not in kept_files(models)


@pytest.mark.parametrize(
    ("differences", "beginning", "end"),
    [
        ((3.2e-6, 0.0), "2 networks were also saved", "from those of the Keras models by at most 4e-06."),
        ((0.0,), "1 network was also saved", "of the Keras model by at most 0."),
        ((9.6e-5,), "1 network was also saved", "of the Keras model by at most 1e-04."),
    ],
)  # fmt: skip
def test_the_sentence_never_states_less_than_the_difference(
    differences: tuple[float, ...], beginning: str, end: str
) -> None:
    said = saved_sentence([OnnxFacts("ab", 64, each, 15, "1.17.0") for each in differences])

    assert said.startswith(f"{beginning} as ONNX (model.onnx); on 64 images")
    assert said.endswith(end)
