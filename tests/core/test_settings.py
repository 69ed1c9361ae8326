"""Settings: their form in JSON is the form in code, and nonsense is named."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coreset_studio.core.errors import SettingsError
from coreset_studio.core.settings import (
    ClusterSettings,
    ComparisonSettings,
    DataSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
    TrainingSettings,
    read_settings,
    settings_from_dict,
    settings_to_dict,
    with_own,
)


@pytest.mark.slow
@given(
    fraction=st.floats(min_value=1e-6, max_value=1.0),
    images=st.none() | st.integers(1, 10**6),
    seed=st.integers(0, 2**31),
    pins=st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=4),
    by_class=st.dictionaries(st.text(min_size=1, max_size=5), st.floats(min_value=0.01, max_value=1.0), max_size=3),
)
def test_there_and_back_through_json(
    fraction: float, images: int | None, seed: int, pins: list[str], by_class: dict[str, float]
) -> None:
    settings = Settings(
        selection=SelectionSettings(
            fraction=fraction, images=images, seed=seed, pinned_in=tuple(pins), fraction_by_class=by_class
        ),
        clusters=ClusterSettings(k_by_class={"a": 3}),
        features=FeatureSettings(extractors=("vgg16", "colour-texture")),
        comparison=ComparisonSettings(networks=("head",), fractions=(0.05, 1.0)),
    )
    assert settings_from_dict(json.loads(json.dumps(settings_to_dict(settings)))) == settings


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"selection": {"fracton": 0.1}}, "did you mean 'fraction'"),
        ({"selektion": {}}, "'selektion'"),
        ({"selection": {"fraction": "a"}}, "fraction: expected a number, found 'a'"),
        ({"selection": {"fraction": 2}}, "above 0 and at most 1"),
        ({"selection": {"fraction": True}}, "expected a number"),
        ({"training": {"epochs": 2.5}}, "whole number"),
        ({"data": {"keep_one_of_duplicates": "yes"}}, "true or false"),
        ({"selection": {"pinned_in": ["a"], "pinned_out": ["a"]}}, "pinned in and pinned out"),
        ({"selection": {"fraction_by_class": {"b": 0}}}, "of class 'b'"),
    ],
)
def test_a_fault_is_named(values: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from_dict(values)
    assert says in str(caught.value)


def test_what_is_not_named_is_as_before_there_was_a_choice() -> None:
    before = DataSettings(
        grey_levels=("declared",), alpha=("white",), pages="first", layout="plain", leave_out_masks=False,
        unlabelled="class",
    )  # fmt: skip
    before = with_own(before, "csv", columns="named", several_labels="own-class", leave_out_missing=False)
    before_rules = SelectionSettings(seed=4, budget_over_classes="sampler")
    read = settings_from_dict({"selection": {"seed": 4}})
    assert read == Settings(data=before, selection=before_rules, clusters=ClusterSettings(exact_up_to=0))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1])
def test_no_number_that_is_none_gets_in(value: float) -> None:
    with pytest.raises(SettingsError):
        SelectionSettings(fraction=value)
    with pytest.raises(SettingsError):
        SelectionSettings(beta=value)
    with pytest.raises(SettingsError):
        TrainingSettings(learning_rate=value)
    with pytest.raises(SettingsError):
        DataSettings(test_fraction=value)


def test_a_settings_file_and_a_manifest_read_alike(tmp_path: Path) -> None:
    settings = Settings(selection=SelectionSettings(seed=9))
    plain, inside = tmp_path / "plain.json", tmp_path / "coreset.json"
    plain.write_text("\ufeff" + json.dumps(settings_to_dict(settings)), encoding="utf-8")
    inside.write_text(json.dumps({"format": 1, "settings": settings_to_dict(settings)}), encoding="utf-8")
    assert read_settings(plain) == read_settings(inside) == settings


@pytest.mark.parametrize("content", ["{", "[1]", "3"])
def test_a_file_that_is_no_settings_is_one_sentence(tmp_path: Path, content: str) -> None:
    file = tmp_path / "s.json"
    file.write_text(content)
    with pytest.raises(SettingsError, match=r"s\.json"):
        read_settings(file)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path / "none.json")


def test_settings_are_frozen_and_replaced() -> None:
    before = Settings()
    after = replace(before, data=replace(before.data, split_seed=3))
    assert before.data.split_seed == 0
    assert after.data.split_seed == 3


def test_one_split_is_not_written_so_that_what_was_kept_before_is_current() -> None:
    assert "splits" not in settings_to_dict(Settings())["comparison"]
    several = replace(Settings(), comparison=ComparisonSettings(splits=4))
    assert settings_to_dict(several)["comparison"]["splits"] == 4
    assert settings_from_dict(settings_to_dict(several)) == several
    with pytest.raises(SettingsError, match="splits must be a whole number of at least 1; found 0"):
        ComparisonSettings(splits=0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"features": {"extractors": "vgg16"}}', "expected a list, found 'vgg16'"),
        ('{"selection": {"fraction": NaN}}', "NaN, which is not valid JSON"),
        ('{"selection": {"fraction": 1e999}}', "expected a number, found inf"),
        ('{"training": {"image_size": 1000000}}', "from 32 to 4096"),
        ('{"training": {"epochs": 1e300}}', "whole number"),
        ('{"settings": [1]}', "expected an object in braces"),
        ('{"data": {}, "data": {}}', "'data' twice in one object"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_settings_file_is_checked_before_it_is_believed(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match=says):
        read_settings(file)
