"""The registry of samplers: one file and one line each."""

from collections.abc import Mapping
from types import MappingProxyType

from core.selection.samplers import intelligent, random, stratified
from core.selection.sampling import Sampler

_MODULES = (
    random,
    stratified,
    intelligent,
)

SAMPLERS: Mapping[str, Sampler] = MappingProxyType({module.SAMPLER.name: module.SAMPLER for module in _MODULES})
