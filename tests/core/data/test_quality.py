"""Quality checks: what the scan measures, and which images are flagged for it."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from coreset_studio.core.data import scanning
from coreset_studio.core.data.dataset import load_dataset, save_dataset, scan, stored_file
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.data.quality import (
    CHECKS,
    MEASURES,
    check_named,
    flags_of,
    n_unmeasured,
    quality_flags,
    quality_notes,
    quality_values,
)
from coreset_studio.core.data.quality_measures import edge_width, measure_quality, to_grey
from coreset_studio.core.data.thumbnails import shrink
from coreset_studio.core.errors import DatasetError
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings import QualitySettings, Settings, settings_from_dict, settings_to_dict

Put = Callable[..., Path]
Look = Callable[..., Dataset]
RGB = NDArray[np.uint8]


def measured(rgb: RGB) -> dict[str, float]:
    return dict(zip(MEASURES, measure_quality(rgb, small := shrink(rgb), to_grey(small)), strict=True))


def flat(value: int, side: int = 64) -> RGB:
    return np.full((side, side, 3), value, np.uint8)


def ramp(width: float, side: int = 256, high: int = 250) -> RGB:
    """Return vertical stripes whose edges rise and fall linearly over `width` pixels, a quarter of the side apart."""
    place = (np.arange(side) + 0.5) % (side / 2)
    rise, fall = (np.clip((place - middle) / width + 0.5, 0, 1) for middle in (side / 8, 3 * side / 8))
    row = (rise - fall) * high
    return np.repeat(np.repeat(np.round(row).astype(np.uint8)[None, :, None], side, axis=0), 3, axis=2)


def cells(seed: int, side: int = 160, count: int = 12) -> RGB:
    """Return discs with a darker middle on a light ground, each of its own size and place."""
    noise = np.random.default_rng(seed)
    image = np.full((side, side, 3), (240, 225, 210), np.uint8)
    for _ in range(count):
        x, y, r = (int(v) for v in (*noise.integers(0, side, 2), noise.integers(side // 20, side // 8)))
        cv2.circle(image, (x, y), r, (200, 150, 170), -1)
        cv2.circle(image, (x, y), r // 2, (90, 40, 120), -1)
    return image


@pytest.mark.parametrize("width", [1.0, 2.0, 4.0, 8.0])
def test_the_edge_width_is_that_of_the_edges_in_per_cent_of_the_side(width: float) -> None:
    image = ramp(width)
    grey = image[:, :, 0].astype(float)
    near, far = (((grey[:, by:] - grey[:, :-by]) ** 2).mean() for by in (1, 8))
    assert edge_width(image) == pytest.approx(100 * far / (8 * near) / 256, rel=1e-9)
    assert edge_width(image) * 256 / 100 == pytest.approx(width, rel=0.3)


def test_the_edge_width_does_not_depend_on_size_contrast_or_direction() -> None:
    base = edge_width(ramp(4.0))
    larger = cv2.resize(ramp(4.0), (1024, 1024), interpolation=cv2.INTER_LINEAR)
    assert edge_width(larger) == pytest.approx(base, rel=0.1)
    assert edge_width(ramp(4.0, high=60)) == pytest.approx(base, rel=0.05)
    assert edge_width(np.ascontiguousarray(ramp(4.0).transpose(1, 0, 2))) == base


def test_blurring_widens_edges_and_more_of_it_widens_them_more() -> None:
    for seed in range(4):
        image = cells(seed, side=256)
        widths = [edge_width(image)]
        widths += [edge_width(cv2.GaussianBlur(image, (0, 0), sigma)) for sigma in (1, 2, 4)]
        assert widths == sorted(widths)
        assert widths[-1] > 2 * widths[0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (7, 7), (8, 8), (8, 900), (900, 8), (9, 11)])
def test_images_of_any_shape_are_measured(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    values = measured(noise)
    assert np.isfinite(list(values.values())).all()
    assert 0 <= values["edge_width"] <= 100
    assert (values["edge_width"] > 0) == (min(shape) >= 8)


def test_a_flat_image_has_no_edges_no_entropy_and_its_own_colour() -> None:
    values = measured(flat(255))
    assert values == {
        "edge_width": 0, "darkest": 1, "brightest": 1, "entropy": 0,
        "lightness": pytest.approx(100, abs=0.1), "green_red": pytest.approx(0, abs=0.1),
        "blue_yellow": pytest.approx(0, abs=0.1),
    }  # fmt: skip
    assert measured(flat(0))["brightest"] == 0


def test_entropy_and_percentiles_are_those_of_the_grey_levels() -> None:
    image = flat(0)
    image[:32, :32], image[:32, 32:], image[32:, :32] = 51, 102, 204  # quarters, the last one black
    values = measured(image)
    assert values["entropy"] == 2
    assert (values["darkest"], values["brightest"]) == (0, 0.8)
    image[:, :] = 102
    image[:2] = 0  # 3 %: fewer than the darkest 5 %
    assert measured(image)["darkest"] == 0.4
    image[:4] = 0
    assert measured(image)["darkest"] == 0


def test_the_colour_is_that_of_the_mean_in_cielab() -> None:
    red = np.zeros((20, 20, 3), np.uint8)
    red[..., 0] = 255
    values = measured(red)
    found = [values[name] for name in ("lightness", "green_red", "blue_yellow")]
    assert found == pytest.approx([53.24, 80.09, 67.2], abs=0.1)  # CIELAB of sRGB red under D65


@pytest.fixture
def varied(put: Put, encoded: Any) -> dict[str, str]:
    """Forty images of cells with one of each fault; returns check by path."""
    faults = {
        "b/blurry.png": ("blurry", cv2.GaussianBlur(cells(100), (0, 0), 5)),
        "b/dark.png": ("dark", (cells(101) // 8).astype(np.uint8)),
        "b/bright.png": ("bright", (255 - (255 - cells(102)) // 16).astype(np.uint8)),
        "b/empty.png": ("nearly_empty", cells(103, count=0)),
        "b/size.png": ("odd_size", cells(104, side=400, count=12)),
        "b/wide.png": ("odd_aspect_ratio", cells(105, side=200)[:128]),
        "b/colour.png": ("odd_colour", np.ascontiguousarray(cells(106)[..., ::-1])),
    }
    for number in range(40):
        put(f"a/{number:02}.png", encoded(cells(number)))
    for path, (_, image) in faults.items():
        put(path, encoded(image))
    return {path: name for path, (name, _) in faults.items()}


def test_each_fault_is_found_by_its_check_and_nothing_else_is_flagged(look: Look, varied: dict[str, str]) -> None:
    dataset = look()
    paths = [image.path for image in dataset.images]
    flags = quality_flags(dataset)
    assert list(flags) == [check.name for check in CHECKS]
    for name, flagged in flags.items():
        found = {path for path, one in zip(paths, flagged, strict=True) if one}
        assert {path for path, of in varied.items() if of == name} <= found, name
        assert found <= set(varied), name
    assert set(np.array(paths)[flags["blurry"]]) == {"b/blurry.png"}
    assert quality_notes(dataset, flags) == []


def test_thresholds_change_what_is_flagged_and_nothing_is_measured_again(look: Look, varied: dict[str, str]) -> None:
    dataset = look()
    values = quality_values(dataset)
    assert not flags_of(values, QualitySettings(blurry=50))["blurry"].any()
    half = flags_of(values, QualitySettings(blurry=1.0))["blurry"]
    assert int(half.sum()) == len(dataset.images) // 2  # above the median
    every = flags_of(values, QualitySettings(dark=100.0))
    assert quality_notes(dataset, every) == [
        "More than half of the images are flagged as dark; change the threshold (--dark-below)."
    ]
    assert varied


def test_the_defaults_never_flag_most_images_whatever_they_are_like(dataset_of: Callable[..., Dataset]) -> None:
    noise = np.random.default_rng(3)
    for case in range(6):
        rows = []
        for number in range(60):
            share = noise.random(3) * (0.02 if case % 2 else 1)
            measures = (noise.exponential(), *sorted(share[:2]), 8 * share[2], *noise.normal(0, 10 * case, 3).tolist())
            size = {"width": int(noise.integers(8, 9 + 500 * case)), "height": int(noise.integers(8, 9 + 90 * case))}
            rows.append((f"{number}.png", "a", {"quality": tuple(float(v) for v in measures), **size}))
        for flagged in quality_flags(dataset_of(rows)).values():
            assert flagged.mean() <= 0.5


def test_a_dataset_that_is_black_flat_or_of_one_image_flags_nothing(dataset_of: Callable[..., Dataset]) -> None:
    nothing = (0.0,) * len(MEASURES)
    for n_images in (1, 5):
        dataset = dataset_of([(f"{number}.png", "a", {"quality": nothing}) for number in range(n_images)])
        assert not any(flagged.any() for flagged in quality_flags(dataset).values())


def test_upright_and_lying_images_of_one_shape_are_alike(dataset_of: Callable[..., Dataset]) -> None:
    rows = [
        (f"{n}.png", "a", {"width": 300, "height": 400} if n % 5 else {"width": 400, "height": 300}) for n in range(20)
    ]
    assert not quality_flags(dataset_of(rows))["odd_aspect_ratio"].any()


def test_images_that_were_not_measured_are_checked_by_their_size_alone(dataset_of: Callable[..., Dataset]) -> None:
    rows: list[Any] = [(f"{number:02}.png", "a") for number in range(10)]
    rows.append(("large.png", "a", {"width": 80, "height": 80}))
    dataset = dataset_of(rows)
    flags = quality_flags(dataset)
    assert {name: int(flagged.sum()) for name, flagged in flags.items() if flagged.any()} == {"odd_size": 1}
    assert n_unmeasured(dataset) == 11
    (note,) = quality_notes(dataset, flags)
    assert note == (
        "The quality of 11 images was not measured, because an earlier version scanned them; for these, only size and "
        "aspect ratio are checked. Scan again to measure it."
    )


def without_quality(file: Path) -> None:
    """Make a stored scan one of a version that did not measure quality."""
    values = json.loads(file.read_text())
    place = values["fields"].index("quality")
    for row in [values["fields"], *values["images"]]:
        del row[place]
    del values["measures"]
    file.write_text(json.dumps(values))


@pytest.fixture
def n_decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    count: Counter[str] = Counter()
    real = scanning.pixel_hash

    def counted(rgb: RGB) -> str:
        pixels = real(rgb)
        count[pixels] += 1
        return pixels

    monkeypatch.setattr(scanning, "pixel_hash", counted)
    return count


def test_a_scan_of_an_earlier_version_is_completed_when_asked_for_and_only_once(
    put: Put, look: Look, tmp_path: Path, n_decoded: Counter[str]
) -> None:
    for number in range(3):
        put(f"a/{number}.png", number)
    first = look()
    file = stored_file(tmp_path / "cache", tmp_path / "images")
    without_quality(file)
    n_decoded.clear()
    earlier = look()
    assert not n_decoded
    assert [image.quality for image in earlier.images] == [None] * 3
    assert look(complete=True) == first
    assert n_decoded.total() == 3
    assert look(complete=True) == look() == first
    assert n_decoded.total() == 3


def test_in_a_cache_that_may_only_be_read_nothing_is_decoded_again(
    put: Put, look: Look, tmp_path: Path, n_decoded: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a/1.png", 1)
    look()
    without_quality(stored_file(tmp_path / "cache", tmp_path / "images"))
    n_decoded.clear()
    monkeypatch.setattr("coreset_studio.core.data.dataset.os.access", lambda *_: False)
    assert look(complete=True).images[0].quality is None
    assert not n_decoded


def test_what_another_version_measured_is_measured_again(put: Put, look: Look, tmp_path: Path) -> None:
    put("a/1.png", 1)
    first = look()
    file = stored_file(tmp_path / "cache", tmp_path / "images")
    values = json.loads(file.read_text())
    values["measures"] = [*values["measures"], "noise"]
    values["images"][0][values["fields"].index("quality")].append(1.0)
    file.write_text(json.dumps(values))
    assert load_dataset(file).images[0].quality is None
    assert look(complete=True) == first


@pytest.mark.parametrize("damage", [[1.0], "text", [None] * 7, [True] * 7, [1e999] * 7, {"a": 1}])
def test_measures_that_cannot_be_are_damage(put: Put, look: Look, tmp_path: Path, damage: object) -> None:
    put("a/1.png", 1)
    file = tmp_path / "set.json"
    save_dataset(look(), file)
    values = json.loads(file.read_text())
    values["images"][0][values["fields"].index("quality")] = damage
    file.write_text(json.dumps(values))
    with pytest.raises(DatasetError, match="damaged"):
        load_dataset(file)


def test_a_dataset_without_measures_is_stored_as_before(put: Put, look: Look, tmp_path: Path) -> None:
    put("a/1.png", 1)
    dataset = look()
    unmeasured = replace(dataset, images=tuple(replace(image, quality=None) for image in dataset.images))
    save_dataset(unmeasured, tmp_path / "set.json")
    values = json.loads((tmp_path / "set.json").read_text())
    assert "quality" not in values["fields"]
    assert "measures" not in values
    assert load_dataset(tmp_path / "set.json") == unmeasured


def test_thresholds_stand_in_stored_settings_only_where_they_were_changed() -> None:
    assert "quality" not in settings_to_dict(Settings())
    changed = replace(Settings(), quality=QualitySettings(dark=0.2))
    assert settings_to_dict(changed)["quality"] == {"dark": 0.2}
    assert settings_from_dict(settings_to_dict(changed)) == changed
    assert settings_from_dict({}).quality == QualitySettings()


def test_every_check_is_described_once() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check_named(check.name) is check
        assert check.title == check.facts.title
        assert check.finds.endswith(".")
        assert check.remedy.endswith(".")
        low, high = check.facts.offered or (0.0, 0.0)
        assert low <= check.threshold(QualitySettings()) <= high


@pytest.mark.slow
def test_a_hundred_thousand_images_are_flagged_while_a_threshold_is_dragged(dataset_of: Callable[..., Dataset]) -> None:
    measures = np.abs(np.random.default_rng(0).normal(1, 0.2, (100_000, len(MEASURES))))
    rows = [(f"{number}.png", "a", {"quality": tuple(row)}) for number, row in enumerate(measures.tolist())]
    dataset = dataset_of(rows)
    values = quality_values(dataset)
    times = []
    for number in range(5):
        started = time.perf_counter()
        flags_of(values, QualitySettings(blurry=1.5 + number / 10))
        times.append(time.perf_counter() - started)
    assert min(times) < 0.05


def test_the_demo_has_no_flags(tmp_path: Path) -> None:
    make_demo(tmp_path / "demo", n_images=120, side=96)
    flags = quality_flags(scan(tmp_path / "demo", cache_folder=tmp_path / "cache"))
    assert not any(flagged.any() for flagged in flags.values())
