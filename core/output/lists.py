"""The list of a selection: one row per image of the dataset, in `coreset.csv` and after ``coreset select --out``."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.cache import write_atomically
from core.data.page_names import file_and_page, page_path
from core.data.sources import source_of
from core.errors import ExportError
from core.output.names import PrivateNames
from core.output.placing import disk_sentence
from core.output.tables import Cell, csv_of
from core.results import ClassClusters, Coreset, Dataset, Split

COLUMNS = {
    "path": "relative to the dataset, forward slashes",
    "class": "class name as in the dataset",
    "split": "train (the pool), validation or test; empty for an image that is not used",
    "cluster": "from 1, the largest cluster of its class first; empty where nothing was clustered",
    "is_medoid": "1 for the medoid of a cluster, else 0",
    "selected": "1 for an image of the coreset, else 0",
    "rank": "from 1, place in the order in which its class was chosen; empty where not selected",
    "reason": "why it was selected, or why it is not used",
    "file": "where its file lies, from the folder of this list, forward slashes; empty where there is none to point to",
}


@dataclass(frozen=True)
class Places:
    """Where the files of images lie, as a list names them.

    Attributes
    ----------
    folder : Path
        Of the list.
    written : mapping of int to str
        Files of an export, by the index of their image, relative to `folder`.
    """

    folder: Path
    written: Mapping[int, str] = field(default_factory=dict)

    def file(self, dataset: Dataset, index: int, *, private: bool) -> str:
        """Return where an image lies; empty where it is no file, or its own place must not be told."""
        if index in self.written:
            return self.written[index]
        source = source_of(dataset.kind)
        if private or source.holds != "files":
            return ""
        path = dataset.images[index].path
        file = os.path.abspath(source.reader.file(dataset.root, path))  # noqa: PTH100
        page = file_and_page(path)[1]
        try:
            # The system follows links before it goes up.
            place = Path(os.path.relpath(os.path.realpath(file), os.path.realpath(self.folder))).as_posix()
        except ValueError:  # another drive
            place = Path(file).as_posix()
        return page_path(place, page) if page else place


def selection_rows(
    dataset: Dataset,
    split: Split,
    coreset: Coreset,
    places: Places,
    clusters: Sequence[ClassClusters] | None = None,
    names: PrivateNames | None = None,
) -> list[list[Cell]]:
    """Return the rows of the list under `COLUMNS`, sorted by path.

    With `names` the paths are private names, and rows are sorted by these, so that their order tells nothing.
    """
    sets = {
        int(index): name
        for name, indices in (("train", split.pool), ("validation", split.validation), ("test", split.test))
        for index in indices
    }
    cluster, medoids = _clusters_by_index(clusters or ())
    rank = {int(index): int(place) + 1 for index, place in zip(coreset.indices, coreset.ranks, strict=True)}
    reason = {left.index: left.reason for left in split.left_out}
    reason |= {int(index): why for index, why in zip(coreset.indices, coreset.reasons, strict=True)}
    if names is not None:
        reason = {index: names.scrub(why) for index, why in reason.items()}
    rows: list[list[Cell]] = [
        [
            image.path if names is None else names.name(image.path),
            image.class_name,
            sets.get(index, ""),
            cluster.get(index),
            index in medoids,
            index in rank,
            rank.get(index),
            reason.get(index, ""),
            places.file(dataset, index, private=names is not None),
        ]
        for index, image in enumerate(dataset.images)
    ]
    return sorted(rows, key=lambda row: str(row[0]))


def list_text(
    dataset: Dataset,
    split: Split,
    coreset: Coreset,
    places: Places,
    clusters: Sequence[ClassClusters] | None = None,
    names: PrivateNames | None = None,
) -> bytes:
    """Return the list as the bytes of a CSV file; what else is known of the images stands behind `COLUMNS`."""
    rows = selection_rows(dataset, split, coreset, places, clusters, names)
    heads, more = _more_columns(dataset, private=names is not None)
    whole = [[*row, *more.get(str(row[0]), ())] for row in rows]
    return csv_of([*COLUMNS, *heads], whole).encode("utf-8", "backslashreplace")


def _more_columns(dataset: Dataset, *, private: bool) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Return the heads of what else is known of the images, and its cells by path; nothing of it is told privately."""
    if private or not dataset.columns:
        return [], {}
    taken = {name.casefold() for name in COLUMNS}
    heads = []
    for name in dataset.columns:
        head = f"{name} of the table" if name.casefold() in taken else name
        while head.casefold() in taken:
            head += "'"
        taken.add(head.casefold())
        heads.append(head)
    return heads, {image.path: image.more for image in dataset.images}


def write_selection(
    file: Path,
    dataset: Dataset,
    split: Split,
    coreset: Coreset,
    clusters: Sequence[ClassClusters] | None = None,
    *,
    private: bool = False,
) -> None:
    """Write the list of a selection, whole or not at all.

    Parameters
    ----------
    file : Path
        A CSV; replaced if it is there.
    private : bool
        Write keyed hashes in place of paths.

    Raises
    ------
    ExportError
        If the file cannot be written.
    """
    names = PrivateNames(image.path for image in dataset.images) if private else None
    content = list_text(dataset, split, coreset, Places(file.parent), clusters, names)
    try:
        write_atomically(file, content)
    except OSError as error:
        raise ExportError(disk_sentence(error, file)) from error


def _clusters_by_index(clusters: Sequence[ClassClusters]) -> tuple[dict[int, int], set[int]]:
    cluster = {
        int(index): int(label) + 1 for each in clusters for index, label in zip(each.indices, each.labels, strict=True)
    }
    return cluster, {int(medoid) for each in clusters for medoid in each.medoids}
