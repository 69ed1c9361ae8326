"""The descriptions of plugins: one class for each kind, and what it consists of.

It imports nothing heavy, and neither may a description, because the window reads all of them when it starts. The code
that a description names uses `coreset_studio.plugin_code`. ``docs/plugin_example`` contains one of each kind.
"""

from coreset_studio.core.data.description import Match, Source
from coreset_studio.core.descriptions import Cost, SettingsPart, choice
from coreset_studio.core.features.description import Extractor
from coreset_studio.core.output.description import ExportFormat
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.training.metric import Metric
from coreset_studio.core.training.network import Network

__all__ = [
    "Cost", "ExportFormat", "Extractor", "Match", "Metric", "Network", "Sampler", "SettingsPart", "Source", "choice",
]  # fmt: skip
