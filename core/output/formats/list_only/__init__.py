"""No images: the list and the manifest alone."""

from coreset_studio.core.output.description import ExportFormat

DESCRIPTION = ExportFormat(
    name="list",
    title="Lists only",
    tip="Only coreset.csv and coreset.json, no images",
    does="coreset_studio.core.output.formats.list_only.writer:WRITER",
    help="coreset_studio.resources:help/exports/list.html",
    place=40,
    holds_images=False,
)
