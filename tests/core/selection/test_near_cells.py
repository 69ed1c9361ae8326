"""What users see of neighbours beyond the exact limit: close to the exact form, and said in words."""

from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.features.separation import separation
from coreset_studio.core.pipeline import stages
from coreset_studio.core.results import ClassClusters, ClassEmbedding, Coreset, Dataset, Image, PoolEmbedding
from coreset_studio.core.selection.coverage import class_coverage, coverage, covered_worst, proxy_accuracy
from coreset_studio.core.selection.difficulty import class_difficulty
from coreset_studio.core.selection.label_errors import near_cells_words, near_duplicates, suspected_label_errors
from coreset_studio.core.selection.represented import represented
from coreset_studio.core.selection.selecting import select_rows
from coreset_studio.core.settings import ClusterSettings, SelectionSettings

LIMIT, N = 100, 4000


def points_of(n: int) -> np.ndarray:
    random = np.random.default_rng(0)
    scale = 1 / np.sqrt(1 + np.arange(20))
    centres = random.normal(size=(8, 20)) * scale
    return (centres[np.arange(n) % 8] + random.normal(size=(n, 20)) * scale).astype(np.float32)


def dataset_of(n: int, n_copied: int = 0) -> Dataset:
    """Return images of classes a and b in turn, the last ones copies of the first ones."""
    images = []
    for i in range(n):
        name = f"{'ab'[i * 2 // n]}/{i:05}"
        pixels = f"pixels {i - n + n_copied if i >= n - n_copied else i}"
        images.append(Image(name, name[0], None, "", 8, 8, pixels, name, 1, 0, f"{i * 2654435761 % 2**64:016x}"))
    return Dataset(root=Path(), source=Path(), kind="folder", images=tuple(images))


POINTS, DATASET = points_of(N), dataset_of(N)
POOL = PoolEmbedding(np.arange(N), POINTS, np.arange(N) % 10 != 3)


def test_difficulty_is_close_to_the_exact_one() -> None:
    exact = class_difficulty(DATASET.labels, DATASET.classes, POINTS)
    found = class_difficulty(DATASET.labels, DATASET.classes, POINTS, exact_up_to=LIMIT)
    assert found == pytest.approx(exact, abs=0.005)
    assert found != exact
    assert class_difficulty(DATASET.labels, DATASET.classes, POINTS, exact_up_to=N) == exact


def test_suspected_label_errors_are_nearly_those_of_the_exact_search() -> None:
    for held_out in (False, True):
        exact, found = (
            {one.index: one.score for one in
             suspected_label_errors(DATASET, POOL, held_out=held_out, exact_up_to=limit)}
            for limit in (0, LIMIT)
        )  # fmt: skip
        common = exact.keys() & found.keys()
        assert len(common) > 0.97 * max(len(exact), len(found)) > 100
        assert max(abs(exact[index] - found[index]) for index in common) <= 0.15


def test_a_sentence_says_that_neighbours_are_approximate() -> None:
    assert near_cells_words(20_001, 20_000) == (
        "Nearest neighbours are approximate, because the pool has 20,001 images, more than the 20,000 "
        "that are compared exactly (“Exact up to”)."
    )
    assert near_cells_words(20_000, 20_000) == near_cells_words(20_001, 0) == ""


def test_similar_images_are_found_beyond_the_limit() -> None:
    exact, found = (
        {(one.first, one.second) for one in
         near_duplicates(DATASET, bits=0, pool_embedding=POOL, cosine=0.9, exact_up_to=limit)}
        for limit in (0, LIMIT)
    )  # fmt: skip
    assert len(exact) > 10
    assert len(exact & found) > 0.97 * len(exact)
    assert found <= exact


def test_separation_is_close_to_the_exact_one() -> None:
    exact, found = (separation(DATASET, POOL, ("own",), exact_up_to=limit).accuracy for limit in (0, LIMIT))
    assert found == pytest.approx(exact, abs=0.005)


def class_of(n: int) -> tuple[Dataset, ClassEmbedding, ClassClusters, Coreset]:
    dataset, points = dataset_of(n), points_of(n)
    nothing = np.zeros((0, 20), dtype=np.float32)
    embedding = ClassEmbedding("a", np.arange(n), points, np.zeros(0, dtype=np.int64), nothing, ())
    labels = np.arange(n) % 2
    clusters = ClassClusters("a", np.arange(n), labels, np.array([0, 1]), np.zeros(n, np.float32), {2: 0.1}, "user")
    chosen = np.arange(0, n, 3)
    return dataset, embedding, clusters, Coreset("x", 0, chosen, np.arange(len(chosen)), ("",) * len(chosen), {},
                                                 {"a": n}, False)  # fmt: skip


@pytest.mark.slow
def test_coverage_has_exact_largest_distances_and_a_mean_that_is_hardly_larger() -> None:
    dataset, embedding, clusters, coreset = class_of(6300)
    exact = class_coverage(dataset.contents, embedding, clusters, coreset)
    found = class_coverage(dataset.contents, embedding, clusters, coreset, exact_up_to=LIMIT)
    assert found.near_cells
    assert not exact.near_cells
    assert exact.mean_distance < found.mean_distance < 1.005 * exact.mean_distance
    assert found.largest_distance == pytest.approx(exact.largest_distance, rel=1e-6)
    assert found.worst_index == exact.worst_index
    worst = covered_worst([embedding], coreset, exact_up_to=LIMIT)
    np.testing.assert_array_equal(worst, covered_worst([embedding], coreset))
    whole = coverage(dataset.contents, [embedding], [clusters], coreset, exact_up_to=LIMIT)
    assert whole.worst_indices == tuple(worst.tolist())
    assert "mean distance of a is approximate" in whole.sample_words


def test_weights_of_a_large_class_add_up_to_it() -> None:
    _, embedding, _, coreset = class_of(6300)
    exact, found = (represented([embedding], coreset, exact_up_to=limit) for limit in (0, LIMIT))
    assert sum(found.values()) == 6300
    assert np.mean([exact[index] == found[index] for index in exact]) > 0.97


def test_the_proxy_never_evaluates_an_image_by_its_copy() -> None:
    dataset = dataset_of(7500, 3000)
    points = points_of(7500)
    points[-3000:] = points[:3000]
    points[-3000:-2980] = points[0]
    pool = PoolEmbedding(np.arange(7500), points, np.ones(7500, dtype=bool))
    chosen = np.arange(0, 7500, 3)
    exact = proxy_accuracy(dataset.contents, dataset.labels, pool, chosen)
    found = proxy_accuracy(dataset.contents, dataset.labels, pool, chosen, exact_up_to=LIMIT)
    assert found == pytest.approx(exact, abs=0.005)


def test_the_proxy_of_many_copies_looks_at_all_selected_images() -> None:
    # All but ten images are copies of the first, so that those nearest to it say nothing.
    n = 3000
    images = [
        Image(f"a/{i:05}", "ab"[i >= n - 10], None, "", 8, 8, "same" if i < n - 10 else f"{i}", f"{i}", 1, 0, "0" * 16)
        for i in range(n)
    ]
    dataset = Dataset(root=Path(), source=Path(), kind="folder", images=tuple(images))
    points = np.zeros((n, 2), dtype=np.float32)
    points[-10:] = 1 + np.arange(10)[:, None]
    pool = PoolEmbedding(np.arange(n), points, np.ones(n, dtype=bool))
    exact, found = (
        proxy_accuracy(dataset.contents, dataset.labels, pool, np.arange(n), exact_up_to=limit) for limit in (0, LIMIT)
    )
    assert found == exact == pytest.approx(9 / n)


def test_only_difficulty_beyond_the_limit_has_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = []

    def counted(*_: object, exact_up_to: int, **__: object) -> dict[str, float]:
        limits.append(exact_up_to)
        return {"a": 0.5}

    monkeypatch.setattr(stages, "class_difficulty", counted)
    n_pool = len(POOL.pool_indices)
    for limit in (0, n_pool, 50_000, n_pool - 1, 200, 0):
        stages.cached_difficulty(DATASET, POOL, tmp_path, ClusterSettings(exact_up_to=limit))
    assert limits == [0, n_pool - 1]


def test_a_coreset_says_that_its_budgets_come_from_approximate_neighbours() -> None:
    labels = np.repeat([0, 1], 200)
    settings = SelectionSettings(sampler="stratified", fraction=0.1, budget_over_classes="difficulty")
    notes = [
        select_rows(labels, ["a", "b"], np.arange(400), settings, difficulty={"a": 0.1, "b": 0.5}, exact_up_to=limit)
        .notes for limit in (399, 400, 0)
    ]  # fmt: skip
    assert any("The difficulty of classes was measured with approximate nearest neighbours" in one for one in notes[0])
    assert notes[1] == notes[2] == ()
