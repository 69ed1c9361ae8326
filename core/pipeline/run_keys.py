"""Keys of runs, so that a run is never trained twice and never taken for another."""

from dataclasses import dataclass, fields, replace

from core.cache import fingerprint
from core.descriptions import choices_of, resolve
from core.errors import FeatureError, WeightsError
from core.features.extraction import Extracted
from core.features.reduction import embed_pool
from core.features.weights import identify, weight_set
from core.pipeline.planning import PlannedRun
from core.pipeline.stages import JUDGE_COMPONENTS, Prepared, extract_features
from core.pipeline.study import Study
from core.progress import NO_PROGRESS, Progress
from core.results import Dataset, IntArray, PoolEmbedding, RunKey
from core.settings import Parts, own_settings, settings_to_dict
from core.training.architectures import NETWORKS
from core.training.backbones import backbone_weights
from core.training.fitting import used_classes
from core.training.loop import settings_for
from core.training.network import BackboneChoice, Network

RUN_VERSION = 2
_OF_RECIPE = frozenset({"recipe", "orientation", "soft_label_temperature", *(part.name for part in fields(Parts))})
"""Settings that count by what they come to: a recipe may be another in a later version."""


@dataclass(frozen=True)
class Judge:
    """Training data of a network that uses embeddings.

    Attributes
    ----------
    extractor : str
    embedding : PoolEmbedding
        Across classes, of that extractor.
    strength : float or None
        Of the penalty, selected once in the pool; None for a network that selects none.
    extracted : Extracted
    """

    extractor: str
    embedding: PoolEmbedding
    strength: float | None
    extracted: Extracted


def judge_of(prepared: Prepared, network: Network, progress: Progress = NO_PROGRESS) -> Judge:
    """Prepare what a network that sees embeddings is trained on: features, 300 components, and its penalty."""
    settings = prepared.study.settings
    name = network.extractor(settings.training, settings.features.extractors)
    known = {e.extractor: e for e in prepared.extracted}
    extracted = (
        known.get(name) or extract_features(prepared.study, prepared.dataset, prepared.split, (name,), progress)[0]
    )
    embedding = embed_pool(
        prepared.dataset,
        prepared.split,
        (extracted,),
        n_components=JUDGE_COMPONENTS,
        cache_folder=prepared.study.cache_folder,
        progress=progress,
    )
    strength = None
    if network.strength_from:
        choose = resolve(network.strength_from)
        strength = float(choose(prepared.dataset, embedding, prepared.study.cache_folder, progress))
    return Judge(name, embedding, strength, extracted)


def run_key(
    prepared: Prepared, planned: PlannedRun, indices: IntArray, judge: Judge | None, teacher: str = ""
) -> RunKey:
    """Return the identity of a run: two runs of the same key would give the same result.

    `teacher` is what the teacher of its soft labels is known by; empty without soft labels.
    """
    split, network = prepared.split, NETWORKS[planned.network]
    # A probe sees no validation images, but its components and its strength come from the whole pool.
    others = split.pool if network.is_judge else split.validation
    mark = fingerprint(
        RUN_VERSION,
        planned.network,
        planned.seed,
        _what_counts(prepared.study, network, judge, len(split.pool), teacher),
        used_classes(prepared.dataset, split),
        *([_content(prepared.dataset, part) for part in (indices, others, split.test)]),
    )
    return RunKey(planned.network, planned.sampler, planned.fraction, planned.repetition, mark, planned.split)


def _what_counts(study: Study, network: Network, judge: Judge | None, n_pool: int, teacher: str) -> dict[str, object]:
    """Return those settings, and the digest of those weights, that a network's result depends on.

    Settings count in their stored form, so that one that was added later counts only where it is not neutral.
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
    if judge is not None and network.is_judge:
        counts["seen"] = judge.extracted.fingerprint
        counts |= {"strength": judge.strength} if judge.strength is not None else {}
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
    """Return the backbone of a network, with the weight file given by hand if it is that backbone's.

    Where that file is another network's, or none is given, they are looked for. None for a network without a backbone.
    """
    choice = network.backbone(study.settings.training)
    if choice is None or study.weights_file is None or choice.untrained:
        return choice
    try:
        wanted = weight_set(choice.extractor)
        fits = identify(study.weights_file, wanted).name == wanted.name
    except (WeightsError, FeatureError):
        return choice
    return replace(choice, weights_file=study.weights_file) if fits else choice
