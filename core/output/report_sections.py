"""The sections of a report on images, features, clusters, the coreset, and how all was made."""

from collections.abc import Sequence
from typing import TypeVar

from coreset_studio.core.data.relabelling import relabelled_notes
from coreset_studio.core.libraries import library_versions
from coreset_studio.core.output import figures
from coreset_studio.core.output import report_tables as tables
from coreset_studio.core.output.blocks import EmbeddedImage, Numbering, Section
from coreset_studio.core.output.content import Labels, ReportContent
from coreset_studio.core.output.embedded_images import embedded
from coreset_studio.core.palette import cluster_mark, sampler_mark
from coreset_studio.core.results import ClassClusters, Dataset, Duplicates
from coreset_studio.core.selection.class_budgets import rule_over_classes
from coreset_studio.core.selection.clustering import cluster_words
from coreset_studio.core.version import __version__
from coreset_studio.core.words import duration, percent

CLASSES_A_FIGURE = 12
CLASSES_DRAWN = 48
"""Classes beyond these are in the tables only."""

_NO_IMAGES = "A private report shows no images."
_Item = TypeVar("_Item")


def dataset_section(content: ReportContent, labels: Labels, numbering: Numbering) -> Section:
    """Describe the dataset, its split, and suspected errors (paper, Figs. 3 and 4)."""
    dataset, split = content.dataset, content.split
    section = Section("images", "Images")
    section.lead = _read_words(dataset)
    for warning in labels.texts([*dataset.warnings, *(split.warnings if split else ())]):
        section.say(warning, "warning")
    section.say(_split_words(content))
    for note in relabelled_notes(dataset, split) if split is not None else ():
        section.say(note, "note")
    numbering.draw(section, figures.class_histogram(dataset, split), "Images by class (paper, Fig. 4).")
    section.show(tables.class_table(dataset, split), limit=60)
    _sample_images(section, content, labels)
    _label_errors(section, content, labels)
    return section


def features_section(content: ReportContent, numbering: Numbering) -> Section:
    """Describe the extractors, how well each separates the classes, and the components that PCA kept."""
    section = Section("features", "Features")
    if not (content.separations or content.embeddings or content.weights):
        section.say("No features were extracted.")
        return section
    names = list(dict.fromkeys(weights.extractor for weights in content.weights))
    if names:
        section.lead = f"Features were extracted by {_listed(names)}."
    for weights in content.weights:
        if weights.state == "file":
            section.say("Features from a file were not computed, and are not checked, by this program.", "warning")
        if weights.label:
            section.say(weights.label, "warning")
    section.show(tables.weights_table(content))
    if content.separations:
        numbering.draw(
            section,
            figures.separation_bars(content.separations),
            "How well each extractor separates the classes: leave-one-out nearest-neighbour accuracy over the pool; a "
            "bar for all images, a dot for each class. It measures how close the images of a class are to each "
            "other, not which extractor selects the better coreset: several extractors combined can be better "
            "than the best of them.",
        )
        section.show(tables.separation_table(content.separations))
    if content.embeddings:
        variance = content.settings.features.variance if content.settings else 0.95
        shown = content.embeddings[:20]
        numbering.draw(
            section,
            figures.explained_variance(shown, variance),
            "Cumulative explained variance by class; dots mark the retained components, the line is "
            f"{percent(variance)}.",
        )
        section.show(tables.components_table(content.embeddings), limit=16)
        section.keep(tables.explained_table(content.embeddings))
    return section


def clusters_section(content: ReportContent, labels: Labels, numbering: Numbering) -> Section:
    """Describe the clusters of each class, and how much structure they show (paper, Figs. 5 and 6)."""
    section = Section("clusters", "Clusters")
    if not content.clusters:
        section.say("No clusters were computed.")
        return section
    words = {each.class_name: cluster_words(each) for each in content.clusters}
    section.lead = structure_summary(content.clusters)
    for sentence in dict.fromkeys(words.values()):
        names = [name for name, mine in words.items() if mine == sentence]
        section.say(f"{_listed(names)}. {sentence}", "note")
    short = {name: sentence.partition(":")[0] for name, sentence in words.items()}
    section.show(tables.structure_table(content.clusters, short), limit=60)
    if any(each.curve for each in content.clusters):
        numbering.draw(
            section,
            figures.silhouette_curves(content.clusters[:20]),
            "Mean silhouette by number of clusters; the ring marks the k in use. Bands: Kaufman and Rousseeuw (1990).",
        )
    for clusters in _chunks(content.clusters):
        drawn = {each.class_name for each in clusters}
        if drawn <= {each.class_name for each in content.embeddings}:
            numbering.draw(
                section,
                figures.cluster_scatter(content.embeddings, clusters),
                "Images of each class on their first two components, by cluster; stars are medoids (paper, Fig. 5). "
                "Two components show only a small part of the features that were clustered.",
            )
        numbering.draw(section, figures.cluster_sizes(clusters), "Images in each cluster (paper, Fig. 6).")
    _medoid_images(section, content, labels)
    section.show(tables.cluster_table(content, labels), limit=40)
    section.keep(tables.silhouette_table(content.clusters))
    return section


def coreset_section(content: ReportContent, labels: Labels, numbering: Numbering) -> Section:
    """Describe the coreset, what random sampling would select, and the coverage (paper, Fig. 2)."""
    section = Section("coreset", "Coreset")
    coreset = content.coreset
    if coreset is None:
        section.say("No coreset was selected.")
        return section
    section.lead = coreset_words(content)
    for note in labels.texts([*coreset.notes, *content.export_notes]):
        section.say(note, "note")
    section.show(tables.budget_table(content), limit=60)
    for shares in _chunks(content.shares):
        numbering.draw(
            section,
            figures.cluster_take(shares, coreset.sampler),
            f"Images that {sampler_mark(coreset.sampler).title} selects from each cluster, next to a random draw "
            "of as many images from the whole pool (paper, Fig. 2).",
        )
    _chosen_images(section, content, labels)
    if content.coverage is not None:
        section.say(
            "Coverage: the distance of the pool images from their nearest selected image, in the space of the "
            "selection (smaller is better), and the difference between the selected images and the class as a "
            "whole (MMD²)."
        )
        if content.coverage.sample_words:
            section.say(content.coverage.sample_words)
        section.show(tables.coverage_table(content.coverage), limit=60)
        _worst_images(section, content, labels)
    if content.proxy:
        numbering.draw(
            section,
            figures.proxy_curve(content.proxy, coreset.fraction),
            "How often the nearest selected image has the class of an image, by share selected, and the same for "
            "as many random ones (mean and range of the draws). Every size is evaluated on the whole pool, no image by "
            "itself or a copy; the vertical line is this coreset. A quick proxy before any training.",
        )
        section.keep(tables.proxy_table(content))
    return section


def making_section(content: ReportContent, labels: Labels) -> Section:
    """List settings, seeds, versions and times."""
    section = Section("making", "Settings and method")
    if content.times:
        total = sum(each.seconds for each in content.times)
        section.lead = f"All stages took {duration(total)} in total."
        section.show(tables.time_table(content), limit=60)
    if content.settings is not None:
        section.show(tables.settings_table(content.settings, labels), limit=200)
    else:
        section.say("The settings were not recorded.")
    versions = content.versions or library_versions()
    section.show(tables.version_table({"coreset-studio": __version__, **versions}))
    section.say(
        "The method: Ashraf, Ullah, Nadeem and Noor, Coreset selection based on Intra-class diversity (2025); "
        "figures and tables with a number of the paper follow it, the rest goes beyond it.",
        "small",
    )
    return section


def coreset_words(content: ReportContent) -> str:
    """Return the size of the coreset, its sampler, and whether every cluster is covered."""
    coreset = content.coreset
    if coreset is None:
        return "No coreset was selected."
    pool = sum(coreset.pool_sizes.values())
    text = (
        f"{sampler_mark(coreset.sampler).title} selected {len(coreset.indices):,} of {pool:,} images of the pool "
        f"({percent(coreset.fraction)})"
    )
    rule = rule_over_classes(coreset, content.settings.selection) if content.settings is not None else None
    if rule is not None:
        text += f", class budgets: {rule.replace('-', ' ')}"
    n_clusters = sum(len(share.sizes) for share in content.shares)
    missed = sum(int(((share.chosen == 0) & (share.sizes > 0)).sum()) for share in content.shares)
    if not n_clusters:
        return f"{text}."
    if missed:
        return f"{text}; {missed:,} of {n_clusters:,} clusters {'is' if missed == 1 else 'are'} not covered."
    return f"{text}; each of the {n_clusters:,} clusters is covered."


def structure_summary(clusters: Sequence[ClassClusters]) -> str:
    """Return in one sentence in how many classes the clusters are separate groups at all."""
    without = sum(
        each.mean_silhouette is None or each.mean_silhouette <= figures.SILHOUETTE_BANDS[0] for each in clusters
    )
    n = len(clusters)
    if without == 0:
        return f"In all {n} classes the silhouette shows at least weak cluster structure."
    if without == n:
        return (
            f"In none of the {n} classes does the silhouette show substantial structure: the clusters are not separate "
            "groups, and intelligent sampling will behave like stratified random."
        )
    return (
        f"In {without} of {n} classes the silhouette shows no substantial structure: their clusters are not "
        "separate groups, and intelligent sampling will behave like stratified random."
    )


def _read_words(dataset: Dataset) -> str:
    n, classes, skipped = len(dataset.images), len(dataset.classes), len(dataset.skipped)
    left = f" {skipped:,} files were skipped, for the reasons below." if skipped else " No file was skipped."
    if skipped == 1:
        left = " 1 file was skipped, for the reason below."
    return f"{n:,} images of {classes} {'class' if classes == 1 else 'classes'} were read.{left}"


def _split_words(content: ReportContent) -> str:
    split = content.split
    if split is None:
        return "The images were not divided into pool, validation and test."
    sizes = (
        f"{len(split.pool):,} in the pool, {len(split.validation):,} for validation, {len(split.test):,} for testing"
    )
    whose = "as in the predefined split" if split.is_predefined else "by class, at random from a seed"
    if split.folds:
        whose += f", into {split.folds:,} folds, of which this is fold {split.fold + 1:,}"
    return f"Divided {whose}: {sizes}. Features, clusters and coresets only use the pool."


def duplicates_words(duplicates: Sequence[Duplicates]) -> str:
    """Return how many groups of images have the same pixels, and how many of those have two labels."""
    n, extra = len(duplicates), sum(len(each.indices) - 1 for each in duplicates)
    conflicts = sum(each.conflicting for each in duplicates)
    groups = "1 group of images has" if n == 1 else f"{n:,} groups of images have"
    copies = "1 copy" if extra == 1 else f"{extra:,} copies"
    have = "it has" if n == 1 else f"{conflicts:,} of them {'has' if conflicts == 1 else 'have'}"
    under = f"; {have} two labels, one of which must be wrong"
    return f"{groups} the same pixels ({copies} too many){under if conflicts else ''}."


def _label_errors(section: Section, content: ReportContent, labels: Labels) -> None:
    conflicts = sum(each.conflicting for each in content.duplicates)
    if content.duplicates:
        section.say(duplicates_words(content.duplicates), "warning" if conflicts else "note")
    else:
        section.say("No two images have the same pixels.", "small")
    section.show(tables.duplicates_table(content.duplicates, labels))
    section.show(tables.skipped_table(content.dataset, labels))
    if content.split is not None:
        if content.split.leaks:
            n = len(content.split.leaks)
            what = (
                "1 pair of a training and a test image is" if n == 1 else f"{n:,} pairs of training and test images are"
            )
            section.say(f"{what} copies or of one group, so test results are too optimistic.", "warning")
        section.show(tables.leaks_table(content.split, labels))
        section.show(tables.left_out_table(content.split, labels))
    if content.label_errors_words:
        section.say(content.label_errors_words, "small")
    section.show(tables.label_errors_table(content, labels))
    section.show(tables.near_duplicates_table(content, labels))


def _sample_images(section: Section, content: ReportContent, labels: Labels) -> None:
    if labels.private is not None:
        section.say(_NO_IMAGES, "small")
        return
    images = content.dataset.images
    n = 8 if len(content.dataset.classes) <= 12 else 4
    rows = []
    for name in content.dataset.classes[:CLASSES_DRAWN]:
        # By the hash of their pixels: as good as at random, and the same every time.
        mine = sorted((i for i, image in enumerate(images) if image.class_name == name), key=lambda i: images[i].pixels)
        rows.append((name, [_image(content, index) for index in mine[:n]]))
    section.image_rows(rows, "Sample images of each class (paper, Fig. 3).")


def _medoid_images(section: Section, content: ReportContent, labels: Labels) -> None:
    if labels.private is not None:
        return
    rows = []
    for each in content.clusters[:CLASSES_DRAWN]:
        shares = [percent(round(float(size), 2)) for size in each.sizes / max(1, each.sizes.sum())]
        row = [
            _image(content, int(medoid), f"{cluster + 1}: {shares[cluster]}", cluster_mark(cluster).colour)
            for cluster, medoid in enumerate(each.medoids)
        ]
        rows.append((each.class_name, row))
    section.image_rows(rows, "The medoid of each cluster, with the cluster's share of its class.")


def _chosen_images(section: Section, content: ReportContent, labels: Labels) -> None:
    coreset = content.coreset
    if labels.private is not None or coreset is None:
        return
    images = content.dataset.images
    rows = []
    for name in list(coreset.budgets)[:CLASSES_DRAWN]:
        mine = [int(index) for index in coreset.indices if images[index].class_name == name]
        rows.append((name, [_image(content, index) for index in mine[:8]]))
    section.image_rows(rows, "The first images selected from each class.")


def _worst_images(section: Section, content: ReportContent, labels: Labels) -> None:
    coverage = content.coverage
    if labels.private is not None or coverage is None:
        return
    worst = [index for index in coverage.worst_indices if index >= 0][:10]
    row = [_image(content, index, content.dataset.images[index].class_name) for index in worst]
    section.image_rows([("", row)], "The images of the pool that the coreset covers worst.")


def _image(content: ReportContent, index: int, caption: str = "", colour: str = "") -> EmbeddedImage:
    return EmbeddedImage(embedded(content.dataset, index, content.cache_folder), caption, colour)


def _chunks(items: Sequence[_Item]) -> list[Sequence[_Item]]:
    kept = items[:CLASSES_DRAWN]
    return [kept[start : start + CLASSES_A_FIGURE] for start in range(0, len(kept), CLASSES_A_FIGURE)]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def methods_section(content: ReportContent) -> Section:
    """Say what was done as a publication says it, with what to cite."""
    from coreset_studio.core.output.methods import methods
    from coreset_studio.core.output.methods_facts import facts_of
    from coreset_studio.core.output.references import references

    section = Section("methods", "Methods paragraph")
    section.lead = "For the Methods section of a publication. It is made from what was recorded; check it before use."
    if content.settings is None:
        section.say("The settings are not known, so that nothing can be said.")
        return section
    found = methods(facts_of(content))
    section.say(found.text)
    section.fold("References as BibTeX", [references()[key].text for key in sorted(found.keys) if key in references()])
    return section
