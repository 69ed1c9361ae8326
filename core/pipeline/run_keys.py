"""Keys of runs, so that a run is never trained twice and never taken for another."""

from dataclasses import dataclass, fields, replace

import numpy as np

from coreset_studio.core.cache import fingerprint
from coreset_studio.core.descriptions import choices_of, resolve
from coreset_studio.core.errors import FeatureError, WeightsError
from coreset_studio.core.features.extraction import Extracted
from coreset_studio.core.features.extractors import extractor_named
from coreset_studio.core.features.reduction import embed_pool
from coreset_studio.core.features.weights import identify, weight_set
from coreset_studio.core.pipeline.planning import PlannedRun
from coreset_studio.core.pipeline.stages import PROBE_COMPONENTS, Prepared, extract_features, used_images
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import Dataset, IntArray, PoolEmbedding, RunKey
from coreset_studio.core.settings import Parts, own_settings, settings_to_dict
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.backbones import backbone_weights
from coreset_studio.core.training.fitting import used_classes
from coreset_studio.core.training.loop import settings_for
from coreset_studio.core.training.network import BackboneChoice, Network

RUN_VERSION = 2
_OF_RECIPE = frozenset({"recipe", "orientation", "soft_label_temperature", *(part.name for part in fields(Parts))})
"""Settings that affect keys by the parts of training that they result in, as recipes may change in later versions."""


@dataclass(frozen=True)
class ProbeInput:
    """Training data of a network that uses embeddings.

    Attributes
    ----------
    extractor : str
    embedding : PoolEmbedding
        Embedding across classes of that extractor.
    strength : float or None
        Strength of the penalty, selected once in the pool; None for a network without one.
    extracted : Extracted
    """

    extractor: str
    embedding: PoolEmbedding
    strength: float | None
    extracted: Extracted


def probe_input_of(prepared: Prepared, network: Network, progress: Progress = NO_PROGRESS) -> ProbeInput:
    """Prepare the training data of a network that sees embeddings: features, 300 components, and its penalty."""
    settings = prepared.study.settings
    name = network.extractor(settings.training, settings.features.extractors)
    known = {e.extractor: e for e in prepared.extracted}
    extracted = (
        known.get(name) or extract_features(prepared.study, prepared.dataset, prepared.split, (name,), progress)[0]
    )
    lacking = np.flatnonzero(np.isin(extracted.failed_indices, used_images(prepared.split)))
    if len(lacking):
        n, first = len(lacking), extracted.failed[int(lacking[0])]
        title = extractor_named(name).title
        raise FeatureError(
            f"{network.title} uses “{title}”, which {n:,} image{'s' * (n != 1)} of this comparison "
            f"lack{'s' * (n == 1)}, such as {first.path}: {first.reason} Select “{title}” on the Features page, too, "
            "so that these images are excluded, or exclude them by hand."
        )
    embedding = embed_pool(
        prepared.dataset,
        prepared.split,
        (extracted,),
        n_components=PROBE_COMPONENTS,
        cache_folder=prepared.study.cache_folder,
        progress=progress,
    )
    strength = None
    if network.strength_from:
        choose = resolve(network.strength_from)
        strength = float(choose(prepared.dataset, embedding, prepared.study.cache_folder, progress))
    return ProbeInput(name, embedding, strength, extracted)


def run_key(
    prepared: Prepared, planned: PlannedRun, indices: IntArray, probe_input: ProbeInput | None, teacher: str = ""
) -> RunKey:
    """Return the key of a run: two runs with the same key have the same result.

    `teacher` is the key of the teacher of its soft labels; empty without soft labels.
    """
    split, network = prepared.split, NETWORKS[planned.network]
    # A probe sees no validation images, but its components and its strength come from the whole pool.
    others = split.pool if network.sees_embeddings else split.validation
    mark = fingerprint(
        RUN_VERSION,
        planned.network,
        planned.seed,
        _what_counts(prepared.study, network, probe_input, len(split.pool), teacher),
        used_classes(prepared.dataset, split),
        *([_content(prepared.dataset, part) for part in (indices, others, split.test)]),
    )
    return RunKey(planned.network, planned.sampler, planned.fraction, planned.repetition, mark, planned.split)


def _what_counts(
    study: Study, network: Network, probe_input: ProbeInput | None, n_pool: int, teacher: str
) -> dict[str, object]:
    """Return the settings and the digests of weights that the result of a network depends on.

    Settings are in stored form, so that those added later only affect the key if they are not neutral.
    """
    training = study.settings.training
    stored = settings_to_dict(training)
    read = {name for name, _ in choices_of(training) if network.reads is None or name in network.reads}
    counts: dict[str, object] = {name: value for name, value in stored.items() if name in read - _OF_RECIPE}
    parts = network.parts(training).used()
    if parts and "recipe" in read:
        counts["parts"] = parts
    if teacher:
        counts["teacher"] = {"mark": teacher, "temperature": training.soft_label_temperature}
    if training.steps != "falling" and "steps" in read:
        counts["least_steps"] = settings_for(training, n_pool).min_steps
    own = own_settings(training, network)
    if own is not None:
        # Those that name its extractor count by the key of that extractor, or by its weights.
        named = (network.extractor_setting, network.untrained_setting)
        rest = {name: value for name, value in settings_to_dict(own).items() if name not in named}
        counts |= {"own": rest} if rest else {}
    if network.version != 1:
        counts["version"] = network.version
    if network.name in NETWORKS.plugins:
        counts["plugin"] = str(NETWORKS.plugins[network.name])
    if probe_input is not None and network.sees_embeddings:
        counts["seen"] = probe_input.extracted.fingerprint
        counts |= {"strength": probe_input.strength} if probe_input.strength is not None else {}
    choice = backbone_choice(study, network)
    if choice is not None:
        try:
            weights = backbone_weights(choice).values
        except WeightsError:
            # Nothing stored can have been made with them; training reports what is missing.
            weights = {}
        counts["weights"] = {"backbone": choice.extractor, **weights}
    return counts


def _content(dataset: Dataset, indices: IntArray) -> list[list[str]]:
    return [[dataset.images[i].pixels, dataset.images[i].class_name] for i in indices]


def backbone_choice(study: Study, network: Network) -> BackboneChoice | None:
    """Return the backbone of a network, with the weight file of the user if it fits; None without a backbone.

    If the file is of another network, or none is given, the weights are searched for.
    """
    choice = network.backbone(study.settings.training)
    if choice is None or study.weights_file is None or choice.untrained:
        return choice
    try:
        required = weight_set(choice.extractor)
        fits = identify(study.weights_file, required).name == required.name
    except (WeightsError, FeatureError):
        return choice
    return replace(choice, weights_file=study.weights_file) if fits else choice
