"""The samplers: a folder each, with the description in its ``__init__`` and the work next to it."""

from core.descriptions import Registry
from core.selection.description import Sampler

__all__ = ["SAMPLERS"]

SAMPLERS = Registry("sampler", Sampler, __name__, "coreset_studio.samplers")
