"""The sources: a folder each, with the description in its ``__init__`` and the work next to it."""

from coreset_studio.core.data.description import Source, Sources
from coreset_studio.core.errors import MissingSourceError

__all__ = ["SOURCES", "source_of"]

SOURCES = Sources("source", Source, __name__, "coreset_studio.sources")


def source_of(kind: str) -> Source:
    """Return the source that a dataset is of.

    Parameters
    ----------
    kind : str
        `Dataset.kind`.

    Raises
    ------
    MissingSourceError
        If nothing that is installed knows it.
    """
    if kind not in SOURCES:
        raise MissingSourceError(SOURCES.unknown(kind))
    return SOURCES[kind]
