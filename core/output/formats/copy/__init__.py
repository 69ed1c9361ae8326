"""Image files in class folders, copied."""

from coreset_studio.core.output.description import ExportFormat

DESCRIPTION = ExportFormat(
    name="copy",
    title="Copy the files",
    tip="Copies every image, byte for byte",
    does="coreset_studio.core.output.formats.copy.writer:WRITER",
    help="coreset_studio.resources:help/exports/copy.html",
    place=10,
)
