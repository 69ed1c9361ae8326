"""Image files in class folders, with a table of them that this program opens again."""

from core.output.description import ExportFormat

DESCRIPTION = ExportFormat(
    name="table",
    title="Copies with a table",
    tip="Copies, with an images.csv of path, class and split that can be opened as a dataset",
    does="core.output.formats.table.writer:WRITER",
    help="resources:help/exports/table.html",
    writes=("images.csv",),
    place=60,
)
