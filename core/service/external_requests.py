"""Requests about a saved network on another dataset: which class is which, and the evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from core.cache import thumbnail_file
from core.limits import limited
from core.progress import Progress
from core.results import Dataset, Row, RunResult
from core.service.requests import Request


@dataclass(frozen=True)
class ClassesView:
    """The classes of a dataset beside those of a network.

    Attributes
    ----------
    theirs : mapping of str to int
        Images by class of the dataset.
    ours : tuple of str
        Classes of the network.
    matched : mapping of str to str
        By name: class of the network by class of the dataset.
    is_certain : bool
        Whether all classes have the same names in both, so that nothing needs to be asked.
    """

    theirs: Mapping[str, int]
    ours: tuple[str, ...]
    matched: Mapping[str, str]
    is_certain: bool


@dataclass(frozen=True)
class ExternalView:
    """What a network is worth on another dataset.

    Attributes
    ----------
    headline : str
    notes : tuple of str
    dataset : Dataset
    cache_folder : Path
        Holds the thumbnails.
    run : RunResult
        Without probabilities; its images are those of `dataset`.
    row : Row
    report : Path
        The page that was written.
    """

    headline: str
    notes: tuple[str, ...]
    dataset: Dataset
    cache_folder: Path
    run: RunResult
    row: Row
    report: Path

    def thumbnail(self, index: int) -> Path:
        """Return the file of an image's thumbnail; it may be missing if the cache was cleared."""
        return thumbnail_file(self.cache_folder, self.dataset.images[index].pixels)


@dataclass(frozen=True)
class MatchClasses(Request[ClassesView]):
    """Scan a dataset as a network wants it read, and match the classes by name."""

    title: ClassVar[str] = "an external test"
    bundle: Path
    source: Path
    cache_folder: Path

    @limited(seconds=900)
    def run(self, progress: Progress) -> ClassesView:
        """Scan and match."""
        from core.pipeline.external import external_classes

        found = external_classes(self.bundle, self.source, self.cache_folder, progress)
        if found.matching is None:
            return ClassesView(found.theirs, found.ours, {}, is_certain=False)
        return ClassesView(found.theirs, found.ours, found.matching.matched, found.matching.is_certain)


@dataclass(frozen=True)
class EvaluateExternal(Request[ExternalView]):
    """Evaluate a network on another dataset and write the report into a new folder."""

    title: ClassVar[str] = "an external test"
    bundle: Path
    source: Path
    cache_folder: Path
    out: Path
    said: tuple[tuple[str, str], ...] = ()

    @limited(seconds=900)
    def run(self, progress: Progress) -> ExternalView:
        """Read, evaluate, write."""
        from core.pipeline.external import evaluate_external, headline, report_in

        said = dict(self.said)
        test = evaluate_external(self.bundle, self.source, self.cache_folder, self.out, progress, said=said)
        run = test.run.without_probabilities()
        return ExternalView(
            headline(test), test.notes, test.dataset, self.cache_folder, run, test.row, report_in(self.out)
        )
