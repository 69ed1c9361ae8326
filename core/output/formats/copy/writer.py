"""Copy the images into class folders."""

from core.output.class_folders import ClassFolders

WRITER = ClassFolders()
