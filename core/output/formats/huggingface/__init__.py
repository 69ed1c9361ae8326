"""Image files in class folders, with a metadata.csv as Hugging Face's datasets library reads it."""

from coreset_studio.core.output.description import ExportFormat

DESCRIPTION = ExportFormat(
    name="huggingface",
    title="Hugging Face dataset",
    tip="Copies, with a metadata.csv of file_name and label in the folder of each set",
    does="coreset_studio.core.output.formats.huggingface.writer:WRITER",
    help="coreset_studio.resources:help/exports/huggingface.html",
    source="Hugging Face, datasets, ImageFolder: https://huggingface.co/docs/datasets/image_dataset",
    writes=("metadata.csv",),
    place=50,
)
