"""Difficulty, coverage, the proxy, suspected label errors and near-duplicates: equal to counting by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.results import Coreset, Dataset, Image, PoolEmbedding
from coreset_studio.core.selection.coverage import (
    class_coverage,
    coverage,
    covered_worst,
    proxy_accuracy,
    proxy_curve,
)
from coreset_studio.core.selection.difficulty import class_difficulty
from coreset_studio.core.selection.kernel import Kernel
from coreset_studio.core.selection.label_errors import near_duplicates, suspected_label_errors
from coreset_studio.core.selection.selecting import select
from coreset_studio.core.settings import SelectionSettings


def image(path: str, *, pixels: str = "", perceptual: str = "0" * 16) -> Image:
    return Image(path, path.partition("/")[0], None, "", 8, 8, pixels or path, path, 1, 0, perceptual)


def dataset_of(images: list[Image]) -> Dataset:
    return Dataset(root=Path(), source=Path(), kind="folder", images=tuple(sorted(images, key=lambda one: one.path)))


def embedding_of(points: np.ndarray, in_pool: list[bool] | None = None) -> PoolEmbedding:
    n = len(points)
    inside = np.ones(n, dtype=bool) if in_pool is None else np.array(in_pool)
    return PoolEmbedding(np.arange(n), points.astype(np.float32), inside)


def coreset_of(indices: list[int]) -> Coreset:
    chosen = np.array(indices, dtype=np.int64)
    return Coreset("by-hand", 0, chosen, np.arange(len(chosen)), ("",) * len(chosen), {}, {"": 10}, False)


LINE = dataset_of([image(f"{name}/{i}.png") for name in ("a", "b") for i in range(5)])
# a at 0 … 4, b at 5 … 8 and one b among the a.
POINTS = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 1.6])[:, None]


def test_difficulty_is_the_mean_share_of_other_classes_among_the_neighbours() -> None:
    # Two nearest: a0: a1 b; a1: b a2 or a0; a2: b a1 (or a3); a3: a2 a4; a4: a3 b5.
    hard = class_difficulty(LINE.labels, LINE.classes, POINTS, n_neighbours=2)
    shares = []
    for i in range(10):
        near = sorted((j for j in range(10) if j != i), key=lambda j: (abs(POINTS[i, 0] - POINTS[j, 0]), j))[:2]
        shares.append(np.mean([(j >= 5) != (i >= 5) for j in near]))
    assert hard == {"a": pytest.approx(np.mean(shares[:5])), "b": pytest.approx(np.mean(shares[5:]))}


def test_difficulty_sees_the_pool_only() -> None:
    # Without the b among the a, the only stranger is b5 beside a4, and the other way round.
    seen = embedding_of(POINTS, [True] * 9 + [False])
    labels = LINE.labels[seen.pool_indices]
    assert class_difficulty(labels, LINE.classes, seen.pool_rows, n_neighbours=1) == {
        "a": 0.0,
        "b": pytest.approx(1 / 4),
    }


def test_a_pool_of_one_image_is_not_hard() -> None:
    assert class_difficulty(LINE.labels[:1], LINE.classes, POINTS[:1]) == {"a": 0.0}


def test_coverage_of_a_class_equals_counting(make_scene: Callable[..., Any]) -> None:
    scene = make_scene({"x": 40, "y": 25})
    chosen = select(
        scene.dataset, scene.split, scene.embeddings, scene.clusters, SelectionSettings(sampler="k-center", images=7)
    )
    for embedding, clusters in zip(scene.embeddings, scene.clusters, strict=True):
        found = class_coverage(scene.dataset.contents, embedding, clusters, chosen)
        rows = np.flatnonzero(np.isin(embedding.indices, chosen.indices))
        points = embedding.embedding.astype(np.float64)
        away = np.linalg.norm(points[:, None] - points[rows][None], axis=2).min(axis=1)
        assert found.mean_distance == pytest.approx(away.mean(), rel=1e-5)
        assert found.largest_distance == pytest.approx(away.max(), rel=1e-5)
        assert found.worst_index == embedding.indices[int(np.argmax(away))]
        matrix = Kernel(embedding.embedding).rows(np.arange(len(points))).astype(np.float64)
        by_hand = matrix[np.ix_(rows, rows)].mean() - 2 * matrix[rows].mean() + matrix.mean()
        assert found.mmd2 == pytest.approx(by_hand, rel=1e-5)
        assert found.clusters_touched == len(set(clusters.labels[rows].tolist()))
        assert (found.n_images, found.n_chosen, found.n_clusters) == (len(points), len(rows), clusters.k)


def test_everything_chosen_leaves_nothing_out(make_scene: Callable[..., Any]) -> None:
    scene = make_scene({"x": 20})
    found = coverage(scene.dataset.contents, scene.embeddings, scene.clusters, coreset_of(list(range(20))))
    assert (found.mean_distance, found.largest_distance, found.worst_indices) == (0.0, 0.0, ())
    assert found.mmd2 == pytest.approx(0, abs=1e-8)
    assert found.share_touched == 1


def test_a_class_that_gave_nothing_says_so(make_scene: Callable[..., Any]) -> None:
    scene = make_scene({"x": 20, "y": 20})
    found = coverage(scene.dataset.contents, scene.embeddings, scene.clusters, coreset_of([0, 1]))
    assert found.by_class[1].worst_index == -1
    assert np.isnan(found.by_class[1].mmd2)
    assert np.isnan(found.mean_distance)
    assert set(found.worst_indices) <= set(range(20, 40))


def test_averages_over_classes_count_images(make_scene: Callable[..., Any]) -> None:
    scene = make_scene({"x": 30, "y": 10})
    found = coverage(scene.dataset.contents, scene.embeddings, scene.clusters, coreset_of([0, 9, 31]))
    x, y = found.by_class
    assert found.mean_distance == pytest.approx((3 * x.mean_distance + y.mean_distance) / 4)
    assert found.clusters_touched == x.clusters_touched + y.clusters_touched


def test_the_images_covered_worst_are_the_farthest(make_scene: Callable[..., Any]) -> None:
    scene = make_scene({"x": 30})
    worst = covered_worst(scene.embeddings, coreset_of([3, 4]), 5)
    points = scene.embeddings[0].embedding
    away = np.linalg.norm(points[:, None] - points[[3, 4]][None], axis=2).min(axis=1)
    assert worst.tolist() == np.argsort(-away)[:5].tolist()


def test_pairs_of_the_same_pixels_are_counted(make_scene: Callable[..., Any]) -> None:
    scene = make_scene({"x": 20})
    images = [replace(one, pixels="same") if i in (1, 4, 9, 11) else one for i, one in enumerate(scene.dataset.images)]
    dataset = replace(scene.dataset, images=tuple(images))
    found = class_coverage(dataset.contents, scene.embeddings[0], scene.clusters[0], coreset_of([1, 4, 9, 12]))
    assert found.duplicate_pairs == 3


def test_proxy_is_the_accuracy_of_the_nearest_chosen_on_the_whole_pool() -> None:
    # Chosen a1 and b6: a0, a3 (2 from a1, 3 from b6), b5, b7 and b8 are right; a2, a4, the stray b, and a1 and b6,
    # whose nearest other chosen image is the other one, are not.
    right = probe_accuracy(LINE, POINTS, [1, 6])
    assert proxy_accuracy(LINE.contents, LINE.labels, embedding_of(POINTS), np.array([1, 6])) == right


def probe_accuracy(dataset: Dataset, points: np.ndarray, chosen: list[int]) -> float:
    """Evaluate by hand: each image by the nearest chosen one that is no copy of it."""
    right = 0
    for image in range(len(points)):
        others = [other for other in chosen if dataset.contents[other] != dataset.contents[image]]
        if others:
            nearest = min(others, key=lambda other: (float(((points[other] - points[image]) ** 2).sum()), other))
            right += dataset.labels[nearest] == dataset.labels[image]
    return right / len(points)


@pytest.mark.parametrize("seed", range(20))
def test_proxy_evaluates_every_size_on_the_same_images(seed: int) -> None:
    random = np.random.default_rng(seed)
    points = np.concatenate([random.normal(size=(12, 2)), random.normal(size=(12, 2)) + 1])
    pixels = [f"copy {i % 2}" if i % 6 == 0 else f"{i}" for i in range(24)]
    dataset = dataset_of([image(f"{'ab'[i // 12]}/{i:02}", pixels=pixels[i]) for i in range(24)])
    for size in (1, 2, 7, 23, 24):
        chosen = np.sort(random.permutation(24)[:size])
        found = proxy_accuracy(dataset.contents, dataset.labels, embedding_of(points), chosen)
        assert found == pytest.approx(probe_accuracy(dataset, points.astype(np.float32), chosen.tolist()))


def test_half_of_the_pool_at_random_is_not_rated_better_than_everything() -> None:
    # Evaluated on what was not chosen, choosing the hard images would seem to beat everything.
    random = np.random.default_rng(0)
    points = np.concatenate([random.normal(size=(300, 2)), random.normal(size=(300, 2)) + 1.5])
    dataset = dataset_of([image(f"{'ab'[i // 300]}/{i:03}") for i in range(600)])
    embedding = embedding_of(points)
    everything = proxy_accuracy(dataset.contents, dataset.labels, embedding, np.arange(600))
    strange = np.array([one.index for one in suspected_label_errors(dataset, embedding)])
    rest = np.setdiff1d(np.arange(600), strange)
    chosen = np.sort(np.concatenate([strange, rest[::2]]))
    found = proxy_accuracy(dataset.contents, dataset.labels, embedding, chosen)
    assert found < everything < found + 0.5


def test_proxy_wants_something_chosen() -> None:
    with pytest.raises(SelectionError, match="Select at least one"):
        proxy_accuracy(LINE.contents, LINE.labels, embedding_of(POINTS), np.zeros(0, dtype=np.int64))


def test_proxy_of_everything_leaves_each_image_out() -> None:
    # Nearest others: a0→a1, a1→b, a2→b, a3→a2, a4→a3, b5→a4, b6→b5, b7→b6, b8→b7, b→a2.
    found = proxy_accuracy(LINE.contents, LINE.labels, embedding_of(POINTS), np.arange(10))
    assert found == pytest.approx(6 / 10)


def test_proxy_curve_runs_from_the_smallest_coreset_with_random_ones_beside() -> None:
    coresets = [coreset_of([0, 1, 2, 5, 6]), coreset_of([1, 6])]
    random = [[coreset_of([0, 1, 2, 3, 9])], [coreset_of([0, 5]), coreset_of([1, 6]), coreset_of([4, 9])]]
    curve = proxy_curve(LINE.contents, LINE.labels, embedding_of(POINTS), coresets, random)
    assert [(point.n_images, point.fraction) for point in curve] == [(2, 0.2), (5, 0.5)]
    assert curve[0].accuracy == pytest.approx(probe_accuracy(LINE, POINTS, [1, 6]))
    draws = [probe_accuracy(LINE, POINTS, chosen) for chosen in ([0, 5], [1, 6], [4, 9])]
    found = (curve[0].random, curve[0].random_low, curve[0].random_high)
    assert found == pytest.approx((np.mean(draws), min(draws), max(draws)))
    assert curve[1].random == pytest.approx(probe_accuracy(LINE, POINTS, [0, 1, 2, 3, 9]))


def test_equal_draws_have_no_spread() -> None:
    dataset = dataset_of([image(f"{'ab'[i % 2]}/{i:02}") for i in range(10)])
    points = np.arange(20.0).reshape(10, 2)
    draws = [coreset_of([0, 1, 2]) for _ in range(3)]
    for chosen in ([0, 1, 2], [0, 3], [1, 5, 8]):
        beside = [coreset_of(chosen) for _ in draws]
        (point,) = proxy_curve(dataset.contents, dataset.labels, embedding_of(points), [draws[0]], [beside])
        assert point.random_low <= point.random <= point.random_high == point.random_low


def test_doubtful_labels_are_those_most_of_whose_neighbours_are_strangers() -> None:
    suspected = suspected_label_errors(LINE, embedding_of(POINTS), n_neighbours=3)
    assert [(one.index, one.score, one.class_name, one.other_class) for one in suspected] == [
        (9, pytest.approx(1.0), "b", "a"),
        (5, pytest.approx(2 / 3), "b", "a"),
    ]


def test_held_out_images_are_compared_with_the_pool_alone() -> None:
    outside = embedding_of(POINTS, [i not in (4, 9) for i in range(10)])
    assert [one.index for one in suspected_label_errors(LINE, outside, n_neighbours=3)] == []
    suspected = suspected_label_errors(LINE, outside, n_neighbours=3, held_out=True)
    assert [(one.index, one.score, one.class_name, one.other_class) for one in suspected] == [
        (9, pytest.approx(1.0), "b", "a")
    ]


def test_half_strangers_are_no_doubt() -> None:
    assert all(one.score > 0.5 for one in suspected_label_errors(LINE, embedding_of(POINTS), n_neighbours=2))


def test_near_duplicates_need_not_be_identical() -> None:
    # A published tool calls only identical images near-duplicates.
    dataset = dataset_of(
        [
            image("a/0.png", perceptual="00000000000000ff"),
            image("a/1.png", perceptual="00000000000000fc"),
            image("a/2.png", perceptual="0000000000000f0f"),
            image("b/3.png", perceptual="00000000000000ff", pixels="a/0.png"),
        ]
    )
    pairs = near_duplicates(dataset, bits=2)
    assert [(one.first, one.second, one.bits, one.identical, one.conflicting) for one in pairs] == [
        (0, 3, 0, True, True),
        (0, 1, 2, False, False),
    ]
    assert [(one.first, one.second) for one in near_duplicates(dataset, bits=0)] == [(0, 3)]


def test_near_duplicates_by_embedding_have_a_threshold_of_their_own() -> None:
    dataset = dataset_of([image(f"a/{i}.png", perceptual=f"{'f' * i * 4:0<16}") for i in range(4)])
    angles = np.array([0.0, 0.1, 0.5, 2.0])
    embedding = embedding_of(np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array([[1], [5], [1], [1]]))
    pairs = near_duplicates(dataset, bits=0, pool_embedding=embedding, cosine=0.9)
    assert [(one.first, one.second) for one in pairs] == [(0, 1), (1, 2)]
    assert pairs[0].cosine == pytest.approx(np.cos(0.1), abs=1e-6)
    assert pairs[0].bits == 16
    assert near_duplicates(dataset, bits=0, pool_embedding=embedding) == ()


def test_nothing_is_removed() -> None:
    before = LINE.images
    suspected_label_errors(LINE, embedding_of(POINTS))
    near_duplicates(LINE, bits=64)
    assert LINE.images == before
