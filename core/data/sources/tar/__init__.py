"""Images in tar archives, such as the shards of WebDataset."""

from coreset_studio.core.data.description import Source
from coreset_studio.core.data.sources.tar.settings import TarSettings

DESCRIPTION = Source(
    name="tar",
    title="Tar archive or WebDataset",
    tip="Images in a .tar, or in the shards of a WebDataset, with classes from files next to them or from folders.",
    does="coreset_studio.core.data.sources.tar.reader:READER",
    source="Aizman, Maltby and Breuel, High performance I/O for large scale deep learning, IEEE Big Data (2019)",
    help="coreset_studio.resources:help/sources/tar.html",
    settings=TarSettings,
    place=55,
    short="a .tar",
    expects="a .tar of images and classes",
    suffixes=(".tar",),
    holds="bytes",
)
