"""The registries that the window makes controls and words from, with the facts that each kind has."""

from typing import TYPE_CHECKING, cast

from coreset_studio.core.descriptions import registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coreset_studio.core.data.description import Sources
    from coreset_studio.core.output.description import ExportFormats
    from coreset_studio.core.selection.description import Sampler


def sources() -> "Sources":
    """Return the sources: what can be opened."""
    return cast("Sources", registry("source"))


def export_formats() -> "ExportFormats":
    """Return the export formats."""
    return cast("ExportFormats", registry("export format"))


def samplers() -> "Mapping[str, Sampler]":
    """Return the samplers."""
    return cast("Mapping[str, Sampler]", registry("sampler"))
