"""Compute an extractor's output for the images of a dataset: once for each content, resumable, cached."""

import json
import math
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from coreset_studio.core.cache import fingerprint, write_atomically
from coreset_studio.core.cluster import WorkerFacts, active
from coreset_studio.core.cluster.workers import remember_workers, workers_of
from coreset_studio.core.descriptions import Cost, SettingsPart, plugins_used
from coreset_studio.core.errors import FeatureError
from coreset_studio.core.estimate import TENSORFLOW_BYTES
from coreset_studio.core.features.decoding import Batch, ImageToDecode, images_to_decode, prepared_batches
from coreset_studio.core.features.description import Extractor
from coreset_studio.core.features.distributed import Agreement, batches_of, loaded
from coreset_studio.core.features.extractors import EXTRACTORS, extractor_named
from coreset_studio.core.features.steps import Compute, FileState, StoredRows
from coreset_studio.core.features.weights import weights_used
from coreset_studio.core.forms import read_json
from coreset_studio.core.memory import Ways, memory_for
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Dataset, FloatArray, IntArray, LeftOut, Skipped, Split, WeightsUsed
from coreset_studio.core.row_store import RowStore
from coreset_studio.core.settings import settings_in_keys

CHUNK_IMAGES, CHUNK_SECONDS = 512, 10.0
"""A chunk is written after this number of images or this time, the most that a killed run loses."""

_FOLDER = "features"
_ENOUGH_TO_MEASURE = 64


@dataclass(frozen=True)
class Extracted:
    """An extractor's output for a dataset, on disk.

    Attributes
    ----------
    extractor : str
    weights : WeightsUsed
    blocks : mapping of str to int
        Numbers in each block.
    fingerprint : str
        Of extractor, version and weights: same fingerprint and same image, same row.
    failed : tuple of Skipped
        Images requested that could not be read now, and why; they have no row.
    failed_indices : ndarray of shape (n_failed,), int64
        Their rows in the dataset, in the order of `failed`.
    n_computed : int
        Distinct images computed by this call; the rest came from the cache.
    seconds_computing : float
        What that took, loading the network included.
    label : str
        What must be shown with every result, as of features that are read from a file; empty if nothing.
    notes : tuple of str
        What was assumed about such a file; how far features of workers with another processor agree with those of this
        computer.
    workers : tuple of WorkerFacts
        Workers of a cluster that have extracted images for this cache, each processor and set of versions once; none if
        all were extracted by a process of its own.
    """

    extractor: str
    weights: WeightsUsed
    blocks: Mapping[str, int]
    fingerprint: str
    failed: tuple[Skipped, ...]
    failed_indices: IntArray
    n_computed: int
    seconds_computing: float
    dataset: Dataset
    stores: Mapping[str, RowStore]
    label: str = ""
    notes: tuple[str, ...] = ()
    workers: tuple[WorkerFacts, ...] = ()

    @property
    def block_names(self) -> tuple[str, ...]:
        """Names of the blocks, in the extractor's order."""
        return tuple(self.blocks)

    def rows(self, block: str, indices: IntArray) -> FloatArray:
        """Return one block of the images `indices`, shape (len(indices), n_features), float32.

        Raises
        ------
        FeatureError
            If an image was not extracted, because it failed or was not requested.
        """
        images = [self.dataset.images[int(index)] for index in indices]
        try:
            return self.stores[block].rows([image.pixels for image in images])
        except KeyError:
            lacking = next(image.path for image in images if image.pixels not in self.stores[block])
            raise FeatureError(
                f"{lacking} has no {self.extractor} features: it could not be read or was not requested. "
                f"Scan the dataset again."
            ) from None


def extract(
    dataset: Dataset,
    name: str,
    *,
    cache_folder: Path,
    indices: IntArray | None = None,
    untrained: bool = False,
    weights_file: Path | None = None,
    settings: SettingsPart | None = None,
    progress: Progress = NO_PROGRESS,
) -> Extracted:
    """Compute what is not in the cache yet, and return access to all of it.

    Images are decoded in threads while the network computes. An image that can no longer be read does not stop the
    run; it is listed in `Extracted.failed`.

    Parameters
    ----------
    dataset : Dataset
    name : str
        Of an extractor.
    cache_folder : Path
    indices : ndarray of int64, optional
        Rows of the dataset; all by default.
    untrained : bool
        Use seeded random weights.
    weights_file : Path, optional
        Use this file instead of looking for one.
    settings : SettingsPart, optional
        The extractor's own, where it has any; by default theirs.
    progress : Progress
        Counts distinct images, those from the cache included.

    Raises
    ------
    FeatureError
        If there is no such extractor, or the code of a plugin's fails.
    MissingWeightsError
        If its weights are nowhere on this machine.
    WeightsError
        If `weights_file` does not fit.
    CacheError
        If the cache cannot be written.
    CancelledError
        If the user cancelled; what was computed is kept.
    """
    started = time.perf_counter()
    extractor = extractor_named(name).with_settings(settings)
    used = weights_of(extractor, weights_file, untrained=untrained)
    chosen = range(len(dataset.images)) if indices is None else indices.tolist()
    items = images_to_decode(dataset, chosen)
    run = _Run(extractor, used, cache_folder, progress, len(items))
    missing = [item for item in items if not run.has(item.key)]
    run.report(len(items) - len(missing))
    missing = run.derive(missing)
    stored = extractor.stored
    if stored is not None:
        with memory_for(f"Reading {extractor.title}", extractor.cost.bytes_fixed, _other_extractors(extractor)):
            run.read(stored, dataset, missing)
    elif missing:
        # The declared cost includes TensorFlow, which may be loaded already.
        there = TENSORFLOW_BYTES if extractor.weights and "tensorflow" in sys.modules else 0
        needed = extractor.cost.bytes_fixed - there
        with memory_for(
            f"Extracting {extractor.title} ({len(missing):,} images)", needed, _other_extractors(extractor)
        ):
            run.compute(dataset, missing, weights_file)
    failed = sorted((index, reason) for item, reason in run.failures for index in item.indices)
    return Extracted(
        extractor=name,
        weights=used,
        blocks=extractor.blocks,
        fingerprint=_fingerprint(extractor, used),
        failed=tuple(Skipped(dataset.images[index].path, reason) for index, reason in failed),
        failed_indices=np.array([index for index, _ in failed], dtype=np.int64),
        n_computed=run.n_computed,
        seconds_computing=time.perf_counter() - started if run.n_computed else 0.0,
        dataset=dataset,
        stores=run.stores,
        label=stored.label if stored is not None else "",
        notes=tuple(run.notes),
        workers=workers_of(_workers_file(extractor, used, cache_folder)),
    )


def weights_of(extractor: Extractor, weights_file: Path | None = None, *, untrained: bool = False) -> WeightsUsed:
    """Return which weights an extractor would use; of one that reads a file, which file.

    Raises
    ------
    MissingWeightsError
        If they are nowhere on this machine.
    WeightsError
        If `weights_file` does not fit.
    """
    stored = extractor.stored
    if stored is not None:
        return WeightsUsed(extractor.name, stored.digest, "file" if stored.digest else "none")
    return weights_used(extractor.name, file=weights_file, untrained=untrained)


def _other_extractors(extractor: Extractor) -> Ways:
    """Return what names an extractor that needs less memory."""

    def ways(free: int) -> list[str]:
        others = (each for each in EXTRACTORS.values() if each.name != extractor.name and not each.from_file)
        fitting = [each.title for each in others if each.cost.bytes_fixed < free]
        return [f"select another extractor, such as {fitting[0]}"] if fitting else []

    return ways


def without_failed(split: Split, extracted: Sequence[Extracted]) -> Split:
    """Return `split` without the images that some extractor could not read, which become `left_out`."""
    reasons = {
        int(index): skipped.reason
        for each in extracted
        for index, skipped in zip(each.failed_indices, each.failed, strict=True)
    }
    if not reasons:
        return split
    gone = np.array(sorted(reasons), dtype=np.int64)
    sets = {name: getattr(split, name) for name in ("pool", "validation", "test")}
    used = np.concatenate(list(sets.values()))
    left_out = tuple(LeftOut(index, reasons[index]) for index in np.intersect1d(gone, used).tolist())
    kept = {name: rows[~np.isin(rows, gone)] for name, rows in sets.items()}
    return replace(split, **kept, left_out=split.left_out + left_out)


def count_missing(
    dataset: Dataset,
    name: str,
    *,
    cache_folder: Path,
    indices: IntArray,
    untrained: bool = False,
    settings: SettingsPart | None = None,
) -> int:
    """Return how many of the images `indices` the extractor has not processed yet; nothing is computed.

    Of one that reads a file, images that are known to have no row there do not count.

    Raises
    ------
    MissingWeightsError
        If its weights are nowhere on this machine.
    """
    extractor = extractor_named(name).with_settings(settings)
    stores = _stores(extractor, weights_of(extractor, untrained=untrained), cache_folder).values()
    keys = [dataset.images[index].pixels for index in indices.tolist()]
    stored = extractor.stored
    if stored is not None:
        known = stored.known(dataset, cache_folder)
        # Images without a row will never have one.
        keys = [key for key in keys if known is None or key in known.rows]
    return sum(any(key not in store for store in stores) for key in keys)


def extractor_cost(name: str, cache_folder: Path, settings: SettingsPart | None = None) -> Cost:
    """Return what an extractor costs: as last measured on this machine, otherwise as in its description.

    Parameters
    ----------
    name : str
    cache_folder : Path
    settings : SettingsPart, optional
        The extractor's own, where it has any.

    Returns
    -------
    Cost
        Its `basis` names the images a second and where that was measured.
    """
    extractor = extractor_named(name).with_settings(settings)
    with suppress(OSError, ValueError, KeyError, TypeError, ArithmeticError):
        last = read_json(_rate_file(cache_folder, extractor))
        seconds = float(last["seconds"]) / int(last["images"])
        # How fast one file was read says little about another.
        if 0 < seconds < math.inf and not extractor.from_file:
            basis = f"{_rate(seconds)}, as measured on this machine"
            return Cost(seconds_per_image=seconds, bytes_fixed=extractor.cost.bytes_fixed, basis=basis)
    seconds = extractor.cost.seconds_per_image
    return replace(extractor.cost, basis=f"{_rate(seconds)}, {extractor.cost.basis}" if seconds else "not measured yet")


def _rate(seconds_per_image: float) -> str:
    return f"{1 / seconds_per_image:.3g} images/s"


class _Run:
    """One call of `extract`: the stores of the blocks, what is waiting to be written, and how far it is."""

    def __init__(
        self, extractor: Extractor, used: WeightsUsed, cache_folder: Path, progress: Progress, total: int
    ) -> None:
        self.stores = _stores(extractor, used, cache_folder)
        self.failures: list[tuple[ImageToDecode, str]] = []
        self.notes: list[str] = []
        self.n_computed = 0
        self._extractor = extractor
        self._used = used
        self._cache_folder = cache_folder
        self._progress = progress
        self._total = total
        self._done = 0
        self._keys: list[str] = []
        self._parts: dict[str, list[FloatArray]] = {block: [] for block in extractor.blocks}
        self._last_written = time.monotonic()

    def has(self, key: str) -> bool:
        """Return whether every block of this content is in the cache."""
        return all(key in store for store in self.stores.values())

    def report(self, done: int) -> None:
        """Report that `done` more images are finished."""
        self._done += done
        self._progress.report(self._done, self._total, f"Extracting {self._extractor.name}: images")

    def derive(self, missing: Sequence[ImageToDecode]) -> list[ImageToDecode]:
        """Take what follows from another extractor's rows in the cache; return what is still missing."""
        source = self._extractor.derived_from
        if not source or not missing:
            return list(missing)
        (rows,) = _stores(extractor_named(source), self._used, self._cache_folder).values()
        (block,) = self._extractor.blocks
        there = [item for item in missing if item.key in rows]
        for start in range(0, len(there), CHUNK_IMAGES):
            keys = [item.key for item in there[start : start + CHUNK_IMAGES]]
            self.stores[block].append(keys, self._extractor.derive(rows.rows(keys)))
            self.report(len(keys))
        return [item for item in missing if item.key not in rows]

    def compute(self, dataset: Dataset, missing: Sequence[ImageToDecode], weights_file: Path | None) -> None:
        """Compute `missing`, writing chunks as they fill; results are kept even after an error.

        On the workers of the cluster, if one is in use.
        """
        extractor, used, cluster = self._extractor, self._used, active()

        def load() -> Compute:
            return loaded(extractor, used, weights_file, untrained=used.state == "untrained")

        if cluster is None:
            self._take(prepared_batches(dataset, missing, extractor.prepare, extractor.batch_size), missing, load())
            return
        agreement = Agreement()
        batches = batches_of(
            cluster, extractor, used, weights_file, dataset, missing, agreement, lambda: self.report(0)
        )
        try:
            self._take_rows(batches, missing)
        finally:
            remember_workers(_workers_file(extractor, used, self._cache_folder), agreement.workers)
        self.notes += agreement.notes(load)

    def read(self, stored: StoredRows, dataset: Dataset, missing: Sequence[ImageToDecode]) -> None:
        """Read `missing` from a file; images without a row there fail, now and whenever they are requested again."""
        found = stored.match(dataset, self._cache_folder, self._progress)
        state = stored.state(dataset, self._cache_folder)
        self.notes += [*found.notes, *([state.sentence] if state.name == FileState.CHANGED else [])]
        there = [item for item in missing if item.key in found.rows]
        gone = [item for item in missing if item.key not in found.rows]
        self.failures += [(item, found.reasons[item.key]) for item in gone]
        self.report(len(gone))
        if there:
            batches = stored.batches(dataset, there, self._cache_folder, self._progress)
            self._take(batches, there, self._extractor.load(None))

    def _take(self, batches: Generator[Batch, None, None], wanted: Sequence[ImageToDecode], compute: Compute) -> None:
        begun = time.perf_counter()

        def with_rows() -> Generator[tuple[Batch, Mapping[str, FloatArray]], None, None]:
            try:
                for batch in batches:
                    yield batch, compute(batch.prepared) if batch.keys else {}
            finally:
                batches.close()

        self._take_rows(with_rows(), wanted)
        if self.n_computed >= _ENOUGH_TO_MEASURE:
            facts = {"images": self.n_computed, "seconds": time.perf_counter() - begun}
            with suppress(OSError):
                write_atomically(_rate_file(self._cache_folder, self._extractor), json.dumps(facts).encode())

    def _take_rows(
        self, batches: Generator[tuple[Batch, Mapping[str, FloatArray]], None, None], wanted: Sequence[ImageToDecode]
    ) -> None:
        items = {item.key: item for item in wanted}
        try:
            for batch, rows in batches:
                self.failures += batch.failures
                if batch.keys:
                    self._keep(*self._finite(batch.keys, rows, items))
                self.report(batch.n_images)
        finally:
            batches.close()
            self._write()

    def _finite(
        self, keys: Sequence[str], blocks: Mapping[str, FloatArray], items: Mapping[str, ImageToDecode]
    ) -> tuple[Sequence[str], Mapping[str, FloatArray]]:
        """Return the rows of finite numbers; images with others are listed like those that cannot be read."""
        is_finite = np.logical_and.reduce([np.isfinite(rows).all(axis=1) for rows in blocks.values()])
        if is_finite.all():
            return keys, blocks
        reason = f"Its features by {self._extractor.title} are not finite."
        self.failures += [(items[key], reason) for key, fine in zip(keys, is_finite, strict=True) if not fine]
        kept = [key for key, fine in zip(keys, is_finite, strict=True) if fine]
        return kept, {block: rows[is_finite] for block, rows in blocks.items()}

    def _keep(self, keys: Sequence[str], blocks: Mapping[str, FloatArray]) -> None:
        for block, parts in self._parts.items():
            parts.append(blocks[block])
        self._keys += keys
        self.n_computed += len(keys)
        if len(self._keys) >= CHUNK_IMAGES or time.monotonic() - self._last_written >= CHUNK_SECONDS:
            self._write()

    def _write(self) -> None:
        if self._keys:
            for block, store in self.stores.items():
                store.append(self._keys, np.concatenate(self._parts[block]))
                self._parts[block].clear()
            self._keys.clear()
        self._last_written = time.monotonic()


def _fingerprint(extractor: Extractor, used: WeightsUsed) -> str:
    own = settings_in_keys(extractor.chosen) if extractor.chosen is not None else {}
    # Another plugin, or another version of one, may give an extractor of the same name other code.
    plugin = plugins_used({"extractor": (extractor.name,)}).get(f"extractor {extractor.name}")
    # Neutral settings are excluded, so that what was kept before there were any is found.
    more = [*([own] if own else []), *([f"plugin {plugin}"] if plugin is not None else [])]
    return fingerprint(_FOLDER, extractor.cache_name, extractor.version, used.digest, *more)


def _stores(extractor: Extractor, used: WeightsUsed, cache_folder: Path) -> dict[str, RowStore]:
    place = cache_folder / _FOLDER / f"{extractor.cache_name}-{_fingerprint(extractor, used)[:16]}"
    return {block: RowStore(place / block, width, cache_folder) for block, width in extractor.blocks.items()}


def _workers_file(extractor: Extractor, used: WeightsUsed, cache_folder: Path) -> Path:
    return cache_folder / _FOLDER / f"{extractor.cache_name}-{_fingerprint(extractor, used)[:16]}.workers.json"


def _rate_file(cache_folder: Path, extractor: Extractor) -> Path:
    return cache_folder / _FOLDER / f"{extractor.cache_name}.rate.json"
