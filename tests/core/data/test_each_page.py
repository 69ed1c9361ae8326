"""Every page of a file as an image of its own."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.data import reader
from coreset_studio.core.data.dataset import scan
from coreset_studio.core.data.group_patterns import suggest_patterns
from coreset_studio.core.data.images import n_pages, read_image
from coreset_studio.core.data.page_names import file_and_page, page_path
from coreset_studio.core.data.split import count_groups, make_split
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import DataSettings, with_own
from tests.core.data.test_pages import pages, stacked

Put = Callable[..., Path]
Look = Callable[..., Dataset]
EACH = DataSettings(pages="each")


def stack(seed: int, n: int = 4, high: int = 256, dtype: type = np.uint8) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, high, (n, 16, 20)).astype(dtype))


@pytest.mark.parametrize("form", ["TIFF", "GIF", "PNG", "WEBP"])
def test_every_page_is_an_image(form: str, put: Put, look: Look) -> None:
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    put(f"a/0.{form.lower()}", stacked(form, stack(0), **options))
    put("b/1.png", 1)
    dataset = look(settings=EACH)
    name = f"a/0.{form.lower()}"
    assert [image.path for image in dataset.images] == [*(f"{name}#page={n}" for n in (1, 2, 3, 4)), "b/1.png"]
    for number, page in enumerate(stack(0)):
        assert np.array_equal(read_image(dataset, number), np.dstack([page] * 3))
    assert len({image.pixels for image in dataset.images}) == 5
    assert dataset.images[4].stored is None


def test_a_note_says_what_became_of_the_pages(put: Put, look: Look) -> None:
    for number in range(4):
        put(f"{'ab'[number % 2]}/{number}.tif", stacked("TIFF", pages()))
    (note,) = [warning for warning in look(settings=EACH).warnings if "pages" in warning]
    assert note == (
        "20 pages of 4 files are separate images; those of one file stay on one side of a split; 4 are of a single "
        "colour (a/0.tif#page=1, a/2.tif#page=1, b/1.tif#page=1 and 1 more). --pages first, max, mean or a page "
        "number reads one image per file."
    )


def test_thumbnails_are_no_images(put: Put, look: Look) -> None:
    first, *_, last = stack(2)
    put("a/0.tif", stacked("TIFF", [first, first[:4, :5], last]))
    put("b/1.png", 1)
    dataset = look(settings=EACH)
    assert [image.path for image in dataset.images] == ["a/0.tif#page=1", "a/0.tif#page=2", "b/1.png"]
    assert np.array_equal(read_image(dataset, 1)[:, :, 0], last)


def test_all_pages_share_the_range_of_their_kind(put: Put, look: Look) -> None:
    deep = stack(3, high=4096, dtype=np.uint16)
    deep[0] //= 16
    put("a/0.tif", stacked("TIFF", deep))
    put("b/1.png", 1)
    dataset = look(settings=EACH)
    assert dataset.reading.ranges == {"16-bit-tiff": (0.0, 4095.0)}
    # Seen by itself, the dark page would have filled the whole range.
    assert read_image(dataset, 0).max() == 15
    assert read_image(dataset, 1).max() >= 254


def test_pages_of_one_file_are_on_one_side_of_every_split(put: Put, look: Look) -> None:
    for number in range(12):
        put(f"{'ab'[number % 2]}/{number}.tif", stacked("TIFF", stack(number)))
    dataset = look(settings=EACH)
    for seed in range(5):
        split = make_split(dataset, DataSettings(pages="each", test_fraction=0.3, split_seed=seed))
        sides = [
            {file_and_page(dataset.images[index].path)[0] for index in side}
            for side in (split.pool, split.validation, split.test)
        ]
        assert all(sides[at] for at in (0, 2))
        assert sum(map(len, sides)) == len(set().union(*sides)) == 12
        # They are tied as copies are; nobody named them a group.
        assert count_groups(dataset, EACH) == (0, 48)


def test_only_a_changed_file_is_decoded_again(put: Put, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a/0.tif", stacked("TIFF", stack(0)))
    other = put("b/1.tif", stacked("TIFF", stack(1)))
    before = look(settings=EACH)
    read: list[int] = []
    whole = reader.decode_page
    monkeypatch.setattr(reader, "decode_page", lambda data, page, how: read.append(page) or whole(data, page, how))
    assert look(settings=EACH).images == before.images
    assert read == []
    other.write_bytes(stacked("TIFF", stack(5, n=6)))
    os.utime(other, ns=(1, 1))
    after = look(settings=EACH)
    assert sorted(read) == [1, 2, 3, 4, 5, 6]
    assert len(after.images) == 10
    assert after.images[:4] == before.images[:4]


def test_the_damaged_end_of_a_stack_is_named_and_the_rest_stays(put: Put, look: Look) -> None:
    whole = stacked("TIFF", stack(0))
    put("a/0.tif", whole)
    put("a/1.tif", whole[: len(whole) // 3])
    put("a/2.tif", b"II*\0nothing")
    put("b/3.png", 1)
    dataset = look(settings=EACH)
    assert sum(image.path.startswith("a/0.tif#") for image in dataset.images) == 4
    assert {file_and_page(skipped.path)[0] for skipped in dataset.skipped} >= {"a/2.tif"}


def test_a_table_may_name_single_pages(put: Put, tmp_path: Path) -> None:
    put("stacks/0.tif", stacked("TIFF", stack(0)))
    table = tmp_path / "images" / "table.csv"
    table.write_text(
        "path,class,grade\nstacks/0.tif#page=2,a,I\nstacks/0.tif#page=4,b,II\nstacks/0.tif#page=9,b,I\n"
        "stacks/1.tif#page=1,b,I\n"
    )
    for columns in ({}, {"columns": "auto"}):
        settings = with_own(DataSettings(), "csv", **columns) if columns else DataSettings()
        dataset = scan(table, cache_folder=tmp_path / "cache", settings=settings)
        assert [(image.path, image.class_name) for image in dataset.images] == [
            ("stacks/0.tif#page=2", "a"),
            ("stacks/0.tif#page=4", "b"),
        ]
        assert np.array_equal(read_image(dataset, 1)[:, :, 0], stack(0)[3])
        reasons = {skipped.path: skipped.reason for skipped in dataset.skipped}
        assert reasons["stacks/0.tif#page=9"] == "It has 4 pages; page 9 was requested."
        assert "stacks/1.tif#page=1" in reasons


@pytest.mark.parametrize("name", ["a.tif", "a#page=0", "#page=3", "a#page=3b", "a#page=", "a/b#page=123456789"])
def test_other_names_are_no_pages(name: str) -> None:
    assert file_and_page(name) == (name, 0)


def test_paths_of_pages_read_back() -> None:
    assert file_and_page(page_path("a/b.tif", 12)) == ("a/b.tif", 12)
    assert file_and_page("a#page=1#page=2") == ("a#page=1", 2)


def test_a_file_of_one_page_has_no_second(put: Put, tmp_path: Path) -> None:
    put("one.png", 1)
    table = tmp_path / "images" / "table.csv"
    table.write_text("path,class\none.png,a\none.png#page=2,b\n")
    dataset = scan(table, cache_folder=tmp_path / "cache")
    assert [skipped.reason for skipped in dataset.skipped] == ["It has 1 page; page 2 was requested."]


def test_pages_are_counted_of_any_file(put: Put, tmp_path: Path) -> None:
    assert n_pages(put("0.tif", stacked("TIFF", stack(0)))) == 4
    assert n_pages(put("1.png", 1)) == 1
    assert n_pages(put("2.tif", b"II*\0\1")) == 1
    assert n_pages(put("3.txt", b"text")) == 1
    assert n_pages(tmp_path / "gone.tif") == 1


def test_pages_of_a_file_suggest_no_pattern(put: Put, look: Look) -> None:
    for number in range(20):
        put(f"{'ab'[number % 2]}/s{number}.tif", stacked("TIFF", stack(number)))
    dataset = look(settings=EACH)
    assert len(dataset.images) == 80
    assert suggest_patterns(dataset.images) == ()
