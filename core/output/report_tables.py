"""The tables of a report about images, features, clusters, the coreset and how all was made."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from coreset_studio.core.output.content import Labels, ReportContent
from coreset_studio.core.output.figures import class_counts
from coreset_studio.core.output.tables import Cell, Column, Table
from coreset_studio.core.results import ClassClusters, ClassEmbedding, Coverage, Dataset, Duplicates, Separation, Split
from coreset_studio.core.settings import Settings, settings_to_dict
from coreset_studio.core.settings.chosen_file import without_places

_COUNT: Final = "count"
_SHARE: Final = "share"


def class_table(dataset: Dataset, split: Split | None) -> Table:
    """Return images by class and set, with the range of their sizes."""
    counts = class_counts(dataset, split)
    heads = tuple(Column(title.replace(" ", "_"), title.capitalize(), _COUNT) for title, _, _ in counts)
    sizes = {name: [(i.width, i.height) for i in dataset.images if i.class_name == name] for name in dataset.classes}
    rows = [
        (
            name,
            *(int(values[at]) for _, _, values in counts),
            *((len(sizes[name]),) if split is not None else ()),
            _size_words(sizes[name]),
        )
        for at, name in enumerate(dataset.classes)
    ]
    total = (Column("images", "All", _COUNT),) if split is not None else ()
    columns = (Column("class", "Class"), *heads, *total, Column("pixels", "Pixels"))
    return Table("classes", "Images by class", columns, tuple(rows))


def skipped_table(dataset: Dataset, labels: Labels) -> Table:
    """Return the files that are not usable images, each with its reason."""
    rows = sorted((labels.path(each.path), labels.text(each.reason)) for each in dataset.skipped)
    return Table("skipped", "Skipped files", (Column("path", "File"), Column("reason", "Reason")), tuple(rows))


def left_out_table(split: Split, labels: Labels) -> Table:
    """Return the images that no set contains, each with its reason."""
    rows = sorted((labels.image(left.index), labels.text(left.reason)) for left in split.left_out)
    return Table("left_out", "Excluded images", (Column("path", "Image"), Column("reason", "Reason")), tuple(rows))


def duplicates_table(duplicates: Sequence[Duplicates], labels: Labels) -> Table:
    """Return the groups of images with the same pixels, those under two labels first."""
    images = labels.dataset.images
    rows: list[tuple[Cell, ...]] = []
    for number, group in enumerate(sorted(duplicates, key=lambda g: (not g.conflicting, g.indices)), start=1):
        rows += [(number, labels.image(i), images[i].class_name, group.conflicting) for i in group.indices]
    columns = (Column("group", "Group", _COUNT), Column("path", "Image"), Column("class", "Class"),
               Column("under_two_labels", "Two labels"))  # fmt: skip
    return Table("duplicates", "Images with the same pixels", columns, tuple(rows))


def leaks_table(split: Split, labels: Labels) -> Table:
    """Return the training images that have a copy, or a member of their group, among the test images."""
    rows = [(labels.image(train), labels.image(test)) for train, test in split.leaks]
    columns = (Column("train", "Training or validation image"), Column("test", "Test image"))
    return Table("leaks", "Leaks between training and test", columns, tuple(rows))


def label_errors_table(content: ReportContent, labels: Labels) -> Table:
    """Return the images most of whose neighbours belong to other classes, the most suspect first."""
    rows = [
        (labels.image(one.index), one.class_name, one.other_class, float(one.score))
        for one in sorted(content.label_errors, key=lambda each: (-each.score, each.index))
    ]
    columns = (Column("path", "Image"), Column("class", "Label"), Column("other_class", "Most neighbours are"),
               Column("share_of_others", "Share of others", _SHARE))  # fmt: skip
    return Table("label_doubts", "Suspected label errors", columns, tuple(rows))


def near_duplicates_table(content: ReportContent, labels: Labels) -> Table:
    """Return pairs of images that look nearly the same."""
    rows = [
        (labels.image(pair.first), labels.image(pair.second), pair.bits, float(pair.cosine), pair.conflicting)
        for pair in content.near_duplicates
        if not pair.identical
    ]
    columns = (Column("first", "Image"), Column("second", "Similar to"), Column("bits", "Different bits", _COUNT),
               Column("cosine", "Cosine", _SHARE), Column("under_two_labels", "Two labels"))  # fmt: skip
    return Table("near_duplicates", "Near-duplicates", columns, tuple(rows))


def weights_table(content: ReportContent) -> Table:
    """Return the weights of the extractors."""
    states = {"none": "needs none", "verified": "verified", "unverified": "not a known set", "untrained": "untrained",
              "file": "features from a file, not checked"}  # fmt: skip
    rows = tuple(
        (each.extractor, states[each.state] if each.model is None else "unverified model of the user", each.digest)
        for each in content.weights
    )
    columns = (
        Column("extractor", "Extractor"),
        Column("weights", "Weights"),
        Column("sha256", "SHA-256 over tensors, or of the file"),
    )
    return Table("weights", "Weights", columns, rows)


def separation_table(separations: Sequence[Separation]) -> Table:
    """Return nearest-neighbour accuracy by extractor, over all and by class."""
    names = sorted({name for each in separations for name in each.by_class})
    rows = tuple(
        (" + ".join(each.extractors), each.accuracy, *(each.by_class.get(name) for name in names))
        for each in separations
    )
    columns = (Column("extractors", "Extractor"), Column("all", "All", _SHARE),
               *(Column(name, name, _SHARE) for name in names))  # fmt: skip
    return Table("separation", "How well extractors separate the classes", columns, rows)


def components_table(embeddings: Sequence[ClassEmbedding]) -> Table:
    """Return how many components PCA kept of each view of each class."""
    rows = tuple(
        (each.class_name, view.extractor, view.block, len(each.indices), view.n_features, view.n_components,
         float(view.explained[: view.n_components].sum()), float(view.scale))
        for each in embeddings
        for view in each.views
    )  # fmt: skip
    columns = (
        Column("class", "Class"), Column("extractor", "Extractor"), Column("block", "Block"),
        Column("images", "Images", _COUNT), Column("features", "Features", _COUNT),
        Column("components", "Components", _COUNT), Column("explained", "Retained variance", _SHARE),
        Column("scale", "Scale", "number"),
    )  # fmt: skip
    return Table("components", "Retained components", columns, rows)


def explained_table(embeddings: Sequence[ClassEmbedding]) -> Table:
    """Return the cumulative explained variance of every component, for the CSV."""
    rows = tuple(
        (each.class_name, view.extractor, view.block, number, float(share), float(total))
        for each in embeddings
        for view in each.views
        for number, (share, total) in enumerate(zip(view.explained, np.cumsum(view.explained), strict=True), start=1)
    )
    columns = (Column("class", "Class"), Column("extractor", "Extractor"), Column("block", "Block"),
               Column("component", "Component", _COUNT), Column("explained", "Explained", _SHARE),
               Column("cumulative", "Cumulative", _SHARE))  # fmt: skip
    return Table("explained_variance", "Explained variance", columns, rows)


def structure_table(clusters: Sequence[ClassClusters], words: Mapping[str, str]) -> Table:
    """Return k and mean silhouette by class, with their interpretation."""
    chosen_by = {"silhouette": "highest silhouette", "user": "set by hand", "only": "one cluster"}
    rows = tuple(
        (each.class_name, len(each.indices), each.k, chosen_by[each.chosen_by], each.mean_silhouette,
         words[each.class_name])
        for each in clusters
    )  # fmt: skip
    columns = (Column("class", "Class"), Column("images", "Images", _COUNT), Column("k", "k", _COUNT),
               Column("chosen_by", "k set by"), Column("mean_silhouette", "Silhouette", _SHARE),
               Column("structure", "Structure"))  # fmt: skip
    return Table("structure", "Cluster structure by class", columns, rows)


def silhouette_table(clusters: Sequence[ClassClusters]) -> Table:
    """Return the mean silhouette of every k tried, for the CSV."""
    rows = tuple(
        (each.class_name, k, float(value), k == each.k) for each in clusters for k, value in sorted(each.curve.items())
    )
    columns = (Column("class", "Class"), Column("k", "k", _COUNT), Column("mean_silhouette", "Silhouette", _SHARE),
               Column("chosen", "Chosen"))  # fmt: skip
    return Table("silhouettes", "Silhouette by k", columns, rows)


def cluster_table(content: ReportContent, labels: Labels) -> Table:
    """Return every cluster: size, medoid, silhouette and what random sampling and the coreset take of it."""
    shares = {each.class_name: each for each in content.shares}
    rows: list[tuple[Cell, ...]] = []
    for each in content.clusters:
        take = shares.get(each.class_name)
        for cluster, medoid in enumerate(each.medoids):
            mine = each.labels == cluster
            taken = (None, None, None) if take is None else (
                int(take.chosen[cluster]), int(take.random[cluster]), float(take.expected_random[cluster])
            )  # fmt: skip
            rows.append((each.class_name, cluster + 1, int(mine.sum()), labels.image(int(medoid)),
                         float(each.silhouettes[mine].mean()), *taken))  # fmt: skip
    columns = (
        Column("class", "Class"), Column("cluster", "Cluster", _COUNT), Column("images", "Images", _COUNT),
        Column("medoid", "Medoid"), Column("silhouette", "Silhouette", _SHARE),
        Column("coreset", "In the coreset", _COUNT), Column("random", "Random draw", _COUNT),
        Column("random_expected", "Random on average", "number"),
    )  # fmt: skip
    return Table("clusters", "Clusters", columns, tuple(rows))


def budget_table(content: ReportContent) -> Table:
    """Return by class what the pool holds and what the coreset takes."""
    coreset = content.coreset
    rows: list[tuple[Cell, ...]] = []
    if coreset is not None:
        for name, size in sorted(coreset.pool_sizes.items()):
            budget = coreset.budgets.get(name, 0)
            rows.append((name, size, budget, budget / size if size else None))
    columns = (Column("class", "Class"), Column("pool", "Pool", _COUNT), Column("coreset", "Coreset", _COUNT),
               Column("share", "Share selected", _SHARE))  # fmt: skip
    return Table("budgets", "Class budgets of the coreset", columns, tuple(rows))


def coverage_table(coverage: Coverage) -> Table:
    """Return the coverage of each class."""
    rows: list[tuple[Cell, ...]] = [
        (each.class_name, each.n_images, each.n_chosen, each.mean_distance, each.largest_distance, each.mmd2,
         f"{each.clusters_touched} of {each.n_clusters}", each.duplicate_pairs)
        for each in coverage.by_class
    ]  # fmt: skip
    rows.append(
        ("All (by images)", sum(e.n_images for e in coverage.by_class), sum(e.n_chosen for e in coverage.by_class),
         coverage.mean_distance, coverage.largest_distance, coverage.mmd2,
         f"{coverage.clusters_touched} of {coverage.n_clusters}", coverage.duplicate_pairs)
    )  # fmt: skip
    columns = (
        Column("class", "Class"), Column("pool", "Pool", _COUNT), Column("coreset", "Coreset", _COUNT),
        Column("mean_distance", "Mean distance", "number"), Column("largest_distance", "Largest", "number"),
        Column("mmd2", "MMD²", "number"), Column("clusters_touched", "Clusters covered"),
        Column("duplicate_pairs", "Duplicate pairs", _COUNT),
    )  # fmt: skip
    return Table("coverage", "Coverage", columns, tuple(rows))


def proxy_table(content: ReportContent) -> Table:
    """Return the 1-NN proxy by fraction."""
    rows = tuple((float(p.fraction), p.n_images, float(p.accuracy), float(p.random)) for p in content.proxy)
    columns = (Column("fraction", "Fraction", "number"), Column("images", "Images", _COUNT),
               Column("accuracy", "1-NN accuracy", _SHARE), Column("random", "Random", _SHARE))  # fmt: skip
    return Table("proxy", "Nearest selected image as a proxy", columns, rows)


def time_table(content: ReportContent) -> Table:
    """Return what each stage took."""
    rows = tuple((each.stage, float(each.seconds), each.peak_bytes / 1e6) for each in content.times)
    columns = (Column("stage", "Stage"), Column("seconds", "Time", "seconds"),
               Column("peak_megabytes", "Peak memory (MB)", _COUNT))  # fmt: skip
    return Table("times", "Time and memory by stage", columns, rows)


# Settings whose values are paths of images.
_OF_PATHS = ("pinned_in", "pinned_out", "left_out_images")


def settings_table(settings: Settings, labels: Labels) -> Table:
    """Return every setting by stage."""
    rows: list[tuple[Cell, ...]] = []
    private = labels.private is not None
    settings = replace(settings, features=without_places(settings.features, private=private))
    for stage, values in settings_to_dict(settings).items():
        for name, value in values.items():
            if name in _OF_PATHS:
                value = [labels.path(path) for path in value]
            if name == "relabelled":
                value = [f"{labels.path(each['path'])}: {each['old']} → {each['new']}" for each in value]
            if name == "continue_from":
                named = value["name"] if labels.private is None else ""
                value = f"{named} {len(value['images']):,} images, SHA-256 {value['digest']}".strip()
            if name == "own" and stage == "features":
                value = [_file_words(owner, which, one) for owner, held in value.items() for which, one in held.items()]
            rows.append((stage, name, _value_words(value)))
    columns = (Column("stage", "Stage"), Column("name", "Setting"), Column("value", "Value"))
    return Table("settings", "Settings", columns, tuple(rows))


def version_table(versions: Mapping[str, str]) -> Table:
    """Return the versions of the program and its libraries."""
    return Table(
        "versions", "Versions", (Column("name", "Name"), Column("version", "Version")), tuple(versions.items())
    )


def _file_words(owner: str, name: str, value: Any) -> str:
    """Return an own setting of an extractor; a chosen file by its name, shape and digest."""
    if not isinstance(value, Mapping) or "digest" not in value:
        return f"{owner} {name}: {value}"
    shape = f"{value['rows']:,} × {sum(value['blocks'].values()):,}, " if "rows" in value else ""
    return f"{owner} {name}: {value['name']} {shape}SHA-256 {value['digest']}".replace(":  ", ": ")


def _value_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", [], {}, ()):
        return "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {each}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return str(value)


def _size_words(sizes: Sequence[tuple[int, int]]) -> str:
    low, high = min(sizes), max(sizes)
    return f"{low[0]}×{low[1]}" if low == high else f"{low[0]}×{low[1]} to {high[0]}×{high[1]}"
