"""A table that names image files and their classes."""

from core.data.description import Source

DESCRIPTION = Source(
    name="csv",
    title="CSV of paths and classes",
    tip="A table with the columns path and class, and split and group where wanted; the images lie anywhere.",
    does="core.data.sources.csv.reader:READER",
    help="resources:help/sources/csv.html",
    place=30,
    short="a CSV",
    expects="a CSV with path,class",
    suffixes=(".csv",),
)
