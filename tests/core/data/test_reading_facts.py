"""What other readings of a source would give: columns of a table, layouts, grey levels, pages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.readings import reading_of
from coreset_studio.core.data.sources import SOURCES
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.results import Dataset, SmallImage, TableFacts
from coreset_studio.core.service.reading_requests import PreviewLayouts, PreviewLevels, PreviewPages, PreviewTable
from coreset_studio.core.settings import DataSettings, own_settings, with_own

Put = Callable[..., Path]
Look = Callable[..., Dataset]


def table_of(source: Path, **settings: Any) -> TableFacts:
    data = with_own(DataSettings(), "csv", **settings)
    return PreviewTable(source, own_settings(data, SOURCES["csv"])).run(NO_PROGRESS)


@pytest.fixture
def table(tmp_path: Path, put: Put) -> Path:
    """Twelve images of two classes, three patients and two sets, and a row without its file."""
    rows = []
    for number in range(12):
        put(f"{number}.png", number)
        name, split = "ill" if number % 3 else "well", "train" if number % 4 else "test"
        rows.append(f"{number},{name},lab {number % 2},{split},p{number // 4}")
    file = tmp_path / "images" / "cells.csv"
    file.write_text("\n".join(["image_id,dx,site,split,patient", *rows, "99,ill,lab 1,train,p2"]), encoding="utf-8")
    return file


# --- tables -------------------------------------------------------------------------------------------------------


def test_a_table_is_shown_as_it_is_read(table: Path) -> None:
    facts = table_of(table)
    assert facts.header == ("image_id", "dx", "site", "split", "patient")
    assert len(facts.rows) == 10
    assert facts.rows[1] == ("1", "ill", "lab 1", "train", "p0")
    assert facts.roles == ("image", "class", "ignore", "split", "group")
    assert facts.n_images == 12
    assert facts.classes == (("ill", 8), ("well", 4))
    assert facts.splits == (("train", 9), ("test", 3))
    assert (facts.n_groups, facts.n_skipped) == (3, 1)
    assert facts.skipped == "99: Row 14 of the CSV names it, but the file does not exist."
    assert facts.problem == ""
    assert any("“image_id” as the images" in note for note in facts.notes)


def test_other_columns_give_other_classes(table: Path) -> None:
    facts = table_of(table, path_column="image_id", class_columns=("site",), split_column="-", group_column="dx")
    assert facts.roles == ("image", "group", "class", "ignore", "ignore")
    assert facts.classes == (("lab 0", 6), ("lab 1", 6))
    assert (facts.splits, facts.n_groups) == ((), 2)


def test_what_the_scan_reads_is_what_was_shown(table: Path, look: Look) -> None:
    data = with_own(DataSettings(), "csv", path_column="image_id", class_columns=("site",), split_column="-")
    dataset = look(table, settings=data)
    facts = table_of(table, path_column="image_id", class_columns=("site",), split_column="-")
    assert dict(facts.classes) == {n: sum(i.class_name == n for i in dataset.images) for n in dataset.classes}


def test_columns_that_cannot_be_read_are_a_sentence_and_the_rows_are_shown(table: Path, tmp_path: Path) -> None:
    facts = table_of(table, path_column="image_id", class_columns=("gone",))
    assert facts.problem == "cells.csv has no column “gone”; found image_id, dx, site, split, patient."
    assert len(facts.rows) == 10
    several = table_of(table, path_column="image_id", class_columns=("dx", "site"), split_column="-")
    assert several.n_images == 0
    assert "expected 1, 0" in several.skipped
    gone = table_of(tmp_path / "none.csv")
    assert gone.header == ()
    assert "none.csv" in gone.problem


def test_a_table_with_a_column_for_each_class(tmp_path: Path, put: Put) -> None:
    for number in range(4):
        put(f"{number}.png", number)
    file = tmp_path / "images" / "isic.csv"
    file.write_text("image,MEL,NV\n0,1,0\n1,0,1\n2,0,1\n3,1,0\n", encoding="utf-8")
    facts = table_of(file)
    assert facts.roles == ("image", "class", "class")
    assert facts.classes == (("MEL", 2), ("NV", 2))


def test_a_table_of_an_earlier_project_has_the_columns_that_it_names(tmp_path: Path, put: Put) -> None:
    put("a.png", 1)
    file = tmp_path / "images" / "old.csv"
    file.write_text("class,path,patient\nill,a.png,7\n", encoding="utf-8")
    assert table_of(file, columns="named").roles == ("class", "image", "ignore")


# --- layouts ------------------------------------------------------------------------------------------------------


def test_a_folder_is_listed_by_every_layout_that_gives_something_else(tmp_path: Path, put: Put) -> None:
    for patient in range(6):
        for name in ("ill", "well"):
            put(f"patient{patient}/{name}/x.png", patient * 2 + (name == "ill"))
    facts = PreviewLayouts(tmp_path / "images", DataSettings()).run(NO_PROGRESS)
    by_name = {one.layout: one for one in facts}
    automatic = by_name["auto"]
    assert automatic.levels == "groups/classes"
    assert automatic.classes == (("ill", 6), ("well", 6))
    assert automatic.n_groups == 6
    assert automatic.examples[0] == ("patient0/ill/x.png", "ill", "patient0", "")
    assert "groups, such as patients" in automatic.assumed
    assert {name for name, _ in by_name["classes"].classes} == {f"patient{n}" for n in range(6)}
    assert by_name["classes/groups"].n_groups == 2
    assert by_name["any/classes"].n_groups == 0
    assert "split/classes" not in by_name  # gives no image at all
    assert len({(one.classes, one.n_groups, one.splits) for one in facts[1:]}) == len(facts) - 1


def test_the_layout_that_is_used_is_always_among_them(tmp_path: Path, put: Put) -> None:
    put("ill/x.png", 1)
    put("well/x.png", 2)
    facts = PreviewLayouts(tmp_path / "images", DataSettings(layout="split/classes")).run(NO_PROGRESS)
    assert [one.layout for one in facts] == ["auto", "classes", "split/classes", "unlabelled"]
    assert [one.n_images for one in facts] == [2, 2, 0, 2]


# --- grey levels and pages ----------------------------------------------------------------------------------------


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """16-bit images of 12 bits, each a ramp from 0 to 4,000."""
    folder = tmp_path / "deep"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for number in range(5):
            ramp = np.linspace(0, 4000, 32 * 32).reshape(32, 32).astype(np.uint16)
            Image.fromarray(ramp).save(folder / name / f"{number}.tif")
    return folder


def levels_of(folder: Path, tmp_path: Path, before: DataSettings, after: DataSettings, *paths: str) -> Any:
    dataset = scan(folder, cache_folder=tmp_path / "cache", settings=before)
    some = paths or tuple(image.path for image in dataset.images[:4])
    kind = "16-bit-tiff"
    return PreviewLevels(dataset.kind, dataset.root, kind, some, dataset.reading, after).run(NO_PROGRESS)


def test_values_of_a_file_kind_and_an_image_before_and_after(deep: Path, tmp_path: Path) -> None:
    facts = levels_of(deep, tmp_path, DataSettings(), DataSettings(grey_levels=("0:2000",)))
    assert (facts.low, facts.high, facts.n_files) == (0.0, 4000.0, 4)
    assert (facts.range_before, facts.range_after) == ((0.0, 4095.0), (0.0, 2000.0))
    assert sum(facts.counts) == pytest.approx(1)
    assert max(facts.counts) < 0.05  # a ramp has as many of each
    assert dict(facts.percentiles)[50.0] == pytest.approx(2000, abs=20)
    assert facts.clipped == pytest.approx(0.5, abs=0.02)
    before, after = (np.frombuffer(one.rgb, np.uint8) for one in (facts.before, facts.after))
    assert before.mean() == pytest.approx(4000 / 4095 * 127.5, abs=2)
    assert after.mean() == pytest.approx(0.75 * 255, abs=3)
    assert (facts.before.width, facts.before.height) == (192, 192)


@pytest.mark.parametrize(
    ("rule", "expected"), [(("used",), (0.0, 4095.0)), (("percentiles:0:50",), (0.0, 2000.0)), (("declared",), None)]
)
def test_a_rule_gives_its_range(
    deep: Path, tmp_path: Path, rule: tuple[str, ...], expected: tuple[float, float]
) -> None:
    facts = levels_of(deep, tmp_path, DataSettings(grey_levels=("0:99",)), DataSettings(grey_levels=rule))
    assert facts.range_after == (None if expected is None else pytest.approx(expected, abs=20))
    assert facts.problem == ""


def test_a_file_that_is_gone_is_a_sentence(deep: Path, tmp_path: Path) -> None:
    facts = levels_of(deep, tmp_path, DataSettings(), DataSettings(), "a/none.tif")
    assert facts.before is None
    assert facts.problem.startswith("a/none.tif: The file cannot be read")


def colour_of(image: SmallImage | None) -> int:
    assert image is not None
    return int(np.frombuffer(image.rgb, np.uint8).mean())


def test_pages_of_a_file_and_what_a_rule_makes_of_them(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((16, 16), value, np.uint8)) for value in (10, 30, 200)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    results = {}
    for rule in ("first", "2", "max", "mean", "each", "9"):
        facts = PreviewPages("folder", tmp_path, "stack.tif", reading_of(DataSettings()), rule).run(NO_PROGRESS)
        assert facts.n_pages == 3
        assert [colour_of(page) for page in facts.pages] == [10, 30, 200]
        results[rule] = facts
    assert {rule: colour_of(results[rule].result) for rule in ("first", "2", "max", "mean")} == {
        "first": 10, "2": 30, "max": 200, "mean": 80,
    }  # fmt: skip
    assert results["each"].result is None
    assert results["each"].problem == ""
    assert results["9"].problem == "It has 3 pages; page 9 was requested."


def test_of_many_pages_the_first_are_shown(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in range(40)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    facts = PreviewPages("folder", tmp_path, "stack.tif", reading_of(DataSettings()), "first").run(NO_PROGRESS)
    assert (facts.n_pages, len(facts.pages)) == (40, 24)
