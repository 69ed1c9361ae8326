"""Requests about the weights of pretrained networks."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from coreset_studio.core.limits import limited
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import WeightsEntry
from coreset_studio.core.service.requests import Request


@dataclass(frozen=True)
class ListWeights(Request[tuple[WeightsEntry, ...]]):
    """List the weight sets and their states."""

    is_for_display: ClassVar[bool] = True

    def run(self, progress: Progress) -> tuple[WeightsEntry, ...]:  # noqa: ARG002
        """Search the weight folders of this computer."""
        from coreset_studio.core.pipeline.exporting import list_weights

        return list_weights()


@dataclass(frozen=True)
class ImportWeights(Request[WeightsEntry]):
    """Check a weight file and copy it into the data folder of the user.

    Attributes
    ----------
    name : str or None
        Name of the weight set; None: detected from the file.
    """

    title: ClassVar[str] = "the import of weights"
    file: Path
    name: str | None = None

    @limited(seconds=600, n_bytes=8_000_000_000)
    def run(self, progress: Progress) -> WeightsEntry:  # noqa: ARG002
        """Check the tensors, and copy the file."""
        from coreset_studio.core.pipeline.exporting import import_weights

        return import_weights(self.file, self.name)


@dataclass(frozen=True)
class DownloadWeights(Request[WeightsEntry]):
    """Download the official file of a weight set; the only request that uses the internet."""

    title: ClassVar[str] = "the download of weights"
    name: str

    def run(self, progress: Progress) -> WeightsEntry:
        """Download the file, and verify it."""
        from coreset_studio.core.features.weight_download import download

        return download(self.name, progress)
