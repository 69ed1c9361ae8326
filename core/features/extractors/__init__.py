"""The registry of extractors: a new one is a file in this folder and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from core.errors import FeatureError
from core.features.extractors import colour_texture, mobilenetv2, resnet101v2, vgg16
from core.features.extractors.description import Extractor, WeightSet

_ALL = (
    vgg16.EXTRACTOR,
    vgg16.AVERAGED,
    resnet101v2.EXTRACTOR,
    mobilenetv2.EXTRACTOR,
    colour_texture.EXTRACTOR,
)

EXTRACTORS: Mapping[str, Extractor] = MappingProxyType({extractor.name: extractor for extractor in _ALL})

WEIGHT_SETS: Mapping[str, WeightSet] = MappingProxyType(
    {extractor.network.weights.name: extractor.network.weights for extractor in _ALL if extractor.network is not None}
)


def extractor_named(name: str) -> Extractor:
    """Return an extractor of the registry.

    Raises
    ------
    FeatureError
        If there is none of that name; the sentence lists those that there are.
    """
    try:
        return EXTRACTORS[name]
    except KeyError:
        raise FeatureError(f"There is no extractor {name!r}; there are {', '.join(EXTRACTORS)}.") from None
