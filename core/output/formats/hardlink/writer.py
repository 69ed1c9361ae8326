"""Make hard links to the images in class folders."""

import os
from pathlib import Path

from coreset_studio.core.output.class_folders import ClassFolders


def link(source: Path, target: Path) -> None:
    """Make `target` another name of the file `source`, or of the one that it is a link to."""
    os.link(source.resolve(), target)


WRITER = ClassFolders(link=link, link_words="Hard links", otherwise="copy")
