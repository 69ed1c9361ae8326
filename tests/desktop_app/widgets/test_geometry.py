import numpy as np
import pytest
from matplotlib.path import Path as Outline

from coreset_studio.desktop_app.widgets.geometry import inside, nearest


@pytest.mark.parametrize("seed", range(8))
def test_the_same_points_lie_inside_as_for_matplotlib(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turn = np.sort(rng.uniform(0, 2 * np.pi, 30))
    radius = rng.uniform(0.4, 1.5, 30)
    outline = np.column_stack([radius * np.cos(turn), radius * np.sin(turn)])
    points = rng.normal(0, 1, (3_000, 2))
    assert np.array_equal(inside(points, outline), Outline(outline).contains_points(points))


def test_a_lasso_of_two_corners_holds_nothing() -> None:
    assert not inside(np.zeros((4, 2)), np.array([[-1.0, -1.0], [1.0, 1.0]])).any()
    assert inside(np.zeros((0, 2)), np.ones((3, 2))).shape == (0,)


def test_nearest_is_within_reach_or_none() -> None:
    points = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert nearest(points, (2.9, 4.0), 1.0) == 1
    assert nearest(points, (1.5, 2.0), 1.0) == -1
    assert nearest(np.zeros((0, 2)), (0.0, 0.0), 1.0) == -1
