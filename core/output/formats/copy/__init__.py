"""Image files in class folders, copied."""

from core.output.description import ExportFormat

DESCRIPTION = ExportFormat(
    name="copy",
    title="Copy the files",
    tip="Copies every image, byte for byte",
    does="core.output.formats.copy.writer:WRITER",
    help="resources:help/exports/copy.html",
    place=10,
)
