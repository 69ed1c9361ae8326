"""Which stored values become black and white: one range for a kind of file, fixed from all its files together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from coreset_studio.core.data.colour import array_to_rgb
from coreset_studio.core.data.dataset import load_dataset, scan, stored_file
from coreset_studio.core.data.images import decode, read_image, read_rgb
from coreset_studio.core.data.levels import fixed, to_bytes
from coreset_studio.core.data.readings import (
    changed_choices,
    choices_from,
    fixed_choices,
    reading_of,
    with_fixed,
    with_reading,
)
from coreset_studio.core.errors import ImageError, SettingsError
from coreset_studio.core.results import Dataset, Reading, Stored
from coreset_studio.core.settings import DataSettings, settings_from_dict
from coreset_studio.core.settings.levels import changed_levels

BEFORE = DataSettings(grey_levels=("declared",), alpha=("white",))
Put = Callable[..., Path]
Look = Callable[..., Dataset]


def noise(seed: int, low: int, high: int, shape: tuple[int, ...] = (24, 24), dtype: type = np.uint16) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def grey(dataset: Dataset, index: int) -> np.ndarray:
    return read_image(dataset, index)[:, :, 0]


def said(dataset: Dataset, words: str) -> str:
    """Return the one warning that holds `words`."""
    (found,) = [warning for warning in dataset.warnings if words in warning]
    return found


@pytest.mark.parametrize("form", ["TIFF", "PNG"])
def test_twelve_bits_in_sixteen_keep_their_grey_levels(form: str, put: Put, look: Look, encoded: Any) -> None:
    ramp = np.arange(0, 4096, 4, dtype=np.uint16).reshape(32, 32)
    for number in range(4):
        put(f"{'ab'[number % 2]}/{number}.img", encoded(ramp + number % 2, form))
    before, now = look(settings=BEFORE), look()
    assert len(np.unique(grey(before, 0))) == 16
    assert grey(now, 0).tolist() == (ramp >> 4).tolist()
    kind = f"16-bit-{form.lower()}"
    assert (
        f"4 images ({kind}) use 12 of 16 bits: 0 to 4095 became 0 to 255. Change it with --grey-levels {kind}="
        in said(now, "became")
    )
    assert "16 of 256 grey levels are left" in said(before, "grey levels")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_colour_keeps_its_grey_levels(suffix: str, put: Put, look: Look) -> None:
    colour = noise(0, 0, 4096, (20, 30, 3))
    for number in range(4):
        _, data = cv2.imencode(suffix, colour)
        put(f"{'ab'[number % 2]}/{number}{suffix}", data.tobytes())
    assert np.array_equal(read_image(look(), 1), colour[:, :, ::-1] >> 4)
    assert np.array_equal(read_image(look(settings=BEFORE), 1), colour[:, :, ::-1] >> 8)
    assert "12 of 16 bits" in said(look(settings=BEFORE), "grey levels")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bit_colour_is_upright(orientation: int, encoded: Any) -> None:
    low = noise(1, 0, 256, (4, 6, 3), np.uint8)
    exif = Image.Exif()
    exif[274] = orientation
    plain = encoded(low, "PNG", exif=exif)
    _, deep = cv2.imencode(".png", (low[:, :, ::-1].astype(np.uint16)) << 8)
    start = plain.index(b"eXIf") - 4
    chunk = plain[start : start + 12 + int.from_bytes(plain[start : start + 4], "big")]
    data = deep.tobytes()
    turned = data[:33] + chunk + data[33:]
    reading = Reading(levels="used", ranges={"": (0.0, 65535.0)})
    assert np.array_equal(read_rgb(turned, reading), read_rgb(plain))


def test_one_value_above_one_turns_no_float_image_black(put: Put, look: Look, encoded: Any, tmp_path: Path) -> None:
    bright = np.linspace(0.6, 0.9, 576, dtype=np.float32).reshape(24, 24)
    for number in range(12):
        values = bright.copy()
        if number == 5:
            values[3, 3] = 1.0002
        put(f"{'ab'[number % 2]}/{number}.tif", encoded(values, "TIFF"))
    dataset = look()
    means = [grey(dataset, index).mean() for index in range(12)]
    assert max(means) - min(means) < 1
    assert 190 < means[0] < 192
    note = said(dataset, "outside")
    assert "1 image (float-tiff) has values outside 0 to 1, which were clipped: b/5.tif." in note
    assert f"float-tiff=0:{float(np.float32(1.0002))!r} clips none" in note
    before = look(settings=BEFORE)
    assert [grey(before, index).mean() < 2 for index in range(12)].count(True) == 1
    assert "11 as 0 to 1, 1 as 0 to 255" in said(before, "converted separately")
    stack = np.stack([bright] * 12)
    stack[5, 3, 3] = 1.0002
    np.savez(tmp_path / "floats.npz", images=stack, labels=np.arange(12) % 2)
    assert 190 < grey(look(tmp_path / "floats.npz"), 5).mean() < 192


def test_a_dead_pixel_does_not_widen_the_range(put: Put, look: Look, encoded: Any) -> None:
    for number in range(12):
        values = noise(number, 0, 4096)
        if number == 3:
            values[0, 0] = 65535
        put(f"{'ab'[number % 2]}/{number}.tif", encoded(values, "TIFF"))
    dataset = look()
    assert dataset.reading.ranges == {"16-bit-tiff": (0.0, 4095.0)}
    assert grey(dataset, [i.path for i in dataset.images].index("b/3.tif"))[0, 0] == 255
    assert "b/3.tif" in said(dataset, "outside 0 to 4095")


def test_all_files_of_a_kind_share_one_range_and_no_other_kind_does(put: Put, look: Look, encoded: Any) -> None:
    dim, bright = noise(0, 0, 256), noise(1, 0, 4096)
    put("a/dim.tif", encoded(dim, "TIFF"))
    put("b/bright.tif", encoded(bright, "TIFF"))
    put("b/other.png", encoded(noise(2, 0, 1024), "PNG"))
    dataset = look()
    assert dataset.reading.ranges == {"16-bit-png": (0.0, 1023.0), "16-bit-tiff": (0.0, 4095.0)}
    assert grey(dataset, 0).tolist() == (dim >> 4).tolist()


def test_the_range_stays_for_images_added_later(put: Put, look: Look, encoded: Any) -> None:
    put("a/0.tif", encoded(noise(0, 0, 4096), "TIFF"))
    put("b/1.tif", encoded(noise(1, 0, 4096), "TIFF"))
    first = look()
    put("b/2.tif", encoded(noise(2, 0, 65536), "TIFF"))
    second = look()
    assert second.reading == first.reading
    assert [image.pixels for image in second.images[:2]] == [image.pixels for image in first.images]
    assert "1 image (16-bit-tiff) has values outside 0 to 4095, which were clipped: b/2.tif." in said(second, "outside")
    assert "16 of 16" not in " ".join(second.warnings)
    third = look(settings=DataSettings(grey_levels=("16-bit-tiff=0:65535",)))
    assert third.reading.ranges == {"16-bit-tiff": (0.0, 65535.0)}
    assert third.images[0].pixels != first.images[0].pixels


def test_what_was_fixed_comes_back_from_settings(put: Put, look: Look, encoded: Any, tmp_path: Path) -> None:
    put("a/0.tif", encoded(noise(0, 0, 4096), "TIFF"))
    put("b/1.tif", encoded(noise(1, 0, 4096), "TIFF"))
    first = look()
    settings = with_reading(DataSettings(), first.reading)
    assert settings.grey_levels == ("used", "16-bit-tiff=0:4095")
    (tmp_path / "images/a/0.tif").write_bytes(encoded(noise(0, 0, 256), "TIFF"))
    (tmp_path / "images/b/1.tif").write_bytes(encoded(noise(1, 0, 256), "TIFF"))
    elsewhere = scan(tmp_path / "images", cache_folder=tmp_path / "other", settings=settings)
    assert elsewhere.reading.range_of("16-bit-tiff") == (0.0, 4095.0)
    assert with_fixed(DataSettings(), fixed_choices(DataSettings(), first.reading)) == settings
    own = DataSettings(grey_levels=("used", "16-bit-tiff=0:99"))
    assert "16-bit-tiff=0:99" in with_fixed(own, fixed_choices(DataSettings(), first.reading)).grey_levels
    assert with_fixed(BEFORE, fixed_choices(DataSettings(), first.reading)) == BEFORE


def test_the_stored_scan_holds_it_and_plain_scans_are_as_before(
    put: Put, look: Look, encoded: Any, tmp_path: Path
) -> None:
    put("a/0.tif", encoded(noise(0, 0, 4096), "TIFF"))
    put("b/1.png", 1)
    found = look()
    assert load_dataset(stored_file(tmp_path / "cache", tmp_path / "images")) == found
    assert found.images[0].stored == Stored("16-bit-tiff", *(float(f(noise(0, 0, 4096))) for f in (np.min, np.max)), 16)
    assert found.images[1].stored is None
    (tmp_path / "images/a/0.tif").unlink()
    put("a/0.png", 2)
    look(settings=BEFORE)
    text = stored_file(tmp_path / "cache", tmp_path / "images", None, BEFORE).read_text()
    assert '"stored"' not in text
    assert '"reading"' not in text


def test_neutral_settings_read_as_before_there_was_a_choice() -> None:
    assert reading_of(settings_from_dict({}).data) == Reading()
    assert choices_from({}) == settings_from_dict({}).data
    assert fixed_choices(DataSettings(), Reading()) == {}


@pytest.mark.parametrize("text", ["0:0", "9:3", "a:b", "foo", "x=foo", "percentiles:5", "percentiles:-1:50",
                                  "percentiles:0:101", "1:nan", "0:1e999", "K=0:1", "=0:1"])  # fmt: skip
def test_what_is_no_range_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(SettingsError, match=r"grey_levels must be .*such as"):
        DataSettings(grey_levels=(text,))


def test_two_rules_or_ranges_for_the_same_are_refused() -> None:
    for values in (("used", "declared"), ("0:1", "0:2"), ("x=0:1", "x=0:2")):
        with pytest.raises(SettingsError, match="give one"):
            DataSettings(grey_levels=values)
    with pytest.raises(SettingsError, match="alpha has two values for alpha-png"):
        DataSettings(alpha=("alpha-png=white", "alpha-png=ignore"))
    with pytest.raises(SettingsError, match="alpha must be auto, white or ignore"):
        DataSettings(alpha=("pink",))


def test_percentiles_are_those_of_all_images_together(put: Put, look: Look, encoded: Any) -> None:
    put("a/0.tif", encoded(np.tile(np.arange(0, 1000, dtype=np.uint16), (10, 1)), "TIFF"))
    put("b/1.tif", encoded(np.tile(np.arange(1000, 2000, dtype=np.uint16), (10, 1)), "TIFF"))
    dataset = look(settings=DataSettings(grey_levels=("percentiles:10:90",)))
    low, high = dataset.reading.ranges["16-bit-tiff"]
    assert low == pytest.approx(200, abs=6)
    assert high == pytest.approx(1800, abs=6)
    first = grey(dataset, 0)
    assert first[0, 100] == 0
    assert first[0, 999] == pytest.approx(127, abs=2)
    assert "have values outside" in said(dataset, "clipped")


@pytest.mark.parametrize(
    ("dtype", "low", "high", "ends"),
    [
        (np.int16, -1000, 3000, (-1000, 2999)),
        (np.int16, 0, 1000, (0, 1023)),
        (np.uint32, 0, 100_000, (0, 131_071)),
        (np.int64, 0, 200, (0, 255)),
        (np.uint16, 0, 2, (0, 1)),
        (np.int8, -100, 100, (-100, 99)),
        (np.float32, 0, 2, (0, 1)),
        (np.float64, 0, 255, (0, 255)),
        (np.float16, 0, 4000, (0, 4095)),
    ],
)
def test_arrays_of_any_number_use_their_range(
    dtype: type, low: int, high: int, ends: tuple[int, int], look: Look, tmp_path: Path
) -> None:
    values = noise(0, low, high, (4, 60, 60)).astype(np.int64)
    values = np.random.default_rng(0).integers(low, high, (4, 60, 60)).astype(dtype)
    values.flat[:2] = low, high - 1
    np.savez(tmp_path / "a.npz", images=values, labels=np.arange(4) % 2)
    dataset = look(tmp_path / "a.npz")
    (found,) = dataset.reading.ranges.values()
    assert found == ends
    assert np.array_equal(grey(dataset, 1), to_bytes(values[1], found))
    assert grey(dataset, 0).flat[0] == 0


def test_true_and_false_are_white_and_black(look: Look, tmp_path: Path) -> None:
    values = noise(0, 0, 2, (4, 8, 8)).astype(bool)
    np.savez(tmp_path / "a.npz", images=values, labels=np.arange(4) % 2)
    assert np.array_equal(grey(look(tmp_path / "a.npz"), 1), values[1] * 255)
    with pytest.raises(ImageError, match="bool values"):
        array_to_rgb(values[0])
    with pytest.raises(ImageError, match="complex"):
        array_to_rgb(np.zeros((2, 2), complex), Reading(levels="used"))


def test_signed_and_deep_tiffs_can_be_read_by_the_range_they_use(put: Put, look: Look, tmp_path: Path) -> None:
    values = np.array([[-1000, 0], [1000, 3000]], np.int16)
    for number in range(2):
        cv2.imwrite(str(put(f"{'ab'[number]}/{number}.tif", b"")), values)
    dataset = look()
    assert dataset.reading.ranges == {"signed-16-bit-tiff": (-1000.0, 3000.0)}
    assert grey(dataset, 0).tolist() == [[0, 64], [128, 255]]
    with pytest.raises(ImageError, match="16-bit signed greyscale"):
        read_rgb(tmp_path / "images/a/0.tif")


def test_values_that_are_no_numbers_become_black_and_are_named(put: Put, look: Look, encoded: Any) -> None:
    values = np.full((8, 8), 0.5, np.float32)
    holes = values.copy()
    holes[0, 0], holes[0, 1] = np.nan, np.inf
    put("a/whole.tif", encoded(values, "TIFF"))
    put("b/holes.tif", encoded(holes, "TIFF"))
    put("b/none.tif", encoded(np.full((8, 8), np.nan, np.float32), "TIFF"))
    dataset = look()
    assert grey(dataset, 1)[0, :3].tolist() == [0, 0, 128]
    assert "1 image holds values that are not finite, which became black: b/holes.tif." in said(dataset, "finite")
    assert [each.path for each in dataset.skipped] == ["b/none.tif"]


def test_white_is_zero_stays_white(put: Put, look: Look, encoded: Any) -> None:
    values = np.array([[0, 4095]], np.uint16)
    data = bytearray(encoded(values, "TIFF"))
    place = data.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01")  # PhotometricInterpretation, 1: black is zero
    data[place + 8] = 0
    for name in ("a/0.tif", "b/1.tif"):
        put(name, bytes(data))
    assert grey(look(), 0).tolist() == [[255, 0]]


def test_what_makes_no_difference_is_said(put: Put, look: Look, encoded: Any) -> None:
    put("a/0.png", 0)
    put("b/1.png", 1)
    for settings, words in (
        (DataSettings(grey_levels=("0:100",)), "--grey-levels has no effect: no image has more than 8 bits."),
        (DataSettings(pages="max"), "--pages max has no effect: no file has several pages."),
        (DataSettings(alpha=("alpha-png=white",)), "--alpha names alpha-png, but the dataset has no such image."),
    ):
        assert words in look(settings=settings).warnings
    put("b/2.tif", encoded(noise(0, 0, 4096), "TIFF"))
    settings = DataSettings(grey_levels=("16-bits-tiff=0:100",))
    assert "--grey-levels names 16-bits-tiff, but the dataset has no such image; it has 16-bit-tiff." in (
        look(settings=settings).warnings
    )
    assert not [warning for warning in look().warnings if "difference" in warning or "names" in warning]


# --- transparency ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("level", [0, 1])
def test_alpha_of_zero_everywhere_hides_no_image(mode: str, level: int, put: Put, look: Look, encoded: Any) -> None:
    colours = [noise(seed, 0, 256, (12, 12), np.uint8) for seed in range(4)]
    for number, colour in enumerate(colours):
        alpha = np.full_like(colour, level)
        bands = [colour] * (len(mode) - 1) + [alpha]
        image = Image.merge(mode, [Image.fromarray(band) for band in bands])
        put(f"{'ab'[number % 2]}/{number}.png", encoded(image))
    before, now = look(settings=BEFORE), look()
    assert read_image(before, 0).min() >= 254
    assert len({image.pixels for image in before.images}) == (1 if level == 0 else 4)
    assert "became white" in said(before, "alpha")
    assert np.array_equal(grey(now, 0), colours[0])
    assert len({image.pixels for image in now.images}) == 4
    assert "4 images with transparent parts (alpha-png) the alpha channel was ignored" in said(now, "alpha")


def test_transparent_parts_stay_white_and_a_hidden_image_among_them_is_listed(
    put: Put, look: Look, encoded: Any
) -> None:
    for number in range(5):
        rgba = noise(number, 0, 200, (8, 8, 4), np.uint8)
        rgba[:, :, 3] = 255
        rgba[0, 0, 3] = 0
        if number == 2:
            rgba[:, :, 3] = 0
        put(f"{'ab'[number % 2]}/{number}.png", encoded(Image.fromarray(rgba)))
    dataset = look()
    assert read_image(dataset, 0)[0, 0].tolist() == [255, 255, 255]
    assert [each.path for each in dataset.skipped] == ["a/2.png"]
    assert "--alpha alpha-png=ignore" in dataset.skipped[0].reason
    ignored = look(settings=DataSettings(alpha=("ignore",)))
    assert len(ignored.images) == 5
    assert read_image(ignored, 0)[0, 0].tolist() == noise(0, 0, 200, (8, 8, 4), np.uint8)[0, 0, :3].tolist()


def test_deep_colour_with_alpha(put: Put, look: Look) -> None:
    values = noise(0, 0, 4096, (6, 6, 4))
    values[:, :, 3] = 0
    for number in range(2):
        _, data = cv2.imencode(".png", values)
        put(f"{'ab'[number]}/{number}.png", data.tobytes())
    dataset = look()
    assert np.array_equal(read_image(dataset, 0), values[:, :, 2::-1] >> 4)
    assert dataset.reading.alphas == {"alpha-png": "ignore"}


# --- parts ----------------------------------------------------------------------------------------------------------


def test_an_image_of_a_kind_that_no_scan_saw_waits_and_is_never_guessed(encoded: Any) -> None:
    data = encoded(noise(0, 0, 4096), "TIFF")
    assert decode(data, Reading(levels="used")).is_open
    with pytest.raises(ImageError, match="16-bit-tiff, and the scan found no such image"):
        read_rgb(data, Reading(levels="used"))


def test_nothing_but_zeros_is_black(encoded: Any) -> None:
    reading = Reading(levels="used")
    decoded = decode(encoded(np.zeros((4, 4), np.uint16), "TIFF"), reading)
    assert decoded.stored is not None
    after = fixed(reading, [(decoded.stored, decoded.survey, False)])
    assert (read_rgb(encoded(np.zeros((4, 4), np.uint16), "TIFF"), after) == 0).all()


def test_one_range_more_leaves_the_others() -> None:
    trained = with_reading(DataSettings(), Reading(levels="used", ranges={"a": (0, 1), "b": (0, 2)}, alpha="auto"))
    assert changed_choices(trained, grey_levels=("b=0:9",)).grey_levels == ("used", "a=0:1", "b=0:9")
    assert changed_choices(trained, grey_levels=("declared",)).grey_levels == ("declared",)
    assert changed_choices(trained, grey_levels=("0:7",)).grey_levels == ("used", "0:7")
    assert changed_choices(trained, pages="max").pages == "max"
    assert changed_choices(trained, alpha=("alpha-png=ignore",)).alpha == ("auto", "alpha-png=ignore")


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        (("used",), {"ends": (0.0, 4095.0)}, ("used", "16-bit-tiff=0:4095")),
        (("used", "16-bit-tiff=0:9"), {"ends": (1.0, 5.5)}, ("used", "16-bit-tiff=1:5.5")),
        (("used", "16-bit-tiff=0:9", "float-npz=0:1"), {"rule": "declared"}, ("declared", "float-npz=0:1")),
        (("percentiles:1:99",), {"ends": (0.0, 1.0)}, ("percentiles:1:99", "16-bit-tiff=0:1")),
        (("0:4095",), {"rule": "used"}, ("used",)),  # a range of all file kinds would go before the rule
        (("0:4095",), {"ends": (0.0, 9.0)}, ("used", "0:4095", "16-bit-tiff=0:9")),
    ],
)
def test_grey_levels_are_changed_for_one_file_kind(before: Any, changes: Any, after: tuple[str, ...]) -> None:
    assert changed_levels(before, "16-bit-tiff", **changes) == after


def test_grey_levels_are_not_changed_to_an_empty_range() -> None:
    with pytest.raises(SettingsError, match="first number is below its second"):
        changed_levels(("used",), "16-bit-tiff", ends=(9.0, 9.0))
