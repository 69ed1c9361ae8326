"""Code of an extractor: a step for one image, a step for a batch of images, and the network."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.features.network import Network, WeightSet
from coreset_studio.core.features.weight_files import Tensors
from coreset_studio.core.progress import Progress
from coreset_studio.core.results import Dataset, FloatArray

if TYPE_CHECKING:
    from coreset_studio.core.features.decoding import Batch, ImageToDecode

Pixels = NDArray[np.uint8]
Prepared = NDArray[Any]
Compute = Callable[[Prepared], Mapping[str, FloatArray]]


@dataclass(frozen=True)
class FileState:
    """Whether a file that was chosen can be read now.

    Attributes
    ----------
    name : str
        One of the states below, as `core.pipeline.views.ExtractorFact.weights_state` has them.
    sentence : str
        What is wrong and what to do; empty for `THERE`.
    file : Path or None
        Where it is, if it is anywhere.
    """

    THERE: ClassVar[str] = "file"
    NOT_CHOSEN: ClassVar[str] = "no file"
    MISSING: ClassVar[str] = "file missing"
    CHANGED: ClassVar[str] = "file changed"

    name: str
    sentence: str = ""
    file: Path | None = None


class Readable(Protocol):
    """Which contents have a row in a file."""

    @property
    def rows(self) -> Mapping[str, int]:
        """Number of the row by `core.results.Image.pixels`."""

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why a content has no usable row, by `core.results.Image.pixels`."""

    @property
    def notes(self) -> Sequence[str]:
        """The assumptions made."""


class StoredRows(Protocol):
    """Interface of rows that are read from a file instead of computed from images."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the file; empty where none is chosen."""

    @property
    def label(self) -> str:
        """The notice that must be shown with every result; it names the file."""

    def state(self, dataset: Dataset, cache_folder: Path) -> FileState:
        """Return whether the file can be read now."""

    def known(self, dataset: Dataset, cache_folder: Path) -> Readable | None:
        """Return which images have a row if that was found out before; nothing is read."""

    def match(self, dataset: Dataset, cache_folder: Path, progress: Progress) -> Readable:
        """Return which images have a row; the file is read if that was not found out before."""

    def batches(
        self, dataset: Dataset, wanted: "Sequence[ImageToDecode]", cache_folder: Path, progress: Progress
    ) -> "Generator[Batch, None, None]":
        """Yield the rows of `wanted`, all of which have one, float32 of shape (b, n_features) over all blocks."""


@dataclass(frozen=True)
class Steps:
    """The code of one extractor.

    Attributes
    ----------
    prepare : callable
        ``prepare(rgb)`` turns one image, uint8 of shape (h, w, 3), into what the network takes. It runs in the
        threads that decode.
    load : callable
        ``load(tensors)`` returns the function of a batch of prepared images, shape (b, ...), that returns float32
        of shape (b, n_features) for every block. `tensors` is None for an extractor without weights.
    weight_set : WeightSet or None
        None for an extractor without weights.
    network : Network or None
        The backbone that it uses, of that weight set; None where it is not a convolutional network of Keras.
    derive : callable or None
        From rows of the extractor that it is derived from, shape (b, n), to one's own, float32; None where it is
        derived from none.
    stored : StoredRows or None
        What reads the rows from a file, for an extractor that is `from_file`; `prepare` is not used then.
    """

    prepare: Callable[[Pixels], Prepared]
    load: Callable[[Tensors | None], Compute]
    weight_set: WeightSet | None = None
    network: Network | None = None
    derive: Callable[[FloatArray], FloatArray] | None = None
    stored: StoredRows | None = None
