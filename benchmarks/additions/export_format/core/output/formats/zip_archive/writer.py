"""Write the images into one ZIP archive."""

import hashlib
import zipfile
from pathlib import Path

from coreset_studio.core.output.manifest import ListedFile
from coreset_studio.core.output.planning import Plan, Written
from coreset_studio.core.progress import Progress

NAME = "images.zip"


class ZipWriter:
    """Writes the archive; images are compressed already, so they are only stored."""

    def write(self, plan: Plan, folder: Path, progress: Progress) -> Written:
        """Write all sets, each image where it would lie in class folders."""
        file = folder / NAME
        with zipfile.ZipFile(file, "w") as archive:
            for done, image in enumerate(plan.images):
                progress.report(done, len(plan.images), "Exporting: images")
                # The time of a ZipInfo is the same for all, so that the same coreset gives the same archive.
                archive.writestr(zipfile.ZipInfo(image.file), plan.contents.content(image.index))
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return Written((ListedFile(NAME, digest, file.stat().st_size, "coreset"),), len(plan.images))


WRITER = ZipWriter()
