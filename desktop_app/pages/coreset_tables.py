"""The tables of the Coreset page: what every cluster gives, and how far every class is covered."""

from collections.abc import Sequence
from typing import NamedTuple

from coreset_studio.core.results import ClassCoverage, ClusterShares
from coreset_studio.core.words import percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.widgets.bar_pairs import Taken
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.words import count


class Given(NamedTuple):
    """A row of the table: what one cluster gives."""

    class_name: str
    cluster: int
    n_images: int
    taken: int
    random: int
    expected: float


def taken(shares: Sequence[ClusterShares]) -> list[Taken]:
    """Return what every cluster gives, for the bars."""
    return [
        Taken(share.class_name, number, int(n), int(chosen), int(random))
        for share in shares
        for number, (n, chosen, random) in enumerate(zip(share.sizes, share.chosen, share.random, strict=True))
    ]


def given(shares: Sequence[ClusterShares]) -> list[Given]:
    """Return what every cluster gives, for the table."""
    return [
        Given(one.class_name, one.cluster, one.n_images, one.here, one.random, _expected(share, one))
        for share in shares
        for one in taken([share])
    ]


def _expected(share: ClusterShares, one: Taken) -> float:
    return float(share.expected_random[one.cluster])


def fill(table: Table, rows: Sequence[object]) -> None:
    """Show rows in columns as narrow as they can be: there are many, and little room."""
    table.set_rows(rows)
    for number, column in enumerate(table.rows_model.columns):
        if column.numeric:
            texts = [column.title, *(column.text(row) for row in rows)]
            table.setColumnWidth(number, round(max(theme.text_width(text) for text in texts)) + theme.UNIT * 3)


def given_table() -> Table:
    """Return the table of what every cluster gives."""
    return Table(
        "Images taken from each cluster",
        [
            Column(
                "Cluster",
                lambda row: f"{row.class_name} · {row.cluster + 1}",
                lambda row: (row.class_name, row.cluster),
                tooltip="Class and number of the cluster",
            ),
            Column(
                "Pool",
                lambda row: count(row.n_images),
                lambda row: row.n_images,
                True,
                "Images of the cluster in the pool",
            ),
            Column("Taken", lambda row: count(row.taken), lambda row: row.taken, True, "Images in the coreset"),
            Column(
                "Random",
                lambda row: count(row.random),
                lambda row: row.random,
                True,
                "Images that one random draw of the same size takes",
                lambda row: f"Random sampling takes {row.expected:.1f} on average",
            ),
            Column(
                "Share",
                lambda row: percent(round(row.taken / row.n_images, 4)) if row.n_images else "–",
                lambda row: row.taken / row.n_images if row.n_images else 0.0,
                True,
                "Share of the cluster that is taken",
            ),
        ],
    )


def coverage_table() -> Table:
    """Return the table of how far every class is covered."""
    return Table(
        "Coverage by class",
        [
            Column("Class", lambda row: row.class_name),
            Column("Taken", lambda row: count(row.n_chosen), lambda row: row.n_chosen, True, "Images in the coreset"),
            Column(
                "Clusters",
                lambda row: f"{row.clusters_touched} of {row.n_clusters}",
                lambda row: row.clusters_touched / max(1, row.n_clusters),
                True,
                "Clusters with at least one selected image",
            ),
            _figure(
                "Mean",
                "mean_distance",
                "Mean distance from an image of the class to the nearest selected one. In a class of more images than "
                "“Exact up to” with thousands of selected ones, it is approximate, and at least the exact one",
                2,
            ),
            _figure("Largest", "largest_distance", "Distance of the least covered image of the class", 2),
            _figure(
                "MMD²",
                "mmd2",
                "Difference between the selected images and the whole class; 0 is identical. In a class of more images "
                "than “Exact up to”, it is an estimate from a random sample",
                4,
            ),
            Column(
                "Duplicates",
                lambda row: count(row.duplicate_pairs),
                lambda row: row.duplicate_pairs,
                True,
                "Pairs of selected images with identical pixels",
            ),
        ],
    )


def _figure(title: str, name: str, tip: str, digits: int) -> Column:
    def value(row: ClassCoverage) -> float:
        return float(getattr(row, name))

    def text(row: ClassCoverage) -> str:
        found = value(row)
        return "–" if found != found else f"{found:.{digits}f}"

    return Column(title, text, value, True, tip)
