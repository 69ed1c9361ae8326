"""A list of images as MXNet writes them: number, label and path in each line."""

from coreset_studio.core.data.description import Source

DESCRIPTION = Source(
    name="lst",
    title="MXNet list",
    tip="A text file with number, label and path in each line, tabs between; the images lie below its folder.",
    source="MXNet, im2rec",
    does="coreset_studio.core.data.sources.lst.reader:READER",
    help="coreset_studio.resources:help/sources/lst.html",
    place=50,
    short="an MXNet list",
    expects="an MXNet list with number, label and path",
    suffixes=(".lst",),
)
