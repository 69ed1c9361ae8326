"""Requests that take a selected coreset further: export it, check an export, evaluate sizes before any training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from core.limits import limited
from core.pipeline.study import Study
from core.progress import Progress
from core.results import ExportResult, ProxyPoint, VerifyResult
from core.service.requests import Request
from core.settings import EarlierCoreset, SelectionSettings


@dataclass(frozen=True)
class ProxyView:
    """Accuracy of nearest neighbours by size of the coreset, before any training.

    Attributes
    ----------
    points : tuple of ProxyPoint
        Smallest fraction first.
    everything : float
        The same with the whole pool.
    n_judged : int
        Number of images that every size, and the whole pool, was evaluated on.
    """

    points: tuple[ProxyPoint, ...]
    everything: float
    n_judged: int


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
class JudgeSizes(Request[ProxyView]):
    """Measure, by fraction, how often the nearest selected image has the class of an image, and the same at random."""

    title: ClassVar[str] = "the evaluation of sizes"
    study: Study
    selection: SelectionSettings
    fractions: tuple[float, ...]

    def run(self, progress: Progress) -> ProxyView:
        """Select by every fraction and evaluate by nearest neighbours; nothing is trained."""
        from core.pipeline.stages import judge_sizes, prepare
        from core.selection.coverage import proxy_accuracy

        prepared = prepare(self.study, progress)
        points = judge_sizes(prepared, self.selection, self.fractions, progress)
        pool = prepared.pool_embedding
        everything = proxy_accuracy(prepared.dataset.contents, prepared.dataset.labels, pool, pool.pool_indices)
        return ProxyView(points, everything, len(pool.pool_indices))
