"""Probabilities and weights in coreset.csv: on request, with the teacher's values and shares that add up to 1."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from coreset_studio.core.cli import main
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.output.lists import COLUMNS
from coreset_studio.core.output.tables import read_rows
from coreset_studio.core.output.verification import verify
from coreset_studio.core.pipeline.exporting import export, rerun, write_selection
from coreset_studio.core.pipeline.stages import Prepared, choose, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.teaching import Teaching
from coreset_studio.core.results import ClassEmbedding, Coreset
from coreset_studio.core.selection.represented import represented
from coreset_studio.core.settings import (
    ClusterSettings,
    ExportSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
    settings_from_dict,
    settings_to_dict,
)

ASKED = ExportSettings(probabilities_and_weights=True)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    place = tmp_path_factory.mktemp("asked")
    make_demo(place / "demo", n_images=150, side=64)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        selection=SelectionSettings(sampler="even-herding", fraction=0.2),
        export=ASKED,
    )
    return prepare(Study(place / "demo", settings, place / "cache"))


def asking(prepared: Prepared, **sections: Any) -> Prepared:
    study = prepared.study
    return replace(prepared, study=replace(study, settings=replace(study.settings, **sections)))


def exported(prepared: Prepared, target: Path) -> tuple[list[Any], dict[str, Any], tuple[str, ...]]:
    """Rows of coreset.csv, the manifest, and what was said."""
    coreset = choose(prepared, prepared.study.settings.selection)
    result = export(prepared, coreset, target)
    return read_rows(target / "coreset.csv"), json.loads((target / "coreset.json").read_text()), result.notes


def test_nothing_is_added_unless_it_is_asked_for(prepared: Prepared, tmp_path: Path) -> None:
    rows, manifest, _ = exported(asking(prepared, export=ExportSettings()), tmp_path / "plain")
    assert list(rows[0]) == list(manifest["columns"]) == list(COLUMNS)
    assert "probabilities_and_weights" not in json.dumps(manifest["settings"])
    assert settings_to_dict(ASKED)["probabilities_and_weights"] is True
    assert not settings_from_dict({"export": {}}).export.probabilities_and_weights


@pytest.mark.slow
def test_the_list_has_the_teachers_probabilities_and_weights_that_add_up_to_1(
    prepared: Prepared, tmp_path: Path
) -> None:
    rows, manifest, _ = exported(prepared, tmp_path / "out")
    classes = prepared.dataset.classes
    heads = [*(f"p_{name}" for name in classes), "weight"]
    assert list(rows[0]) == list(manifest["columns"]) == [*COLUMNS, *heads]
    assert all("out" in manifest["columns"][head] or head == "weight" for head in heads)
    assert manifest["settings"]["export"]["probabilities_and_weights"] is True
    teacher = Teaching(prepared).teacher()
    by_path = {row["path"]: row for row in rows}
    for place, index in enumerate(teacher.indices):
        row = by_path[prepared.dataset.images[index].path]
        found = np.array([row[f"p_{name}"] for name in classes], dtype=np.float32)
        assert np.array_equal(found, teacher.probabilities[place])
        assert found.sum() == pytest.approx(1, abs=1e-5)
    outside = [row for row in rows if row["split"] != "train"]
    assert outside
    assert all(row[head] == "" for row in outside for head in heads)
    assert all((row["weight"] != "") == (row["selected"] == "1") for row in rows)
    assert sum(float(row["weight"] or 0) for row in rows) == pytest.approx(1)
    # By hand: for each image of the pool the nearest chosen one of its class.
    wanted = dict.fromkeys((row["path"] for row in rows if row["selected"] == "1"), 0)
    for embedding in prepared.embeddings:
        paths = [prepared.dataset.images[index].path for index in embedding.indices]
        chosen = [place for place, path in enumerate(paths) if path in wanted]
        distances = cdist(embedding.embedding.astype(np.float64), embedding.embedding[chosen].astype(np.float64))
        for nearest in distances.argmin(axis=1):
            wanted[paths[chosen[nearest]]] += 1
    n_pool = len(prepared.split.pool)
    assert {path: round(float(by_path[path]["weight"]) * n_pool) for path in wanted} == wanted


def test_such_a_list_is_verified_opened_and_made_again(prepared: Prepared, tmp_path: Path) -> None:
    rows, _, _ = exported(prepared, tmp_path / "out")
    assert verify(tmp_path / "out").ok
    opened = scan(tmp_path / "out" / "coreset.csv", cache_folder=tmp_path / "cache")
    assert len(opened.images) == sum(row["selected"] == "1" or row["split"] in ("validation", "test") for row in rows)
    assert opened.columns == ()
    study = prepared.study
    again = rerun(tmp_path / "out" / "coreset.json", study.source, study.cache_folder)
    assert again.differences == ()
    assert write_selection(tmp_path / "again.csv", again.prepared, again.coreset) == ()
    heads = [*(f"p_{name}" for name in prepared.dataset.classes), "weight"]
    for one, same in zip(rows, read_rows(tmp_path / "again.csv"), strict=True):
        assert [one[head] for head in heads] == [same[head] for head in heads]


def test_a_class_of_which_nothing_was_chosen_is_in_no_weight_and_it_is_said(prepared: Prepared, tmp_path: Path) -> None:
    selection = SelectionSettings(sampler="random", images=2, at_least_one=False)
    rows, manifest, notes = exported(asking(prepared, selection=selection), tmp_path / "out")
    chosen = {row["class"] for row in rows if row["selected"] == "1"}
    n_pool = len(prepared.split.pool)
    inside = sum(row["class"] in chosen for row in rows if row["split"] == "train")
    assert inside < n_pool
    assert sum(float(row["weight"] or 0) for row in rows) == pytest.approx(inside / n_pool)
    (note,) = (note for note in notes if "the weights add up to" in note)
    assert note.startswith(f"{n_pool - inside} images of the pool are of classes of which no image was selected")
    assert f"{inside / n_pool:.3g}, not to 1" in note
    assert note in manifest["notes"]


def test_columns_of_the_table_with_such_a_name_get_another_and_it_is_said(prepared: Prepared, tmp_path: Path) -> None:
    first = prepared.dataset.classes[0]
    columns = (f"P_{first.upper()}", "Weight", "age")
    images = tuple(replace(image, more=("a", "b", str(n))) for n, image in enumerate(prepared.dataset.images))
    dataset = replace(prepared.dataset, images=images, columns=columns)
    rows, _, notes = exported(replace(prepared, dataset=dataset), tmp_path / "out")
    assert list(rows[0])[-3:] == [f"{columns[0]} of the table", "Weight of the table", "age"]
    assert {(row[f"{columns[0]} of the table"], row["Weight of the table"]) for row in rows} == {("a", "b")}
    expected = (
        f"The list already has columns of these names, so those of the table are written as “{columns[0]} of the "
        "table”, “Weight of the table”."
    )
    assert expected in notes
    plain = asking(replace(prepared, dataset=dataset), export=ExportSettings())
    assert write_selection(tmp_path / "plain.csv", plain, choose(plain, plain.study.settings.selection)) == ()
    assert list(read_rows(tmp_path / "plain.csv")[0]) == [*COLUMNS, *columns]


def test_a_private_list_has_them_too_and_nothing_of_the_table(prepared: Prepared, tmp_path: Path) -> None:
    images = tuple(replace(image, more=("secret",)) for image in prepared.dataset.images)
    dataset = replace(prepared.dataset, images=images, columns=("weight",))
    private = asking(replace(prepared, dataset=dataset), export=replace(ASKED, private=True))
    rows, _, notes = exported(private, tmp_path / "out")
    assert list(rows[0]) == [*COLUMNS, *(f"p_{name}" for name in prepared.dataset.classes), "weight"]
    assert sum(float(row["weight"] or 0) for row in rows) == pytest.approx(1)
    assert not any("of the table" in note for note in notes)
    assert "secret" not in (tmp_path / "out" / "coreset.csv").read_text()


def test_of_equally_near_images_the_first_in_path_order_counts() -> None:
    points = np.array([[0, 0], [0, 0], [1, 0], [2, 0], [5, 5]], dtype=np.float32)
    embedding = ClassEmbedding(
        "a", np.array([3, 4, 6, 8, 9]), points, np.zeros(0, dtype=np.int64), points[:0], ()
    )  # fmt: skip
    other = replace(embedding, class_name="b", indices=np.array([0, 1, 2, 5, 7]))
    coreset = Coreset("x", 0, np.array([8, 4, 3]), np.arange(3), ("", "", ""), {"a": 3}, {"a": 5, "b": 5}, nested=False)
    # 6 lies between 3 and 8, and 3 and 4 are alike.
    assert represented([embedding, other], coreset) == {3: 3, 4: 0, 8: 2}


@pytest.mark.slow
def test_the_flag_asks_for_them(prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = prepared.study
    common = [
        str(study.source),
        "--extractor",
        "colour-texture",
        "--cache",
        str(study.cache_folder),
        "--fraction",
        "0.1",
    ]
    out = tmp_path / "out"
    assert main(["export", *common, "--files", "list", "--probabilities-and-weights", "--out", str(out)]) == 0
    rows = read_rows(out / "coreset.csv")
    assert {"weight", f"p_{prepared.dataset.classes[0]}"} <= set(rows[0])
    with pytest.raises(SystemExit):
        main(["compare", *common[:-2], "--probabilities-and-weights", "--out", str(tmp_path / "study")])
    assert "--probabilities-and-weights" in capsys.readouterr().err
