"""Requests that take a selected coreset further: export it, check an export, find the size that is needed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from core.limits import limited
from core.pipeline.study import Study
from core.progress import Progress
from core.results import ExportResult, MethodsText, VerifyResult
from core.results.sizes import SizeCheck, Sizes
from core.service.requests import Request
from core.settings import EarlierCoreset


@dataclass(frozen=True)
class ExportCoreset(Request[ExportResult]):
    """Choose the coreset of the settings and write it to `target`; `image_notes` are the user's, by path."""

    title: ClassVar[str] = "an export"
    study: Study
    target: Path
    overwrite: bool
    image_notes: Mapping[str, str] = field(default_factory=dict)

    def run(self, progress: Progress) -> ExportResult:
        """Choose and write."""
        from core.pipeline.exporting import export
        from core.pipeline.stages import choose, prepare

        prepared = prepare(self.study, progress)
        coreset = choose(prepared, self.study.settings.selection, progress)
        return export(
            prepared, coreset, self.target, image_notes=self.image_notes, overwrite=self.overwrite, progress=progress
        )


@dataclass(frozen=True)
class VerifyExport(Request[VerifyResult]):
    """Check an export against its manifest."""

    title: ClassVar[str] = "the verification of an export"
    folder: Path

    @limited(seconds=600, n_bytes=4_000_000_000)
    def run(self, progress: Progress) -> VerifyResult:
        """Read every file again."""
        from core.pipeline.exporting import verify

        return verify(self.folder, progress)


@dataclass(frozen=True)
class ReadEarlierCoreset(Request[tuple[EarlierCoreset, tuple[str, ...]]]):
    """Read the images of an earlier export to continue from it, and what was assumed about it."""

    title: ClassVar[str] = "the reading of an earlier coreset"
    file: Path

    @limited(seconds=120, n_bytes=4_000_000_000)
    def run(self, progress: Progress) -> tuple[EarlierCoreset, tuple[str, ...]]:  # noqa: ARG002 - it is read at once
        """Read its manifest."""
        from core.output.continuing import read_earlier

        return read_earlier(self.file)


@dataclass(frozen=True)
class DescribeExport(Request[MethodsText]):
    """Describe an export for the Methods section of a publication, from its manifest."""

    title: ClassVar[str] = "a Methods paragraph"
    folder: Path

    @limited(seconds=120, n_bytes=4_000_000_000)
    def run(self, progress: Progress) -> MethodsText:  # noqa: ARG002 - it is read at once
        """Read the manifest."""
        from core.pipeline.methods import read_methods

        return read_methods(self.folder)


@dataclass(frozen=True)
class FindSizes(Request[Sizes]):
    """Measure how accuracy depends on the size of the coreset, beside random selection.

    Attributes
    ----------
    study : Study
    network : str
        Trained on each coreset in place of the linear probe; empty: the linear probe.
    """

    title: ClassVar[str] = "the search for a size"
    study: Study
    network: str = ""

    def run(self, progress: Progress) -> Sizes:
        """Select, fit and classify fold by fold; what was measured before comes from the cache."""
        from core.pipeline.sizes import find_sizes

        return find_sizes(self.study, network=self.network, trains_network=bool(self.network), progress=progress)


@dataclass(frozen=True)
class CheckSize(Request[SizeCheck]):
    """Train a network once on a coreset of a size and once on the whole pool, and test both."""

    title: ClassVar[str] = "the check of a size"
    study: Study
    network: str
    n_images: int
    margin: float

    def run(self, progress: Progress) -> SizeCheck:
        """Select, train and test; finished trainings come from the cache."""
        from core.pipeline.size_check import check_size

        return check_size(self.study, self.network, self.n_images, self.margin, progress=progress)
