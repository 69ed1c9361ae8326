"""Requests about a saved network and another dataset: match the classes, and evaluate the network."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from coreset_studio.core.cache import thumbnail_file
from coreset_studio.core.limits import limited
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import Dataset, MatchedClasses, Row, RunResult
from coreset_studio.core.service.requests import Request


@dataclass(frozen=True)
class ExternalResult:
    """Evaluation of a network on another dataset.

    Attributes
    ----------
    headline : str
        The result in one sentence.
    notes : tuple of str
        Sentences for the user.
    dataset : Dataset
        The other dataset.
    cache_folder : Path
        Folder of the cache, which contains the thumbnails.
    run : RunResult
        Without probabilities; its indices are those of `dataset`.
    row : Row
        All metrics with their intervals.
    report : Path
        File of the report.
    """

    headline: str
    notes: tuple[str, ...]
    dataset: Dataset
    cache_folder: Path
    run: RunResult
    row: Row
    report: Path

    def thumbnail(self, index: int) -> Path:
        """Return the file of the thumbnail of an image; it is missing if the cache was cleared."""
        return thumbnail_file(self.cache_folder, self.dataset.images[index].pixels)


@dataclass(frozen=True)
class MatchClasses(Request[MatchedClasses]):
    """Scan a dataset with the reading of a network, and match the classes by name."""

    title: ClassVar[str] = "an external test"
    bundle: Path
    source: Path
    cache_folder: Path

    @limited(seconds=900)
    def run(self, progress: Progress) -> MatchedClasses:
        """Scan the dataset, and match the classes."""
        from coreset_studio.core.pipeline.external import external_classes

        return external_classes(self.bundle, self.source, self.cache_folder, progress)


@dataclass(frozen=True)
class EvaluateExternal(Request[ExternalResult]):
    """Evaluate a network on another dataset and write the report into a new folder."""

    title: ClassVar[str] = "an external test"
    bundle: Path
    source: Path
    cache_folder: Path
    out: Path
    matches: tuple[tuple[str, str], ...] = ()

    @limited(seconds=900)
    def run(self, progress: Progress) -> ExternalResult:
        """Scan the dataset, evaluate the network, and write the report."""
        from coreset_studio.core.pipeline.external import evaluate_external, headline, report_in

        matches = dict(self.matches)
        test = evaluate_external(self.bundle, self.source, self.cache_folder, self.out, progress, matches=matches)
        run = test.run.without_probabilities()
        return ExternalResult(
            headline(test), test.notes, test.dataset, self.cache_folder, run, test.row, report_in(self.out)
        )
