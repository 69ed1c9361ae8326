"""Single stages: what they keep is found again, in the form in which it was kept."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from coreset_studio.core.cache import ArrayCache, fingerprint
from coreset_studio.core.pipeline.stages import CLUSTERING_VERSION, cluster_classes
from coreset_studio.core.results import ClassEmbedding
from coreset_studio.core.settings import ClusterSettings, Settings
from coreset_studio.core.settings.choices import choice


def embedding_of(points: np.ndarray) -> ClassEmbedding:
    nothing = np.zeros((0, points.shape[1]), dtype=np.float32)
    return ClassEmbedding("a", np.arange(7, 7 + 2 * len(points), 2), points, np.zeros(0, dtype=np.int64), nothing, ())


def test_clusters_kept_earlier_are_read_and_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key and arrays as they have always been: medoids are kept as rows of the class."""
    embedding = embedding_of(np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32))
    key = fingerprint(CLUSTERING_VERSION, "a", embedding.embedding, 10, 0, None)
    arrays = {"labels": np.array([0, 0, 0, 1, 1, 0]), "medoids": np.array([2, 4]), "silhouettes": np.zeros(6)}
    ArrayCache(tmp_path).store("clusters", key, arrays, {"curve": {"2": 0.4}, "chosen_by": "silhouette"})
    monkeypatch.setattr("coreset_studio.core.pipeline.stages.cluster_class", None)
    (found,) = cluster_classes([embedding], Settings(), tmp_path)
    assert found.medoids.tolist() == [11, 15]
    assert found.medoid_rows.tolist() == [2, 4]
    assert found.curve == {2: 0.4}


def test_clusters_are_the_same_when_they_come_from_the_cache(tmp_path: Path) -> None:
    points = np.concatenate([np.random.default_rng(g).normal(size=(12, 2)) + 20 * g for g in range(3)])
    embedding = embedding_of(points.astype(np.float32))
    settings = Settings(clusters=ClusterSettings(k_max=5))
    (made,), (kept,) = (cluster_classes([embedding], settings, tmp_path) for _ in range(2))
    assert made.k == 3
    assert made.medoids.tolist() == kept.medoids.tolist() == embedding.indices[kept.medoid_rows].tolist()
    assert made.labels.tolist() == kept.labels.tolist()


@dataclass(frozen=True, kw_only=True)
class LaterSettings(ClusterSettings):
    """Those of a later version, with one more."""

    swaps: int = choice(3, neutral=0, title="Swaps", tip="For this test")


def test_a_setting_added_later_reaches_the_key_of_clusters_where_it_is_not_neutral(tmp_path: Path) -> None:
    embedding = embedding_of(np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32))

    def kept_after(settings: ClusterSettings) -> int:
        cluster_classes([embedding], Settings(clusters=settings), tmp_path)
        return len(list((tmp_path / "clusters").iterdir()))

    assert kept_after(ClusterSettings()) == 1
    assert kept_after(ClusterSettings(k_by_class={"b": 2})) == 1
    assert kept_after(LaterSettings(swaps=0)) == 1
    assert kept_after(LaterSettings(swaps=1)) == 2
    assert kept_after(LaterSettings(swaps=2)) == 3
    assert kept_after(ClusterSettings(k_by_class={"a": 2})) == 4
    assert kept_after(ClusterSettings(k_max=4)) == 5
    assert kept_after(ClusterSettings(seed=1)) == 6
