"""The summary of the trials of a search: the best, the agreement of coreset and whole pool, and what was saved."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import kendalltau

from coreset_studio.core.features.extraction import extractor_cost
from coreset_studio.core.pipeline.facts import estimate_after_features
from coreset_studio.core.pipeline.stages import Prepared, used_images
from coreset_studio.core.results import RunResult
from coreset_studio.core.results.searches import SearchAgreement, SearchResult, SearchTest, SearchTrial
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.equivalence import paired_loss
from coreset_studio.core.training.score_intervals import wilson
from coreset_studio.core.training.teacher import pool_units

FEWEST_RANKED = 3


@dataclass(frozen=True)
class Searched:
    """The outcome of a search, before it is summarised.

    Attributes
    ----------
    method, network, sampler : str
    titles : mapping of str to str
        Of the hyperparameters, by name.
    trials : sequence of SearchTrial
        In the sequence in which they were proposed.
    n_coreset, n_pool : int
    once_seconds : float
        What the selection cost once.
    """

    method: str
    network: str
    sampler: str
    titles: Mapping[str, str]
    trials: Sequence[SearchTrial]
    n_coreset: int
    n_pool: int = 0
    once_seconds: float = 0.0


def summarise_search(found: Searched, test: SearchTest | None = None, notes: Sequence[str] = ()) -> SearchResult:
    """Rank the trials of a search and compare them with those on the whole pool."""
    trials = tuple(sorted(found.trials, key=lambda trial: (not trial.is_ranked, -trial.coreset.accuracy)))
    return SearchResult(
        method=found.method,
        network=found.network,
        network_words=NETWORKS[found.network].words if found.network in NETWORKS else found.network,
        sampler=found.sampler,
        titles=dict(found.titles),
        trials=trials,
        n_coreset=found.n_coreset,
        n_pool=found.n_pool,
        coreset_seconds=math.fsum(trial.coreset.seconds for trial in trials),
        pool_seconds=math.fsum(trial.pool.seconds for trial in trials if trial.pool is not None),
        agreement=_agreement(trials, found.once_seconds),
        test=test,
        notes=tuple(notes),
    )


def best_on_pool(trials: Sequence[SearchTrial]) -> SearchTrial:
    """Return the trial with the highest validation accuracy on the whole pool, of several the first proposed."""
    in_sequence = sorted(trials, key=lambda trial: trial.number)
    return max(in_sequence, key=lambda trial: trial.pool.accuracy if trial.pool else -1.0)


def _agreement(trials: Sequence[SearchTrial], once_seconds: float) -> SearchAgreement | None:
    """Compare trials, the coreset's best first, with their training on the pool; None without."""
    on_pool = [trial.pool for trial in trials if trial.pool is not None]
    if len(on_pool) < len(trials) or not trials:
        return None
    ranked = [trial for trial in trials if trial.is_ranked]
    pairs = [(trial.coreset.accuracy, trial.pool.accuracy) for trial in ranked if trial.pool is not None]
    tau = p_value = None
    if len(pairs) >= FEWEST_RANKED and all(len({pair[side] for pair in pairs}) > 1 for side in (0, 1)):
        found: Any = kendalltau(*zip(*pairs, strict=True))
        tau, p_value = float(found.statistic), float(found.pvalue)
    mine = math.fsum(trial.coreset.seconds for trial in ranked) / len(ranked)
    saved = math.fsum(each.seconds for each in on_pool) / len(on_pool) - mine
    return SearchAgreement(
        tau=tau,
        p_value=p_value,
        n_ranked=len(ranked),
        regret=max(each.accuracy for each in on_pool) - pairs[0][1],
        once_seconds=once_seconds,
        pays_after=max(1, math.ceil(once_seconds / saved)) if saved > 0 else None,
    )


def reached_on_test(prepared: Prepared, mine: RunResult, pool: Sequence[RunResult] | None = None) -> SearchTest:
    """Return the test accuracy of the best configuration, and what its choice lost on the pool.

    Parameters
    ----------
    mine : RunResult
        The best configuration on the coreset, trained there.
    pool : sequence of RunResult, optional
        Two, trained on the pool: the best configuration there, and that of the coreset.
    """
    n_images = len(mine.true)
    accuracy = float(mine.metrics["accuracy"])
    low, high = wilson(accuracy, n_images)
    if pool is None or len(pool[0].true) != len(pool[1].true):
        return SearchTest(accuracy, low, high, n_images)
    if pool[0].key.fingerprint == pool[1].key.fingerprint:
        return SearchTest(accuracy, low, high, n_images, 0.0, 0.0, 0.0)
    right, of_best = (run.true == run.predicted for run in (pool[1], pool[0]))
    groups = pool_units(prepared.dataset, pool[0].test_indices, prepared.study.settings.data).numbers
    loss = paired_loss(right, of_best, groups)
    return SearchTest(accuracy, low, high, n_images, loss.loss, loss.low, loss.high)


def once_seconds(prepared: Prepared, select_seconds: float) -> float:
    """Return what a selection costs once: features and clusters as estimated for this machine, and the ranking.

    They are estimated since the cache may hold them, in which case they took no time now.
    """
    study = prepared.study
    n_images = len(used_images(prepared.split))
    features = sum(
        extractor_cost(name, study.cache_folder).seconds_for(n_images) for name in study.settings.features.extractors
    )
    clusters = estimate_after_features(study, prepared.dataset, prepared.split).seconds
    return features + clusters + select_seconds
