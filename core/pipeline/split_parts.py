"""One split of a comparison: its images divided, described and clustered, its judge, and the coresets chosen in it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.pipeline.planning import EVERYTHING, PlannedRun, study_of_split
from core.pipeline.run_keys import Judge, judge_of, run_key
from core.pipeline.stages import MATCHED, Prepared, choose, prepare
from core.progress import NO_PROGRESS, Progress
from core.results import Coreset, IntArray, RunKey, RunResult
from core.selection.samplers import SAMPLERS
from core.selection.selecting import matched_random
from core.settings import SelectionSettings
from core.training.architectures import NETWORKS
from core.training.evaluation import clusters_of_test, evaluate
from core.training.evidence import NO_CLUSTER


class Selections:
    """The coresets of one split of a comparison, each chosen once, with what choosing cost.

    Parameters
    ----------
    prepared : Prepared
    settings : SelectionSettings
        Everything but sampler, fraction and seed, which a planned run brings.
    """

    def __init__(self, prepared: Prepared, settings: SelectionSettings) -> None:
        self._prepared = prepared
        self._settings = settings
        self._chosen: dict[tuple[str, float, int], Coreset] = {}
        self._seconds: dict[tuple[str, int], float] = {}

    def get(self, planned: PlannedRun) -> tuple[Coreset | None, IntArray, float]:
        """Return the coreset (None for everything), the indices to train on and the seconds that choosing took.

        The seconds are those of the sampler's largest coreset of that repetition, which is chosen first: the smaller
        ones are cut from the same order. A sampler without chance chooses once for all repetitions.
        """
        if planned.sampler == EVERYTHING:
            return None, self._prepared.split.pool, 0.0
        seed = self._seed(planned)
        key = (planned.sampler, planned.fraction, seed)
        if key not in self._chosen:
            started = time.perf_counter()
            self._chosen[key] = self._choose(planned, seed)
            took = time.perf_counter() - started
            order = (planned.sampler, seed)
            self._seconds[order] = max(self._seconds.get(order, 0.0), took)
        coreset = self._chosen[key]
        return coreset, np.sort(coreset.indices), self._seconds[(planned.sampler, seed)]

    def _seed(self, planned: PlannedRun) -> int:
        """Return what the draw is seeded by: of a sampler without chance all repetitions share one coreset."""
        sampler = SAMPLERS.get(planned.sampler)
        return self._settings.seed + (planned.seed if sampler is None or sampler.uses_seed else 0)

    def _choose(self, planned: PlannedRun, seed: int) -> Coreset:
        if planned.sampler.startswith(MATCHED):
            like, _indices, _seconds = self.get(replace(planned, sampler=planned.sampler.removeprefix(MATCHED)))
            if like is not None:
                return matched_random(self._prepared.dataset, self._prepared.split, like, seed)
        settings = replace(self._settings, sampler=planned.sampler, fraction=planned.fraction, images=None, seed=seed)
        return choose(self._prepared, settings)


@dataclass(frozen=True)
class SplitPart:
    """All that the trainings of one split share.

    Attributes
    ----------
    prepared : Prepared
        Of the split.
    judges : mapping of str to Judge
        What the networks among those asked for that see embeddings are trained on, by name.
    of_test : mapping of int to int
        Cluster of each test image inside its true class.
    selections : Selections
    """

    prepared: Prepared
    judges: Mapping[str, Judge]
    of_test: Mapping[int, int]
    selections: Selections

    def key(self, planned: PlannedRun) -> RunKey:
        """Return what a planned run is known by."""
        _coreset, indices, _seconds = self.selections.get(planned)
        return run_key(self.prepared, planned, indices, self.judge_for(planned))

    def judge_for(self, planned: PlannedRun) -> Judge | None:
        """Return what the planned network is trained on if it sees embeddings."""
        return self.judges.get(planned.network)

    def as_asked(self, run: RunResult, planned: PlannedRun, key: RunKey) -> RunResult:
        """Return a finished run as this comparison has it.

        It may have been made for another sampler that chose the same images, for other clusters, for another number of
        splits, or when the same test images stood elsewhere in the dataset.
        """
        _coreset, _indices, seconds = self.selections.get(planned)
        test = self.prepared.split.test
        clusters = np.array([self.of_test.get(int(index), NO_CLUSTER) for index in test], dtype=np.int64)
        return replace(
            run,
            key=key,
            test_indices=test,
            clusters=clusters,
            metrics=evaluate(run.true, run.predicted, run.classes, clusters, run.probabilities),
            select_seconds=run.select_seconds if run.key.sampler == key.sampler else seconds,
        )


def judges_of(prepared: Prepared, networks: Sequence[str], progress: Progress = NO_PROGRESS) -> dict[str, Judge]:
    """Prepare what those of some networks that see embeddings are trained on; names that are not known are left out."""
    known = [NETWORKS[name] for name in dict.fromkeys(networks) if name in NETWORKS]
    return {network.name: judge_of(prepared, network, progress) for network in known if network.is_judge}


def open_split(first: Prepared, split: int, progress: Progress = NO_PROGRESS) -> SplitPart:
    """Prepare one split of a comparison.

    Parameters
    ----------
    first : Prepared
        The study as it is: the split 0.
    split : int
        From 0. Features are kept by image, so that another split costs the features of images not seen yet, PCA and
        clusters.
    """
    prepared = first if split == 0 else prepare(study_of_split(first.study, split), progress)
    settings = first.study.settings
    return SplitPart(
        prepared=prepared,
        judges=judges_of(prepared, settings.comparison.networks, progress),
        of_test=clusters_of_test(prepared.split, prepared.embeddings, prepared.clusters),
        selections=Selections(prepared, settings.selection),
    )
