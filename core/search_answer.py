"""The results of a hyperparameter search, in sentences and in the cells of its table."""

import math
from collections.abc import Mapping

from coreset_studio.core.results.searches import SearchAgreement, SearchResult, SearchTrial
from coreset_studio.core.words import duration

DIGITS = 4
"""Significant digits of proposed values: finer differences would change nothing but the table."""
_WHOLE = ("image_size", "epochs")


def value_words(name: str, value: float) -> str:
    """Return the value of a hyperparameter as tables and sentences show it."""
    return f"{value:,.0f}" if name in _WHOLE else f"{value:.{DIGITS}g}"


def values_words(titles: Mapping[str, str], values: Mapping[str, float]) -> str:
    """Return a configuration in words, such as ``"learning rate 0.002, dropout after pooling 0.1"``."""
    return ", ".join(
        f"{title[:1].lower()}{title[1:]} {value_words(name, values[name])}" for name, title in titles.items()
    )


def trial_words(trial: SearchTrial, titles: Mapping[str, str]) -> str:
    """Return one finished trial in a line."""
    result, where = (trial.coreset, "") if trial.pool is None else (trial.pool, " on the whole pool")
    ended = f"pruned after epoch {result.pruned_after:,}, best " if result.pruned_after is not None else ""
    return (
        f"trial {trial.number + 1:,}{where} ({values_words(titles, trial.values)}): {ended}validation accuracy "
        f"{result.accuracy:.3f}, trained in {duration(result.seconds)}"
    )


def state_words(trial: SearchTrial) -> str:
    """Return whether a trial was complete, or after which epoch it was pruned."""
    pruned = trial.coreset.pruned_after
    return "complete" if pruned is None else f"pruned after epoch {pruned:,}"


def search_sentences(found: SearchResult) -> tuple[str, ...]:
    """Return what a search shows, in sentences."""
    lines = [_best_words(found)]
    if found.test is not None:
        test = found.test
        lines.append(
            f"Test accuracy of this configuration, trained on the coreset: {test.accuracy:.3f} ({test.low:.3f} to "
            f"{test.high:.3f}, 95 % interval of {test.n_images:,} test images). Test images were not used to select it."
        )
    if found.agreement is not None:
        lines += _pool_words(found, found.agreement)
    return tuple(lines)


def _best_words(found: SearchResult) -> str:
    best = found.best
    n = len(found.trials)
    pruned = f", {found.n_pruned:,} of them pruned" if found.n_pruned else ""
    configuration = values_words(found.titles, best.values) + _epochs_words(best)
    return (
        f"{n:,} {'trial' if n == 1 else 'trials'} of the {found.network_words}{pruned}. On the coreset of "
        f"{found.n_coreset:,} images, the best has {configuration}: validation accuracy {best.coreset.accuracy:.3f}; "
        f"all trials took {duration(found.coreset_seconds)}."
    )


def _epochs_words(trial: SearchTrial) -> str:
    """Return how many epochs a point of a grid was trained for, where that differs from what was set."""
    if "epochs" not in trial.values or trial.coreset.epochs == trial.values["epochs"]:
        return ""
    return f" ({trial.coreset.epochs:,} on so few images, to reach the minimum training steps)"


def _pool_words(found: SearchResult, agreement: SearchAgreement) -> list[str]:
    first = (
        f"On the pool of {found.n_pool:,} images, all trials took {duration(found.pool_seconds)}. The coreset's best "
        f"configuration is {_points(agreement.regret)} points below the best of the pool there (regret, validation "
        "accuracy)."
    )
    lines = [first]
    test = found.test
    if test is not None and test.regret is not None and test.regret_low is not None and test.regret_high is not None:
        if test.regret_low == test.regret_high:
            lines.append("The same configuration is the best on both, so that the regret on the test images is 0, too.")
        else:
            interval = f"{_points(test.regret_low)} to {_points(test.regret_high)}"
            lines.append(f"On the test images the regret is {_points(test.regret)} points, 90 % interval {interval}.")
    if agreement.tau is None:
        said = "is not defined"
    else:
        p_value = agreement.p_value if agreement.p_value is not None else math.nan
        p_words = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
        said = f"is {agreement.tau:.2f} ({p_words})".replace("-", "−")
    pruned = "; pruned trials are not ranked" if found.n_pruned else ""
    lines.append(
        f"The agreement of the two rankings of {agreement.n_ranked:,} trials, Kendall's τ, {said} (1: identical, 0: "
        f"none); each configuration was trained once{pruned}."
    )
    lines.append(_break_even_words(found, agreement))
    return lines


def _break_even_words(found: SearchResult, agreement: SearchAgreement) -> str:
    times = found.pool_seconds / found.coreset_seconds if found.coreset_seconds > 0 else math.nan
    cost = f"Selecting the coreset, with features and clusters, takes about {duration(agreement.once_seconds)}"
    if agreement.pays_after is None:
        return f"{cost}; a training on the coreset was not faster than one on the pool, so that it does not pay off."
    n = agreement.pays_after
    with_pruning = ", with pruning on the coreset alone" if found.n_pruned else ""
    return (
        f"The trials were {times:.1f} times as fast on the coreset{with_pruning}. {cost}, which pays off after {n:,} "
        f"{'trial' if n == 1 else 'trials'}."
    )


def _points(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−")
