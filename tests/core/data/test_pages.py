"""Files that hold more than one picture: stacks, animations, thumbnails."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from coreset_studio.core.data.images import decode, read_image, read_rgb
from coreset_studio.core.errors import ImageError, SettingsError
from coreset_studio.core.results import Dataset, Reading
from coreset_studio.core.settings import DataSettings

Put = Callable[..., Path]
Look = Callable[..., Dataset]


def pages(n: int = 5, dtype: type = np.uint8, high: int = 256) -> list[np.ndarray]:
    """Return a stack of grey pages, the first of which is blank."""
    rng = np.random.default_rng(3)
    return [np.zeros((16, 20), dtype), *(rng.integers(0, high, (16, 20)).astype(dtype) for _ in range(n - 1))]


def stacked(form: str, images: list[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    made = [each if isinstance(each, Image.Image) else Image.fromarray(each) for each in images]
    made[0].save(stream, form, save_all=True, append_images=made[1:], **options)
    return stream.getvalue()


def test_a_stack_says_what_was_read_and_how_to_change_it(put: Put, look: Look) -> None:
    for number in range(4):
        put(f"{'ab'[number % 2]}/{number}.tif", stacked("TIFF", pages()))
    dataset = look()
    assert (read_image(dataset, 0) == 0).all()
    (note,) = [warning for warning in dataset.warnings if "pages" in warning]
    assert note == (
        "4 images hold 5 pages each; the first was read, which is of a single colour in 4 (a/0.tif, a/2.tif, b/1.tif "
        "and 1 more). Change it with --pages max, mean, each or a page number."
    )


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("3", lambda stack: stack[2]),
        ("max", lambda stack: stack.max(axis=0)),
        ("mean", lambda stack: np.floor(stack.mean(axis=0) + 0.5)),
    ],
)
def test_pages_are_chosen_or_joined(how: str, expected: Any, put: Put, look: Look) -> None:
    put("a/0.tif", stacked("TIFF", pages()))
    put("b/1.png", 1)
    dataset = look(settings=DataSettings(pages=how))
    assert np.array_equal(read_image(dataset, 0)[:, :, 1], expected(np.stack(pages())))
    assert dataset.images[1].stored is None


@pytest.mark.parametrize("n", [2, 3])
def test_pages_as_channels(n: int) -> None:
    stack = pages(n + 1)[1:]
    rgb = read_rgb(stacked("TIFF", stack), Reading(pages="channels"))
    assert np.array_equal(rgb[:, :, :n], np.dstack(stack))
    assert (rgb[:, :, n:] == 0).all()
    with pytest.raises(ImageError, match="It has 5 pages; only two or three"):
        read_rgb(stacked("TIFF", pages()), Reading(pages="channels"))


def test_a_page_that_is_not_there_is_refused() -> None:
    with pytest.raises(ImageError, match="It has 5 pages; page 7 was requested"):
        read_rgb(stacked("TIFF", pages()), Reading(pages="7"))


def test_thumbnails_are_no_pages() -> None:
    images = pages(3)
    small = np.full((4, 5), 255, np.uint8)
    data = stacked("TIFF", [*images, small])
    assert np.array_equal(read_rgb(data, Reading(pages="max"))[:, :, 0], np.stack(images).max(axis=0))
    decoded = decode(stacked("TIFF", [images[1], small]), Reading(pages="max"))
    assert decoded.stored is None
    first = stacked("TIFF", [small, images[1]])
    assert read_rgb(first).shape == (4, 5, 3)
    assert np.array_equal(read_rgb(first, Reading(pages="mean"))[:, :, 0], images[1])


def test_deep_stacks_have_one_range_over_all_pages(put: Put, look: Look) -> None:
    stack = pages(4, np.uint16, 4096)
    put("a/0.tif", stacked("TIFF", stack))
    put("b/1.tif", stacked("TIFF", stack))
    dataset = look(settings=DataSettings(pages="max"))
    assert dataset.reading.ranges == {"16-bit-tiff": (0.0, 4095.0)}
    assert np.array_equal(read_image(dataset, 0)[:, :, 0], np.stack(stack).max(axis=0) >> 4)
    first = look()
    assert (read_image(first, 0) == 0).all()


@pytest.mark.parametrize(("form", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})])
def test_animations_have_frames(form: str, options: Any) -> None:
    frames = [np.full((8, 8, 3), value, np.uint8) for value in (10, 200, 90)]
    data = stacked(form, frames, **options)
    decoded = decode(data, Reading())
    assert decoded.stored is not None
    assert decoded.stored.n_pages == 3
    assert (decoded.rgb == 10).all()
    assert (read_rgb(data, Reading(pages="max")) == 200).all()
    assert (read_rgb(data, Reading(pages="mean")) == 100).all()
    assert (read_rgb(data, Reading(pages="3")) == 90).all()


def test_damage_behind_the_first_page_keeps_nobody_from_reading_that() -> None:
    whole = stacked("TIFF", [page.repeat(20, axis=0) for page in pages(4)[1:]])
    cut = whole[: int(len(whole) * 0.8)]
    assert read_rgb(cut).shape == (320, 20, 3)
    with pytest.raises(ImageError):
        read_rgb(cut, Reading(pages="max"))


@pytest.mark.parametrize("text", ["0", "-1", "all", "1.5", "²", ""])
def test_what_is_no_page_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="must be first, max, mean, channels, each, or a page number"):
        DataSettings(pages=text)
