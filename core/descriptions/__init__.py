"""Descriptions of samplers, extractors, networks, metrics, dataset sources and export formats.

A description contains the facts (name, title, tip, help page, cost, the settings it reads) and names, without importing
it, the code that does the work. Flags, controls, columns, keys, estimates, the Help index and the tables of the
documentation are made from descriptions. Importing them imports neither NumPy nor Qt nor TensorFlow.
"""

from coreset_studio.core.descriptions.choice import Choice, SettingsPart, choice, choices_of, own, own_kind
from coreset_studio.core.descriptions.description import Cost, Description, inside_sentence, resolve
from coreset_studio.core.descriptions.registry import (
    KINDS,
    NO_PLUGINS,
    Added,
    Plugin,
    PluginProblem,
    Registry,
    all_kinds,
    plugin_problems,
    plugins_used,
    registry,
    takes_plugins,
)

__all__ = [
    "KINDS",
    "NO_PLUGINS",
    "Added",
    "Choice",
    "Cost",
    "Description",
    "Plugin",
    "PluginProblem",
    "Registry",
    "SettingsPart",
    "all_kinds",
    "choice",
    "choices_of",
    "inside_sentence",
    "own",
    "own_kind",
    "plugin_problems",
    "plugins_used",
    "registry",
    "resolve",
    "takes_plugins",
]
