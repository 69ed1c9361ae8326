"""The registry of extractors: a new one is a folder here, with its `DESCRIPTION`; plugins and users add theirs."""

from coreset_studio.core.descriptions import Added, Registry
from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.description import Extractor
from coreset_studio.core.settings import FeatureSettings, own_settings

EXTRACTORS = Registry(
    "extractor",
    Extractor,
    __name__,
    "coreset_studio.extractors",
    Added(
        "coreset_studio.core.features.own_models.extractor:registered",
        "coreset_studio.core.features.own_models.store:models_stamp",
        "If it was a model of your own, add it again with `coreset model add` or on the Features page.",
    ),
)


def extractor_named(name: str) -> Extractor:
    """Return an extractor of the registry.

    Raises
    ------
    FeatureError
        If there is none of that name; the sentence lists those that there are.
    """
    if name not in EXTRACTORS:
        raise FeatureError(EXTRACTORS.unknown(name))
    return EXTRACTORS[name]


def extractor_in(settings: FeatureSettings, name: str) -> Extractor:
    """Return an extractor of the registry with its own settings in a section of settings.

    Raises
    ------
    FeatureError
        If there is none of that name.
    """
    found = extractor_named(name)
    return found.with_settings(own_settings(settings, found))


def recommended() -> tuple[str, ...]:
    """Return the names of the extractors to select by, one derived from another after that."""
    found = (each for each in EXTRACTORS.values() if each.recommended and each.name not in EXTRACTORS.plugins)
    return tuple(each.name for each in sorted(found, key=lambda each: each.recommended))


def recommended_without_weights() -> tuple[str, ...]:
    """Return those of `recommended` that work on every machine, as they need no weights."""
    return tuple(name for name in recommended() if not EXTRACTORS[name].weights)
