"""Requests about the images: scan and divide them, find suspected label errors, generate the demo."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from coreset_studio.core.cache import fingerprint, thumbnail_file
from coreset_studio.core.data.readings import fixed_choices
from coreset_studio.core.data.suspected import ExclusionSuggestion
from coreset_studio.core.data.unlabelled import dataset_words, no_labels_words
from coreset_studio.core.limits import limited
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import Dataset, Duplicates, NearDuplicate, Split, SuspectedLabelError
from coreset_studio.core.service.requests import Request
from coreset_studio.core.settings import DataSettings

__all__ = [
    "FINDING",
    "DatasetFindings",
    "DatasetSummary",
    "DrawDemo",
    "ExclusionSuggestion",
    "FindLabelErrors",
    "ScanDataset",
]

FINDING = "Finding suspected label errors"


@dataclass(frozen=True)
class DatasetSummary:
    """A scanned dataset and its split.

    Attributes
    ----------
    dataset : Dataset
    split : Split
    duplicates : tuple of Duplicates
    cache_folder : Path
        Folder of the cache, which contains the thumbnails.
    suggested_patterns : tuple of (str, int)
        Patterns that may find patients in the file names, and their numbers of groups, the most likely first.
    suspected : tuple of ExclusionSuggestion
        Patterns of images that are included but are probably thumbnails, masks or similar.
    """

    dataset: Dataset
    split: Split
    duplicates: tuple[Duplicates, ...]
    cache_folder: Path
    suggested_patterns: tuple[tuple[str, int], ...] = ()
    suspected: tuple[ExclusionSuggestion, ...] = ()

    def is_guessed(self, settings: DataSettings) -> bool:
        """Return whether folders or columns can be interpreted in another way, and `settings` do not specify one."""
        own, read = settings.own.get(self.dataset.kind), self.dataset.read_as
        usual = {"path_column": "path", "class_columns": "class"}
        odd = any(
            read.get(name, word).casefold() != word and not getattr(own, name, "") for name, word in usual.items()
        )
        return bool(self.dataset.others) or odd

    @property
    def notes(self) -> tuple[str, ...]:
        """All notes, in the sequence in which they are shown."""
        return (*self.dataset.warnings, *(one.sentence for one in self.suspected), *self.split.warnings)

    @property
    def words(self) -> str:
        """How many images there are, in how many classes, and how many have no label."""
        return dataset_words(self.dataset)

    def why_no_labels(self, what: str) -> str:
        """Return why a step, which begins the sentence, is not available without labels; empty if there are labels."""
        return "" if self.dataset.has_labels else no_labels_words(what)

    @property
    def identity(self) -> str:
        """Identity of the images: a fingerprint of the paths, classes, sets, groups and contents."""
        rows = [[i.path, i.class_name, i.split or "", i.group, i.pixels] for i in self.dataset.images]
        return fingerprint(rows)

    @property
    def fixed(self) -> dict[str, Any]:
        """Reading settings that were fixed by the scan, in stored form; empty if there are none."""
        return fixed_choices(DataSettings(), self.dataset.reading)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Paths of all images, by which indices of images are recognised as those of the same dataset."""
        return tuple(image.path for image in self.dataset.images)

    @property
    def is_one_file(self) -> bool:
        """Whether all images are in one file, such as an .npz."""
        return not self.dataset.root.is_dir()

    def file(self, index: int) -> Path:
        """Return the file that an image is read from: its own, or the one that contains all images."""
        from coreset_studio.core.data.page_names import file_and_page

        root = self.dataset.root
        return root if self.is_one_file else root / file_and_page(self.dataset.images[index].path)[0]

    def thumbnail(self, index: int) -> Path:
        """Return the file of the thumbnail of an image; it is missing if the cache was cleared."""
        return thumbnail_file(self.cache_folder, self.dataset.images[index].pixels)


@dataclass(frozen=True)
class DatasetFindings:
    """Images to inspect before selecting.

    Attributes
    ----------
    label_errors : tuple of SuspectedLabelError
    near_duplicates : tuple of NearDuplicate
    words : str
        How neighbours were found, if not exactly; else empty.
    """

    label_errors: tuple[SuspectedLabelError, ...]
    near_duplicates: tuple[NearDuplicate, ...]
    words: str = ""


@dataclass(frozen=True)
class ScanDataset(Request[DatasetSummary]):
    """Scan the images and divide them; the first request of the window, which does not import scikit-learn."""

    study: Study

    @limited(seconds=900)
    def run(self, progress: Progress) -> DatasetSummary:
        """Scan the dataset, and divide the images."""
        from coreset_studio.core.data.dataset import find_duplicates, scan
        from coreset_studio.core.data.group_patterns import suggest_patterns
        from coreset_studio.core.data.split import make_split
        from coreset_studio.core.data.suspected import suspect_patterns

        study = self.study
        dataset = scan(
            study.source,
            cache_folder=study.cache_folder,
            settings=study.settings.data,
            complete=True,
            progress=progress,
        )
        # Computed here and pickled with the dataset, so that the window need not compute them.
        _ = dataset.quality, dataset.sizes
        split, same = make_split(dataset, study.settings.data), find_duplicates(dataset)
        suggested = () if any(image.group for image in dataset.images) else suggest_patterns(dataset.images)
        patterns = tuple((one.pattern, one.n_groups) for one in suggested)
        suspected = suspect_patterns(dataset.images, study.settings.data)
        return DatasetSummary(dataset, split, same, study.cache_folder, patterns, suspected)


@dataclass(frozen=True)
class FindLabelErrors(Request[DatasetFindings]):
    """Find suspected label errors and near-duplicates; nothing is removed.

    Attributes
    ----------
    study : Study
    bits : int
        Largest number of bits in which the perceptual hashes of near-duplicates differ, 0 to 64.
    held_out : bool
        Whether labels of validation and test images are checked, too.
    """

    title: ClassVar[str] = "the search for label errors"
    study: Study
    bits: int
    held_out: bool = False

    def run(self, progress: Progress) -> DatasetFindings:
        """Prepare the study, and search."""
        from coreset_studio.core.pipeline.stages import prepare
        from coreset_studio.core.selection.label_errors import near_cells_words, near_duplicates, suspected_label_errors

        prepared = prepare(self.study, progress)
        clusters, n_pool = self.study.settings.clusters, len(prepared.pool_embedding.pool_indices)
        return DatasetFindings(
            label_errors=suspected_label_errors(
                prepared.dataset,
                prepared.pool_embedding,
                progress=progress,
                held_out=self.held_out,
                exact_up_to=clusters.exact_up_to,
            ),
            near_duplicates=near_duplicates(prepared.dataset, bits=self.bits),
            words=near_cells_words(n_pool, clusters.exact_up_to),
        )


@dataclass(frozen=True)
class DrawDemo(Request[None]):
    """Generate the images of the demo in a folder."""

    title: ClassVar[str] = "the generation of the demo"
    folder: Path
    n_images: int | None = None

    def run(self, progress: Progress) -> None:
        """Generate `n_images`, or the number of the demo if it is None."""
        from coreset_studio.core.data.demo import make_demo

        if self.n_images is None:
            make_demo(self.folder, progress=progress)
        else:
            make_demo(self.folder, n_images=self.n_images, progress=progress)
