"""Image files in class folders, inside one ZIP archive."""

from coreset_studio.core.output.description import ExportFormat

DESCRIPTION = ExportFormat(
    name="zip",
    title="ZIP archive",
    tip="Copies in class folders, in one file that is easy to pass on",
    does="coreset_studio.core.output.formats.zip_archive.writer:WRITER",
    help="coreset_studio.resources:help/exports/zip.html",
    place=50,
)
