"""Image files in class folders, inside one ZIP archive."""

from core.output.description import ExportFormat

DESCRIPTION = ExportFormat(
    name="zip",
    title="ZIP archive",
    tip="Copies in class folders, in one file that is easy to pass on",
    does="core.output.formats.zip_archive.writer:WRITER",
    help="resources:help/exports/zip.html",
    place=50,
)
