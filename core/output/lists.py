"""The list of a selection: one row per image of the dataset, in `coreset.csv` and after ``coreset select --out``."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coreset_studio.core.cache import write_atomically
from coreset_studio.core.data.page_names import file_and_page, page_path
from coreset_studio.core.data.sources import source_of
from coreset_studio.core.errors import ExportError
from coreset_studio.core.output.names import PrivateNames
from coreset_studio.core.output.placing import disk_sentence
from coreset_studio.core.output.tables import Cell, csv_bytes, csv_of
from coreset_studio.core.results import ClassClusters, Coreset, Dataset, Split

COLUMNS = {
    "path": "relative to the dataset, with forward slashes",
    "class": "class name as in the dataset",
    "split": "train (the pool), validation or test; empty for an image that is not used",
    "cluster": "from 1, the largest cluster of its class first; empty if not clustered",
    "is_medoid": "1 for the medoid of a cluster, else 0",
    "selected": "1 for an image of the coreset, else 0",
    "rank": "from 1, place in the ranking of its class; empty if not selected",
    "reason": "why it was selected, or why it is not used",
    "file": "path of its file, relative to the folder of this list, with forward slashes; empty if there is none",
}
ORIGINAL_COLUMN = "class in the dataset before the image was relabelled; empty if it was not"
NOTE_COLUMN = "the user's note on the image"


@dataclass(frozen=True)
class ExtraColumns:
    """Columns that a list has where they are requested or needed, behind `COLUMNS`.

    Attributes
    ----------
    columns : mapping of str to str
        What each holds, by its head.
    cells : mapping of int to tuple
        As many as columns, by the index of an image; all are empty for an image that is not named.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[int, tuple[Cell, ...]] = field(default_factory=dict)

    def beside(self, other: "ExtraColumns") -> "ExtraColumns":
        """Return these columns with those of another behind them."""
        mine, others = (None,) * len(self.columns), (None,) * len(other.columns)
        indices = {*self.cells, *other.cells}
        cells = {at: (*self.cells.get(at, mine), *other.cells.get(at, others)) for at in sorted(indices)}
        return ExtraColumns({**self.columns, **other.columns}, cells)


NO_COLUMNS = ExtraColumns()


def image_columns(dataset: Dataset, notes: Mapping[str, str]) -> ExtraColumns:
    """Return columns of what the user did with single images: their class in the source, and notes on them.

    Parameters
    ----------
    dataset : Dataset
        `original_class` is there if any of its images was relabelled.
    notes : mapping of str to str
        By path; `note` is there if any image of the dataset has one.
    """
    original = {at: (image.original_class,) for at, image in enumerate(dataset.images) if image.original_class}
    noted = {at: (notes[image.path],) for at, image in enumerate(dataset.images) if notes.get(image.path)}
    columns = ExtraColumns({"original_class": ORIGINAL_COLUMN}, original) if original else NO_COLUMNS
    return columns.beside(ExtraColumns({"note": NOTE_COLUMN}, noted)) if noted else columns


@dataclass(frozen=True)
class Places:
    """Paths of the files of images in a list.

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
        """Return where an image is; empty where it is not a file, or its own place must not be revealed."""
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
    """Return the rows of the list under `COLUMNS`, sorted by path; of images without labels, selected ones come first.

    With `names` the paths are private names, and rows are sorted by these, so that their order reveals nothing.
    """
    return [row for _, row in _indexed_rows(dataset, split, coreset, places, clusters, names)]


def _indexed_rows(
    dataset: Dataset,
    split: Split,
    coreset: Coreset,
    places: Places,
    clusters: Sequence[ClassClusters] | None,
    names: PrivateNames | None,
) -> list[tuple[int, list[Cell]]]:
    """Return the rows of `selection_rows`, each with the index of its image."""
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
    rows: list[tuple[int, list[Cell]]] = [
        (
            index,
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
            ],
        )
        for index, image in enumerate(dataset.images)
    ]
    if not dataset.has_labels and names is None:
        # A list of images to label, in the order in which they were selected.
        n = len(rows)
        return sorted(rows, key=lambda indexed: (rank.get(indexed[0], n + 1), str(indexed[1][0])))
    return sorted(rows, key=lambda indexed: str(indexed[1][0]))


def list_text(
    dataset: Dataset,
    split: Split,
    coreset: Coreset,
    places: Places,
    clusters: Sequence[ClassClusters] | None = None,
    names: PrivateNames | None = None,
    extra: ExtraColumns = NO_COLUMNS,
) -> bytes:
    """Return the list as the bytes of a CSV file.

    After `COLUMNS` come those that were requested, and then other facts of the images, such as the other
    columns of a table; none of these are in a private list.
    """
    heads = [] if names is not None else table_heads(dataset, extra)
    nothing = (None,) * len(extra.columns)
    whole = [
        [*row, *extra.cells.get(index, nothing), *(dataset.images[index].more if heads else ())]
        for index, row in _indexed_rows(dataset, split, coreset, places, clusters, names)
    ]
    return csv_bytes(csv_of([*COLUMNS, *extra.columns, *heads], whole))


def table_heads(dataset: Dataset, extra: ExtraColumns = NO_COLUMNS) -> list[str]:
    """Return the heads of what else is known of the images: other than its name where the list has one like it."""
    taken = {name.casefold() for name in (*COLUMNS, *extra.columns)}
    heads = []
    for name in dataset.columns:
        head = f"{name} of the table" if name.casefold() in taken else name
        while head.casefold() in taken:
            head += "'"
        taken.add(head.casefold())
        heads.append(head)
    return heads


def renamed_columns_note(dataset: Dataset, extra: ExtraColumns = NO_COLUMNS) -> tuple[str, ...]:
    """Return in a sentence which columns of a table have another head in the list, and why; nothing where none has."""
    heads = zip(dataset.columns, table_heads(dataset, extra), strict=True)
    renamed = [f"“{head}”" for name, head in heads if head != name]
    if not renamed:
        return ()
    which = "a column of this name" if len(renamed) == 1 else "columns of these names"
    sentence = f"The list already has {which}, so those of the table are written as {', '.join(renamed)}."
    return (sentence,)


def write_selection(
    file: Path,
    dataset: Dataset,
    split: Split,
    coreset: Coreset,
    clusters: Sequence[ClassClusters] | None = None,
    *,
    private: bool = False,
    extra: ExtraColumns = NO_COLUMNS,
) -> None:
    """Write the list of a selection, whole or not at all.

    Parameters
    ----------
    file : Path
        A CSV; replaced if it is there.
    private : bool
        Write keyed hashes in place of paths.
    extra : ExtraColumns

    Raises
    ------
    ExportError
        If the file cannot be written.
    """
    names = PrivateNames(image.path for image in dataset.images) if private else None
    content = list_text(dataset, split, coreset, Places(file.parent), clusters, names, extra)
    try:
        write_atomically(file, content)
    except OSError as error:
        raise ExportError(disk_sentence(error, file)) from error


def _clusters_by_index(clusters: Sequence[ClassClusters]) -> tuple[dict[int, int], set[int]]:
    cluster = {
        int(index): int(label) + 1 for each in clusters for index, label in zip(each.indices, each.labels, strict=True)
    }
    return cluster, {int(medoid) for each in clusters for medoid in each.medoids}
