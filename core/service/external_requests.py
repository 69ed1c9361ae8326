"""Requests about a saved network on another dataset: which class is which, and the evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from core.cache import thumbnail_file
from core.limits import limited
from core.progress import Progress
from core.results import Dataset, MatchedClasses, Row, RunResult
from core.service.requests import Request


@dataclass(frozen=True)
class ExternalResult:
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
class MatchClasses(Request[MatchedClasses]):
    """Scan a dataset as a network wants it read, and match the classes by name."""

    title: ClassVar[str] = "an external test"
    bundle: Path
    source: Path
    cache_folder: Path

    @limited(seconds=900)
    def run(self, progress: Progress) -> MatchedClasses:
        """Scan and match."""
        from core.pipeline.external import external_classes

        return external_classes(self.bundle, self.source, self.cache_folder, progress)


@dataclass(frozen=True)
class EvaluateExternal(Request[ExternalResult]):
    """Evaluate a network on another dataset and write the report into a new folder."""

    title: ClassVar[str] = "an external test"
    bundle: Path
    source: Path
    cache_folder: Path
    out: Path
    said: tuple[tuple[str, str], ...] = ()

    @limited(seconds=900)
    def run(self, progress: Progress) -> ExternalResult:
        """Read, evaluate, write."""
        from core.pipeline.external import evaluate_external, headline, report_in

        said = dict(self.said)
        test = evaluate_external(self.bundle, self.source, self.cache_folder, self.out, progress, said=said)
        run = test.run.without_probabilities()
        return ExternalResult(
            headline(test), test.notes, test.dataset, self.cache_folder, run, test.row, report_in(self.out)
        )
