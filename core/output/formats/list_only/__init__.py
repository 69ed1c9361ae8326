"""No images: the list and the manifest alone."""

from core.output.description import ExportFormat

DESCRIPTION = ExportFormat(
    name="list",
    title="Lists only",
    tip="Only coreset.csv and coreset.json, no images",
    does="core.output.formats.list_only.writer:WRITER",
    help="resources:help/exports/list.html",
    place=40,
    holds_images=False,
)
