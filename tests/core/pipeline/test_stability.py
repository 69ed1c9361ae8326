"""Stability against coresets that are selected one by one."""

from dataclasses import replace

import numpy as np
import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import SelectionError
from coreset_studio.core.pipeline.stability import level_counts, measure_stability
from coreset_studio.core.pipeline.stages import choose, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.settings import DataSettings, FeatureSettings, SelectionSettings, Settings


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    place = tmp_path_factory.mktemp("stability")
    make_demo(place / "demo", n_images=60, side=48)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        selection=SelectionSettings(sampler="stratified", fraction=0.3, seed=4),
    )
    return Study(place / "demo", settings, place / "cache")


def test_the_counts_are_those_of_coresets_selected_one_by_one(study: Study) -> None:
    found = measure_stability(study, 2, 3).stability
    in_pool, chosen = np.zeros((2, 60), dtype=np.int64)
    for split in range(2):
        data = replace(study.settings.data, split_seed=study.settings.data.split_seed + split)
        prepared = prepare(replace(study, settings=replace(study.settings, data=data)))
        for seed in (4, 5, 6):
            in_pool[prepared.split.pool] += 1
            chosen[choose(prepared, replace(study.settings.selection, seed=seed)).indices] += 1
    assert found.in_pool.tolist() == in_pool.tolist()
    assert found.chosen.tolist() == chosen.tolist()
    assert (found.n_splits, found.n_seeds, found.notes) == (2, 3, ())
    known = in_pool > 0
    np.testing.assert_allclose(found.shares[known], chosen[known] / in_pool[known])
    assert np.isnan(found.shares[~known]).all()
    assert sum(level_counts(found.shares)) == int(known.sum())


def test_a_sampler_that_draws_nothing_is_used_once_a_split(study: Study) -> None:
    settings = replace(study.settings, selection=replace(study.settings.selection, sampler="even-herding"))
    found = measure_stability(replace(study, settings=settings), 2, 3).stability
    assert found.n_seeds == 1
    assert found.in_pool.max() <= 2
    assert found.notes[-1].startswith("The sampler even-herding draws nothing")
    with pytest.raises(SelectionError, match="would be selected once"):
        measure_stability(replace(study, settings=settings), 1, 3)


@pytest.mark.parametrize(("splits", "seeds", "words"), [(1, 1, "selected once"), (0, 2, "at least 1 split")])
def test_what_cannot_be_measured_is_refused(study: Study, splits: int, seeds: int, words: str) -> None:
    with pytest.raises(SelectionError, match=words):
        measure_stability(study, splits, seeds)


def test_folds_are_refused(study: Study) -> None:
    settings = replace(study.settings, data=DataSettings(folds=3))
    with pytest.raises(SelectionError, match="number of folds to 0"):
        measure_stability(replace(study, settings=settings), 2, 2)


def test_levels_are_counted_without_images_that_were_never_in_the_pool() -> None:
    assert level_counts(np.array([1.0, 0.5, 0.99, 0.49, 0.0, 0.0, np.nan])) == (1, 2, 1, 2)
