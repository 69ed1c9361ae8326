"""One training as another process runs it: all that it needs, small enough to be sent, and what comes back."""

import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from coreset_studio.core import errors
from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.errors import CoresetError, LostImagesError, TrainingError, WeightsError
from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.progress import Publisher
from coreset_studio.core.results import Epoch, RunKey, RunResult
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.backbones import backbone_weights
from coreset_studio.core.training.fitting import train
from coreset_studio.core.training.network import BackboneChoice
from coreset_studio.core.training.task import TrainingTask


@dataclass(frozen=True)
class TrainingJob:
    """A training that can be sent to another process, also on another machine.

    Attributes
    ----------
    network : str
    task : TrainingTask
        Images are read under its dataset's path, by the process that trains.
    key : RunKey
    backbone : BackboneChoice or None
        The backbone that the network uses.
    weights_digest : str
        That of the backbone's weights here; other weights are refused.
    keeps_model : bool
        Whether the trained network is returned, too.
    uses_own_cache : bool
        Whether decoded images are kept in the cache of the machine that trains, instead of that of the task.
    """

    network: str
    task: TrainingTask
    key: RunKey
    backbone: BackboneChoice | None = None
    weights_digest: str = ""
    keeps_model: bool = False
    uses_own_cache: bool = False

    @classmethod
    def of(
        cls, network: str, task: TrainingTask, key: RunKey, backbone: BackboneChoice | None, *, keeps_model: bool
    ) -> "TrainingJob":
        """Return a job with absolute paths and without what a training does not read."""
        dataset = replace(task.dataset, root=task.dataset.root.absolute(), skipped=(), warnings=())
        file = task.places.weights_file
        places = replace(
            task.places,
            cache_folder=task.places.cache_folder.absolute(),
            weights_file=file.absolute() if file is not None else None,
        )
        if backbone is not None:
            backbone = replace(backbone, weights_file=places.weights_file)
        digest = backbone_weights(backbone).digest if backbone is not None else ""
        return cls(network, replace(task, dataset=dataset, places=places), key, backbone, digest, keeps_model)

    def run(self, progress: Publisher[Epoch]) -> "TrainingReply":
        """Train, and return what came of it; errors are part of the reply."""
        try:
            return self._trained(progress)
        except LostImagesError as error:
            return TrainingReply(error=str(error), kind=type(error).__name__, lost=error.reasons)
        except CoresetError as error:
            return TrainingReply(error=str(error), kind=type(error).__name__)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            return TrainingReply(error=f"A training failed ({type(error).__name__}: {error}).", kind="TrainingError")

    def _trained(self, progress: Publisher[Epoch]) -> "TrainingReply":
        task = self.task
        if self.uses_own_cache:
            task = replace(task, places=replace(task.places, cache_folder=default_cache_folder()))
        if self.network in NETWORKS and self.backbone is not None:
            found = backbone_weights(self.backbone).digest
            if found != self.weights_digest:
                raise WeightsError(
                    f"The weights of {self.backbone.extractor} are others where the {NETWORKS[self.network].words} is "
                    f"trained (SHA-256 {found[:12]}…) than here ({self.weights_digest[:12]}…). Install the same ones."
                )
        trained = train(self.network, task, self.key, progress)
        is_kept = self.keeps_model and trained.model is not None
        return TrainingReply(trained.result, _packed(trained.model) if is_kept else b"")


@dataclass(frozen=True)
class TrainingReply:
    """The outcome of a training: a result, or an error.

    Attributes
    ----------
    result : RunResult or None
    model : bytes
        The Keras model as a file; empty unless it was requested.
    error, kind : str
        Sentence and class of a `CoresetError`.
    lost : mapping of int to str
        Images that could not be read, of a `LostImagesError`.
    """

    result: RunResult | None = None
    model: bytes = b""
    error: str = ""
    kind: str = ""
    lost: Mapping[int, str] = field(default_factory=dict)

    def checked(self, prefix: str = "") -> RunResult:
        """Return the result.

        Parameters
        ----------
        prefix : str
            What an error begins with.

        Raises
        ------
        CoresetError
            The error of the training.
        """
        if self.result is not None:
            return self.result
        if self.kind == LostImagesError.__name__:
            raise LostImagesError(self.error, self.lost)
        kind = getattr(errors, self.kind, TrainingError)
        raise kind(f"{prefix}{self.error}")

    def unpacked(self) -> Any:
        """Return the Keras model; None without one."""
        if not self.model:
            return None
        keras = import_keras()

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.keras"
            file.write_bytes(self.model)
            return keras.saving.load_model(file, safe_mode=True)


def _packed(model: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        model.save(file)
        return file.read_bytes()
