"""The selection service: what it answers about clusters and coresets."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.errors import SelectionError
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS
from coreset_studio.core.results import FloatArray
from coreset_studio.core.selection import kernel
from coreset_studio.core.service.image_requests import FindSimilar
from coreset_studio.core.service.selection_service import SelectionService
from coreset_studio.core.settings import ClusterSettings, FeatureSettings, SelectionSettings, Settings


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    place = tmp_path_factory.mktemp("selection")
    make_demo(place / "demo", n_images=150, side=64)
    settings = Settings(features=FeatureSettings(extractors=("colour-texture",)), clusters=ClusterSettings(k_max=4))
    return Study(place / "demo", settings, place / "cache")


@pytest.fixture(scope="module")
def service(study: Study) -> SelectionService:
    return SelectionService(study)


class _Told:
    """A progress that remembers what was told."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        assert 0 <= done <= total or total == 0
        self.messages.append(message)

    def publish(self, result: object) -> None:
        pass


def test_every_class_is_seen_at_a_glance(service: SelectionService) -> None:
    overview = service.overview()
    assert [one.class_name for one in overview] == sorted(one.class_name for one in overview)
    for one, clusters in zip(overview, service.clusters(), strict=True):
        assert one.n_images == len(clusters.indices) == int(one.sizes.sum())
        assert one.points.shape == (len(one.labels), 2)
        assert one.k == clusters.k == len(one.sizes)
        assert one.words


def test_components_come_by_falling_share(service: SelectionService) -> None:
    name = service.overview()[0].class_name
    summary = service.class_view(name, 0, 1)
    assert summary.n_components == len(summary.all_shares)
    assert list(summary.all_shares) == sorted(summary.all_shares, reverse=True)
    assert sum(summary.all_shares) == pytest.approx(1.0)
    assert summary.shares == (summary.all_shares[0], summary.all_shares[1])
    swapped = service.class_view(name, 1, 0)
    assert np.array_equal(swapped.points, summary.points[:, ::-1])


def test_a_component_that_is_not_there_becomes_the_last(service: SelectionService) -> None:
    name = service.overview()[0].class_name
    summary = service.class_view(name, 10_000, 0)
    assert summary.components == (summary.n_components - 1, 0)


def test_a_question_brings_its_own_clusters(service: SelectionService, study: Study) -> None:
    before = study.settings.clusters
    name = service.overview(before)[0].class_name
    other = replace(before, k_by_class={name: 3})
    assert service.class_view(name, 0, 1, other).clusters.k == 3
    assert service.class_view(name, 0, 1, other).clusters.chosen_by == "user"
    assert service.overview(before)[0].k == service.clusters(before)[0].k
    assert service.clusters()[0].chosen_by == "silhouette"


def test_a_coreset_has_its_size_and_covers_what_it_says(service: SelectionService, study: Study) -> None:
    settings = SelectionSettings(sampler="intelligent", fraction=0.2)
    summary = service.select(settings, True, study.settings.clusters)
    pool = sum(summary.coreset.pool_sizes.values())
    assert len(summary.coreset.indices) == round(0.2 * pool)
    assert sum(int(share.chosen.sum()) for share in summary.shares) == len(summary.coreset.indices)
    assert summary.coverage is not None
    assert not set(summary.coverage.worst_indices) & set(summary.coreset.indices.tolist())
    assert summary.sentence.startswith(f"{len(summary.coreset.indices):,} of {pool:,} images")


def test_coverage_comes_after_the_selection_and_can_be_stopped_between_classes(service: SelectionService) -> None:
    settings = SelectionSettings(sampler="balanced-herding", fraction=0.1)
    assert service.select(settings, False).coverage is None
    told = _Told()
    coverage = service.cover(settings, progress=told)
    whole = service.select(settings, True).coverage
    assert whole is not None
    assert coverage.mean_distance == whole.mean_distance
    assert coverage.worst_indices == whole.worst_indices
    assert told.messages.count("Measuring coverage: classes") >= len(coverage.by_class)


def test_order_and_coverage_share_one_kernel_a_class(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    real = kernel.bandwidth

    def counted(embedding: FloatArray) -> float:
        made.append(len(embedding))
        return real(embedding)

    monkeypatch.setattr(kernel, "bandwidth", counted)
    service = SelectionService(study)
    summary = service.select(SelectionSettings(sampler="balanced-herding", fraction=0.2))
    assert summary.coverage is not None
    assert sorted(made) == sorted(len(one.indices) for one in service.clusters())


def test_a_pin_counts_inside_its_class(service: SelectionService) -> None:
    plain = service.select(SelectionSettings(sampler="intelligent", fraction=0.1), False).coreset
    name = service.overview()[0].class_name
    left = next(int(i) for i in service.clusters()[0].indices if i not in plain.indices)
    path = service._prepared.dataset.images[left].path
    pinned = service.select(SelectionSettings(sampler="intelligent", fraction=0.1, pinned_in=(path,)), False).coreset
    assert left in pinned.indices
    assert pinned.budgets[name] == plain.budgets[name]


def test_pixels_are_those_of_the_decoded_image(service: SelectionService) -> None:
    decoded = service.decoded(0)
    image = service._prepared.dataset.images[0]
    assert (decoded.width, decoded.height) == (image.width, image.height)
    assert len(decoded.rgb) == 3 * decoded.width * decoded.height


def test_an_image_that_is_gone_says_why(study: Study, tmp_path: Path) -> None:
    make_demo(tmp_path / "demo", n_images=60, side=48)
    small = SelectionService(Study(tmp_path / "demo", study.settings, tmp_path / "cache"))
    (tmp_path / "demo" / small._prepared.dataset.images[0].path).unlink()
    decoded = small.decoded(0)
    assert decoded.problem
    assert not decoded.rgb


def test_similar_images_are_the_nearest_across_classes_and_sets(service: SelectionService) -> None:
    across = service._prepared.pool_embedding
    rows = np.asarray(across.embedding, dtype=np.float64)
    asked = int(across.indices[7])
    distances = np.sqrt(((rows - rows[7]) ** 2).sum(axis=1)).astype(np.float32)
    expected = [(d, int(i)) for d, i in zip(distances.tolist(), across.indices, strict=True) if i != asked]
    summary = FindSimilar((asked, asked), 200).run(service, NO_PROGRESS)
    assert summary.queries == (asked,)
    assert list(zip(summary.distances, summary.indices, strict=True)) == sorted(expected)
    assert set(summary.indices) == set(across.indices.tolist()) - {asked}
    split = service._prepared.split
    assert set(split.test.tolist()) <= {*summary.indices, asked}
    assert FindSimilar((asked,), 4).run(service, NO_PROGRESS).indices == summary.indices[:4]


def test_similar_images_can_be_of_one_class(service: SelectionService) -> None:
    dataset = service._prepared.dataset
    name = dataset.classes[1]
    summary = FindSimilar((0,), 10_000, name).run(service, NO_PROGRESS)
    assert {dataset.images[index].class_name for index in summary.indices} == {name}
    assert len(summary.indices) == sum(image.class_name == name for image in dataset.images)
    everywhere = FindSimilar((0,), 10_000).run(service, NO_PROGRESS)
    assert summary.indices == tuple(i for i in everywhere.indices if dataset.images[i].class_name == name)


def test_of_an_excluded_image_no_similar_ones_are_found_and_it_says_why(study: Study) -> None:
    path = SelectionService(study)._prepared.dataset.images[3].path
    data = replace(study.settings.data, left_out_images=(path,))
    excluded = SelectionService(replace(study, settings=replace(study.settings, data=data)))
    index = next(i for i, image in enumerate(excluded._prepared.dataset.images) if image.path == path)
    sentence = (
        f"No similar images can be found for {path}, which is excluded and has no features. "
        "It was excluded individually. Choose another image, or include this one on the Dataset page."
    )
    with pytest.raises(SelectionError) as caught:
        FindSimilar((0, index), 5).run(excluded, NO_PROGRESS)
    assert str(caught.value) == sentence
    assert index not in FindSimilar((0,), 10_000).run(excluded, NO_PROGRESS).indices


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (FindSimilar((), 5), "No image was selected to find similar ones for; select one or more."),
        (FindSimilar((0,), 0), "The number of similar images must be at least 1; found 0."),
        (FindSimilar((1_000_000,), 5), "There is no image 1,000,000"),
        (FindSimilar((-1,), 5), "There is no image -1"),
        (FindSimilar((0,), 5, "stars"), "There is no class “stars” to find similar images in. The classes are "),
    ],
)
def test_what_cannot_be_asked_about_similar_images_is_refused(
    service: SelectionService, request_: FindSimilar, sentence: str
) -> None:
    with pytest.raises(SelectionError, match=re.escape(sentence)):
        request_.run(service, NO_PROGRESS)
