"""Clustering where memory is short: the sentence, the sample, and that nothing follows from what is free."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

from coreset_studio.core import memory
from coreset_studio.core.errors import MemoryShortError, SelectionError
from coreset_studio.core.estimate import clustering_bytes
from coreset_studio.core.memory import FreeMemory
from coreset_studio.core.pipeline.stages import _clustering_key, cluster_classes
from coreset_studio.core.results import ClassEmbedding, FloatArray
from coreset_studio.core.selection import clustering
from coreset_studio.core.selection.clustering import cluster_class, cluster_words
from coreset_studio.core.settings import ClusterSettings, Settings, settings_to_dict
from coreset_studio.core.settings.listed import settings_in

PLENTY = FreeMemory(10**12)


def embedded(rows: FloatArray, name: str = "a") -> ClassEmbedding:
    nothing = np.zeros((0, rows.shape[1]), dtype=np.float32)
    return ClassEmbedding(name, np.arange(100, 100 + len(rows)), rows, np.zeros(0, dtype=np.int64), nothing, ())


def blobs(sizes: tuple[int, ...], apart: float = 20) -> FloatArray:
    random = np.random.default_rng(0)
    parts = [random.standard_normal((n, 5)) + apart * position for position, n in enumerate(sizes)]
    return np.concatenate(parts).astype(np.float32)


def test_too_little_is_told_before_anything_is_allocated(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.zeros((6_000, 5), dtype=np.float32)
    monkeypatch.setattr(memory, "free_memory", lambda: FreeMemory(200_000_000))
    monkeypatch.setattr(clustering, "distance_matrix", lambda *_: pytest.fail("it has begun"))
    with pytest.raises(MemoryShortError) as caught:
        cluster_class(embedded(rows), ClusterSettings())
    said = str(caught.value)
    (setting,) = (each for each in settings_in("clusters") if each.name == "sample_above")
    assert said.startswith("Clustering class a (6,000 images) needs about 251 MB of memory, but 200 MB are free")
    sample = int(said.split(f"{setting.flag} ")[1].split()[0])
    assert f"“{setting.facts.title}” on the Clusters page: {sample:,}" in said
    assert 1_000 < sample < 6_000
    assert clustering_bytes(6_000, 5, ClusterSettings(sample_above=sample)) <= 200_000_000


def test_no_sample_is_offered_where_none_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: FreeMemory(1_000_000))
    with pytest.raises(MemoryShortError) as caught:
        cluster_class(embedded(np.zeros((6_000, 5), dtype=np.float32)), ClusterSettings())
    assert "--cluster-sample" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [ClusterSettings(), ClusterSettings(sample_above=1_000)], ids=["whole", "sample"])
def test_nothing_follows_from_what_is_free(settings: ClusterSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(3).standard_normal((2_000, 6)).astype(np.float32)
    needed = clustering_bytes(len(rows), rows.shape[1], settings)
    found = []
    for free in (FreeMemory(needed), PLENTY):
        monkeypatch.setattr(memory, "free_memory", lambda free=free: free)
        found.append(cluster_class(embedded(rows), settings))
    one, two = found
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.medoids, two.medoids)
    np.testing.assert_array_equal(one.silhouettes, two.silhouettes)
    assert one.curve == two.curve


def test_a_sample_finds_planted_groups_and_every_image_joins_its_nearest_medoid() -> None:
    rows = blobs((200, 600, 400))
    found = cluster_class(embedded(rows), ClusterSettings(sample_above=300))
    assert found.k == 3
    assert found.n_sampled == 300
    assert found.sizes.tolist() == [600, 400, 200]
    assert found.labels.tolist() == [2] * 200 + [0] * 600 + [1] * 400
    assert set(found.curve) == set(range(2, 11))
    np.testing.assert_array_equal(found.labels[found.medoid_rows], np.arange(3))
    # Against the sampled images only; those of all images are close.
    expected = silhouette_samples(rows, found.labels)
    np.testing.assert_allclose(found.silhouettes, expected, atol=0.03)
    assert cluster_words(found).endswith("Clustered on 300 of 1,200 images.")


def test_silhouettes_of_sampled_images_are_those_that_k_was_chosen_by() -> None:
    rows = blobs((300, 300), apart=3)
    found = cluster_class(embedded(rows), ClusterSettings(sample_above=150))
    random = clustering.generator(0, "cluster sample", "a")
    sample = np.sort(random.choice(600, size=150, replace=False))
    mean = found.silhouettes[sample].mean()
    assert mean == pytest.approx(found.curve[found.k], abs=1e-6)
    labels = found.labels[sample]
    np.testing.assert_allclose(found.silhouettes[sample], silhouette_samples(rows[sample], labels), atol=1e-4)


@pytest.mark.parametrize("most", [0, 90, 91])
def test_a_class_that_is_not_larger_is_clustered_whole(most: int) -> None:
    rows = blobs((60, 30))
    whole = cluster_class(embedded(rows), ClusterSettings())
    found = cluster_class(embedded(rows), ClusterSettings(sample_above=most))
    np.testing.assert_array_equal(found.silhouettes, whole.silhouettes)
    assert found.n_sampled == 0
    assert found.sample_words == ""


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_samples_of_a_few_images(most: int) -> None:
    rows = blobs((30, 20))
    found = cluster_class(embedded(rows), ClusterSettings(sample_above=most))
    assert found.n_sampled == most
    assert len(found.labels) == len(found.silhouettes) == 50
    assert found.sizes.sum() == 50
    assert (found.sizes >= 1).all()
    assert np.isfinite(found.silhouettes).all()


def test_a_k_above_the_sample_is_refused() -> None:
    settings = ClusterSettings(sample_above=20, k_by_class={"a": 21})
    with pytest.raises(SelectionError, match="cannot have 21 clusters: it is clustered on a sample of 20 images"):
        cluster_class(embedded(blobs((60, 30))), settings)


def test_identical_images_of_a_sample_are_one_cluster() -> None:
    found = cluster_class(embedded(np.zeros((50, 3), dtype=np.float32)), ClusterSettings(sample_above=20))
    assert (found.k, found.chosen_by, found.mean_silhouette) == (1, "only", None)


def test_the_sample_is_in_the_key_and_what_is_stored_and_the_neutral_value_in_neither(tmp_path: Path) -> None:
    embedding = embedded(blobs((40, 30)))
    before = _clustering_key(embedding, ClusterSettings())
    assert _clustering_key(embedding, ClusterSettings(sample_above=0)) == before
    assert _clustering_key(embedding, ClusterSettings(sample_above=20)) != before
    # A class that is not larger is clustered whole: what was kept of it serves.
    assert _clustering_key(embedding, ClusterSettings(sample_above=70)) == before
    settings = Settings(clusters=ClusterSettings(sample_above=20))
    assert settings_to_dict(settings)["clusters"]["sample_above"] == 20
    assert "sample_above" not in settings_to_dict(Settings())["clusters"]
    made, kept = (cluster_classes([embedding], settings, tmp_path)[0] for _ in range(2))
    assert made.n_sampled == kept.n_sampled == 20
    (whole,) = cluster_classes([embedding], replace(settings, clusters=ClusterSettings()), tmp_path)
    assert whole.n_sampled == 0


THREADS = """
import hashlib, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from coreset_studio.core.results import ClassEmbedding
from coreset_studio.core.selection.clustering import cluster_class
from coreset_studio.core.settings import ClusterSettings
rows = np.random.default_rng(1).standard_normal((4_000, 60)).astype(np.float32)
nothing = np.zeros(0, dtype=np.int64)
embedding = ClassEmbedding("a", np.arange(4_000), rows, nothing, rows[:0], ())
found = cluster_class(embedding, ClusterSettings(sample_above=900))
print(hashlib.sha256(found.labels.tobytes() + found.medoids.tobytes()).hexdigest(), found.k)
"""


@pytest.mark.slow
def test_the_same_clusters_on_one_thread_and_on_two() -> None:
    said = []
    for threads in ("1", "2"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        root = str(Path(__file__).parents[3])
        call = [sys.executable, "-c", THREADS, root]
        said.append(subprocess.run(call, capture_output=True, text=True, check=True, env=environment).stdout)
    assert said[0] == said[1] != ""
