"""The choices of every stage, and their JSON form."""

from core.settings.choices import (
    BY_DIFFICULTY,
    ClassBudgetRule,
    ClusterBudgetRule,
    ClusterSettings,
    ComparisonSettings,
    DataSettings,
    ExportSettings,
    FeatureSettings,
    NetworkName,
    SelectionSettings,
    Settings,
    TrainingSettings,
)
from core.settings.names import check_names, names_used, unknown_names, unknown_words
from core.settings.own import own_settings, with_own
from core.settings.reading import read_settings, settings_from_dict, settings_to_dict

__all__ = [
    "BY_DIFFICULTY",
    "ClassBudgetRule",
    "ClusterBudgetRule",
    "ClusterSettings",
    "ComparisonSettings",
    "DataSettings",
    "ExportSettings",
    "FeatureSettings",
    "NetworkName",
    "SelectionSettings",
    "Settings",
    "TrainingSettings",
    "check_names",
    "names_used",
    "own_settings",
    "read_settings",
    "settings_from_dict",
    "settings_to_dict",
    "unknown_names",
    "unknown_words",
    "with_own",
]
