"""The notice for results from features that this program did not compute."""

from coreset_studio.core.descriptions import registry
from coreset_studio.core.settings import FeatureSettings, own_settings
from coreset_studio.core.settings.chosen_file import ChosenFile

AFTER_FEATURES = ("clusters", "coreset", "compare", "images", "review")
"""Pages whose results are made of features; the Features page shows the labels of its own result."""


def features_mark(settings: FeatureSettings) -> str:
    """Return which used extractors read a file, with the label of their results; empty if none does."""
    extractors, files = registry("extractor"), []
    for name in settings.extractors:
        if name in extractors and getattr(extractors[name], "from_file", False):
            chosen = getattr(own_settings(settings, extractors[name]), "file", None)
            files.append(chosen.name if isinstance(chosen, ChosenFile) and chosen.name else extractors[name].title)
    return f"Features from a file ({', '.join(files)}): not checked by this program." if files else ""
