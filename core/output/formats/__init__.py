"""The export formats: a folder each, with the description in its ``__init__`` and the work next to it."""

from coreset_studio.core.output.description import ExportFormat, ExportFormats

__all__ = ["EXPORT_FORMATS"]

EXPORT_FORMATS = ExportFormats("export format", ExportFormat, __name__, "coreset_studio.export_formats")
