"""A folder that contains one folder of images for each class."""

from coreset_studio.core.data.description import Source

DESCRIPTION = Source(
    name="folder",
    title="Folder of class folders",
    tip="One folder of images per class; subfolders belong to the class that contains them.",
    does="coreset_studio.core.data.sources.folder.reader:READER",
    help="coreset_studio.resources:help/sources/folder.html",
    place=10,
    short="a folder",
    expects="a folder with one folder of images for each class",
    is_folder=True,
)
