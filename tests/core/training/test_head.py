"""The linear probe against scikit-learn, and the choice of its penalty."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from coreset_studio.core.errors import CancelledError, TrainingError
from coreset_studio.core.results import Dataset, PoolEmbedding
from coreset_studio.core.training.architectures.head.logistic import STRENGTHS, choose_head_strength, fit_head


def groups(n: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    labels = np.arange(n) % n_classes
    return (rng.normal(size=(n, 5)) + 0.8 * np.eye(n_classes, 5)[labels] * 2).astype(np.float32), labels


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_probabilities_are_scikit_learns(n_classes: int) -> None:
    rows, labels = groups(60, n_classes)
    reference = LogisticRegression(C=10.0, max_iter=1000).fit(rows.astype(float), labels)
    found = fit_head(rows, labels, n_classes, 10.0).probabilities(rows)
    np.testing.assert_allclose(found, reference.predict_proba(rows.astype(float)), atol=1e-5)


def test_classes_that_were_not_seen_get_no_probability() -> None:
    rows, labels = groups(60, 3)
    found = fit_head(rows, np.array([1, 3, 4])[labels], 6, 1.0).probabilities(rows)
    assert found.shape == (60, 6)
    assert (found[:, [0, 2, 5]] == 0).all()
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)


def test_of_one_class_alone_the_head_knows_no_other() -> None:
    rows, _ = groups(4, 2)
    found = fit_head(rows, np.full(4, 2), 3, 1.0).probabilities(rows)
    assert found.tolist() == [[0, 0, 1]] * 4


def test_few_images_of_many_classes_are_no_reason_to_warn() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    assert fit_head(rows, np.arange(30) % 20, 20, 1.0).probabilities(rows).shape == (30, 20)


def test_a_solver_that_did_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coreset_studio.core.training.architectures.head.logistic.MOST_ITERATIONS", 2)
    rows, labels = groups(60, 3)
    assert not fit_head(rows, labels, 3, 1e5).converged


def test_strength_is_that_of_the_best_cross_validation(cells: Dataset, embedding: PoolEmbedding) -> None:
    found = choose_head_strength(cells, embedding)
    assert found in STRENGTHS
    assert found == choose_head_strength(cells, embedding)
    # The classes are told apart by colour: no strong penalty is wanted, and of equals the strongest is taken.
    rows = embedding.embedding[embedding.in_pool]
    labels = cells.labels[embedding.indices[embedding.in_pool]]
    whole = [(fit_head(rows, labels, 3, c).probabilities(rows).argmax(1) == labels).mean() for c in STRENGTHS]
    assert whole[STRENGTHS.index(found)] >= whole[0]


def test_noise_wants_a_stronger_penalty_than_signal(cells: Dataset) -> None:
    rng = np.random.default_rng(0)
    n = len(cells.images)
    noise = rng.normal(size=(n, 40)).astype(np.float32)
    signal = noise * 0.05 + np.eye(3, 40, dtype=np.float32)[cells.labels]
    everything = np.ones(n, dtype=bool)

    def chosen(rows: np.ndarray) -> float:
        scaled = rows / np.sqrt((rows**2).sum(1).mean())
        return choose_head_strength(cells, PoolEmbedding(np.arange(n), scaled, everything))

    # Of noise nothing can be learnt, so that the largest class is as good an answer as any: the strongest penalty.
    assert chosen(noise) == STRENGTHS[0]
    assert chosen(signal) <= 10.0


def test_only_the_pool_has_a_say(cells: Dataset, embedding: PoolEmbedding) -> None:
    spoilt = embedding.embedding.copy()
    spoilt[~embedding.in_pool] = np.nan
    expected = choose_head_strength(cells, embedding)
    assert choose_head_strength(cells, PoolEmbedding(embedding.indices, spoilt, embedding.in_pool)) == expected


def test_too_small_a_pool_is_refused(cells: Dataset) -> None:
    small = PoolEmbedding(np.arange(2), np.zeros((2, 3), dtype=np.float32), np.ones(2, dtype=bool))
    with pytest.raises(TrainingError, match="at least 3"):
        choose_head_strength(cells, small)


def test_a_pool_of_one_class_has_a_strength(cells: Dataset, embedding: PoolEmbedding) -> None:
    only = cells.labels == 0
    one = PoolEmbedding(embedding.indices[only], embedding.embedding[only], np.ones(only.sum(), dtype=bool))
    assert choose_head_strength(cells, one) == STRENGTHS[0]


def test_choosing_can_be_stopped(cells: Dataset, embedding: PoolEmbedding) -> None:
    class Stop:
        def report(self, done: int, total: int, message: str = "") -> None:
            raise CancelledError

        def publish(self, result: object) -> None: ...

    with pytest.raises(CancelledError):
        choose_head_strength(cells, embedding, progress=Stop())
