"""Make symbolic links to the images in class folders."""

from pathlib import Path

from coreset_studio.core.output.class_folders import ClassFolders


def link(source: Path, target: Path) -> None:
    """Make `target` point to `source`."""
    target.symlink_to(source.absolute())


WRITER = ClassFolders(link=link, link_words="Symbolic links", otherwise="copy")
