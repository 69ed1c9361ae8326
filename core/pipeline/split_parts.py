"""One split of a comparison: its images, features, clusters, probe and coresets."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from coreset_studio.core.data.rereading import named_with_reasons
from coreset_studio.core.errors import LostImagesError, TrainingError
from coreset_studio.core.pipeline.planning import EVERYTHING, PlannedRun, study_of_split
from coreset_studio.core.pipeline.run_keys import ProbeInput, probe_input_of, run_key
from coreset_studio.core.pipeline.stages import MATCHED, Prepared, choose, prepare
from coreset_studio.core.pipeline.teaching import Teaching, is_taught
from coreset_studio.core.progress import NO_PROGRESS, Progress, Publisher
from coreset_studio.core.results import Coreset, IntArray, Note, RunKey, RunResult, Split
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.selection.selecting import matched_random
from coreset_studio.core.settings import SelectionSettings
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.evaluation import clusters_of_test, evaluate
from coreset_studio.core.training.evidence import NO_CLUSTER


class Selections:
    """The coresets of one split of a comparison, each selected once, with the time of the selection.

    Parameters
    ----------
    prepared : Prepared
    settings : SelectionSettings
        Sampler, fraction and seed are those of the planned runs.
    """

    def __init__(self, prepared: Prepared, settings: SelectionSettings) -> None:
        self._prepared = prepared
        self._settings = settings
        self._chosen: dict[tuple[str, float, int], Coreset] = {}
        self._seconds: dict[tuple[str, int], float] = {}

    def get(self, planned: PlannedRun) -> tuple[Coreset | None, IntArray, float]:
        """Return the coreset (None for the whole pool), the indices to train on, and the time to select in seconds.

        The time is that of the largest coreset of the sampler in that repetition, which is selected first: smaller
        coresets are cut from the same ranking. A deterministic sampler selects once for all repetitions.
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
        """Return the seed of the selection; all repetitions of a deterministic sampler share one."""
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
    """Data that the trainings of one split share.

    Attributes
    ----------
    prepared : Prepared
        Prepared study of the split.
    probe_inputs : mapping of str to ProbeInput
        Training data of the networks that see embeddings, by name.
    of_test : mapping of int to int
        Cluster of each test image within its true class.
    selections : Selections
    lost : dict of int to str
        Images that could no longer be read as they were scanned when a training required them, with the reason; shared
        by the splits of a comparison. Later trainings exclude them.

    Notes
    -----
    A network that sees embeddings reads no images, so it is trained on all selected images. No network is tested on a
    lost image, so that all are tested on the same images.
    """

    prepared: Prepared
    probe_inputs: Mapping[str, ProbeInput]
    of_test: Mapping[int, int]
    selections: Selections
    lost: dict[int, str] = field(default_factory=dict)

    def key(self, planned: PlannedRun) -> RunKey:
        """Return the key of a planned run, which includes the images that it is actually trained and tested on."""
        prepared = replace(self.prepared, split=self.split) if self.lost else self.prepared
        teacher = self.teaching.mark if self.is_taught(planned) else ""
        return run_key(prepared, planned, self.indices(planned), self.probe_input_for(planned), teacher)

    @cached_property
    def teaching(self) -> Teaching:
        """The teacher of soft labels of the whole pool, shared by all trainings of the split."""
        return Teaching(self.prepared)

    def is_taught(self, planned: PlannedRun) -> bool:
        """Whether a planned run is trained with soft labels."""
        return is_taught(NETWORKS[planned.network], self.prepared.study.settings.training)

    def teach(
        self, planned: PlannedRun, stored: Mapping[str, RunResult], progress: Publisher[Note] = NO_PROGRESS
    ) -> None:
        """Fit the teacher if a planned run requires it and is not stored."""
        if self.is_taught(planned) and self.key(planned).fingerprint not in stored:
            self.teaching.teacher(progress)

    @property
    def split(self) -> Split:
        """The split without lost validation and test images; the pool is complete, since it determines the classes."""
        split = self.prepared.split
        return replace(split, validation=self._left(split.validation), test=self._left(split.test))

    def indices(self, planned: PlannedRun) -> IntArray:
        """Return the images that a planned run is trained on, ascending."""
        _coreset, indices, _seconds = self.selections.get(planned)
        return indices if self._sees_embeddings(planned) else self._left(indices)

    def lose(self, error: LostImagesError) -> str:
        """Exclude the images that a training could not read, and return a sentence that names them.

        Raises
        ------
        LostImagesError
            If all of them were excluded before.
        TrainingError
            If no test image is left.
        """
        fresh = {index: reason for index, reason in error.reasons.items() if index not in self.lost}
        if not fresh:
            raise error
        self.lost.update(fresh)
        if len(self.split.test) == 0:
            raise TrainingError(f"None of the test images can still be read. {error}")
        return without_words(self.prepared, fresh)

    def check(self, planned: PlannedRun) -> None:
        """Check that a planned run has images left to train on.

        Raises
        ------
        TrainingError
            If it has none.
        """
        if self.lost and len(self.indices(planned)) == 0:
            _coreset, indices, _seconds = self.selections.get(planned)
            names = named_with_reasons(self.prepared.dataset, {i: self.lost[i] for i in indices.tolist()})
            raise TrainingError(
                f"None of the training images can still be read: {names}. Make them readable, and scan again."
            )

    def _left(self, indices: IntArray) -> IntArray:
        return indices[~np.isin(indices, list(self.lost))] if self.lost else indices

    def _sees_embeddings(self, planned: PlannedRun) -> bool:
        return NETWORKS[planned.network].sees_embeddings

    def _note(self, planned: PlannedRun) -> str:
        """Return the note of a run without lost images; empty if none is lost."""
        split = self.prepared.split
        _coreset, indices, _seconds = self.selections.get(planned)
        used = [split.test] if self._sees_embeddings(planned) else [indices, split.validation, split.test]
        without = np.intersect1d(np.concatenate(used), list(self.lost)).astype(np.int64).tolist()
        if not without:
            return ""
        names = ", ".join(self.prepared.dataset.images[index].path for index in without[:3])
        more = f" and {len(without) - 3:,} more" if len(without) > 3 else ""
        return f"without {names}{more}, which could no longer be read"

    def probe_input_for(self, planned: PlannedRun) -> ProbeInput | None:
        """Return the training data of the planned network if it sees embeddings; else None."""
        return self.probe_inputs.get(planned.network)

    def as_planned(self, run: RunResult, planned: PlannedRun, key: RunKey) -> RunResult:
        """Return a finished run with the key, clusters and indices of this comparison.

        It may be from a sampler that selected the same images, other clusters, another number of splits, or a dataset
        in which the same test images had other indices.
        """
        _coreset, _indices, seconds = self.selections.get(planned)
        test = self.split.test
        clusters = np.array([self.of_test.get(int(index), NO_CLUSTER) for index in test], dtype=np.int64)
        return replace(
            run,
            key=key,
            test_indices=test,
            clusters=clusters,
            metrics=evaluate(run.true, run.predicted, run.classes, clusters, run.probabilities),
            select_seconds=run.select_seconds if run.key.sampler == key.sampler else seconds,
            note="; ".join(part for part in (run.note, self._note(planned)) if part),
        )

    def without_lost_tests(self, run: RunResult) -> RunResult:
        """Return a run evaluated without the test images that were lost after it."""
        kept = ~np.isin(run.test_indices, list(self.lost))
        if kept.all():
            return run
        clusters = None if run.clusters is None else run.clusters[kept]
        probabilities = None if run.probabilities is None else run.probabilities[kept]
        true, predicted = run.true[kept], run.predicted[kept]
        return replace(
            run,
            test_indices=run.test_indices[kept],
            true=true,
            predicted=predicted,
            confidence=run.confidence[kept],
            clusters=clusters,
            probabilities=probabilities,
            metrics=evaluate(true, predicted, run.classes, clusters, probabilities),
        )


def without_words(prepared: Prepared, reasons: Mapping[int, str]) -> str:
    """Return a sentence on the images that are excluded from trainings, with the reasons."""
    names = named_with_reasons(prepared.dataset, reasons)
    count = "1 image that" if len(reasons) == 1 else f"{len(reasons):,} images that"
    return f"Trained and tested without {count} could no longer be read as scanned: {names}."


def probe_inputs_of(
    prepared: Prepared, networks: Sequence[str], progress: Progress = NO_PROGRESS
) -> dict[str, ProbeInput]:
    """Prepare the data of those networks that use embeddings; unknown names are ignored."""
    known = [NETWORKS[name] for name in dict.fromkeys(networks) if name in NETWORKS]
    return {network.name: probe_input_of(prepared, network, progress) for network in known if network.sees_embeddings}


def open_split(
    first: Prepared, split: int, progress: Progress = NO_PROGRESS, lost: dict[int, str] | None = None
) -> SplitPart:
    """Prepare one split of a comparison.

    Parameters
    ----------
    first : Prepared
        The prepared study of split 0.
    split : int
        From 0. Features are cached by image, so that another split only requires features of new images, PCA and
        clusters. Nothing is scanned again, since all splits have the same images.
    lost : dict of int to str, optional
        Images that are known to be lost; those that are lost in this split are added.
    """
    prepared = first if split == 0 else prepare(study_of_split(first.study, split), progress, dataset=first.dataset)
    settings = first.study.settings
    return SplitPart(
        prepared=prepared,
        probe_inputs=probe_inputs_of(prepared, settings.comparison.networks, progress),
        of_test=clusters_of_test(prepared.split, prepared.embeddings, prepared.clusters),
        selections=Selections(prepared, settings.selection),
        lost={} if lost is None else lost,
    )
