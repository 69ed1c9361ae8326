"""Learning curves over the pool: each image is classified by coresets that were selected without it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from coreset_studio.core.cache import ArrayCache, fingerprint
from coreset_studio.core.data.unlabelled import need_labels
from coreset_studio.core.errors import TrainingError
from coreset_studio.core.estimate import remember_speed, sizes_speed
from coreset_studio.core.features.extraction import without_failed
from coreset_studio.core.memory import memory_for
from coreset_studio.core.pipeline.feature_labels import feature_labels
from coreset_studio.core.pipeline.outlook import plan_view
from coreset_studio.core.pipeline.size_folds import Chooser, Probe, SizePool, without_named_images
from coreset_studio.core.pipeline.size_networks import NetworkOfFold, network_of_curves, without_soft_labels
from coreset_studio.core.pipeline.stages import extract_features, open_dataset, split_dataset
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS, PartProgress, Progress, Publisher, StepProgress
from coreset_studio.core.results import Note
from coreset_studio.core.results.sizes import Sizes
from coreset_studio.core.selection.budgets import share_of
from coreset_studio.core.selection.selecting import STRATIFIED, find_sampler
from coreset_studio.core.settings import ComparisonSettings, settings_to_dict
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.network import Network
from coreset_studio.core.training.size_curve import Held, everything_point, size_curve, unfitted_sizes
from coreset_studio.core.training.teacher import grouped_folds, pool_units, teacher_bytes
from coreset_studio.core.words import duration

STAGE = "sizes"
VERSION = 1
FOLDS = 5
DRAWS = 3
"""Number of draws of a random sampler, and of stratified random."""
FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7)
LEAST_SIZES = 3
LEAST_IMAGES = 20
MEASURING = "Measuring learning curves: folds"


def find_sizes(
    study: Study, *, network: str = "", trains_network: bool = False, progress: Publisher[Note] = NO_PROGRESS
) -> Sizes:
    """Measure the learning curves of the sampler of the settings and of stratified random.

    The pool is divided into five folds, grouped and stratified. For each fold everything is computed from the images of
    the other four folds: embeddings, clusters, coresets of up to seven sizes, and the components and penalty of the
    linear probe. The probe is fitted on each coreset, and on all images of the four folds, and classifies the held-out
    images. No image is classified by a coreset that it could have been selected for, and all sizes are measured on the
    same images.

    Parameters
    ----------
    study : Study
        Its pins, earlier coreset and size are not used, as any of these images may be held out.
    network : str
        Network whose training time is estimated; empty: the first network of the comparison.
    trains_network : bool
        Whether this network is trained instead of the linear probe, once on each coreset, usually 75 trainings. A
        `Note` states the estimated time. The validation images of the split select the best epochs.
    progress : Publisher

    Raises
    ------
    TrainingError
        If the pool has one class or too few images, or cannot be divided into folds.
    SelectionError
        If the sampler is not known.
    SettingsError
        If the network is not known.
    MemoryShortError
        If it requires more memory than is available.

    Notes
    -----
    The linear probe is computed on one thread, so that the result does not depend on the number of threads.
    Measurements are cached, so that another margin takes no time, and so is each training of a network, so that a
    cancelled measurement can continue.
    """
    find_sampler(study.settings.selection.sampler)
    name = network or study.settings.comparison.networks[0]
    trained = network_of_curves(name) if trains_network else None
    if trained is not None:
        study = without_soft_labels(study, trained)
    pool = _open(study, progress)
    chosen, random = _held(pool, trained, progress)
    n_pool = len(pool.together.indices)
    curves = [
        size_curve(name, held, n_pool)
        for name, held in ((study.settings.selection.sampler, chosen), (STRATIFIED, random))
    ]
    split = pool.split
    seconds = _training_seconds(study, name, curves[0].sizes, len(split.validation), len(split.test))
    notes = [*feature_labels(study, pool.extracted), *_notes(pool), _measured_with(trained)]
    for curve, title in zip(curves, ("of the sampler", "of random selection"), strict=True):
        missed = unfitted_sizes(curve)
        if missed:
            notes.append(
                f"The fitted curve {title} does not agree with the accuracy measured at "
                f"{', '.join(f'{n:,}' for n in missed)} images; rely on the measured values there."
            )
    return Sizes(
        curves[0],
        curves[1],
        everything_point(chosen),
        n_pool,
        len(np.unique(pool.folds)),
        len(split.validation) + len(split.test),
        NETWORKS[name].words if name in NETWORKS else name,
        seconds,
        tuple(notes),
    )


def _open(study: Study, progress: Progress) -> SizePool:
    settings = study.settings
    dataset = open_dataset(study.source, study.cache_folder, progress, settings=settings.data)
    need_labels(dataset, "Measuring how many images are needed")
    split = split_dataset(dataset, settings, study.fold)
    extracted = extract_features(study, dataset, split, progress=progress)
    split = without_failed(split, extracted)
    together = pool_units(dataset, split.pool, settings.data)
    labels = dataset.labels[together.indices]
    n_classes, n_images = len(np.unique(labels)), len(labels)
    if n_classes < 2:
        what = "has no image" if n_images == 0 else f"has one class, {dataset.classes[int(labels[0])]}"
        raise TrainingError(
            f"The required number of images is measured by how well classes are separated, but the pool {what}. Add "
            "images of another class to the training images."
        )
    folds = grouped_folds(labels, together.numbers, FOLDS, 0)
    if folds is None or n_images < LEAST_IMAGES:
        n_groups = len(np.unique(together.numbers))
        raise TrainingError(
            f"The pool has {n_images:,} images in {n_groups:,} groups; at least {LEAST_IMAGES} "
            "images, two groups and a class of two images are required to measure how many images are enough. Add "
            "images, or lower the test and validation fractions."
        )
    return SizePool(study, dataset, split, extracted, together, folds)


def _held(pool: SizePool, network: Network | None, progress: Publisher[Note]) -> tuple[Held, Held]:
    """Return the correct classifications of coresets of the sampler and of stratified random."""
    numbers = np.unique(pool.folds)
    n_least = min(int((pool.folds != fold).sum()) for fold in numbers)
    least = max(2, len(np.unique(pool.labels)))
    sizes = sorted({max(least, share_of(fraction, n_least)) for fraction in FRACTIONS})
    sizes = [size for size in sizes if size < n_least]
    if len(sizes) < LEAST_SIZES:
        raise TrainingError(
            f"The pool has {len(pool.labels):,} images of {least:,} classes, too few to compare coresets of several "
            f"sizes. Add images: about {8 * least:,} are enough."
        )
    if network is not None:
        # Each training is kept by itself.
        arrays: Mapping[str, NDArray[Any]] = _measure(pool, sizes, network, progress)
    else:
        cache, key = ArrayCache(pool.study.cache_folder), _key(pool, sizes)
        stored = cache.load(STAGE, key)
        if stored is None:
            started = time.perf_counter()
            stored = cache.store(STAGE, key, _measure(pool, sizes, None, progress), {})
            speed = sizes_speed(pool.study.settings.features.extractors)
            # Of a small pool what every measurement begins with tells more than the images.
            remember_speed(speed, time.perf_counter() - started, len(pool.labels), cache.folder, least=500)
        arrays = stored.arrays
    everything = np.array(arrays["everything"]).astype(bool)
    n_everything = round(float(np.mean([(pool.folds != fold).sum() for fold in numbers])))
    chosen, random = (
        Held(
            tuple(sizes),
            np.array(arrays[name]).astype(bool),
            everything,
            pool.folds,
            pool.together.numbers,
            n_everything,
        )
        for name in ("chosen", "random")
    )
    return chosen, random


def _key(pool: SizePool, sizes: Sequence[int]) -> str:
    """Return the key of the measurement in the cache, from all its inputs."""
    settings = pool.study.settings
    selection = settings_to_dict(replace(without_named_images(settings.selection), fraction=1.0, images=None))
    clusters = settings_to_dict(settings.clusters)
    if not settings.clusters.is_large(len(pool.together.indices)):
        clusters.pop("exact_up_to", None)
    if not find_sampler(settings.selection.sampler).uses_clusters:
        clusters = {name: value for name, value in clusters.items() if name == "exact_up_to"}
    images = [pool.dataset.images[index] for index in pool.together.indices]
    return fingerprint(
        VERSION,
        list(sizes),
        DRAWS,
        [[one.fingerprint, one.extractor, list(one.block_names)] for one in pool.extracted],
        [[image.path, image.pixels, image.class_name] for image in images],
        pool.folds,
        pool.together.numbers,
        selection,
        clusters,
        settings.features.variance,
    )


def _measure(
    pool: SizePool, sizes: Sequence[int], network: Network | None, progress: Publisher[Note]
) -> dict[str, NDArray[Any]]:
    """Return for each size, draw and image of the pool whether it was classified correctly, and for the whole pool."""
    settings, n = pool.study.settings.selection, len(pool.labels)
    # Trainings take long: one draw each.
    n_draws = DRAWS if network is None else 1
    samplers = {
        "chosen": (settings, n_draws if find_sampler(settings.sampler).uses_seed else 1),
        "random": (replace(settings, sampler=STRATIFIED, budget_over_classes="sampler"), n_draws),
    }
    found: dict[str, NDArray[Any]] = {
        name: np.zeros((len(sizes), draws, n), dtype=np.uint8) for name, (_, draws) in samplers.items()
    }
    found["everything"] = np.zeros(n, dtype=np.uint8)
    folds = np.unique(pool.folds)
    if network is not None:
        n_runs = len(folds) * (1 + sum(draws for _, draws in samplers.values()) * len(sizes))
        progress.publish(Note(_trainings_words(pool, network, sizes, n_runs, len(folds))))
    # The largest first: smaller coresets of a nested sampler are cut from its ranking.
    fits = [
        (name, of, draw, place)
        for name, (of, draws) in samplers.items()
        for draw in range(draws)
        for place in reversed(range(len(sizes)))
    ]
    for step, fold in enumerate(folds):
        fold_progress = PartProgress(progress, step / len(folds), (step + 1) / len(folds), message=MEASURING)
        inside = pool.folds != fold
        with _probing(pool, network):
            chooser = Chooser(pool, inside, PartProgress(fold_progress, 0, 0.1 if network else 0.5))
            probe = _probe_of(pool, inside, network, PartProgress(fold_progress, 0.1 if network else 0.5, 0.8))
            trainings = PartProgress(fold_progress, 0.1 if network else 0.8, 1)
            of_one = StepProgress(trainings, 0, 1 + len(fits))
            found["everything"][~inside] = probe.right(pool.together.indices[inside], 0, of_one)
            for number, (name, of, draw, place) in enumerate(fits):
                of_one = StepProgress(trainings, number + 1, 1 + len(fits))
                of_one.report(0, 1)
                indices = chooser.choose(replace(of, seed=of.seed + draw), sizes[place])
                found[name][place, draw, ~inside] = probe.right(indices, draw, of_one)
    progress.report(1, 1, MEASURING)
    return found


@contextmanager
def _probing(pool: SizePool, network: Network | None) -> Iterator[None]:
    """Reserve the memory of the linear probe, and compute it on one thread; do nothing for a network."""
    if network is not None:
        yield
        return
    n, some = len(pool.labels), pool.together.indices[:1]
    widths = [one.rows(block, some).shape[1] for one in pool.extracted for block in one.block_names]
    needed = teacher_bytes(n, widths, len(pool.dataset.classes))
    with memory_for(f"Measuring learning curves ({n:,} images)", needed), threadpool_limits(limits=1):
        yield


def _probe_of(
    pool: SizePool, inside: NDArray[np.bool_], network: Network | None, progress: Progress
) -> "Probe | NetworkOfFold":
    """Return the classifier that is trained on coresets of a fold."""
    if network is None:
        return Probe(pool, inside, progress)
    indices = pool.together.indices
    return NetworkOfFold(
        pool.study, pool.dataset, pool.extracted, network, indices[inside], pool.split.validation, indices[~inside]
    )


def _trainings_words(pool: SizePool, network: Network, sizes: Sequence[int], n_runs: int, n_folds: int) -> str:
    """Return a sentence on the number of trainings and their estimated time."""
    n_all = len(pool.labels)
    split = pool.split
    seconds = _training_seconds(pool.study, network.name, [*sizes, n_all], len(split.validation), n_all // n_folds)
    sentence = f"Measuring with the {network.words} takes {n_runs:,} trainings"
    if not seconds:
        return f"{sentence}."
    of_all = n_folds * seconds[-1] + sum(seconds[:-1]) * (n_runs - n_folds) / len(sizes)
    return f"{sentence}, about {duration(of_all)} in all; finished ones are kept if it is stopped."


def _training_seconds(
    study: Study, network: str, sizes: Sequence[int], n_validation: int, n_test: int
) -> tuple[float, ...]:
    """Return the estimated seconds of one training for each size; the last one is the whole pool."""
    settings = study.settings
    comparison = ComparisonSettings(
        samplers=(STRATIFIED,),
        networks=(network,),
        fractions=tuple(min(1.0, n / sizes[-1]) for n in sizes),
        controls=False,
    )
    planned = plan_view(
        replace(study, settings=replace(settings, comparison=comparison)), sizes[-1], n_validation, n_test
    )
    by_size = {run.n_images: run.estimate.seconds for run in planned.runs}
    return tuple(by_size.get(n, float("nan")) for n in sizes) if set(sizes) <= set(by_size) else ()


def _notes(pool: SizePool) -> list[str]:
    notes = []
    if pool.together.notes:
        notes.append(
            "Near-duplicates link too many images for folds, so only copies and groups are held out "
            "together; --near-duplicate-bits (“Near-duplicate tolerance”) sets how similar they are."
        )
    unseen = [
        name
        for place, name in enumerate(pool.dataset.classes)
        if any(
            not ((pool.labels == place) & (pool.folds != fold)).any()
            for fold in np.unique(pool.folds[pool.labels == place])
        )
    ]
    if unseen:
        notes.append(
            f"All images of {'class' if len(unseen) == 1 else 'the classes'} {', '.join(unseen)} are in one fold, so "
            "they count as wrong for every size: no training image of the fold shows them."
        )
    small = [name for place, name in enumerate(pool.dataset.classes) if 0 < int((pool.labels == place).sum()) < FOLDS]
    few = [name for name in small if name not in unseen]
    if few:
        notes.append(
            f"{'Class' if len(few) == 1 else 'The classes'} {', '.join(few)} {'has' if len(few) == 1 else 'have'} "
            f"fewer than {FOLDS} images in the pool; the loss of a coreset there is hardly measured."
        )
    selection = pool.study.settings.selection
    if selection != without_named_images(selection):
        notes.append(
            "Pinned images and images of an earlier coreset have no special role when sizes are measured, since any of "
            "them may be held out."
        )
    return notes


def _measured_with(network: Network | None) -> str:
    if network is not None:
        return f"Measured with the {network.words}, one training for each coreset."
    return (
        "Measured with the linear probe on the features that images are selected by. A network that learns its own "
        "features may need more images: check the size by training once."
    )
