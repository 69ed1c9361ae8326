"""The command that searches hyperparameters: `coreset search`."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from coreset_studio.core.cli.choices import study_of
from coreset_studio.core.cli.flags import flags_of
from coreset_studio.core.cli.terminal import TerminalProgress, say, table
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.output.search_files import BEST, REPORT, TABLE
from coreset_studio.core.output.search_report import search_table
from coreset_studio.core.output.tables import shown
from coreset_studio.core.pipeline.search_outlook import estimate_search, search_titles
from coreset_studio.core.pipeline.searching import check_place, check_search, search_study
from coreset_studio.core.results import Note
from coreset_studio.core.results.searches import SearchResult, SearchTrial
from coreset_studio.core.search_answer import search_sentences, trial_words
from coreset_studio.core.settings import GRID, SearchSettings

OF_GRID = ("learning_rates", "dropouts", "epoch_counts")
OF_TRIALS = (
    "trials", "parameters", "learning_rate_range", "image_size_range", "dropout_range", "augmentation_range", "pruning",
    "search_seed",
)  # fmt: skip


def search(options: argparse.Namespace) -> int:
    """Search hyperparameters on the coreset and, on request, on the whole pool."""
    check_place(options.out, overwrite=options.overwrite)
    study = study_of(options)
    study = replace(study, settings=replace(study.settings, search=_search_settings(options, study.settings.search)))
    check_search(study.settings)
    progress = TerminalProgress(on_part=partial(_print_part, titles=search_titles(study.settings)))
    progress.listen_for_interrupt()
    say(estimate_search(study, progress).sentence)
    found = search_study(study, options.out, overwrite=options.overwrite, progress=progress)
    _print_search(found)
    say(f"written: {options.out / TABLE} and {options.out / REPORT}")
    say(f"The settings of the best configuration are in {options.out / BEST}, for --settings.")
    return 0


def _search_settings(options: argparse.Namespace, search: SearchSettings) -> SearchSettings:
    """Return the settings of a search with its method: that of the command line, or else what its other flags mean.

    Raises
    ------
    SettingsError
        If flags exclude each other.
    """
    given = {flag.setting.name: flag.words for flag in flags_of("search") if getattr(options, flag.dest) is not None}
    of_grid = [words for name, words in given.items() if name in OF_GRID]
    of_trials = [words for name, words in given.items() if name in OF_TRIALS]
    if "method" in given:
        without_effect = of_trials if search.method == GRID else of_grid
        if without_effect:
            have = "have" if len(without_effect) > 1 else "has"
            raise SettingsError(
                f"{' and '.join(without_effect)} {have} no effect with --method {search.method}; remove one of the two."
            )
        return search
    if of_grid and of_trials:
        raise SettingsError(
            f"{of_grid[0]} belongs to a grid, and {of_trials[0]} to a search by trials; remove one of the two."
        )
    if of_grid:
        say(f"note: {of_grid[0]} was given, so every combination of a grid is trained; remove it to search by trials.")
        return replace(search, method="grid")
    if options.settings is None or of_trials:
        return replace(search, method="tpe" if search.method == GRID else search.method)
    if search.method == GRID:
        say("note: The settings file names no other method, so a grid is trained; --method tpe searches by trials.")
    return search


def _print_part(part: object, *, titles: Mapping[str, str]) -> None:
    if isinstance(part, Note):
        say(f"note: {part.sentence}", flush=True)
    if isinstance(part, SearchTrial):
        say(trial_words(part, titles), flush=True)


def _print_search(found: SearchResult) -> None:
    trials = search_table(found)
    heads = [column.title for column in trials.columns]
    cells = [[shown(cell, column.kind) for cell, column in zip(row, trials.columns, strict=True)]
             for row in trials.rows]  # fmt: skip
    numeric = {place for place, column in enumerate(trials.columns) if column.kind != "text"}
    print(table(heads, cells, numeric))
    for sentence in search_sentences(found):
        say(sentence)
