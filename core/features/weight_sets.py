"""The weight sets that the extractors of the registry name, those of plugins among them."""

from collections.abc import Iterator, Mapping

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.extractors import EXTRACTORS
from coreset_studio.core.features.network import WeightSet


class _WeightSets(Mapping[str, WeightSet]):
    """Weight sets by name, looked up in the registry each time, in its order.

    Where several extractors name the same set, it is that of the program's own. A set whose code, a plugin's, cannot
    be used is excluded; requesting it by name raises a `FeatureError` with the reason.
    """

    def __getitem__(self, name: str) -> WeightSet:
        own_first = sorted(EXTRACTORS.values(), key=lambda extractor: extractor.name in EXTRACTORS.plugins)
        for extractor in own_first:
            if extractor.weights == name and (found := extractor.weight_set) is not None:
                return found
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and bool(self[name])
        except (KeyError, FeatureError):
            return False

    def __iter__(self) -> Iterator[str]:
        names = dict.fromkeys(extractor.weights for extractor in EXTRACTORS.values())
        return (name for name in names if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


WEIGHT_SETS: Mapping[str, WeightSet] = _WeightSets()
