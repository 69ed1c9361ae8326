"""Requests about the weights of pretrained networks."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from core.limits import limited
from core.progress import Progress
from core.service.requests import Request

if TYPE_CHECKING:
    from core.features.weights import WeightsEntry


@dataclass(frozen=True)
class WeightsView:
    """One set of weights: its state and where it is; `file` is empty where it is missing.

    `used_by` are titles of extractors; `is_backbone` tells whether the transfer network can stand on it. The official
    file has a name, an address (empty where there is none) and about `n_bytes`. `command` gets weights without address.
    """

    name: str
    title: str
    state: str
    file: str
    used_by: tuple[str, ...]
    licence: str
    is_backbone: bool = False
    official_file: str = ""
    address: str = ""
    n_bytes: int = 0
    command: str = ""


@dataclass(frozen=True)
class ListWeights(Request[tuple[WeightsView, ...]]):
    """List the weight sets and where they stand."""

    is_for_display: ClassVar[bool] = True

    def run(self, progress: Progress) -> tuple[WeightsView, ...]:  # noqa: ARG002
        """Look at the files on this computer."""
        from core.pipeline.exporting import list_weights

        return tuple(_view_of(entry) for entry in list_weights())


@dataclass(frozen=True)
class ImportWeights(Request[WeightsView]):
    """Copy a weight file into the user's data folder once it is known to fit.

    Attributes
    ----------
    name : str or None
        Of the weight set; None: found out from the file.
    """

    title: ClassVar[str] = "the import of weights"
    file: Path
    name: str | None = None

    @limited(seconds=600, n_bytes=8_000_000_000)
    def run(self, progress: Progress) -> WeightsView:  # noqa: ARG002
        """Check and copy."""
        from core.pipeline.exporting import import_weights

        return _view_of(import_weights(self.file, self.name))


@dataclass(frozen=True)
class DownloadWeights(Request[WeightsView]):
    """Download the official file; the one request that uses the network, and only when requested by name."""

    title: ClassVar[str] = "the download of weights"
    name: str

    def run(self, progress: Progress) -> WeightsView:
        """Download and verify."""
        from core.features.weight_download import download

        return _view_of(download(self.name, progress))


def _view_of(entry: "WeightsEntry") -> WeightsView:
    from core.features.extractors import EXTRACTORS
    from core.features.weights import weight_set

    weights = weight_set(entry.name)
    return WeightsView(
        entry.name,
        entry.title,
        entry.state,
        str(entry.file or ""),
        tuple(EXTRACTORS[name].title for name in entry.extractors),
        entry.licence,
        any(EXTRACTORS[name].backbone for name in entry.extractors),
        weights.official_file,
        weights.address,
        weights.n_bytes,
        weights.command,
    )
