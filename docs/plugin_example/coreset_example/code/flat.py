"""The code of the example's export format."""

import hashlib
from pathlib import Path

from coreset_example.export_format import FlatSettings
from coreset_studio.plugin_code import Plan, Progress, Written


class FlatWriter:
    """Writes all images into the export's own folder."""

    def write(self, plan: Plan, folder: Path, progress: Progress) -> Written:
        """Write them, numbered in the order of the plan."""
        settings = plan.settings if isinstance(plan.settings, FlatSettings) else FlatSettings()
        listed = []
        for number, image in enumerate(plan.images):
            progress.report(number, len(plan.images), "Exporting: images")
            content = plan.contents.content(image.index)
            label = plan.class_folders[plan.class_name(image.index)]
            name = f"{label}{settings.between}{number:05d}{Path(image.file).suffix}"
            (folder / name).write_bytes(content)
            placed = type(image)(image.index, image.set_name, name)
            listed.append(plan.listed(placed, hashlib.sha256(content).hexdigest(), len(content)))
        return Written(tuple(listed), len(listed))


WRITER = FlatWriter()
