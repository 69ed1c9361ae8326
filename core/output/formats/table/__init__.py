"""Image files in class folders, with a table of them that this program opens again."""

from coreset_studio.core.output.description import ExportFormat

DESCRIPTION = ExportFormat(
    name="table",
    title="Copies with a table",
    tip="Copies, with an images.csv of path, class and split that can be opened as a dataset",
    does="coreset_studio.core.output.formats.table.writer:WRITER",
    help="coreset_studio.resources:help/exports/table.html",
    writes=("images.csv",),
    place=60,
)
