"""Outlook on a comparison before it starts: time, memory, and missing weights."""

import math
from collections.abc import Sequence
from dataclasses import replace

from coreset_studio.core.errors import FeatureError, MissingWeightsError, WeightsError
from coreset_studio.core.estimate import estimate_training
from coreset_studio.core.features.extraction import extractor_cost
from coreset_studio.core.features.extractors import EXTRACTORS, extractor_named
from coreset_studio.core.features.weights import find_weights
from coreset_studio.core.pipeline.planning import n_splits, networks_problem, plan, splits_problem
from coreset_studio.core.pipeline.run_keys import backbone_choice
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.teaching import teacher_seconds
from coreset_studio.core.pipeline.views import ComparisonPlan, EstimatedRun
from coreset_studio.core.results import Estimate
from coreset_studio.core.settings import ComparisonSettings, TrainingSettings, parts_of
from coreset_studio.core.settings.own import with_own
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.augmenting import ORIENTATIONS
from coreset_studio.core.training.backbones import network_feature_bytes
from coreset_studio.core.training.device import expected_device, has_gpu
from coreset_studio.core.training.loop import n_epochs, settings_for, training_problem
from coreset_studio.core.training.network import Network
from coreset_studio.core.training.tuning_costs import (
    MEANT_FOR_GPU,
    WITHOUT_TUNING,
    stored_bytes,
    tuned_network,
    tuning_seconds,
)
from coreset_studio.core.words import byte_size

__all__ = ["backbone_seconds", "estimate_run", "fine_tuning_notes", "plan_view"]


def plan_view(
    study: Study,
    n_pool: int,
    n_validation: int,
    n_test: int = 0,
    *,
    is_predefined: bool = False,
    preparing: float = 0.0,
) -> ComparisonPlan:
    """Estimate the trainings of a comparison, without selection.

    Parameters
    ----------
    n_pool, n_validation, n_test : int
        Images of the pool, the validation set and the test set.
    is_predefined : bool
        Whether the dataset has a predefined split.
    preparing : float
        Seconds to reduce and cluster one more split.
    """
    comparison, training = study.settings.comparison, settings_for(study.settings.training, n_pool)
    folds = study.settings.data.folds
    runs = []
    for one in plan(comparison, folds):
        n_images = max(1, math.floor(one.fraction * n_pool + 0.5))
        estimate = estimate_run(study, one.network, training, n_images, n_validation, n_test)
        # An unknown network is reported below.
        by_epochs = one.network in NETWORKS and NETWORKS[one.network].by_epochs
        epochs = n_epochs(n_images, training) if by_epochs else 0
        runs.append(EstimatedRun(**vars(one), n_images=n_images, estimate=estimate, epochs=epochs))
    problem = splits_problem(comparison, is_predefined=is_predefined, folds=folds) or networks_problem(comparison)
    problem = problem or training_problem(training)
    for name in comparison.networks:
        problem = problem or _backbone_problem(study, NETWORKS[name])
    memory = max((run.estimate.memory_bytes for run in runs), default=0)
    seconds = sum(run.estimate.seconds for run in runs) + (n_splits(study.settings) - 1) * preparing
    seconds += teacher_seconds(study, n_pool)
    instead = _settings_that_work(study) if problem else None
    device = expected_device()
    known = [NETWORKS[name] for name in comparison.networks if name in NETWORKS]
    # The coreset alone, at most the pool, is inspected in all orientations.
    looks = ORIENTATIONS if parts_of(training).flips_and_turns else 1
    n_images = looks * n_pool + n_validation + n_test
    backbones = {network.name: backbone_seconds(study, network, n_images) for network in known}
    return ComparisonPlan(
        tuple(runs),
        seconds,
        memory,
        problem,
        n_splits(study.settings),
        device,
        instead,
        training.epochs,
        backbones,
        folds=folds or 0,
        steps=training.steps if any(network.has_steps for network in known) else "",
        # Block inputs are stored once per image, for all trainings.
        disk_bytes=sum(stored_bytes(network, training, n_pool, n_validation + n_test) for network in known),
        note=_tuning_note(study, runs, training, n_validation, n_test),
    )


def estimate_run(
    study: Study, name: str, training: TrainingSettings, n_images: int, n_validation: int, n_test: int
) -> Estimate:
    """Estimate one training, also of a network that is not installed."""
    network = NETWORKS.get(name)
    n_others = n_validation + n_test
    return estimate_training(
        name,
        n_images,
        n_validation,
        epochs=training.epochs,
        min_steps=training.min_steps,
        batch_size=training.batch_size,
        image_size=training.image_size,
        cache_folder=study.cache_folder,
        feature_bytes=network_feature_bytes(network, training, n_images, n_others) if network else 0,
        stored_bytes=stored_bytes(network, training, n_images, n_others) if network else 0,
        tuned_seconds=tuning_seconds(network, training) if network else 0.0,
    )


def fine_tuning_notes(study: Study, n_pool: int, n_validation: int, n_test: int) -> tuple[str, ...]:
    """Return sentences on the disk space and time of fine-tuning; none without it.

    Parameters
    ----------
    n_pool, n_validation, n_test : int
        Images of the pool, the validation set and the test set.
    """
    plan = plan_view(study, n_pool, n_validation, n_test)
    if not plan.disk_bytes:
        return ()
    disk = f"Fine-tuning stores up to {byte_size(plan.disk_bytes)} of block inputs in the cache."
    return (disk, *((plan.note,) if plan.note else ()))


def _tuning_note(
    study: Study, runs: Sequence[EstimatedRun], training: TrainingSettings, n_validation: int, n_test: int
) -> str:
    """Return a note that fine-tuning is meant for a GPU, if it is estimated to be slow without one; else empty."""
    tuned = [run for run in runs if run.network in NETWORKS and tuned_network(NETWORKS[run.network], training)]
    if not tuned or has_gpu():
        return ""
    frozen = replace(training, fine_tuning="off")
    without = sum(estimate_run(study, run.network, frozen, run.n_images, n_validation, n_test).seconds for run in tuned)
    times = sum(run.estimate.seconds for run in tuned) / max(without, 1e-9)
    if times <= MEANT_FOR_GPU:
        return ""
    return (
        f"Fine-tuning is meant for a GPU, and no GPU was found: training is estimated to take {times:,.0f} times as "
        f"long as with a frozen backbone. To reduce the time, use smaller images or {WITHOUT_TUNING}."
    )


def backbone_seconds(study: Study, network: Network, n_images: int) -> float:
    """Return an estimate of the seconds to compute the features of the backbone of a network, if none is computed."""
    choice = backbone_choice(study, network)
    if choice is None or choice.extractor not in EXTRACTORS:
        return 0.0
    per_image = extractor_cost(choice.extractor, study.cache_folder).seconds_per_image
    return per_image * n_images * (choice.image_size / extractor_named(choice.extractor).input_size) ** 2


def _settings_that_work(study: Study) -> tuple[TrainingSettings, ComparisonSettings, str] | None:
    """Return settings with other backbones or networks if weights are missing; None if none are.

    A network uses the first backbone whose weights are present, that of an extractor in use before others. One for
    which there is none is not trained, and if no other is left, one that requires no weights is trained instead.
    """
    training, comparison = study.settings.training, study.settings.comparison
    names: list[str] = []
    reasons = []
    for network in (NETWORKS[name] for name in comparison.networks if name in NETWORKS):
        choice = backbone_choice(study, network)
        if choice is None or not _backbone_problem(study, network):
            names.append(network.name)
            continue
        title = extractor_named(choice.extractor).title
        found = next((each for each in _backbones(study) if _has_weights(each)), None)
        if found is None:
            reasons.append(f"{title} weights are not installed; the {network.words} is not trained.")
            continue
        names.append(network.name)
        training = with_own(training, network.name, **{network.extractor_setting: found})
        reasons.append(
            f"{title} weights are not installed; using {extractor_named(found).title} as the backbone of the "
            f"{network.words} instead."
        )
    if not reasons:
        return None
    if not names:
        names = [next(name for name, each in NETWORKS.items() if each.sees_embeddings)]
        reasons.append(f"The {NETWORKS[names[0]].title_inside} is trained instead.")
    return training, replace(comparison, networks=tuple(names)), " ".join(reasons)


def _backbones(study: Study) -> list[str]:
    """Return the extractors that a network can use as its backbone, those in use first."""
    used = study.settings.features.extractors
    offered = [name for name, each in EXTRACTORS.items() if each.backbone]
    return sorted(offered, key=lambda name: used.index(name) if name in used else len(used))


def _has_weights(name: str) -> bool:
    try:
        find_weights(name)
    except (WeightsError, FeatureError):
        return False
    return True


def _backbone_problem(study: Study, network: Network) -> str:
    """Return why a network cannot use its backbone, and what to do in the window; empty if nothing is missing."""
    choice = backbone_choice(study, network)
    if choice is None or choice.untrained:
        return ""
    try:
        find_weights(choice.extractor, file=choice.weights_file)
    except MissingWeightsError:
        return (
            f"The weights of {extractor_named(choice.extractor).title} are not on this machine. Import or download "
            f"them on the Features page, set another backbone under More, or deselect the {network.words}."
        )
    except (WeightsError, FeatureError) as error:
        return str(error)
    return ""
