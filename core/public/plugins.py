"""The descriptions of plugins: one class for each kind, and what it consists of.

It imports nothing heavy, and neither may a description, because the window reads all of them when it starts. The code
that a description names uses `coreset_studio.plugin_code`. ``docs/plugin_example`` contains one of each kind.
"""

from core.data.description import Match, Source
from core.descriptions import Cost, SettingsPart, choice
from core.features.description import Extractor
from core.output.description import ExportFormat
from core.selection.description import Sampler
from core.training.metric import Metric
from core.training.network import Network

__all__ = [
    "Cost", "ExportFormat", "Extractor", "Match", "Metric", "Network", "Sampler", "SettingsPart", "Source", "choice",
]  # fmt: skip
