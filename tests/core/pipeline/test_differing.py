"""Two coresets side by side, against sets of their images."""

from dataclasses import replace

import numpy as np
import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import SelectionError
from coreset_studio.core.pipeline.differing import compare_coresets
from coreset_studio.core.pipeline.stages import Prepared, choose, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.selection.coverage import coverage
from coreset_studio.core.service.map_requests import CompareCoresets, MeasureStability
from coreset_studio.core.settings import EarlierCoreset, EarlierImage, FeatureSettings, SelectionSettings, Settings


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    place = tmp_path_factory.mktemp("differing")
    make_demo(place / "demo", n_images=90, side=48)
    settings = Settings(
        features=FeatureSettings(extractors=("colour-texture",)),
        selection=SelectionSettings(sampler="even-herding", fraction=0.3),
    )
    return Study(place / "demo", settings, place / "cache")


@pytest.fixture(scope="module")
def prepared(study: Study) -> Prepared:
    return prepare(study)


def test_the_counts_are_those_of_sets(study: Study, prepared: Prepared) -> None:
    other = replace(study.settings.selection, sampler="stratified", seed=3)
    found = CompareCoresets(study, other, "stratified random").run(NO_PROGRESS)
    a = set(choose(prepared, study.settings.selection).indices.tolist())
    b = set(choose(prepared, other).indices.tolist())
    assert found.both.tolist() == sorted(a & b)
    assert found.only_current.tolist() == sorted(a - b)
    assert found.only_other.tolist() == sorted(b - a)
    for row in found.rows:
        clusters = prepared.clusters_of(row.class_name)
        rows = np.ones(len(clusters.indices), bool) if row.cluster < 0 else clusters.labels == row.cluster
        members = set(clusters.indices[rows].tolist())
        assert (row.both, row.only_a, row.only_b) == (
            len(members & a & b), len(members & (a - b)), len(members & (b - a))
        )  # fmt: skip
    assert found.sentence.startswith(f"{len(a & b)} images are in both coresets, {len(a - b)} only in the current")
    expected = coverage(prepared.dataset.contents, prepared.embeddings, prepared.clusters, choose(prepared, other))
    assert found.other_coverage.mean_distance == pytest.approx(expected.mean_distance)
    assert found.other_coverage.clusters_touched == expected.clusters_touched


def test_an_export_is_compared_by_its_images_in_the_pool(prepared: Prepared) -> None:
    images = prepared.dataset.images
    pool, test = prepared.split.pool[:5].tolist(), int(prepared.split.test[0])
    listed = tuple(EarlierImage(images[i].path, images[i].class_name, images[i].pixels) for i in (*pool, test))
    found = compare_coresets(prepared, EarlierCoreset("export", "0" * 64, listed), "export")
    assert sorted([*found.both.tolist(), *found.only_other.tolist()]) == pool
    (note,) = found.notes
    assert note.startswith("5 of the 6 images of the export are compared; 1 is not: 1 in the test images now")
    whole = compare_coresets(prepared, EarlierCoreset("export", "0" * 64, listed[:5]), "export")
    assert whole.notes == ()


def test_an_export_of_other_images_is_refused(prepared: Prepared) -> None:
    export = EarlierCoreset("export", "0" * 64, (EarlierImage("a", "b", "c"),))
    with pytest.raises(SelectionError, match=r"^None of the 1 images of the export is in the pool, so that"):
        compare_coresets(prepared, export, "export")


def test_a_coreset_has_all_in_common_with_itself(study: Study, prepared: Prepared) -> None:
    found = compare_coresets(prepared, study.settings.selection, "itself")
    assert not len(found.only_current)
    assert not len(found.only_other)
    assert "they share 100 %" in found.sentence


def test_the_window_asks_for_the_stability_of_the_command_line(study: Study) -> None:
    found = MeasureStability(study, 2, 2).run(NO_PROGRESS)
    assert (found.n_splits, found.n_seeds) == (2, 1)
    assert found.in_pool.max() <= 2
