"""The samplers: a folder each, with the description in its ``__init__`` and the work next to it."""

from coreset_studio.core.descriptions import Registry
from coreset_studio.core.selection.description import Sampler

__all__ = ["SAMPLERS"]

SAMPLERS = Registry("sampler", Sampler, __name__, "coreset_studio.samplers")
