"""Copy the images, and name them in a metadata.csv next to them."""

from pathlib import Path

from coreset_studio.core.output.class_folders import ClassFolders
from coreset_studio.core.output.image_tables import write_image_table
from coreset_studio.core.output.planning import Plan, Written
from coreset_studio.core.progress import Progress

NAME = "metadata.csv"


class HuggingFace(ClassFolders):
    """Writes a metadata.csv for every set, with paths from its own folder."""

    def write(self, plan: Plan, folder: Path, progress: Progress) -> Written:
        """Copy the images and write the tables."""
        copied = super().write(plan, folder, progress)
        tables = []
        for place in plan.sets:
            inside = f"{place}/" if place else ""
            images = [image for image in plan.images if image.file.startswith(inside)]
            rows = [[image.file.removeprefix(inside), plan.class_name(image.index)] for image in images]
            tables.append(write_image_table(folder, f"{inside}{NAME}", ["file_name", "label"], rows))
        return Written((*copied.files, *tables), copied.n_images, copied.notes, copied.as_format)


WRITER = HuggingFace()
