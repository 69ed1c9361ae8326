"""What identifies a run, so that it is never trained twice and never taken for another."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from core.cache import ArrayCache, fingerprint
from core.errors import FeatureError, WeightsError
from core.features.extraction import Extracted
from core.features.reduction import embed_pool
from core.features.weights import identify, weight_set
from core.pipeline.planning import PlannedRun
from core.pipeline.stages import JUDGE_COMPONENTS, Prepared, extract_features
from core.pipeline.study import Study
from core.progress import NO_PROGRESS, Progress
from core.results import Dataset, IntArray, PoolEmbedding, RunKey
from core.training.backbones import backbone_weights
from core.training.fitting import choose_head_strength, used_classes

RUN_VERSION = 2
STRENGTH_VERSION = 1


@dataclass(frozen=True)
class Judge:
    """What the `head` is trained on: across-class embeddings of one extractor and the strength chosen once."""

    extractor: str
    embedding: PoolEmbedding
    strength: float
    extracted: Extracted


def judge_of(prepared: Prepared, progress: Progress = NO_PROGRESS) -> Judge:
    """Prepare the fast judge: features, 300 components, and the penalty by cross-validation in the pool."""
    settings = prepared.study.settings
    name = settings.training.judge_extractor or settings.features.extractors[0]
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
    return Judge(name, embedding, _cached_strength(prepared, embedding, progress), extracted)


def _cached_strength(prepared: Prepared, embedding: PoolEmbedding, progress: Progress) -> float:
    """Return the penalty's strength, from the cache where it is there: a comparison is looked at more than once."""
    cache = ArrayCache(prepared.study.cache_folder)
    names = [prepared.dataset.images[i].class_name for i in embedding.indices]
    key = fingerprint(STRENGTH_VERSION, np.asarray(embedding.embedding), np.asarray(embedding.in_pool), names)
    stored = cache.load("strength", key)
    if stored is None:
        strength = choose_head_strength(prepared.dataset, embedding, progress=progress)
        stored = cache.store("strength", key, {}, {"strength": strength})
    return float(stored.facts["strength"])


def run_key(prepared: Prepared, planned: PlannedRun, indices: IntArray, judge: Judge | None) -> RunKey:
    """Return the identity of a run: two runs of the same key would give the same result."""
    split = prepared.split
    # The head sees no validation images, but its components and its strength come from the whole pool.
    others = split.pool if planned.network == "head" else split.validation
    mark = fingerprint(
        RUN_VERSION,
        planned.network,
        planned.seed,
        _what_counts(prepared.study, planned.network, judge),
        used_classes(prepared.dataset, split),
        *([_content(prepared.dataset, part) for part in (indices, others, split.test)]),
    )
    return RunKey(planned.network, planned.sampler, planned.fraction, planned.repetition, mark, planned.split)


def _what_counts(study: Study, network: str, judge: Judge | None) -> dict[str, object]:
    """Return those settings, and the digest of those weights, that a network's result depends on."""
    if network == "head":
        return {"seen": judge.extracted.fingerprint, "strength": judge.strength} if judge is not None else {}
    training = study.settings.training
    counts: dict[str, object] = asdict(training)
    for name in ("judge_extractor", "backbone", "untrained_backbone"):
        counts.pop(name)
    if network == "transfer":
        try:
            weights = asdict(backbone_weights(training, backbone_file(study)))
        except WeightsError:
            # Nothing stored can have been made with them; training says what is missing.
            weights = {}
        counts["weights"] = {"backbone": training.backbone, **weights}
    return counts


def _content(dataset: Dataset, indices: IntArray) -> list[list[str]]:
    return [[dataset.images[i].pixels, dataset.images[i].class_name] for i in indices]


def backbone_file(study: Study) -> Path | None:
    """Return the weight file given by hand if it is the backbone's, else None: they are looked for then."""
    training = study.settings.training
    if study.weights_file is None or training.untrained_backbone:
        return None
    try:
        wanted = weight_set(training.backbone)
        fits = identify(study.weights_file, wanted).name == wanted.name
    except (WeightsError, FeatureError):
        return None
    return study.weights_file if fits else None
