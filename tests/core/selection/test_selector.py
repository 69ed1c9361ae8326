"""The scikit-learn face: scikit-learn's own checks, the engine's own coresets, and the example of the docs."""

import runpy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from core.errors import SelectionError, SettingsError
from core.selection.samplers import SAMPLERS
from core.selection.selector import CoresetSelector

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
    with pytest.raises(SettingsError, match="mu is 2; it is from 0 to 1"):
        chosen("balanced-herding", mu=2)


def test_rows_and_labels_can_be_had_at_once() -> None:
    points, y = data()
    selector = CoresetSelector(fraction=0.1)
    rows, labels = selector.fit_resample(points, y)
    np.testing.assert_array_equal(rows, points[selector.indices_])
    np.testing.assert_array_equal(labels, y[selector.indices_])


def test_the_example_runs_and_its_coresets_beat_chance(capsys: pytest.CaptureFixture[str]) -> None:
    results = runpy.run_path(str(EXAMPLE))["results"]
    assert set(results) == {0.02, 0.05, 0.1}
    assert all(chosen > drawn for chosen, drawn, _ in results.values())
    assert "balanced herding" in capsys.readouterr().out
