"""Estimates grow with the work, and measured speeds replace assumed ones."""

from pathlib import Path

from core.estimate import (
    Speeds,
    estimate_clustering,
    estimate_reduction,
    estimate_training,
    remember_speed,
)


def test_a_measured_speed_replaces_the_assumed_one(tmp_path: Path) -> None:
    remember_speed("train custom 64", 2.0, 100, tmp_path)
    one = estimate_training(
        "custom", 100, 0, epochs=1, min_steps=0, batch_size=10, image_size=64, cache_folder=tmp_path
    )
    assert one.seconds == 2.0
    assert "this machine" in one.basis
    other = estimate_training(
        "custom", 100, 0, epochs=1, min_steps=0, batch_size=10, image_size=128, cache_folder=tmp_path
    )
    assert "not measured yet" in other.basis


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
