"""Image files in class folders, symbolic links to the dataset's."""

from core.output.description import ExportFormat

DESCRIPTION = ExportFormat(
    name="symlink",
    title="Symbolic links",
    tip="Pointers to the images; they break when the images move",
    does="core.output.formats.symlink.writer:WRITER",
    help="resources:help/exports/symlink.html",
    place=30,
    not_private="A private export cannot be made of links: they lead back to the files.",
)
