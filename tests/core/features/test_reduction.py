"""Embeddings per class and across classes: views, scaling, joining, the cache."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from coreset_studio.core import memory
from coreset_studio.core.errors import FeatureError, MemoryShortError
from coreset_studio.core.features import reduction
from coreset_studio.core.features.reduction import embed_classes, embed_pool
from coreset_studio.core.features.views import join, mean_square, view_scales
from coreset_studio.core.results import ClassEmbedding, Dataset, FloatArray, Split
from coreset_studio.core.settings import FeatureSettings

MakeDataset = Callable[[Mapping[str, int]], Dataset]
MakeRows = Callable[[int, int, int], FloatArray]
SETTINGS = FeatureSettings()


def thirds(dataset: Dataset) -> Split:
    at = np.arange(len(dataset.images))
    return Split(pool=at[at % 3 < 2], validation=at[at % 6 == 2], test=at[at % 6 == 5])


def squared(embedding: FloatArray) -> FloatArray:
    return pdist(embedding.astype(np.float64)) ** 2


def test_every_extractor_weighs_the_same_and_shares_it_among_its_blocks() -> None:
    scales = view_scales(["a", "b", "b", "b"], [4.0, 1.0, 9.0, 0.0])
    assert scales == pytest.approx((1 / 2, np.sqrt(1 / 2), np.sqrt(1 / 18), 0.0))


def test_joined_squared_distances_add_up(realistic_rows: MakeRows) -> None:
    one, two = realistic_rows(12, 5, 0), realistic_rows(12, 7, 1)
    joined = join([one, two, np.zeros((12, 3), dtype=np.float32)], (2.0, 0.5, 0.0))
    assert joined.shape == (12, 12)
    np.testing.assert_allclose(squared(joined), 4 * squared(one) + squared(two) / 4, rtol=1e-5)


def test_views_that_are_all_left_out_leave_one_component_of_zeros() -> None:
    joined = join([np.zeros((3, 1), dtype=np.float32)] * 2, (0.0, 0.0))
    assert joined.tolist() == [[0.0]] * 3


def test_class_embeddings_weigh_extractors_alike(
    make_dataset: MakeDataset, fake_features: Any, realistic_rows: MakeRows, tmp_path: Path
) -> None:
    dataset = make_dataset({"b": 40, "a": 30})
    constant = np.ones((70, 6), dtype=np.float32)
    features = [
        fake_features("one", {"all": realistic_rows(70, 200, 0) * 50}),
        fake_features("two", {"x": realistic_rows(70, 9, 1), "y": realistic_rows(70, 300, 2), "flat": constant}),
    ]
    split = thirds(dataset)
    found = embed_classes(dataset, split, features, SETTINGS, cache_folder=tmp_path)
    assert [embedding.class_name for embedding in found] == ["a", "b"]
    for embedding in found:
        assert embedding.embedding.dtype == np.float32
        assert mean_square(embedding.embedding) == pytest.approx(2, rel=1e-4)
        widths = [view.n_components for view in embedding.views]
        assert [view.block for view in embedding.views] == ["all", "x", "y", "flat"]
        assert embedding.views[3].scale == 0
        assert embedding.embedding.shape[1] == sum(widths[:3])
        edges = np.cumsum([0, *widths[:3]])
        shares = [mean_square(embedding.embedding[:, a:b]) for a, b in pairwise(edges)]
        assert shares == pytest.approx([1, 0.5, 0.5], rel=1e-4)
        both = np.concatenate([embedding.indices, embedding.other_indices])
        of_class = np.flatnonzero(dataset.labels == dataset.classes.index(embedding.class_name))
        assert sorted(both.tolist()) == of_class.tolist()
        assert embedding.other_embedding.shape == (len(embedding.other_indices), embedding.embedding.shape[1])


def test_validation_and_test_images_teach_nothing(
    make_dataset: MakeDataset, fake_features: Any, realistic_rows: MakeRows, tmp_path: Path
) -> None:
    dataset = make_dataset({"a": 30})
    split = thirds(dataset)
    rows = realistic_rows(30, 50, 3)
    other = rows.copy()
    other[split.validation] += 100
    other[split.test] *= 7
    one, two = (
        embed_classes(
            dataset, split, [fake_features("e", {"x": values})], SETTINGS, cache_folder=tmp_path / str(position)
        )[0]
        for position, values in enumerate((rows, other))
    )
    np.testing.assert_array_equal(one.embedding, two.embedding)
    assert not np.allclose(one.other_embedding, two.other_embedding)


def test_second_time_is_the_cache_and_another_extractor_computes_its_own_view_alone(
    make_dataset: MakeDataset, fake_features: Any, realistic_rows: MakeRows, tmp_path: Path
) -> None:
    dataset = make_dataset({"a": 20, "b": 20})
    split = thirds(dataset)
    one = fake_features("one", {"x": realistic_rows(40, 60, 0)}, "1")
    two = fake_features("two", {"x": realistic_rows(40, 60, 1)}, "2")
    first = embed_classes(dataset, split, [one], SETTINGS, cache_folder=tmp_path)
    embed_pool(dataset, split, [one], n_components=5, cache_folder=tmp_path)
    read = one.n_reads
    again = embed_classes(dataset, split, [one], SETTINGS, cache_folder=tmp_path)
    embed_pool(dataset, split, [one], n_components=5, cache_folder=tmp_path)
    for fresh, cached in zip(first, again, strict=True):
        np.testing.assert_array_equal(fresh.embedding, cached.embedding)
        np.testing.assert_array_equal(fresh.views[0].explained, cached.views[0].explained)
    both = embed_classes(dataset, split, [one, two], SETTINGS, cache_folder=tmp_path)
    embed_pool(dataset, split, [one, two], n_components=5, cache_folder=tmp_path)
    assert one.n_reads == read
    assert two.n_reads > 0
    np.testing.assert_array_equal(both[0].embedding[:, : first[0].embedding.shape[1]], first[0].embedding)
    embed_classes(dataset, split, [one], replace(SETTINGS, variance=0.5), cache_folder=tmp_path)
    assert one.n_reads > read


def test_cached_embeddings_belong_to_contents_not_names(
    make_dataset: MakeDataset, fake_features: Any, realistic_rows: MakeRows, tmp_path: Path
) -> None:
    dataset = make_dataset({"a": 20})
    split = thirds(dataset)
    features = fake_features("e", {"x": realistic_rows(20, 30, 0)})
    first = embed_classes(dataset, split, [features], SETTINGS, cache_folder=tmp_path)[0]
    read = features.n_reads
    renamed = replace(dataset, images=tuple(replace(image, path="moved/" + image.path) for image in dataset.images))
    embed_classes(renamed, split, [features], SETTINGS, cache_folder=tmp_path)
    assert features.n_reads == read
    features.blocks["x"] = realistic_rows(20, 30, 1)
    changed = replace(dataset, images=(replace(dataset.images[0], pixels="other"), *dataset.images[1:]))
    again = embed_classes(changed, split, [features], SETTINGS, cache_folder=tmp_path)[0]
    assert features.n_reads > read
    assert not np.array_equal(again.embedding, first.embedding)


def test_one_class_of_one_view_is_read_at_a_time(
    make_dataset: MakeDataset, fake_features: Any, realistic_rows: MakeRows, tmp_path: Path
) -> None:
    dataset = make_dataset({"a": 12, "b": 24, "c": 36})
    features = fake_features("e", {"x": realistic_rows(72, 30, 0), "y": realistic_rows(72, 10, 1)})
    embed_classes(dataset, thirds(dataset), [features], SETTINGS, cache_folder=tmp_path)
    assert features.most_rows == 24


def test_classes_of_one_image_and_classes_without_a_pool(
    make_dataset: MakeDataset, fake_features: Any, realistic_rows: MakeRows, tmp_path: Path
) -> None:
    dataset = make_dataset({"a": 1, "b": 2, "c": 5})
    split = Split(pool=np.array([0, 3, 4, 5]), validation=np.array([6]), test=np.array([1, 2, 7]))
    features = fake_features("e", {"x": realistic_rows(8, 30, 0)})
    found = embed_classes(dataset, split, [features], SETTINGS, cache_folder=tmp_path)
    assert [embedding.class_name for embedding in found] == ["a", "c"]
    assert isinstance(found[0], ClassEmbedding)
    assert found[0].embedding.tolist() == [[0.0]]
    assert found[0].other_embedding.shape == (0, 1)
    assert found[1].other_indices.tolist() == [6, 7]


def test_a_class_that_needs_more_memory_than_is_free_is_not_read(
    make_dataset: MakeDataset,
    fake_features: Any,
    realistic_rows: MakeRows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = make_dataset({"a": 300})
    split = Split(np.arange(300), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    features = fake_features("e", {"x": realistic_rows(300, 4_000, 0)})
    monkeypatch.setattr(memory, "free_memory", lambda: memory.FreeMemory(40_000_000))
    monkeypatch.setattr(reduction, "ClassPca", lambda *_: pytest.fail("it has begun"))
    monkeypatch.setattr(reduction, "PoolPca", lambda *_args, **_named: pytest.fail("it has begun"))
    with pytest.raises(MemoryShortError, match=r"^Reducing e of class a \(300 images\) needs about 41 MB of memory"):
        embed_classes(dataset, split, [features], SETTINGS, cache_folder=tmp_path)
    with pytest.raises(MemoryShortError, match=r"^Reducing e of the pool \(300 images\) needs about") as caught:
        embed_pool(dataset, split, [features], cache_folder=tmp_path)
    assert "an extractor with fewer features" in str(caught.value) or "use fewer images" in str(caught.value)


def test_empty_pool_and_no_extractor_are_refused(
    make_dataset: MakeDataset, fake_features: Any, realistic_rows: MakeRows, tmp_path: Path
) -> None:
    dataset = make_dataset({"a": 4})
    nothing = np.zeros(0, dtype=np.int64)
    features = fake_features("e", {"x": realistic_rows(4, 3, 0)})
    with pytest.raises(FeatureError, match="pool is empty"):
        embed_classes(dataset, Split(nothing, nothing, np.arange(4)), [features], SETTINGS, cache_folder=tmp_path)
    with pytest.raises(FeatureError, match="at least one extractor"):
        embed_pool(dataset, Split(np.arange(4), nothing, nothing), [], cache_folder=tmp_path)


def test_pool_embedding_projects_all_sets_and_is_the_same_every_time(
    make_dataset: MakeDataset, fake_features: Any, realistic_rows: MakeRows, tmp_path: Path
) -> None:
    dataset = make_dataset({"a": 30, "b": 30})
    split = thirds(dataset)
    features = [
        fake_features("one", {"x": realistic_rows(60, 100, 0)}),
        fake_features("two", {"x": realistic_rows(60, 40, 1), "y": realistic_rows(60, 80, 2)}),
    ]
    one, two = (
        embed_pool(dataset, split, features, n_components=6, cache_folder=tmp_path / name) for name in ("1", "2")
    )
    np.testing.assert_array_equal(one.embedding, two.embedding)
    assert one.indices.tolist() == list(range(60))
    assert one.indices[one.in_pool].tolist() == split.pool.tolist()
    assert one.embedding.shape == (60, 18)
    shares = [mean_square(one.embedding[one.in_pool][:, a : a + 6]) for a in (0, 6, 12)]
    assert shares == pytest.approx([1, 0.5, 0.5], rel=1e-4)
