"""Feature extraction by the workers of a cluster, in the batches that one process would form."""

import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from coreset_studio.core.cluster import Cluster, WorkerFacts, facts_here
from coreset_studio.core.descriptions import SettingsPart
from coreset_studio.core.errors import CoresetError, FeatureError, WeightsError
from coreset_studio.core.features.decoding import Batch, ImageToDecode, prepared_batches
from coreset_studio.core.features.description import Extractor
from coreset_studio.core.features.extractors import extractor_named
from coreset_studio.core.features.steps import Compute
from coreset_studio.core.features.weights import load_weights
from coreset_studio.core.results import Dataset, FloatArray, WeightsUsed

_TASK_IMAGES = 128
"""About how many images a task has, at least one batch: few enough that a lost worker costs seconds."""


@dataclass(frozen=True)
class ExtractionTask:
    """Images that one worker extracts, some whole batches.

    Attributes
    ----------
    dataset : Dataset
        Only the images of this task.
    items : tuple of ImageToDecode
        Their rows are those of `dataset`.
    """

    extractor: str
    settings: SettingsPart | None
    used: WeightsUsed
    weights_file: Path | None
    dataset: Dataset
    items: tuple[ImageToDecode, ...]


@dataclass(frozen=True)
class ExtractedBatch:
    """Rows of one batch; `failures` are numbers of items of the task, with reasons."""

    keys: tuple[str, ...]
    blocks: Mapping[str, FloatArray]
    failures: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class TaskResult:
    """Batches of a task in order, and the worker that computed them; `error` is a sentence if it could not."""

    batches: tuple[ExtractedBatch, ...]
    facts: WorkerFacts
    error: str = ""


@dataclass
class Agreement:
    """How far rows of workers with another processor agree with those that this process computes.

    Attributes
    ----------
    processors : Counter
        Images by processor.
    workers : list of WorkerFacts
        Those that differ, in the sequence in which they were first seen.
    samples : dict
        By other processor: its first task and result.
    """

    processors: Counter[str] = field(default_factory=Counter)
    workers: list[WorkerFacts] = field(default_factory=list)
    samples: dict[str, tuple[ExtractionTask, TaskResult]] = field(default_factory=dict)

    def add(self, task: ExtractionTask, result: TaskResult) -> None:
        """Count a result; the first one of each other processor is kept as its sample."""
        processor = result.facts.processor
        self.processors[processor] += sum(len(batch.keys) for batch in result.batches)
        if result.facts not in self.workers:
            self.workers.append(result.facts)
        if processor != facts_here().processor:
            self.samples.setdefault(processor, (task, result))

    def notes(self, compute: Callable[[], Compute]) -> list[str]:
        """Return a sentence for each other processor, after extracting its sample again by this process.

        Parameters
        ----------
        compute : callable
            Loads the network of this process; called only if there is another processor.
        """
        notes = []
        for processor, (task, result) in sorted(self.samples.items()):
            same, n, largest = _agreement(result, _extract(task, compute()))
            notes.append(
                f"{self.processors[processor]:,} images were extracted on another processor ({processor}; here "
                f"{facts_here().processor}). Of {n:,} of them, extracted here again, {same:,} have the same "
                f"features to the bit ({same / max(n, 1):.0%}); the largest difference is {largest:.1e} of the "
                f"largest value."
            )
        return notes


def batches_of(
    cluster: Cluster,
    extractor: Extractor,
    used: WeightsUsed,
    weights_file: Path | None,
    dataset: Dataset,
    missing: Sequence[ImageToDecode],
    agreement: Agreement,
    tick: Callable[[], None],
) -> Generator[tuple[Batch, Mapping[str, FloatArray]], None, None]:
    """Yield the batches of `missing` and their rows by block, computed by workers, in the order of one process.

    Raises
    ------
    FeatureError
        If a worker cannot extract, such as for lack of weights.
    ClusterError
        If the scheduler or all workers are lost.
    """
    step = max(1, _TASK_IMAGES // extractor.batch_size) * extractor.batch_size
    tasks = [
        _task(extractor, used, weights_file, dataset, missing[start : start + step])
        for start in range(0, len(missing), step)
    ]
    results = cluster.map(extract_on_worker, tasks, tick)
    try:
        for number, result in enumerate(results):
            if result.error:
                raise FeatureError(f"A worker cannot extract {extractor.title}: {result.error}")
            agreement.add(tasks[number], result)
            items = missing[number * step : (number + 1) * step]
            for each in result.batches:
                failures = tuple((items[at], reason) for at, reason in each.failures)
                yield Batch(each.keys, np.empty(0, np.uint8), failures), each.blocks
    finally:
        results.close()


def extract_on_worker(task: ExtractionTask) -> TaskResult:
    """Extract the images of a task in a worker."""
    facts = facts_here()
    try:
        with _ONE_AT_A_TIME:
            compute = _kept(task.extractor, task.settings, task.used, task.weights_file)
            return TaskResult(tuple(_extract(task, compute)), facts)
    except CoresetError as error:
        return TaskResult((), facts, str(error))


def loaded(extractor: Extractor, used: WeightsUsed, weights_file: Path | None, *, untrained: bool) -> Compute:
    """Load an extractor's network with the very weights that the cache is kept under.

    Raises
    ------
    WeightsError
        If they are others now.
    """
    if not extractor.weights:
        return extractor.load(None)
    tensors, found = load_weights(extractor.name, file=weights_file, untrained=untrained)
    if found.digest != used.digest:
        raise WeightsError(f"The weights of {extractor.title} changed while they were in use; run again.")
    return extractor.load(tensors)


_ONE_AT_A_TIME = threading.Lock()
"""Threads of a worker take turns: the network uses all its processors anyway."""


@lru_cache(maxsize=2)
def _kept(name: str, settings: SettingsPart | None, used: WeightsUsed, weights_file: Path | None) -> Compute:
    extractor = extractor_named(name).with_settings(settings)
    return loaded(extractor, used, weights_file, untrained=used.state == "untrained")


def _task(
    extractor: Extractor,
    used: WeightsUsed,
    weights_file: Path | None,
    dataset: Dataset,
    items: Sequence[ImageToDecode],
) -> ExtractionTask:
    """Return a task with the images that it reads alone, so that it stays small whatever the dataset."""
    rows: list[int] = []
    own = []
    for item in items:
        own.append(ImageToDecode(item.key, tuple(range(len(rows), len(rows) + len(item.indices)))))
        rows += item.indices
    part = replace(
        dataset,
        root=dataset.root.absolute(),
        images=tuple(dataset.images[row] for row in rows),
        skipped=(),
        warnings=(),
    )
    file = weights_file.absolute() if weights_file is not None else None
    return ExtractionTask(extractor.name, extractor.chosen, used, file, part, tuple(own))


def _extract(task: ExtractionTask, compute: Compute) -> list[ExtractedBatch]:
    extractor = extractor_named(task.extractor).with_settings(task.settings)
    number = {item: at for at, item in enumerate(task.items)}
    batches = prepared_batches(task.dataset, task.items, extractor.prepare, extractor.batch_size)
    found = []
    try:
        for batch in batches:
            blocks = compute(batch.prepared) if batch.keys else {}
            failures = tuple((number[item], reason) for item, reason in batch.failures)
            found.append(ExtractedBatch(batch.keys, dict(blocks), failures))
    finally:
        batches.close()
    return found


def _agreement(theirs: TaskResult, ours: Sequence[ExtractedBatch]) -> tuple[int, int, float]:
    """Return how many images have the same rows, of how many, and the largest difference as a share."""
    same, n, largest = 0, 0, 0.0
    for one, other in zip(theirs.batches, ours, strict=True):
        if one.keys != other.keys or not one.keys:
            continue
        equal = np.logical_and.reduce([(rows == other.blocks[block]).all(axis=1) for block, rows in one.blocks.items()])
        same, n = same + int(equal.sum()), n + len(one.keys)
        for block, rows in one.blocks.items():
            scale = float(np.abs(rows).max()) or 1.0
            largest = max(largest, float(np.abs(rows - other.blocks[block]).max()) / scale)
    return same, n, largest
