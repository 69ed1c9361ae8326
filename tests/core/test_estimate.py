"""Estimates grow with the work, and measured speeds replace assumed ones."""

from pathlib import Path

import pytest

from coreset_studio.core.estimate import (
    START_SECONDS,
    Speeds,
    estimate_clustering,
    estimate_reduction,
    estimate_sizes,
    estimate_training,
    remember_speed,
    sizes_speed,
)


def test_a_measured_speed_replaces_the_assumed_one(tmp_path: Path) -> None:
    remember_speed("train custom 64", 2.0, 100, tmp_path)
    one = estimate_training(
        "custom", 100, 0, epochs=1, min_steps=0, batch_size=10, image_size=64, cache_folder=tmp_path
    )
    assert one.seconds == START_SECONDS + 2.0
    remember_speed("start custom", 9.5, 1, tmp_path, least=1)
    one = estimate_training(
        "custom", 100, 0, epochs=1, min_steps=0, batch_size=10, image_size=64, cache_folder=tmp_path
    )
    assert one.seconds == 11.5
    assert "this machine" in one.basis
    other = estimate_training(
        "custom", 100, 0, epochs=1, min_steps=0, batch_size=10, image_size=128, cache_folder=tmp_path
    )
    assert "not been measured yet" in other.basis


def test_too_few_units_mean_nothing(tmp_path: Path) -> None:
    remember_speed("scan", 1.0, 3, tmp_path)
    assert Speeds.read(tmp_path).seconds_per_unit == {}


def test_nonsense_in_the_file_is_no_speed(tmp_path: Path) -> None:
    Speeds.file(tmp_path).write_text('{"scan": "fast"}')
    assert Speeds.read(tmp_path).seconds_per_unit == {}


def test_estimates_grow_with_the_work() -> None:
    assert estimate_reduction([1000], 500).seconds < estimate_reduction([2000], 500).seconds
    assert estimate_clustering([1000], 10).seconds < estimate_clustering([1000, 1000], 10).seconds
    few = estimate_training("custom", 100, 10, epochs=25, min_steps=750, batch_size=32, image_size=64)
    many = estimate_training("custom", 4000, 10, epochs=25, min_steps=750, batch_size=32, image_size=64)
    assert few.seconds < many.seconds


@pytest.mark.parametrize(
    ("network", "few", "many"),
    [
        ("custom", START_SECONDS + 238.82399999999998, START_SECONDS + 28.444921875),
        ("transfer", START_SECONDS + 5.136, START_SECONDS + 4.3500000000000005),
        ("head", 1.0999999999999999, 44.0),
        ("not known", 513.6, 435.0),
    ],
)
def test_each_network_has_a_price_of_its_own(network: str, few: float, many: float, tmp_path: Path) -> None:
    one = estimate_training(
        network, 100, 20, epochs=25, min_steps=750, batch_size=32, image_size=256, cache_folder=tmp_path
    )
    other = estimate_training(
        network, 4000, 1000, epochs=5, min_steps=0, batch_size=8, image_size=96, cache_folder=tmp_path
    )
    assert (one.seconds, other.seconds) == (few, many)


def test_sizes_are_estimated_by_what_was_measured_here(tmp_path: Path) -> None:
    assert estimate_sizes(("vgg16",), 1000, tmp_path) == pytest.approx(20.0)
    remember_speed(sizes_speed(("vgg16",)), 90.0, 3000, tmp_path)
    assert estimate_sizes(("vgg16",), 1000, tmp_path) == pytest.approx(30.0)
    assert estimate_sizes(("colour-texture",), 1000, tmp_path) == pytest.approx(20.0)
