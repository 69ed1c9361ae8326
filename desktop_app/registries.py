"""The registries that the window makes controls and words from, with the facts that each kind has."""

from typing import TYPE_CHECKING, cast

from core.descriptions import registry

if TYPE_CHECKING:
    from core.data.description import Sources
    from core.output.description import ExportFormats


def sources() -> "Sources":
    """Return the sources: what can be opened."""
    return cast("Sources", registry("source"))


def export_formats() -> "ExportFormats":
    """Return the export formats."""
    return cast("ExportFormats", registry("export format"))
