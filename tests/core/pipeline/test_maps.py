"""Maps come from the cache, where each has a key of what it depends on."""

import numpy as np
import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.pipeline.maps import map_of
from coreset_studio.core.pipeline.stages import prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.service.map_requests import MapImages, map_seconds
from coreset_studio.core.settings import DataSettings, FeatureSettings, Settings


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    place = tmp_path_factory.mktemp("maps")
    make_demo(place / "demo", n_images=60, side=48)
    return Study(place / "demo", Settings(features=FeatureSettings(extractors=("colour-texture",))), place / "cache")


def test_a_map_is_read_from_the_cache_and_another_split_has_another(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = MapImages(study, "tsne").run(NO_PROGRESS)
    prepared = prepare(study, until="reduction")
    assert np.array_equal(found.indices, prepared.pool_embedding.indices)
    pca = map_of(prepared, "pca")
    monkeypatch.setattr("coreset_studio.core.pipeline.maps.compute_map", None)
    again = map_of(prepared, "tsne")
    assert np.array_equal(again.points, found.points)
    assert np.array_equal(again.fitted, found.fitted)
    assert map_of(prepared, "pca", seed=9).shares == pca.shares  # nothing is drawn
    with pytest.raises(TypeError):  # it is computed
        map_of(prepared, "tsne", seed=9)
    settings = Settings(data=DataSettings(split_seed=5), features=study.settings.features)
    other = Study(study.source, settings, study.cache_folder)
    with pytest.raises(TypeError):
        map_of(prepare(other, until="reduction"), "pca")


def test_the_estimate_grows_with_the_images_that_are_fitted() -> None:
    assert map_seconds("pca", 100_000) < 10
    assert map_seconds("tsne", 500) < map_seconds("tsne", 5_000) < map_seconds("tsne", 100_000) < 300
