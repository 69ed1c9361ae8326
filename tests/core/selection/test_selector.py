"""The scikit-learn face: scikit-learn's own checks, the engine's own coresets, and the example of the docs."""

import runpy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from coreset_studio.core.errors import SelectionError, SettingsError
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.selector import CoresetSelector

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "selector_example.py"


def data(n: int = 150, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = np.array(["a", "b", "b", "c", "c", "c"])[random.integers(0, 6, n)]
    return random.normal(size=(n, 6)) + 2.0 * (y == "c")[:, None], y


@pytest.mark.parametrize("sampler", ["balanced-herding", "even-herding", "typiclust"])
def test_scikit_learn_finds_nothing_wrong(sampler: str) -> None:
    with warnings.catch_warnings():
        # Checks that want optional libraries are skipped, and say so.
        warnings.simplefilter("ignore")
        found = check_estimator(CoresetSelector(sampler=sampler), on_fail=None)
    assert [one["check_name"] for one in found if one["status"] == "failed"] == []
    assert sum(one["status"] == "passed" for one in found) > 30


@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_the_budget_is_met_by_every_sampler(sampler: str) -> None:
    points, y = data()
    selector = CoresetSelector(sampler, 0.1, random_state=3).fit(points, y)
    assert len(selector.indices_) == 15
    assert sorted(selector.order_) == selector.indices_.tolist()
    assert selector.budgets_ == {name: int((y[selector.indices_] == name).sum()) for name in "abc"}
    assert selector.clusters_.shape == (150,)


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if SAMPLERS[name].nested])
def test_the_order_of_a_large_coreset_starts_with_the_small_one(sampler: str) -> None:
    points, y = data()
    large = CoresetSelector(sampler, 0.4).fit(points, y)
    small = CoresetSelector(sampler, 0.1).fit(points, y)
    assert large.order_[:15].tolist() == small.order_.tolist()


def test_labels_of_any_kind_and_none_at_all() -> None:
    points, y = data()
    letters = CoresetSelector(fraction=0.1).fit(points, y)
    numbers = CoresetSelector(fraction=0.1).fit(points, np.searchsorted(["a", "b", "c"], y) - 5)
    assert letters.indices_.tolist() == numbers.indices_.tolist()
    assert list(numbers.budgets_) == [-5, -4, -3]
    assert len(CoresetSelector(fraction=0.1).fit(points).classes_) == 1


def test_at_least_one_row_is_chosen() -> None:
    assert len(CoresetSelector(fraction=0.01).fit(*data(7)).indices_) == 1


def test_a_random_state_is_used_as_scikit_learn_does() -> None:
    points, y = data()
    first = CoresetSelector("stratified", 0.1, random_state=np.random.RandomState(1)).fit(points, y).indices_
    second = CoresetSelector("stratified", 0.1, random_state=np.random.RandomState(1)).fit(points, y).indices_
    third = CoresetSelector("stratified", 0.1, random_state=5).fit(points, y).indices_
    assert first.tolist() == second.tolist() != third.tolist()


def test_blocks_are_views_that_count_the_same() -> None:
    points, y = data()
    loud = points * np.array([1, 1, 1, 1000, 1000, 1000])
    plain = CoresetSelector(fraction=0.2, blocks=(3, 3)).fit(points, y)
    assert CoresetSelector(fraction=0.2, blocks=(3, 3)).fit(loud, y).indices_.tolist() == plain.indices_.tolist()
    assert CoresetSelector(fraction=0.2).fit(loud, y).indices_.tolist() != plain.indices_.tolist()
    with pytest.raises(SelectionError, match=r"The blocks have 3 \+ 2 columns, but X has 6"):
        clone(plain).set_params(blocks=(3, 2)).fit(points, y)


def test_without_pca_the_columns_are_taken_as_they_are() -> None:
    points, y = data()
    assert len(CoresetSelector("k-center", 0.1, variance=None).fit(points + 1e3, y).indices_) == 15


def test_an_unknown_sampler_is_named() -> None:
    with pytest.raises(SelectionError, match="no sampler named 'best'"):
        CoresetSelector("best").fit(*data())


def test_own_settings_of_a_sampler_are_taken_by_name() -> None:
    points, y = data()

    def chosen(sampler: str, **parameters: Any) -> list[int]:
        return CoresetSelector(sampler, 0.2, **parameters).fit(points, y).indices_.tolist()  # type: ignore[no-any-return]

    default = chosen("balanced-herding")
    assert chosen("balanced-herding", mu=0.25) == default
    assert chosen("balanced-herding", mu=1.0) != default
    assert chosen("balanced-herding", settings={"mu": 1.0}) == chosen("balanced-herding", mu=1.0)
    assert chosen("intelligent", settings={"budget_over_clusters": "proportional"}) != chosen("intelligent")
    assert chosen("herding", mu=1.0) == chosen("herding")
    with pytest.raises(SettingsError, match="Herding has no setting named 'mu'"):
        chosen("herding", settings={"mu": 1.0})
    with pytest.raises(SettingsError, match="mu must be from 0 to 1; found 2"):
        chosen("balanced-herding", mu=2)


def test_rows_and_labels_can_be_had_at_once() -> None:
    points, y = data()
    selector = CoresetSelector(fraction=0.1)
    rows, labels = selector.fit_resample(points, y)
    np.testing.assert_array_equal(rows, points[selector.indices_])
    np.testing.assert_array_equal(labels, y[selector.indices_])


@pytest.mark.slow
def test_the_example_runs_and_its_coresets_beat_chance(capsys: pytest.CaptureFixture[str]) -> None:
    results = runpy.run_path(str(EXAMPLE))["results"]
    assert set(results) == {0.02, 0.05, 0.1}
    assert all(chosen > drawn for chosen, drawn, _ in results.values())
    assert "balanced herding" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budgets", "foo"), ("budgets", "by-hand"), ("fraction", 0), ("fraction", 1.5), ("fraction", "0.1"),
        ("fraction", float("nan")), ("variance", 0.0), ("variance", 2), ("k_max", 1), ("k_max", 2.5), ("beta", -1),
        ("beta", None), ("mu", "much"), ("random_state", "chance"), ("random_state", -1), ("sampler", None),
        ("blocks", 3), ("settings", "mu=1"),
    ],
)  # fmt: skip
def test_every_parameter_is_checked_in_a_sentence(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"The '{name}' parameter of CoresetSelector must be"):
        CoresetSelector(**{name: value}).fit(*data())


def test_parts_of_parameters_are_checked() -> None:
    points, y = data()
    with pytest.raises(SelectionError, match="expected integer numbers of columns"):
        CoresetSelector(blocks=(2.5, 3.5)).fit(points, y)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"mu is 0.5, but settings has 1.0; set only one of them"):
        CoresetSelector(mu=0.5, settings={"mu": 1.0}).fit(points, y)


@pytest.mark.parametrize("sampler", ["balanced-herding", "even-herding", "medoid", "k-center", "herding"])
@pytest.mark.parametrize("budgets", ["sampler", "difficulty"])
def test_an_offset_changes_no_choice(sampler: str, budgets: Any) -> None:
    points, y = data(240)
    points = np.round(points, 3)
    plain = CoresetSelector(sampler, 0.1, budgets=budgets).fit(points, y).indices_
    for offset in (1e6, -1e6, 1e8 * (y == "a")[:, None]):
        if budgets == "difficulty" and not np.isscalar(offset):
            continue  # classes that are moved apart are less difficult
        moved = CoresetSelector(sampler, 0.1, budgets=budgets if np.isscalar(offset) else "proportional")
        before = plain if np.isscalar(offset) else clone(moved).fit(points, y).indices_
        assert moved.fit(points + offset, y).indices_.tolist() == before.tolist()


@pytest.mark.parametrize("factor", [1e-30, 1e30, 1e200])
def test_the_size_of_features_changes_no_choice(factor: float) -> None:
    points, y = data()
    plain = CoresetSelector("even-herding", 0.1).fit(points, y).indices_
    assert CoresetSelector("even-herding", 0.1).fit(points * factor, y).indices_.tolist() == plain.tolist()


class Frame:
    """As much of a DataFrame as scikit-learn takes rows by."""

    def __init__(self, values: np.ndarray, index: list[str]) -> None:
        self.values, self.index = values, index
        self.shape = values.shape

    @property
    def iloc(self) -> "Frame":
        return self

    def __getitem__(self, rows: np.ndarray) -> "Frame":
        return Frame(self.values[rows], [self.index[row] for row in rows])

    def take(self, rows: np.ndarray, axis: int = 0) -> "Frame":
        assert axis == 0
        return self[rows]

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.values, dtype=dtype)


def test_a_data_frame_comes_back_as_one() -> None:
    points, y = data()
    names = [f"row {number}" for number in range(len(y))]
    selector = CoresetSelector(fraction=0.1)
    rows, labels = selector.fit_resample(Frame(points, names), Frame(y, names))
    assert isinstance(rows, Frame)
    assert isinstance(labels, Frame)
    assert rows.index == labels.index == [names[index] for index in selector.indices_]
    np.testing.assert_array_equal(rows.values, points[selector.indices_])
    listed = selector.fit_resample(points.tolist(), y.tolist())
    assert isinstance(listed[0], np.ndarray)


def test_real_data_frames_keep_index_columns_and_types() -> None:
    pandas = pytest.importorskip("pandas")
    points, y = data()
    frame = pandas.DataFrame(points, columns=list("abcdef"), index=[f"row {n}" for n in range(len(y))])
    frame["f"] = frame["f"].astype("float32")
    series = pandas.Series(y, index=frame.index, name="cell", dtype="category")
    selector = CoresetSelector(fraction=0.1)
    rows, labels = selector.fit_resample(frame, series)
    pandas.testing.assert_frame_equal(rows, frame.iloc[selector.indices_])
    pandas.testing.assert_series_equal(labels, series.iloc[selector.indices_])
    assert selector.feature_names_in_.tolist() == list("abcdef")


def test_resampling_wants_classes() -> None:
    points, y = data()
    with pytest.raises(ValueError, match="y is None"):
        CoresetSelector().fit_resample(points, None)
    with pytest.raises(ValueError, match="Unknown label type"):
        CoresetSelector().fit_resample(points, points[:, 0])
    assert len(y) == 150
