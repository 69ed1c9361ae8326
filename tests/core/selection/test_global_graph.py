"""Global graph coverage: one graph over all classes, every quota met, equal to plain greedy."""

import numpy as np
import pytest

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.selection.graph import cover_graph
from coreset_studio.core.selection.pins import Pins
from coreset_studio.core.selection.sampling import rounded
from coreset_studio.core.selection.selecting import select_rows
from coreset_studio.core.settings import SelectionSettings

NAMES = ("a", "b", "c")


def scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat([0, 1, 2], [30, 12, 5]).astype(np.int64)
    random = np.random.default_rng(seed)
    return labels, (random.normal(size=(47, 4)) + 1.5 * np.eye(4)[labels]).astype(np.float32)


def within_quotas(cover_of: np.ndarray, labels: np.ndarray, quotas: list[int]) -> list[int]:
    """Every gain computed anew, over the images of classes that may still give one."""
    best, left, taken = np.zeros(len(labels)), list(quotas), []
    for _ in range(sum(quotas)):
        gains = rounded(np.maximum(cover_of - best[:, None], 0).sum(axis=0))
        gains[taken] = -np.inf
        gains[[left[label] == 0 for label in labels]] = -np.inf
        taken.append(int(np.argmax(gains)))
        left[labels[taken[-1]]] -= 1
        best = np.maximum(best, cover_of[:, taken[-1]])
    return taken


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rule", "quotas"), [("sampler", [5, 5, 5]), ("proportional", [9, 4, 2])])
def test_it_is_plain_greedy_within_quotas(seed: int, rule: str, quotas: list[int]) -> None:
    labels, across = scene(seed)
    settings = SelectionSettings(sampler="global-graph-coverage", images=15, budget_over_classes=rule)  # type: ignore[arg-type]
    coreset = select_rows(labels, NAMES, np.arange(47), settings, across=across)
    assert list(coreset.budgets.values()) == quotas
    expected = within_quotas(cover_graph(across).toarray(), labels, quotas)
    assert coreset.indices.tolist() == [row for label in range(3) for row in expected if labels[row] == label]


def test_pins_are_kept_and_budgets_met() -> None:
    labels, across = scene(0)
    settings = SelectionSettings(sampler="global-graph-coverage", images=9)
    free = select_rows(labels, NAMES, np.arange(47), settings, across=across)
    out, into = int(free.indices[0]), int(np.setdiff1d(np.arange(30), free.indices)[0])
    pins = Pins(np.array([into]), np.array([out]), {"a": 1}, {"a": 1})
    pinned = select_rows(labels, NAMES, np.arange(47), settings, across=across, pins=pins)
    assert pinned.budgets == {"a": 3, "b": 3, "c": 3}
    assert pinned.indices[0] == into
    assert out not in pinned.indices


def test_without_features_across_classes_it_says_so() -> None:
    labels, _ = scene(0)
    settings = SelectionSettings(sampler="global-graph-coverage", images=9)
    with pytest.raises(SelectionError, match="requires the features across classes, which have not been computed"):
        select_rows(labels, NAMES, np.arange(47), settings)
