"""Draw a share of every class without dividing images that stay together.

Units inside one class are drawn class by class, each class with its own generator, so that another class more
or less changes nothing. Units over several classes (a patient with many kinds of cells) are drawn first, with a
generator of their own.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from coreset_studio.core.results import Dataset
from coreset_studio.core.seeds import generator

Unit = tuple[int, ...]


def target(count: int, fraction: float) -> int:
    """Return how many of `count` images a set of `fraction` gets: rounded half up, at least 1 of 2, never all.

    Parameters
    ----------
    count : int
        >= 0.
    fraction : float
        0 <= fraction < 1.
    """
    if fraction == 0 or count < 2:
        return 0
    return min(max(math.floor(count * fraction + 0.5), 1), count - 1)


def draw(dataset: Dataset, units: Sequence[Unit], fraction: float, seed: int, purpose: str) -> list[int]:
    """Draw about `fraction` of every class.

    Parameters
    ----------
    dataset : Dataset
    units : sequence of tuple of int
        Images that stay together, ordered by their first image.
    fraction : float
        0 <= fraction < 1.
    seed : int
    purpose : str
        ``"test"`` or ``"validation"``; other purpose, other draw.

    Returns
    -------
    list of int
        The images drawn, ascending. A class whose units are all single images gets exactly `target`.
    """
    sizes = Counter(dataset.images[index].class_name for unit in units for index in unit)
    drawing = _Drawing(dataset, sizes, fraction)
    inside: dict[str, list[Unit]] = {}
    across: list[Unit] = []
    for unit in units:
        names = {dataset.images[index].class_name for index in unit}
        (inside.setdefault(names.pop(), []) if len(names) == 1 else across).append(unit)

    draws = {unit: generator(seed, "split", purpose, "unit", _name(dataset, unit)).random() for unit in across}
    across.sort(key=lambda unit: (draws[unit], unit))
    for unit in across:
        if draws[unit] < fraction:
            drawing.take_if_it_fits(unit)
    left = [unit for unit in across if unit not in drawing.taken]
    for name in sorted(inside):
        order = generator(seed, "split", purpose, "class", name).permutation(len(inside[name]))
        shuffled = [inside[name][place] for place in order]
        for unit in shuffled:
            drawing.take_if_it_fits(unit)
        left += [unit for unit in shuffled if unit not in drawing.taken]
    drawing.come_closer(left)
    return sorted(index for unit in drawing.taken for index in unit)


def _name(dataset: Dataset, unit: Unit) -> str:
    """Return the name of a unit for its generator: the path of its first image, independent of other images."""
    return dataset.images[unit[0]].path


class _Drawing:
    """The units drawn so far, and the images that each class still requires."""

    def __init__(self, dataset: Dataset, sizes: Mapping[str, int], fraction: float) -> None:
        self._dataset = dataset
        self._sizes = sizes
        self._lacks = {name: target(size, fraction) for name, size in sizes.items()}
        self._spare = {name: size - 1 for name, size in sizes.items()}
        self.taken: dict[Unit, None] = {}

    def take_if_it_fits(self, unit: Unit) -> None:
        """Take `unit` unless a class would get more than its target."""
        counts = self._counts(unit)
        if all(count <= self._lacks[name] for name, count in counts.items()):
            self._take(unit, counts)

    def come_closer(self, units: Sequence[Unit]) -> None:
        """Take those of `units` that bring the classes closer to their targets, the best first.

        After all that fits was taken only units larger than what is lacking are left; one that overshoots by less
        than was lacking is still the better split.
        """
        rest = [(unit, self._counts(unit)) for unit in units]
        rest = [(unit, counts) for unit, counts in rest if any(self._lacks[name] > 0 for name in counts)]
        while any(lack > 0 for lack in self._lacks.values()):
            gains = [self._gain(counts) for _, counts in rest]
            if not gains or max(gains) <= 1e-12:
                return
            unit, counts = rest.pop(gains.index(max(gains)))
            self._take(unit, counts)

    def _counts(self, unit: Unit) -> Counter[str]:
        return Counter(self._dataset.images[index].class_name for index in unit)

    def _gain(self, counts: Mapping[str, int]) -> float:
        """Return by how much taking `counts` lessens the distance to the targets, in shares of the classes."""
        if any(count > self._spare[name] for name, count in counts.items()):
            return 0.0  # nothing of the class would be left
        return sum(
            (abs(self._lacks[name]) - abs(self._lacks[name] - count)) / self._sizes[name]
            for name, count in counts.items()
        )

    def _take(self, unit: Unit, counts: Mapping[str, int]) -> None:
        self.taken[unit] = None
        for name, count in counts.items():
            self._lacks[name] -= count
            self._spare[name] -= count
