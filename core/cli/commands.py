"""Commands that select: scan, extractors, select, export, verify, rerun, weights."""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.cli.choices import study_of
from coreset_studio.core.cli.flags import flags_of_files
from coreset_studio.core.cli.quality import check_listing, print_quality
from coreset_studio.core.cli.terminal import TerminalProgress, say, table
from coreset_studio.core.data.dataset import find_duplicates
from coreset_studio.core.data.group_patterns import suggest_patterns, suggestion_words
from coreset_studio.core.data.relabelling import relabelled_notes
from coreset_studio.core.data.split import count_groups
from coreset_studio.core.data.suspected import suspect_patterns
from coreset_studio.core.data.unlabelled import dataset_words, no_labels_words
from coreset_studio.core.descriptions import NO_PLUGINS, all_kinds, inside_sentence, plugin_problems, takes_plugins
from coreset_studio.core.errors import ExportError, SettingsError
from coreset_studio.core.features.weight_download import download
from coreset_studio.core.features.weight_sets import WEIGHT_SETS
from coreset_studio.core.features.weights import import_weights, list_weights
from coreset_studio.core.pipeline import exporting
from coreset_studio.core.pipeline.exporting import labels_of, reading_notes_of, write_selection
from coreset_studio.core.pipeline.facts import extractor_facts, separation_if_computed
from coreset_studio.core.pipeline.stages import Prepared, choose, extract_features, open_dataset, prepare, split_dataset
from coreset_studio.core.results import Coreset, Dataset, Split, WeightsEntry
from coreset_studio.core.selection.class_budgets import rule_over_classes
from coreset_studio.core.selection.clustering import cluster_words
from coreset_studio.core.settings import DataSettings
from coreset_studio.core.words import byte_size, duration, percent

_REASONS = 10


def progress() -> TerminalProgress:
    """Return a progress that Ctrl+C stops."""
    shown = TerminalProgress()
    shown.listen_for_interrupt()
    return shown


def scan(options: argparse.Namespace) -> int:
    """Print what a dataset contains."""
    check_listing(options.quality)
    study = study_of(options)
    settings = study.settings
    dataset = open_dataset(study.source, study.cache_folder, progress(), settings=settings.data, complete=True)
    sizes = [(i.width, i.height) for i in dataset.images]
    counts = dict.fromkeys(dataset.classes, 0)
    for image in dataset.images:
        counts[image.class_name] += 1
    say(f"{dataset_words(dataset)}, {dataset.kind}, {dataset.source}")
    for name, value in dataset.read_as.items():
        say(f"read with {name.replace('_', ' ')}: {value}")
    n_relabelled = len(dataset.corrected)
    if n_relabelled:
        say(f"relabelled: {n_relabelled:,} image{'s' * (n_relabelled != 1)}")
    (width, height), (widest, highest) = np.min(sizes, axis=0), np.max(sizes, axis=0)
    say(f"sizes from {width}×{height} to {widest}×{highest} pixels")
    print(table(["class", "images"], [[name, f"{n:,}"] for name, n in counts.items()], {1}))
    if "path_column" in dataset.read_as:
        print(f"\n{_first_rows(dataset)}")
    duplicates = find_duplicates(dataset)
    same = [d for d in duplicates if not d.conflicting]
    conflicts = [d for d in duplicates if d.conflicting]
    print(f"\nskipped: {len(dataset.skipped):,}")
    for skipped in dataset.skipped:
        say(f"  {skipped.path}: {skipped.reason}")
    say(f"images with the same pixels: {len(same):,} sets")
    for found in same:
        say("  " + " = ".join(dataset.images[i].path for i in found.indices))
    say(f"the same pixels under two labels: {len(conflicts):,} sets")
    for found in conflicts:
        say("  " + " = ".join(dataset.images[i].path for i in found.indices))
    split = split_dataset(dataset, settings)
    suggested = _print_groups(dataset, settings.data)
    of_quality = print_quality(dataset, settings.quality, options.quality)
    suspected = [one.sentence for one in suspect_patterns(dataset.images, settings.data)]
    _print_excluded(split)
    if split.leaks:
        say(f"leaks of the predefined split: {len(split.leaks):,}")
        for train, test in split.leaks:
            say(f"  {dataset.images[train].path} = {dataset.images[test].path}")
    for warning in (*dataset.warnings, *suspected, *split.warnings, *suggested, *of_quality):
        say(f"note: {warning}")
    return 0


def _first_rows(dataset: Dataset) -> str:
    """Return how the first images of a table were read."""
    heads = ["path", "class", "split", "group", *dataset.columns[:3]]
    rows = [[i.path, i.class_name, i.split or "–", i.group or "–", *i.more[:3]] for i in dataset.images[:10]]
    return table(heads, rows)


def _print_excluded(split: Split) -> None:
    """Print how many images are excluded, and the most frequent reasons."""
    if split.left_out:
        say(f"excluded: {len(split.left_out):,}")
        for reason, n in Counter(left.reason for left in split.left_out).most_common(_REASONS):
            say(f"  {n:,}: {reason}")


def _print_groups(dataset: Dataset, settings: DataSettings) -> list[str]:
    """Print the number of groups; if there are none, return the most likely pattern as a note."""
    n_groups, n_without = count_groups(dataset, settings)
    if n_groups:
        say(f"groups: {n_groups:,}; images without one: {n_without:,}")
        return []
    return [suggestion_words(one) for one in suggest_patterns(dataset.images)[:1]]


def extractors(options: argparse.Namespace) -> int:
    """List the extractors with needs, cost and, where computed, separation."""
    study = study_of(options)
    shown = progress()
    dataset = open_dataset(study.source, study.cache_folder, shown, settings=study.settings.data)
    split = split_dataset(dataset, study.settings)
    if options.compute:
        extract_features(study, dataset, split, progress=shown)
    rows = []
    facts = extractor_facts(study, dataset, split)
    if not dataset.has_labels:
        say(f"note: {no_labels_words('The accuracy of nearest neighbours (5-NN)')}")
    for fact in facts:
        separation = separation_if_computed(study, dataset, split, fact, shown)
        rows.append(
            [
                fact.name,
                f"{fact.n_features:,}",
                fact.weights_state,
                f"{fact.n_cached:,} of {fact.n_images:,}",
                duration(fact.estimate.seconds) if fact.n_cached < fact.n_images else "–",
                f"{separation.accuracy:.3f}" if separation else "–",
            ]
        )
    print(table(["extractor", "features", "weights", "computed", "remaining, about", "5-NN"], rows, {1, 3, 4, 5}))
    print(
        "\n5-NN: share of the pool images whose five nearest neighbours have their class. It shows how well an"
        "\nextractor separates the classes; several combined can still select better than the best alone."
    )
    for fact in facts:
        print()
        say(f"{fact.name}: {fact.tip}")
    return 0


def _choose(options: argparse.Namespace) -> tuple[Prepared, Coreset]:
    study = study_of(options)
    shown = progress()
    prepared = prepare(study, shown)
    return prepared, choose(prepared, study.settings.selection, shown)


def _print_coreset(prepared: Prepared, coreset: Coreset) -> set[str]:
    """Print the selection, and return the printed notes."""
    chosen, pool = len(coreset.indices), sum(coreset.pool_sizes.values())
    rule = rule_over_classes(coreset, prepared.study.settings.selection)
    say(
        f"{chosen:,} of {pool:,} images of the pool ({percent(chosen / pool)}), sampler {coreset.sampler}, "
        f"{f'class budgets {rule}, ' if rule else ''}seed {coreset.seed}"
    )
    rows = []
    names_by_words: dict[str, list[str]] = {}
    for name, n in coreset.budgets.items():
        clusters = prepared.clusters_of(name)
        silhouette = clusters.mean_silhouette
        rows.append(
            [
                name,
                f"{coreset.pool_sizes[name]:,}",
                f"{n:,}",
                str(clusters.k),
                "–" if silhouette is None else f"{silhouette:.3f}",
            ]
        )
        names_by_words.setdefault(cluster_words(clusters), []).append(name)
    print(table(["class", "pool", "chosen", "clusters", "silhouette"], rows, {1, 2, 3, 4}))
    for words, names in names_by_words.items():
        say(f"{', '.join(names)}: {inside_sentence(words)}")
    relabelled = relabelled_notes(prepared.dataset, prepared.split)
    notes = dict.fromkeys([*reading_notes_of(prepared), *relabelled, *coreset.notes, *labels_of(prepared)])
    for note in notes:
        say(f"note: {note}")
    return set(notes)


def select(options: argparse.Namespace) -> int:
    """Choose a coreset and write the list."""
    if options.out.exists() and not options.overwrite:
        raise ExportError(f"{options.out} already exists. Name another file, or add --overwrite.")
    prepared, coreset = _choose(options)
    notes = write_selection(options.out, prepared, coreset, progress())
    _print_coreset(prepared, coreset)
    for note in notes:
        say(f"note: {note}")
    say(f"written: {options.out}")
    return 0


def export(options: argparse.Namespace) -> int:
    """Choose a coreset and write it as class folders."""
    prepared, coreset = _choose(options)
    result = exporting.export(prepared, coreset, options.out, overwrite=options.overwrite, progress=progress())
    printed_notes = _print_coreset(prepared, coreset)
    for note in result.notes:
        if note not in printed_notes:
            say(f"note: {note}")
    say(f"written: {result.folder}, {result.n_files:,} images, {byte_size(result.n_bytes)}")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Check an export; exit code 1 where a file differs."""
    result = exporting.verify(options.folder, progress())
    say(result.sentence)
    for names, word in ((result.differing, "differs"), (result.missing, "missing"), (result.extra, "extra")):
        for name in names:
            say(f"  {word}: {name}")
    return 0 if result.ok else 1


def rerun(options: argparse.Namespace) -> int:
    """Make the same coreset again; exit code 1 where it differs."""
    if options.out is not None and options.out.exists():
        raise ExportError(f"{options.out} already exists. Name another file.")
    cache = Path(options.cache) if options.cache else default_cache_folder()
    files = {flag.dest: file for flag, file in flags_of_files(options)}
    again = exporting.rerun(
        options.manifest, options.dataset, cache, weights_file=options.weights, files=files, progress=progress()
    )
    if options.out is not None:
        for note in write_selection(options.out, again.prepared, again.coreset, progress()):
            say(f"note: {note}")
        say(f"written: {options.out}")
    for difference in again.differences:
        say(difference)
    if again.differences:
        return 1
    say(f"The same {len(again.coreset.indices):,} images were selected again.")
    return 0


def weights(options: argparse.Namespace) -> int:
    """List, import or download weights."""
    if options.action == "list":
        rows = [[e.name, e.state, str(e.file or "–"), ", ".join(e.extractors), e.title] for e in list_weights()]
        print(table(["name", "state", "file", "extractors", "what"], rows))
        return 0
    if not options.what:
        what = "a weight file" if options.action == "import" else f"a name, such as {next(iter(WEIGHT_SETS))}"
        raise SettingsError(f"coreset weights {options.action} requires {what}; see coreset weights --help.")
    entry: WeightsEntry
    if options.action == "import":
        entry = import_weights(Path(options.what), options.name)
    else:
        entry = download(options.what, progress())
    say(f"{entry.name}: {entry.state}, {entry.file}")
    return 0


def plugins(options: argparse.Namespace) -> int:  # noqa: ARG001 - it has none
    """List what plugins add; exit code 1 where something is excluded."""
    if not takes_plugins():
        say(NO_PLUGINS)
        return 0
    rows = [
        [kind, name, known[name].title, str(plugin)]
        for kind, known in all_kinds().items()
        for name, plugin in known.plugins.items()
    ]
    problems = plugin_problems()
    print(table(["kind", "name", "title", "plugin"], rows) if rows else "No plugins installed.")
    for problem in problems:
        say(problem.sentence)
    return 1 if problems else 0
