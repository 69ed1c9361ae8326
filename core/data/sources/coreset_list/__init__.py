"""The list that this program writes of a coreset: `coreset.csv`, or what `coreset select` writes."""

from coreset_studio.core.data.description import Source

DESCRIPTION = Source(
    name="coreset-list",
    title="List of a coreset",
    tip="A coreset.csv written by this program: the selected images, with those of validation and test.",
    does="coreset_studio.core.data.sources.coreset_list.reader:READER",
    help="coreset_studio.resources:help/sources/coreset-list.html",
    place=45,
    short="a CSV",
    expects="a CSV with path,class",
    suffixes=(".csv",),
)
