"""A hyperparameter search in a report: its sentences, figure and tables."""

import itertools
from typing import TYPE_CHECKING

from coreset_studio.core.output.blocks import Numbering, Section
from coreset_studio.core.output.drawing import HALF, INK, MUTED, new_figure, style
from coreset_studio.core.output.tables import Cell, Column, Table
from coreset_studio.core.results.searches import SearchResult, SearchTrial
from coreset_studio.core.search_answer import search_sentences, state_words
from coreset_studio.core.words import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRIALS_SHOWN = 60


def search_table(found: SearchResult) -> Table:
    """Return the trials as a table of a report."""
    with_pool = found.n_pool > 0
    columns = [
        Column("trial", "Trial", "count"),
        *(Column(name, title, "count" if name in ("image_size", "epochs") else "number")
          for name, title in found.titles.items()),
        Column("coreset_accuracy", "Validation accuracy, coreset", "share"),
        Column("coreset_epochs", "Epochs", "count"),
        Column("state", "State"),
        Column("coreset_seconds", "Training", "seconds"),
    ]  # fmt: skip
    if with_pool:
        columns += [
            Column("pool_accuracy", "Validation accuracy, pool", "share"),
            Column("pool_seconds", "Training, pool", "seconds"),
        ]
    rows = []
    for trial in found.trials:
        result = trial.coreset
        row: list[Cell] = [trial.number + 1, *(trial.values[name] for name in found.titles)]
        row += [result.accuracy, result.epochs, state_words(trial), result.seconds]
        if with_pool:
            row += [trial.pool.accuracy, trial.pool.seconds] if trial.pool else [None, None]
        rows.append(tuple(row))
    return Table("search_trials", "Trials of the hyperparameter search", tuple(columns), tuple(rows))


def agreement_table(found: SearchResult) -> Table:
    """Return how coreset and pool agree, as a table; without rows if the pool was not searched."""
    columns = (Column("measure", "Measure"), Column("value", "Value"))
    agreement, test = found.agreement, found.test
    rows: list[tuple[Cell, ...]] = []
    if agreement is not None:
        tau = None if agreement.tau is None else f"{agreement.tau:.3f}".replace("-", "−")
        rows = [
            ("Kendall's τ", tau),
            ("p-value of τ", None if agreement.p_value is None else f"{agreement.p_value:.3g}"),
            ("Trials ranked", f"{agreement.n_ranked:,}"),
            ("Regret, validation accuracy, points", _points(agreement.regret)),
            ("Time of all trials, coreset", duration(found.coreset_seconds)),
            ("Time of all trials, pool", duration(found.pool_seconds)),
            ("Selection, with features and clusters (estimated)", duration(agreement.once_seconds)),
            ("Pays off after trials", None if agreement.pays_after is None else f"{agreement.pays_after:,}"),
        ]
        if test is not None and test.regret is not None:
            ends = [_points(end) for end in (test.regret_low, test.regret_high) if end is not None]
            inside = "the same configuration" if len(set(ends)) == 1 else " to ".join(ends)
            words = f"{_points(test.regret)} ({inside})"
            rows.insert(4, ("Regret, test accuracy, points (90 % interval)", words))
    return Table("search_agreement", "Search on the coreset and on the whole pool", columns, tuple(rows))


def agreement_values(found: SearchResult) -> Table:
    """Return the figures of `agreement_table` in full precision, for its CSV."""
    columns = (Column("measure", "Measure"), Column("value", "Value", "number"))
    agreement, test = found.agreement, found.test
    if agreement is None:
        return Table("search_agreement", "", columns, ())
    regrets = (None, None, None) if test is None else (test.regret, test.regret_low, test.regret_high)
    figures: dict[str, Cell] = {
        "kendall_tau": agreement.tau,
        "p_value": agreement.p_value,
        "trials_ranked": agreement.n_ranked,
        "regret_validation": agreement.regret,
        **dict(zip(("regret_test", "regret_test_low", "regret_test_high"), regrets, strict=True)),
        "coreset_seconds": found.coreset_seconds,
        "pool_seconds": found.pool_seconds,
        "selection_seconds": agreement.once_seconds,
        "pays_after_trials": agreement.pays_after,
    }
    return Table("search_agreement", "Search on the coreset and on the whole pool", columns, tuple(figures.items()))


def _points(share: float) -> str:
    return f"{100 * share:.2f}".replace("-", "−")


def search_section(
    found: SearchResult, numbering: Numbering, *, identifier: str = "search", title: str = "Hyperparameter search"
) -> Section:
    """Return the section of a report on a search."""
    section = Section(identifier, title)
    for sentence in search_sentences(found):
        section.say(sentence)
    for note in found.notes:
        section.say(note, "note")
    numbering.draw(section, _figure(found), _caption(found))
    section.show(search_table(found), limit=TRIALS_SHOWN)
    section.show(agreement_table(found), csv="search_agreement")
    section.keep(agreement_values(found))
    return section


def _caption(found: SearchResult) -> str:
    if found.n_pool:
        return (
            "Validation accuracy of each configuration on the coreset and on the whole pool; crosses are trials that "
            "were pruned on the coreset, the circle is the coreset's best."
        )
    return "Validation accuracy on the coreset by trial; crosses are pruned trials, the line is the best so far."


def _figure(found: SearchResult) -> "Figure":
    with style():
        figure = new_figure(HALF, 3.2)
        axes = figure.subplots()
        by_number = sorted(found.trials, key=lambda trial: trial.number)
        for is_ranked, mark in ((True, "o"), (False, "x")):
            some = [trial for trial in by_number if trial.is_ranked == is_ranked]
            across = [trial.coreset.accuracy if found.n_pool else trial.number + 1 for trial in some]
            upward = [trial.pool.accuracy if trial.pool else trial.coreset.accuracy for trial in some]
            axes.plot(across, upward, mark, markersize=5, color=INK if is_ranked else MUTED)
        if found.n_pool:
            _mark_best(axes, found.best)
            axes.set_xlabel("validation accuracy, coreset")
            axes.set_ylabel("validation accuracy, whole pool")
        else:
            ranked = [trial for trial in by_number if trial.is_ranked]
            so_far = list(itertools.accumulate((trial.coreset.accuracy for trial in ranked), max))
            numbers = [trial.number + 1 for trial in ranked]
            axes.step([*numbers, len(by_number)], [*so_far, so_far[-1]], where="post", color=MUTED, linewidth=1)
            axes.locator_params(axis="x", integer=True)
            axes.set_xlabel("trial")
            axes.set_ylabel("validation accuracy, coreset")
    return figure


def _mark_best(axes: "Axes", best: SearchTrial) -> None:
    if best.pool is not None:
        axes.plot(best.coreset.accuracy, best.pool.accuracy, "o", markersize=11, fillstyle="none", color=INK)
