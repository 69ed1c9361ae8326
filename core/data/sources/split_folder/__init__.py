"""A folder that is divided already: train, validation and test folders with class folders inside."""

from core.data.description import Source

DESCRIPTION = Source(
    name="split-folder",
    title="Folder with train and test",
    tip="Folders named train, test and optionally val, each with one folder of images per class.",
    does="core.data.sources.split_folder.reader:READER",
    help="resources:help/sources/split-folder.html",
    place=20,
    short="a folder",
    expects="a folder with train/ and test/",
    is_folder=True,
)
