"""Copy the images into class folders."""

from coreset_studio.core.output.class_folders import ClassFolders

WRITER = ClassFolders()
