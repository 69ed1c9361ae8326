"""Corrected classes through a whole study: exports, their manifest, making them again, and notes on images."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.data.label_files import labels_from_file
from coreset_studio.core.output.lists import COLUMNS
from coreset_studio.core.output.report import write_report
from coreset_studio.core.output.tables import read_rows
from coreset_studio.core.output.verification import verify
from coreset_studio.core.pipeline.exporting import export, rerun, write_selection
from coreset_studio.core.pipeline.stages import Prepared, choose, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.whole import compare_study, report_content
from coreset_studio.core.settings import (
    ClusterSettings,
    ComparisonSettings,
    DataSettings,
    ExportSettings,
    FeatureSettings,
    Relabelling,
    SelectionSettings,
    Settings,
)
from coreset_studio.core.training.relabelled import BIAS

WHEN = "2026-11-27T09:30:00+00:00"
NEW = "precursor"


@pytest.fixture(scope="module")
def cells_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("relabelled") / "demo"
    make_demo(place, n_images=150, side=64)
    return place


def paths_of(folder: Path, class_name: str) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in (folder / class_name).rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def records(cells_folder: Path) -> tuple[Relabelling, ...]:
    """Two neutrophils that become lymphocytes, and three that become a class of their own."""
    paths = paths_of(cells_folder, "neutrophil")
    news = ["lymphocyte"] * 2 + [NEW] * 3
    return tuple(Relabelling(path, "neutrophil", new, WHEN) for path, new in zip(paths, news, strict=False))


@pytest.fixture(scope="module")
def prepared(cells_folder: Path, records: tuple[Relabelling, ...]) -> Prepared:
    return prepare(Study(cells_folder, settings_with(records), cells_folder.parent / "cache"))


def settings_with(records: tuple[Relabelling, ...], **data: Any) -> Settings:
    return Settings(
        data=DataSettings(relabelled=records, **data),
        features=FeatureSettings(extractors=("colour-texture",)),
        clusters=ClusterSettings(k_max=3),
        selection=SelectionSettings(sampler="even-herding", fraction=0.3),
    )


def with_settings(prepared: Prepared, **sections: Any) -> Prepared:
    study = prepared.study
    return replace(prepared, study=replace(study, settings=replace(study.settings, **sections)))


def test_all_exports_use_the_corrected_classes(
    prepared: Prepared, records: tuple[Relabelling, ...], tmp_path: Path
) -> None:
    coreset = choose(prepared, prepared.study.settings.selection)
    whole = with_settings(prepared, export=ExportSettings(with_split=True, remainder=True))
    result = export(whole, coreset, tmp_path / "out")
    assert any(note.startswith("5 images were relabelled: ") for note in result.notes)
    rows = {row["path"]: row for row in read_rows(tmp_path / "out" / "coreset.csv")}
    assert list(next(iter(rows.values()))) == [*COLUMNS, "original_class"]
    for record in records:
        assert (rows[record.path]["class"], rows[record.path]["original_class"]) == (record.new, "neutrophil")
    assert sum(row["original_class"] != "" for row in rows.values()) == len(records)
    manifest = json.loads((tmp_path / "out" / "coreset.json").read_text())
    assert manifest["settings"]["data"]["relabelled"][0] == {
        "path": records[0].path, "old": "neutrophil", "new": "lymphocyte", "when": WHEN
    }  # fmt: skip
    assert "original_class" in manifest["columns"]
    assert NEW in manifest["dataset"]["classes"]
    assert verify(tmp_path / "out").ok
    # The class folders hold no folder of the old class inside.
    names = {file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.*")}
    assert not any("lymphocyte/neutrophil" in name or f"{NEW}/neutrophil" in name for name in names)
    # The list itself can be read as corrected classes of the same dataset.
    read, notes = labels_from_file(tmp_path / "out" / "coreset.csv", prepared.dataset.root, DataSettings())
    assert [(each.path, each.old, each.new) for each in read] == [(each.path, each.old, each.new) for each in records]
    assert notes == ()
    opened = scan(tmp_path / "out" / "coreset.csv", cache_folder=tmp_path / "cache")
    images = prepared.dataset.images
    used = [*coreset.indices, *prepared.split.validation, *prepared.split.test]
    assert Counter((i.class_name, i.pixels) for i in opened.images) == Counter(
        (images[at].class_name, images[at].pixels) for at in used
    )


def test_without_relabelling_and_notes_the_list_is_as_before(cells_folder: Path, tmp_path: Path) -> None:
    plain = prepare(Study(cells_folder, settings_with(()), cells_folder.parent / "cache"))
    write_selection(tmp_path / "list.csv", plain, choose(plain, plain.study.settings.selection))
    assert list(read_rows(tmp_path / "list.csv")[0]) == list(COLUMNS)


@pytest.mark.slow
@pytest.mark.parametrize("private", [False, True])
def test_the_same_coreset_is_made_again_from_the_manifest(
    prepared: Prepared, records: tuple[Relabelling, ...], tmp_path: Path, private: bool
) -> None:
    left_out = paths_of(prepared.dataset.root, "platelet")[:1]
    study = replace(prepared.study, settings=settings_with(records, left_out_images=tuple(left_out)))
    asked = prepare(replace(study, settings=replace(study.settings, export=ExportSettings(private=private))))
    coreset = choose(asked, asked.study.settings.selection)
    export(asked, coreset, tmp_path / "out")
    text = "".join((tmp_path / "out" / name).read_text() for name in ("coreset.json", "coreset.csv"))
    named = [*left_out, *(record.path for record in records)]
    assert all((path.rpartition("/")[2] in text) is not private for path in named)
    # On another machine: other folder, and nothing in the cache.
    shutil.copytree(prepared.dataset.root, tmp_path / "moved")
    again = rerun(tmp_path / "out" / "coreset.json", tmp_path / "moved", tmp_path / "cache")
    assert again.differences == ()
    assert again.prepared.study.settings.data.relabelled == records
    assert again.prepared.study.settings.data.left_out_images == tuple(left_out)
    assert again.coreset.indices.tolist() == coreset.indices.tolist()


def test_a_source_that_was_corrected_itself_gives_the_same_coreset(
    prepared: Prepared, cells_folder: Path, tmp_path: Path
) -> None:
    """A table with the new classes: the records change nothing more, and are not complained of."""
    table = cells_folder / "labels.csv"
    images = prepared.dataset.images
    table.write_text("path,class\n" + "".join(f"{i.path},{i.class_name}\n" for i in images))
    try:
        corrected = prepare(replace(prepared.study, source=table))
    finally:
        table.unlink()
    assert not any("not applied" in warning for warning in corrected.dataset.warnings)
    assert not any(image.original_class for image in corrected.dataset.images)
    coreset = choose(prepared, prepared.study.settings.selection)
    assert choose(corrected, prepared.study.settings.selection).indices.tolist() == coreset.indices.tolist()


def test_notes_on_images_are_in_the_list_but_not_in_a_private_one(prepared: Prepared, tmp_path: Path) -> None:
    coreset = choose(prepared, prepared.study.settings.selection)
    path = prepared.dataset.images[3].path
    notes = {path: "=blurred, twice", "gone.png": "no such image", prepared.dataset.images[4].path: ""}
    export(prepared, coreset, tmp_path / "out", image_notes=notes)
    rows = {row["path"]: row for row in read_rows(tmp_path / "out" / "coreset.csv")}
    assert list(rows[path]) == [*COLUMNS, "original_class", "note"]
    assert {name: row["note"] for name, row in rows.items() if row["note"]} == {path: "=blurred, twice"}
    assert verify(tmp_path / "out").ok
    private = with_settings(prepared, export=ExportSettings(private=True))
    export(private, coreset, tmp_path / "private", image_notes=notes)
    assert "blurred" not in (tmp_path / "private" / "coreset.csv").read_text()
    assert "original_class" in (tmp_path / "private" / "coreset.csv").read_text()


@pytest.mark.slow
def test_a_report_counts_them_and_a_private_one_names_none(
    prepared: Prepared, records: tuple[Relabelling, ...], tmp_path: Path
) -> None:
    gone = Relabelling("neutrophil/SmithJohn.png", "neutrophil", "lymphocyte", WHEN)
    study = replace(prepared.study, settings=settings_with((*records, gone)))
    content = report_content(prepare(study))
    write_report(tmp_path / "report.html", content)
    page = (tmp_path / "report.html").read_text()
    assert "5 images were relabelled: " in page
    assert "SmithJohn" in page
    settings = {row["name"]: row["value"] for row in read_rows(tmp_path / "tables" / "settings.csv")}
    assert f"{records[0].path}: neutrophil → lymphocyte" in settings["relabelled"]
    write_report(tmp_path / "private" / "report.html", content, private=True)
    page = "".join(file.read_text() for file in (tmp_path / "private").rglob("*") if file.is_file())
    assert "SmithJohn" not in page
    assert records[0].path.rpartition("/")[2] not in page
    assert "5 images were relabelled: " in page


@pytest.mark.slow
def test_a_comparison_tells_the_accuracy_with_both_labels(cells_folder: Path, tmp_path: Path) -> None:
    """Half of the neutrophils among the test images become lymphocytes, which no network will follow."""
    asked = ComparisonSettings(samplers=("random",), fractions=(0.5,), networks=("head",), controls=False)
    plain = replace(settings_with(()), comparison=asked)
    study = Study(cells_folder, plain, cells_folder.parent / "cache")
    first = prepare(study)
    images = first.dataset.images
    tested = [images[at].path for at in first.split.test if images[at].class_name == "neutrophil"]
    changed = tuple(Relabelling(path, "neutrophil", "lymphocyte", WHEN) for path in tested[::2])
    settings = replace(plain, data=replace(plain.data, relabelled=changed))
    outcome = compare_study(replace(study, settings=settings), tmp_path / "out")
    comparison = outcome.comparison
    found = comparison.relabelled
    assert found is not None
    assert found.n_pool + found.n_validation + found.n_test == len(changed)
    assert found.n_test > 0
    [run] = comparison.runs
    dataset = prepare(replace(study, settings=settings)).dataset
    originals = [dataset.images[at].original_class or dataset.images[at].class_name for at in run.test_indices]
    right = np.mean([run.classes[p] == name for p, name in zip(run.predicted, originals, strict=True)])
    assert found.rows[0].original_accuracy == pytest.approx(right)
    assert found.rows[0].accuracy == comparison.rows[0].means["accuracy"] != found.rows[0].original_accuracy
    assert BIAS in comparison.notes
    assert BIAS in (tmp_path / "out" / "report.html").read_text()
    [row] = read_rows(tmp_path / "out" / "tables" / "relabelled.csv")
    assert float(row["accuracy_original_labels"]) == pytest.approx(right)
    assert int(row["relabelled_test_images"]) == found.n_test
    [row] = read_rows(tmp_path / "out" / "tables" / "comparison.csv")
    assert float(row["accuracy_original_labels"]) == pytest.approx(right)
    # Trained without them, nothing of this is there.
    outcome = compare_study(study, tmp_path / "plain")
    assert outcome.comparison.relabelled is None
    assert not (tmp_path / "plain" / "tables" / "relabelled.csv").exists()
    assert "accuracy_original_labels" not in read_rows(tmp_path / "plain" / "tables" / "comparison.csv")[0]
