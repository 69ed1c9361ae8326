"""Image files in class folders, hard links to the dataset's."""

from coreset_studio.core.output.description import ExportFormat

DESCRIPTION = ExportFormat(
    name="hardlink",
    title="Hard links",
    tip="No second copy on the disk; requires the disk of the images",
    does="coreset_studio.core.output.formats.hardlink.writer:WRITER",
    help="coreset_studio.resources:help/exports/hardlink.html",
    place=20,
    not_private="A private export cannot consist of links: they lead back to the files.",
)
