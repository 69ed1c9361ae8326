"""A folder that is divided already: train, validation and test folders with class folders inside."""

from coreset_studio.core.data.description import Source

DESCRIPTION = Source(
    name="split-folder",
    title="Folder with train and test",
    tip="Folders named train, test and optionally val, each with one folder of images per class.",
    does="coreset_studio.core.data.sources.split_folder.reader:READER",
    help="coreset_studio.resources:help/sources/split-folder.html",
    place=20,
    short="a folder",
    expects="a folder with train/ and test/",
    is_folder=True,
)
