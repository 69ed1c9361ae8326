"""The teacher of soft labels in a study: fitted when required, and cached."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coreset_studio.core.cache import ArrayCache, fingerprint
from coreset_studio.core.data.unlabelled import need_labels
from coreset_studio.core.estimate import EXACT_LIMIT, FLOPS_OF_TWO_CORES, Speeds, remember_speed
from coreset_studio.core.features.extractors import EXTRACTORS, extractor_in
from coreset_studio.core.pipeline.planning import EVERYTHING, STRATIFIED, plan
from coreset_studio.core.pipeline.stages import Prepared
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS, Progress, Publisher
from coreset_studio.core.results import Note, Teacher
from coreset_studio.core.settings import ComparisonSettings, TrainingSettings, parts_of
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.network import Network
from coreset_studio.core.training.teacher import FOLDS, N_COMPONENTS, VERSION, Units, fit_teacher, pool_units

STAGE = "teacher"
RANDOM = "random"
# Per image of the pool, PCA apart: 2,394 images of four views in 4.7 s on two cores.
SECONDS_PER_IMAGE = 0.002
LEAST_MEASURED = 500
# By how many columns rows of a large view are multiplied until its components are found.
KRYLOV_COLUMNS = 1024


def is_taught(network: Network, training: TrainingSettings) -> bool:
    """Return whether a network is trained with soft labels: they are on, and the network uses the training settings."""
    reads = network.reads is None or "recipe" in network.reads
    return reads and bool(parts_of(training).soft_labels)


class Teaching:
    """The teacher of a pool, fitted when first required and stored in the cache.

    Parameters
    ----------
    prepared : Prepared
        The teacher is fitted on its whole pool, with the features that coresets are selected by.
    """

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._teacher: Teacher | None = None

    @cached_property
    def together(self) -> Units:
        """Units of the pool, each of which is in one fold."""
        prepared = self._prepared
        return pool_units(prepared.dataset, prepared.split.pool, prepared.study.settings.data)

    @cached_property
    def mark(self) -> str:
        """Key of the teacher, available without fitting."""
        dataset, together = self._prepared.dataset, self.together
        images = [dataset.images[index] for index in together.indices]
        return fingerprint(
            VERSION,
            FOLDS,
            N_COMPONENTS,
            [[one.fingerprint, one.extractor, list(one.block_names)] for one in self._prepared.extracted],
            [[image.pixels, image.class_name] for image in images],
            together.numbers,
            together.notes,
        )

    def teacher(self, progress: Publisher[Note] = NO_PROGRESS) -> Teacher:
        """Return the teacher, from the cache if it is there; its notes are published the first time.

        Raises
        ------
        TrainingError
            If the pool cannot be divided into folds.
        MemoryShortError
            If it requires more memory than is available.
        """
        need_labels(self._prepared.dataset, "A teacher of class probabilities")
        if self._teacher is None:
            self._teacher = self.kept() or self._fitted(progress)
            for note in self._teacher.notes:
                progress.publish(Note(note))
        return self._teacher

    def kept(self) -> Teacher | None:
        """Return the teacher from the cache, without fitting; None if it is not there."""
        dataset, together = self._prepared.dataset, self.together
        stored = ArrayCache(self._prepared.study.cache_folder).load(STAGE, self.mark)
        if stored is None:
            return None
        classes = tuple(stored.facts["classes"])
        found = np.array(stored.arrays["probabilities"])
        probabilities = np.zeros((len(found), len(dataset.classes)), dtype=np.float32)
        # Other classes of the dataset have no image in the pool.
        probabilities[:, [dataset.classes.index(name) for name in classes]] = found
        knows = np.array(stored.arrays["knows"]).astype(bool)
        notes = tuple(str(note) for note in stored.facts["notes"])
        seconds = float(stored.facts["seconds"])
        return Teacher(dataset.classes, together.indices, probabilities, knows, seconds, notes)

    def _fitted(self, progress: Progress) -> Teacher:
        prepared = self._prepared
        teacher = fit_teacher(prepared.dataset, prepared.extracted, self.together, progress=progress)
        labels = prepared.dataset.labels[teacher.indices]
        places = np.unique(labels)
        arrays: dict[str, NDArray[Any]] = {
            "probabilities": teacher.probabilities[:, places],
            "knows": teacher.knows.astype(np.uint8),
        }
        facts: dict[str, object] = {
            "classes": [teacher.classes[place] for place in places],
            "seconds": teacher.seconds,
            "notes": list(teacher.notes),
        }
        ArrayCache(prepared.study.cache_folder).store(STAGE, self.mark, arrays, facts)
        name = _speed([one.extractor for one in prepared.extracted])
        # For a small pool, the fixed cost of every fit matters more than the images.
        remember_speed(name, teacher.seconds, len(teacher.indices), prepared.study.cache_folder, least=LEAST_MEASURED)
        return teacher


def any_taught(comparison: ComparisonSettings, training: TrainingSettings) -> bool:
    """Return whether a network of a comparison is trained with soft labels."""
    return any(name in NETWORKS and is_taught(NETWORKS[name], training) for name in comparison.networks)


def teacher_seconds(study: Study, n_pool: int) -> float:
    """Return an estimate of the seconds to fit the teachers of a comparison, one per split; 0 without soft labels."""
    comparison, training = study.settings.comparison, study.settings.training
    if not any_taught(comparison, training):
        return 0.0
    names = study.settings.features.extractors
    known = [extractor_in(study.settings.features, name) for name in names if name in EXTRACTORS]
    sizes = [size for extractor in known for size in extractor.blocks.values()]
    # For every image and fold of each view its part of the smaller Gram matrix, on one core; none is made beyond.
    sides = [min(n_pool, size) if min(n_pool, size) <= EXACT_LIMIT else KRYLOV_COLUMNS for size in sizes]
    flops = sum(2.0 * FOLDS * size * side for size, side in zip(sizes, sides, strict=True))
    otherwise = SECONDS_PER_IMAGE + 2 * flops / FLOPS_OF_TWO_CORES
    per_image, _ = Speeds.read(study.cache_folder).get(_speed(names), otherwise)
    return comparison.splits * n_pool * per_image


def _speed(extractors: Sequence[str]) -> str:
    """Return the name under which the measured speed of fitting a teacher on these extractors is stored."""
    return f"{STAGE} {'+'.join(extractors)}"


def missing_baselines(comparison: ComparisonSettings, training: TrainingSettings) -> tuple[str, ...]:
    """Return a sentence on rows that are missing for evaluating soft labels; empty if none is."""
    if not any_taught(comparison, training):
        return ()
    rows = {planned.sampler for planned in plan(comparison)}
    samplers = [name for name in (RANDOM, STRATIFIED) if name not in rows]
    lacking = [*samplers, *([] if EVERYTHING in rows else [EVERYTHING])]
    return (_missing_words(lacking, samplers, comparison),) if lacking else ()


def _missing_words(lacking: Sequence[str], samplers: Sequence[str], comparison: ComparisonSettings) -> str:
    *others, last = ("the whole pool" if name == EVERYTHING else name for name in lacking)
    named = f"{', '.join(others)} and {last}" if others else last
    ways = []
    if samplers:
        ways.append(f"--samplers {','.join(dict.fromkeys([*comparison.samplers, *samplers]))} (“Samplers”)")
    fractions = [*comparison.fractions, *([1.0] if EVERYTHING in lacking else [])]
    if min(fractions) >= 1:
        fractions = [0.1, *fractions]
    if fractions != list(comparison.fractions):
        ways.append(f"--fractions {','.join(f'{each:g}' for each in fractions)} (“Fractions of the pool”)")
    return (
        f"Soft labels are on, but {named} {'are' if others else 'is'} not trained, so the gain from soft labels "
        f"cannot be separated from that of the sampler. Add {'them' if others else 'it'} by {' and '.join(ways)}."
    )
