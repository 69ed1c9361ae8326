"""The registry of samplers: one file and one line each."""

from collections.abc import Mapping
from types import MappingProxyType

from core.selection.samplers import (
    balanced_herding,
    even_herding,
    facility_location,
    graph_coverage,
    herding,
    intelligent,
    k_center,
    medoid,
    moderate,
    random,
    stratified,
    typiclust,
)
from core.selection.sampling import Sampler

_MODULES = (
    random,
    stratified,
    intelligent,
    balanced_herding,
    even_herding,
    facility_location,
    graph_coverage,
    herding,
    medoid,
    k_center,
    typiclust,
    moderate,
)

SAMPLERS: Mapping[str, Sampler] = MappingProxyType({module.SAMPLER.name: module.SAMPLER for module in _MODULES})
