"""An export format as a plugin has it: one tar archive a set."""

import hashlib
import io
import tarfile
from pathlib import Path

from coreset_studio.core.output.description import ExportFormat
from coreset_studio.core.output.manifest import ListedFile
from coreset_studio.core.output.planning import Plan, Written
from coreset_studio.core.progress import Progress


class TarWriter:
    """Writes the archives."""

    def write(self, plan: Plan, folder: Path, progress: Progress) -> Written:
        archives: dict[str, list[tuple[str, bytes]]] = {}
        for done, image in enumerate(plan.images):
            progress.report(done, len(plan.images), "Exporting: images")
            archives.setdefault(image.set_name, []).append((image.file, plan.contents.content(image.index)))
        listed = []
        for set_name, members in archives.items():
            file = folder / f"{set_name}.tar"
            with tarfile.open(file, "w") as archive:
                for name, content in members:
                    facts = tarfile.TarInfo(name)
                    facts.size = len(content)
                    archive.addfile(facts, io.BytesIO(content))
            content = file.read_bytes()
            listed.append(ListedFile(file.name, hashlib.sha256(content).hexdigest(), len(content), set_name))
        return Written(tuple(listed), len(plan.images), ("Written as tar archives.",))


WRITER = TarWriter()
DESCRIPTION = ExportFormat(
    name="tarred",
    title="Tar archives",
    tip="One archive a set, without a folder to walk",
    does=f"{__name__}:WRITER",
)
