"""A table that names image files and their classes."""

from coreset_studio.core.data.description import Source
from coreset_studio.core.data.sources.csv.settings import TableSettings

DESCRIPTION = Source(
    name="csv",
    title="Table of images and classes",
    tip="A CSV or .xlsx that lists image files and their classes, in columns of any name; the images can be anywhere.",
    does="coreset_studio.core.data.sources.csv.reader:READER",
    help="coreset_studio.resources:help/sources/csv.html",
    settings=TableSettings,
    place=30,
    short="a CSV",
    expects="a table (.csv, .xlsx) of images and classes",
    suffixes=(".csv", ".tsv", ".xlsx"),
)
