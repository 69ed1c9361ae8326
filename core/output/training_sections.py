"""The sections of a report on trained networks (paper, Figs. 7 to 11 and Table 1)."""

from coreset_studio.core.output import class_tables, curve_figures
from coreset_studio.core.output import training_figures as figures
from coreset_studio.core.output import training_tables as tables
from coreset_studio.core.output.blocks import Numbering, Section
from coreset_studio.core.output.content import Labels, ReportContent
from coreset_studio.core.palette import sampler_mark
from coreset_studio.core.results import N_BINS, Comparison, Coreset, split_word
from coreset_studio.core.settings import recipe_sentence
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.comparison_words import (
    backbone_sentences,
    basis_words,
    network_words,
    repetitions_by_split,
)
from coreset_studio.core.training.metrics import shown_in
from coreset_studio.core.words import percent


def comparison_section(content: ReportContent, labels: Labels, numbering: Numbering) -> Section:
    """Describe which differences were shown and which were not, with their table."""
    section = Section("comparison", "Comparison")
    comparison = content.comparison
    if comparison is None or not comparison.rows:
        section.say("Networks were not trained, so there are no results on accuracy.")
        for sentence in labels.texts(comparison.notes if comparison is not None else ()):
            section.say(sentence, "note")
        return section
    most = max(comparison.rows, key=lambda row: row.n_repetitions)
    folds = comparison.folds
    where = "All rows have" if most.n_splits == 1 else f"In each {split_word(folds)} all rows have"
    rest = basis_words(repetitions_by_split(comparison.runs, most), folds=folds)
    section.lead = (
        f"{len(comparison.runs):,} trainings, {rest} of each row. "
        f"{where} the same test images; repetitions share their seeds, so that differences are paired."
    )
    if most.n_repetitions == 1:
        section.say(
            "One repetition is not enough: initial weights and shuffling alone change accuracy by points.", "warning"
        )
    for sentence in _recipe_words(content, comparison):
        section.say(sentence)
    for note in labels.texts([run.note for run in comparison.runs if run.note]):
        section.say(note, "warning")
    for sentence in labels.texts(remarks(comparison)):
        section.say(sentence, "note")
    for network in figures.networks_of(comparison):
        section.show(tables.accuracy_table(comparison, network), limit=60, csv="comparison")
        section.show(tables.verdict_table(comparison, network), limit=60, csv="differences")
        section.show(class_tables.further_table(comparison, network), limit=60, csv="comparison")
        for sentence in class_tables.unknown_sentences(comparison, network):
            section.say(sentence, "note")
    section.show(tables.relabelled_table(comparison), limit=60)
    section.fold("In words", labels.texts(comparison.sentences))
    section.show(tables.cost_table(comparison), limit=80)
    if any(row.sampler != figures.EVERYTHING and row.fraction < 1 for row in comparison.rows):
        for metric in shown_in("sizes"):
            numbering.draw(
                section,
                figures.accuracy_with_intervals(comparison, metric.name, metric.label),
                f"Test {metric.label} by share of the pool selected, with 95 % "
                f"intervals{tables.steps_words(comparison)}.",
            )
    section.keep(
        tables.comparison_table(comparison),
        tables.difference_table(comparison),
        tables.run_table(comparison, labels),
        tables.epoch_table(comparison),
        class_tables.class_metrics_table(comparison),
        tables.confusion_table(comparison),
    )
    return section


def paper_section(content: ReportContent, numbering: Numbering) -> Section:
    """Show the paper's own figures for these data: time, accuracy by size, quality, confusion, curves."""
    section = Section("networks", "Networks")
    comparison = content.comparison
    if comparison is None or not comparison.runs:
        section.say("Networks were not trained.")
        return section
    section.show(tables.table_one(comparison))
    for network in figures.networks_of(comparison):
        _network_figures(section, comparison, network, numbering)
    return section


def remarks(comparison: Comparison) -> tuple[str, ...]:
    """Return the sentences of a comparison that follow its rows and differences: what to keep in mind about all."""
    differences = {each.sentence for each in comparison.differences}
    last = max((at for at, sentence in enumerate(comparison.sentences) if sentence in differences), default=None)
    return comparison.notes if last is None else comparison.sentences[last + 1 :]


def headline(comparison: Comparison, coreset: Coreset | None) -> list[str]:
    """Return for each network the accuracy of the coreset's sampler, of stratified random and of the whole pool.

    Of a comparison without that sampler, the last one that is not a control; of its fractions the one nearest to the
    coreset's.
    """
    sentences = []
    for network in figures.networks_of(comparison):
        rows = [row for row in comparison.rows if row.network == network]
        names = [name for name in figures.samplers_of(comparison, network) if not name.startswith("matched")]
        if not names:
            continue
        sampler = coreset.sampler if coreset is not None and coreset.sampler in names else names[-1]
        target = coreset.fraction if coreset is not None else figures.PAPER_FRACTION
        mine = min((row for row in rows if row.sampler == sampler), key=lambda row: abs(row.fraction - target))
        beside = [row for row in rows if row.sampler == "stratified" and row.fraction == mine.fraction]
        whole = [row for row in rows if row.sampler == figures.EVERYTHING]
        parts = [f"{sampler_mark(row.sampler).title} {row.means['accuracy']:.3f}" for row in (mine, *beside, *whole)]
        verdicts = [
            each.sentence
            for each in comparison.differences
            if (each.network, each.sampler, each.fraction) == (network, sampler, mine.fraction)
            and (each.metric, each.control) == ("accuracy", "stratified")
        ]
        kept = f"{percent(mine.fraction)} of the pool"
        start = f"Test accuracy of the {network_words(network)} with {kept}: {', '.join(parts)}."
        sentences.append(" ".join([start, *verdicts]))
    return sentences


def has_figure(comparison: Comparison | None) -> bool:
    """Return whether the comparison has a row that the figure can show."""
    return comparison is not None and any(row.sampler != figures.EVERYTHING for row in comparison.rows)


def _network_figures(section: Section, comparison: Comparison, network: str, numbering: Numbering) -> None:
    runs = [run for run in comparison.runs if run.key.network == network]
    under = tables.steps_words(comparison, network)
    several = f"{split_word(comparison.folds)}s and " if comparison.n_splits > 1 else ""
    numbering.draw(
        section,
        figures.training_time(comparison, network),
        f"Training time of {network} against coreset size{_of_paper(network, 'Figs. 7 and 8')}{under}; without "
        "features, including validation.",
    )
    samplers = figures.samplers_of(comparison, network)
    if any(run.history for run in runs) and samplers:
        numbering.draw(
            section,
            figures.accuracy_by_size(comparison, network, samplers),
            f"Training and validation accuracy of {network} against coreset size{_of_paper(network, 'Fig. 9')}; lines "
            f"from the lowest to the highest {'run' if several else 'repetition'}{under}.",
        )
    numbering.draw(
        section,
        figures.quality_bars(comparison, network),
        f"{_bars_words()} of {network} on the test images, macro-averaged"
        f"{_of_paper(network, 'Figs. 10 and 11')}{under}.",
    )
    rows = [
        (figures.row_title(row), tables.runs_of(comparison, row)) for row in figures.paper_rows(comparison, network)
    ]
    rows = [(title, mine) for title, mine in rows if mine]
    if rows and len(rows[0][1][0].classes) <= 40:
        numbering.draw(
            section,
            figures.confusion_matrices(rows),
            f"Confusion matrices of {network}: test images, summed over {several}repetitions; "
            "colour is the share of a row.",
        )
    section.show(tables.recall_table(comparison, network), limit=60)
    section.show(class_tables.class_measures_table(comparison, network), limit=60, csv="class_metrics")
    _curve_figures(section, comparison, network, numbering)
    if any(run.history for run in runs):
        numbering.draw(
            section,
            figures.training_curves(comparison, network),
            f"Accuracy of {network} by epoch; the dot marks the best epoch, whose weights were kept.",
        )


def _curve_figures(section: Section, comparison: Comparison, network: str, numbering: Numbering) -> None:
    """Draw ROC and reliability curves of the rows that have them."""
    rows = [
        (figures.row_title(row), row, tables.runs_of(comparison, row))
        for row in figures.paper_rows(comparison, network)
    ]
    found = [(title, row.curves, runs[0].classes) for title, row, runs in rows if row.curves is not None and runs]
    if not found:
        return
    numbering.draw(
        section,
        curve_figures.roc_curves([(title, curves) for title, curves, _ in found], found[0][2]),
        f"ROC curves of {network}: each class against all others, means over the trainings at equal false-positive "
        "rates; the thick line is the mean of the classes.",
    )
    numbering.draw(
        section,
        curve_figures.reliability_curves([(title, curves) for title, curves, _ in found]),
        f"Reliability of {network}: accuracy of the predictions by their confidence, the probability of the predicted "
        f"class, in {N_BINS} bins of equal width, with 95 % Wilson intervals; larger dots are more images. On the "
        "diagonal confidence is the share of correct predictions.",
    )


def _bars_words() -> str:
    """Return what the bars show, such as ``"Precision, recall and F1"``."""
    *others, last = (metric.label for metric in shown_in("bars"))
    words = f"{', '.join(others)} and {last}" if others else last
    return words[:1].upper() + words[1:]


def _of_paper(network: str, number: str) -> str:
    """Return which figure of the paper shows the same; nothing for a network that is not the paper's."""
    return f" (paper, {number})" if network in NETWORKS and NETWORKS[network].listing else ""


def _recipe_words(content: ReportContent, comparison: Comparison) -> list[str]:
    """Return how the networks were trained, and if one of the paper's uses another backbone than there."""
    names = [name for name in figures.networks_of(comparison) if name in NETWORKS and NETWORKS[name].by_epochs]
    if content.settings is None or not names:
        return []
    training = content.settings.training
    reported_networks = (*names, *content.settings.comparison.networks)
    on_backbone = any(name in NETWORKS and NETWORKS[name].needs_backbone for name in reported_networks)
    recipe = recipe_sentence(training, on_backbone=on_backbone)
    sentences = [] if recipe in comparison.notes else [recipe]
    return [*sentences, *(one for one in backbone_sentences(training, names) if one not in remarks(comparison))]
