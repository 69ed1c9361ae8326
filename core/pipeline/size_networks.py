"""Learning curves that are measured with a network instead of the linear probe."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.cache import ArrayCache
from coreset_studio.core.errors import LostImagesError, SettingsError, TrainingError
from coreset_studio.core.features.extraction import Extracted
from coreset_studio.core.pipeline.planning import PlannedRun
from coreset_studio.core.pipeline.run_keys import backbone_choice, run_key
from coreset_studio.core.pipeline.stages import Prepared
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.teaching import is_taught
from coreset_studio.core.progress import NO_PROGRESS, Progress, PublishingProgress
from coreset_studio.core.results import Dataset, IntArray, PoolEmbedding, Split
from coreset_studio.core.selection.orders import OrderCache
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.fitting import Places, TrainingTask, train
from coreset_studio.core.training.network import Network

STAGE = "sizes-run"
_NONE = np.zeros(0, dtype=np.int64)


def network_of_curves(name: str) -> Network | None:
    """Return the network that learning curves are measured with; None for the linear probe.

    Raises
    ------
    SettingsError
        If there is no such network.
    """
    if name not in NETWORKS:
        raise SettingsError(NETWORKS.unknown(name))
    return None if NETWORKS[name].sees_embeddings else NETWORKS[name]


def without_soft_labels(study: Study, network: Network) -> Study:
    """Return the study without soft labels, whose teacher would have to be fitted for each fold."""
    training = study.settings.training
    if not is_taught(network, training):
        return study
    return replace(study, settings=replace(study.settings, training=replace(training, soft_labels=0.0)))


@dataclass(frozen=True)
class NetworkOfFold:
    """A network that is trained on coresets of one fold and classifies the held-out images.

    Attributes
    ----------
    study : Study
    dataset : Dataset
    extracted : tuple of Extracted
    network : Network
    inside, validation, held_out : ndarray of int64
        Indices of the images that coresets are selected from, that select the best epoch, and that are held out.
    """

    study: Study
    dataset: Dataset
    extracted: tuple[Extracted, ...]
    network: Network
    inside: IntArray
    validation: IntArray
    held_out: IntArray

    def right(self, chosen: IntArray, seed: int = 0, progress: Progress = NO_PROGRESS) -> NDArray[np.bool_]:
        """Return which held-out images are classified correctly after training on the selected ones.

        Finished trainings are cached. Images that can no longer be read are excluded; held-out ones count as wrong for
        all sizes.

        Parameters
        ----------
        chosen : ndarray of int64
        seed : int
            Seed of initial weights and shuffling.
        progress : Progress

        Raises
        ------
        TrainingError
            If no image is left to train on, or to test on.
        """
        lost: set[int] = set()
        while True:
            try:
                return self._trained(np.sort(chosen), seed, lost, progress)
            except LostImagesError as error:
                if not set(error.reasons) - lost:
                    raise
                lost |= set(error.reasons)

    def _trained(self, chosen: IntArray, seed: int, lost: set[int], progress: Progress) -> NDArray[np.bool_]:
        left = [part[~np.isin(part, list(lost))] for part in (chosen, self.validation, self.held_out)]
        indices, validation, test = left
        if len(indices) == 0 or len(test) == 0:
            raise TrainingError(
                "None of the images of a fold can be read any more. Make them readable, and scan again."
            )
        split = Split(self.inside, validation, test)
        nothing = PoolEmbedding(_NONE, np.zeros((0, 0), dtype=np.float32), np.zeros(0, dtype=bool))
        prepared = Prepared(self.study, self.dataset, split, self.extracted, (), (), nothing, {}, OrderCache())
        planned = PlannedRun(self.network.name, "", len(indices) / len(self.inside), seed)
        key = run_key(prepared, planned, indices, None)
        cache = ArrayCache(self.study.cache_folder)
        stored = cache.load(STAGE, key.fingerprint)
        if stored is None:
            choice = backbone_choice(self.study, self.network)
            places = Places(self.study.cache_folder, choice.weights_file if choice else None)
            task = TrainingTask(self.dataset, split, indices, self.study.settings.training, seed=seed, places=places)
            result = train(self.network.name, task, key, PublishingProgress(progress, NO_PROGRESS)).result
            right = (result.true == result.predicted).astype(np.uint8)
            stored = cache.store(STAGE, key.fingerprint, {"right": right}, {})
        found = np.zeros(len(self.held_out), dtype=bool)
        found[np.isin(self.held_out, test)] = np.array(stored.arrays["right"]).astype(bool)
        return found
