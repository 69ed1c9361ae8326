"""Write image files in class folders, as loaders of datasets read them: copies, or links to the dataset's own files."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from coreset_studio.core.data.page_names import file_and_page
from coreset_studio.core.data.sources import source_of
from coreset_studio.core.output.image_files import has_header
from coreset_studio.core.output.manifest import ListedFile
from coreset_studio.core.output.placing import Placer, check_space
from coreset_studio.core.output.planning import Plan, PlannedImage, Written
from coreset_studio.core.progress import Progress

_KERAS_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif"}


@dataclass(frozen=True)
class ClassFolders:
    """Writes one file an image.

    Attributes
    ----------
    link : callable or None
        ``link(source, target)`` makes `target` a link to the file `source`; None: images are copied.
    link_words : str
        What such links are called, as the start of a sentence.
    otherwise : str
        The format that the export becomes where no such link can be made.
    """

    link: Callable[[Path, Path], None] | None = None
    link_words: str = ""
    otherwise: str = ""

    def write(self, plan: Plan, folder: Path, progress: Progress) -> Written:
        """Make the folders of all classes and put every image into its own."""
        source = source_of(plan.dataset.kind)
        link = self.link if source.holds == "files" else None
        placer = Placer(plan.contents, link, self.link_words)
        notes = [*_make_class_folders(plan, folder), *_suffix_notes(plan.images)]
        files = _place_all(placer, plan, folder, progress)
        notes += placer.notes
        if self.link is not None and link is None:
            became = "written as PNG" if source.holds == "arrays" else "copied"
            notes.append(
                f"The images are from {source.short} and were {became}, because there are no files to link to."
            )
        notes += [*_page_notes(plan), *_header_notes(plan)]
        became_another = self.link is not None and placer.link is None
        return Written(tuple(files), len(files), tuple(notes), self.otherwise if became_another else "")


def _make_class_folders(plan: Plan, building: Path) -> list[str]:
    """Make every class folder in every set, and report which stay empty.

    Loaders number the classes by the folders they find: a missing folder would give the same class another number
    in another set.
    """
    filled = {image.file.rpartition("/")[0] for image in plan.images}
    notes = []
    for folder, (set_name, _) in plan.sets.items():
        if set_name == "remainder":
            continue
        for class_name, name in plan.class_folders.items():
            place = "/".join(part for part in (folder, name) if part)
            (building / place).mkdir(parents=True, exist_ok=True)
            if not any(each == place or each.startswith(f"{place}/") for each in filled):
                notes.append(
                    f"Class {class_name} has no {set_name} images; its folder {place} is empty, so that class indices "
                    "agree between sets (torchvision's ImageFolder requires allow_empty=True)."
                )
    return notes


def _header_notes(plan: Plan) -> list[str]:
    """Return what became of DICOM files and their headers."""
    found = [image.index for image in plan.images if has_header(plan.dataset.images[image.index])]
    if not found or plan.names is not None:
        return []
    n_pixels = sum(plan.contents.is_pixels(index) for index in found)
    n_copied = len(found) - n_pixels
    notes = []
    if n_pixels:
        these = "1 DICOM image was" if n_pixels == 1 else f"{n_pixels:,} DICOM images were"
        notes.append(
            f"{these} written as PNG, 8 bits per channel, without headers, which may identify patients; "
            "--dicom-headers copies the files. Text in the pixels remains."
        )
    if n_copied:
        these = "1 DICOM file was" if n_copied == 1 else f"{n_copied:,} DICOM files were"
        notes.append(f"{these} written with the header, which may identify patients.")
    return notes


def _page_notes(plan: Plan) -> list[str]:
    n_pages = sum(file_and_page(plan.dataset.images[image.index].path)[1] > 0 for image in plan.images)
    if not n_pages:
        return []
    these = "1 image is a page of a file and was" if n_pages == 1 else f"{n_pages:,} images are pages of files and were"
    return [f"{these} written as PNG, 8 bits per channel. A list (--files list) names the files themselves."]


def _suffix_notes(planned: Sequence[PlannedImage]) -> list[str]:
    suffixes = Counter(PurePosixPath(each.file).suffix.lower() for each in planned)
    unread = {suffix: n for suffix, n in sorted(suffixes.items()) if suffix not in _KERAS_SUFFIXES}
    if not unread:
        return []
    what = ", ".join(f"{n:,} {suffix or 'without suffix'}" for suffix, n in unread.items())
    return [f"Keras' image_dataset_from_directory cannot read some of the files: {what}."]


def _place_all(placer: Placer, plan: Plan, folder: Path, progress: Progress) -> list[ListedFile]:
    listed = []
    linked = True
    for done, each in enumerate(plan.images):
        progress.report(done, len(plan.images), "Exporting: images")
        if linked and placer.link is None:  # at the start, or where links turned out not to be possible
            linked = False
            check_space(folder, sum(plan.contents.n_bytes(rest.index) for rest in plan.images[done:]))
        place = folder / each.file
        place.parent.mkdir(parents=True, exist_ok=True)
        listed.append(plan.listed(each, *placer.place(each.index, place)))
    progress.report(len(plan.images), len(plan.images), "Exporting: images")
    return listed
