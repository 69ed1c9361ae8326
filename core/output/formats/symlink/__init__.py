"""Image files in class folders, symbolic links to the dataset's."""

from coreset_studio.core.output.description import ExportFormat

DESCRIPTION = ExportFormat(
    name="symlink",
    title="Symbolic links",
    tip="Links to the images, which break if the images are moved",
    does="coreset_studio.core.output.formats.symlink.writer:WRITER",
    help="coreset_studio.resources:help/exports/symlink.html",
    place=30,
    not_private="A private export cannot consist of links: they lead back to the files.",
)
