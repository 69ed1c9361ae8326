"""The choices of every stage, and their JSON form."""

from coreset_studio.core.settings.choices import (
    BY_DIFFICULTY,
    ClassBudgetRule,
    ClusterBudgetRule,
    ClusterSettings,
    ComparisonSettings,
    ExportSettings,
    FeatureSettings,
    NetworkName,
    SelectionSettings,
    Settings,
)
from coreset_studio.core.settings.data import DataSettings
from coreset_studio.core.settings.earlier import EarlierCoreset, EarlierImage
from coreset_studio.core.settings.names import check_names, names_used, unknown_names, unknown_words
from coreset_studio.core.settings.own import own_settings, with_own
from coreset_studio.core.settings.quality import QualitySettings
from coreset_studio.core.settings.reading import read_settings, settings_from_dict, settings_in_keys, settings_to_dict
from coreset_studio.core.settings.recipes import (
    BACKBONE_PARTS,
    PIXEL_PARTS,
    RECIPES,
    STEPS,
    Parts,
    part_words,
    parts_of,
    parts_problem,
    recipe_notes,
    recipe_sentence,
)
from coreset_studio.core.settings.relabelling import Relabelling
from coreset_studio.core.settings.search import GRID, SEARCHED, SearchSettings
from coreset_studio.core.settings.training import TrainingSettings

__all__ = [
    "BACKBONE_PARTS",
    "BY_DIFFICULTY",
    "GRID",
    "PIXEL_PARTS",
    "RECIPES",
    "SEARCHED",
    "STEPS",
    "ClassBudgetRule",
    "ClusterBudgetRule",
    "ClusterSettings",
    "ComparisonSettings",
    "DataSettings",
    "EarlierCoreset",
    "EarlierImage",
    "ExportSettings",
    "FeatureSettings",
    "NetworkName",
    "Parts",
    "QualitySettings",
    "Relabelling",
    "SearchSettings",
    "SelectionSettings",
    "Settings",
    "TrainingSettings",
    "check_names",
    "names_used",
    "own_settings",
    "part_words",
    "parts_of",
    "parts_problem",
    "read_settings",
    "recipe_notes",
    "recipe_sentence",
    "settings_from_dict",
    "settings_in_keys",
    "settings_to_dict",
    "unknown_names",
    "unknown_words",
    "with_own",
]
