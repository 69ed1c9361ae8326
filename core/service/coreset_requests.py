"""Requests about selected coresets: export and verify them, find and check a size."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from coreset_studio.core.limits import limited
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import Progress, Publisher
from coreset_studio.core.results import (
    Epoch,
    ExportResult,
    MethodsText,
    Note,
    VerifyResult,
)
from coreset_studio.core.results.sizes import SizeCheck, Sizes
from coreset_studio.core.service.requests import PublishingRequest, Request
from coreset_studio.core.settings import EarlierCoreset


@dataclass(frozen=True)
class ExportCoreset(Request[ExportResult]):
    """Select the coreset of the settings, and export it to `target`.

    Attributes
    ----------
    study : Study
    target : Path
        Folder of the export.
    overwrite : bool
        Whether an export in `target` may be replaced.
    image_notes : mapping of str to str
        Notes of the user, by path of the image.
    """

    title: ClassVar[str] = "an export"
    study: Study
    target: Path
    overwrite: bool
    image_notes: Mapping[str, str] = field(default_factory=dict)

    def run(self, progress: Progress) -> ExportResult:
        """Select the coreset, and write it."""
        from coreset_studio.core.pipeline.exporting import export
        from coreset_studio.core.pipeline.stages import choose, prepare

        prepared = prepare(self.study, progress)
        coreset = choose(prepared, self.study.settings.selection, progress)
        return export(
            prepared, coreset, self.target, image_notes=self.image_notes, overwrite=self.overwrite, progress=progress
        )


@dataclass(frozen=True)
class VerifyExport(Request[VerifyResult]):
    """Verify an export by its manifest."""

    title: ClassVar[str] = "the verification of an export"
    folder: Path

    @limited(seconds=600, n_bytes=4_000_000_000)
    def run(self, progress: Progress) -> VerifyResult:
        """Read all files, and compare their digests."""
        from coreset_studio.core.pipeline.exporting import verify

        return verify(self.folder, progress)


@dataclass(frozen=True)
class ReadEarlierCoreset(Request[tuple[EarlierCoreset, tuple[str, ...]]]):
    """Read the images of an earlier export to continue from it; the result is its coreset, and notes."""

    title: ClassVar[str] = "the reading of an earlier coreset"
    file: Path

    @limited(seconds=120, n_bytes=4_000_000_000)
    def run(self, progress: Progress) -> tuple[EarlierCoreset, tuple[str, ...]]:  # noqa: ARG002 - it is read at once
        """Read the manifest."""
        from coreset_studio.core.output.continuing import read_earlier

        return read_earlier(self.file)


@dataclass(frozen=True)
class DescribeExport(Request[MethodsText]):
    """Describe an export as a Methods paragraph, from its manifest."""

    title: ClassVar[str] = "a Methods paragraph"
    folder: Path

    @limited(seconds=120, n_bytes=4_000_000_000)
    def run(self, progress: Progress) -> MethodsText:  # noqa: ARG002 - it is read at once
        """Read the manifest."""
        from coreset_studio.core.pipeline.methods import read_methods

        return read_methods(self.folder)


@dataclass(frozen=True)
class FindSizes(PublishingRequest[Sizes, Note]):
    """Measure learning curves of the sampler and of random selection.

    Attributes
    ----------
    study : Study
    network : str
        Network to train on each coreset instead of the linear probe; empty: the linear probe.
    """

    title: ClassVar[str] = "the search for a size"
    study: Study
    network: str = ""

    def run(self, progress: Publisher[Note]) -> Sizes:
        """Select, train and evaluate fold by fold; earlier measurements are read from the cache."""
        from coreset_studio.core.pipeline.sizes import find_sizes

        return find_sizes(self.study, network=self.network, trains_network=bool(self.network), progress=progress)


@dataclass(frozen=True)
class CheckSize(PublishingRequest[SizeCheck, Epoch | Note]):
    """Train a network once on a coreset of a size and once on the whole pool, and test both."""

    title: ClassVar[str] = "the check of a size"
    study: Study
    network: str
    n_images: int
    margin: float

    def run(self, progress: Publisher[Epoch | Note]) -> SizeCheck:
        """Select the coreset, train both networks, and test them."""
        from coreset_studio.core.pipeline.size_check import check_size

        return check_size(self.study, self.network, self.n_images, self.margin, progress=progress)
