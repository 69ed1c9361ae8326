"""Copy the images, and name them in one table."""

from pathlib import Path

from coreset_studio.core.output.class_folders import ClassFolders
from coreset_studio.core.output.image_tables import write_image_table
from coreset_studio.core.output.planning import Plan, Written
from coreset_studio.core.progress import Progress

NAME = "images.csv"
_SPLITS = {"coreset": "train", "validation": "validation", "test": "test"}


class WithTable(ClassFolders):
    """Writes one table with the columns of a CSV that the program opens: path, class, and split and group if any.

    The remainder is not in it: who opens the table would train on it.
    """

    def write(self, plan: Plan, folder: Path, progress: Progress) -> Written:
        """Copy the images and write the table."""
        copied = super().write(plan, folder, progress)
        images = [image for image in plan.images if image.set_name in _SPLITS]
        groups = [plan.dataset.images[image.index].group for image in images]
        with_split = len({image.set_name for image in images}) > 1
        with_groups = plan.names is None and any(groups)
        heads = ["path", "class", *(["split"] if with_split else []), *(["group"] if with_groups else [])]
        rows = [
            [
                # So that no name of a file looks like a formula.
                f"./{image.file}",
                plan.class_name(image.index),
                *([_SPLITS[image.set_name]] if with_split else []),
                *([group] if with_groups else []),
            ]
            for image, group in zip(images, groups, strict=True)
        ]
        table = write_image_table(folder, NAME, heads, rows)
        return Written((*copied.files, table), copied.n_images, copied.notes, copied.as_format)


WRITER = WithTable()
