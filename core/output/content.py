"""The content of a report; every piece may be missing, and then its section has one line."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coreset_studio.core.output.names import PrivateNames
from coreset_studio.core.results import (
    ClassClusters,
    ClassEmbedding,
    ClusterShares,
    Comparison,
    Coreset,
    Coverage,
    Dataset,
    Duplicates,
    NearDuplicate,
    ProxyPoint,
    Separation,
    Split,
    StageTime,
    SuspectedLabelError,
    WeightsUsed,
)
from coreset_studio.core.results.searches import SearchResult
from coreset_studio.core.settings import Settings

_INFORMATIVE = 4
"""Digits of a number that may be a patient's."""


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """The pieces of a report.

    Attributes
    ----------
    dataset : Dataset
        Every other piece speaks of its images.
    title : str
        Empty: the dataset's name.
    sentences : tuple of str
        The answer in words, where the caller has it; the report adds those of the pieces.
    labels : tuple of str
        What must be shown with every result: synthetic images, untrained backbone, unverified weights.
    split : Split, optional
    duplicates : tuple of Duplicates
    separations : tuple of Separation
    weights : tuple of WeightsUsed
    embeddings : tuple of ClassEmbedding
        By class name.
    clusters : tuple of ClassClusters
        By class name.
    coreset : Coreset, optional
    shares : tuple of ClusterShares
        What `coreset` and random sampling take from each cluster.
    coverage : Coverage, optional
    proxy : tuple of ProxyPoint
    label_errors : tuple of SuspectedLabelError
    near_duplicates : tuple of NearDuplicate
    label_errors_words : str
        How the neighbours of suspected label errors were found, if not exactly; else empty.
    comparison : Comparison, optional
    settings : Settings, optional
    times : tuple of StageTime
    versions : mapping of str to str
        Empty: those of this process.
    cache_folder : Path, optional
        Thumbnails are read there; where one is missing the image itself is.
    export_notes : tuple of str
        Notes on the export that was made with the report, such as classes with other names.
    search : SearchResult, optional
        A hyperparameter search on the coreset.
    """

    dataset: Dataset
    title: str = ""
    sentences: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    split: Split | None = None
    duplicates: tuple[Duplicates, ...] = ()
    separations: tuple[Separation, ...] = ()
    weights: tuple[WeightsUsed, ...] = ()
    embeddings: tuple[ClassEmbedding, ...] = ()
    clusters: tuple[ClassClusters, ...] = ()
    coreset: Coreset | None = None
    shares: tuple[ClusterShares, ...] = ()
    coverage: Coverage | None = None
    proxy: tuple[ProxyPoint, ...] = ()
    label_errors: tuple[SuspectedLabelError, ...] = ()
    near_duplicates: tuple[NearDuplicate, ...] = ()
    label_errors_words: str = ""
    comparison: Comparison | None = None
    settings: Settings | None = None
    times: tuple[StageTime, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    cache_folder: Path | None = None
    export_notes: tuple[str, ...] = ()
    search: SearchResult | None = None


@dataclass(frozen=True)
class Labels:
    """How images and texts appear: unchanged, or without any file name in a private report."""

    dataset: Dataset
    private: PrivateNames | None = None

    def image(self, index: int) -> str:
        """Return what image `index` is called."""
        return self.path(self.dataset.images[index].path)

    def path(self, path: str) -> str:
        """Return what the file `path` is called."""
        return path if self.private is None else self.private.name(path)

    def text(self, text: str) -> str:
        """Return `text` without names of files where these are private."""
        return text if self.private is None else self.private.scrub(text)

    def texts(self, texts: Sequence[str]) -> list[str]:
        """Return every one of `texts`, each once."""
        return list(dict.fromkeys(self.text(text) for text in texts))


def labels_for(content: ReportContent, *, private: bool) -> Labels:
    """Return how names appear in a report on `content`."""
    dataset = content.dataset
    if not private:
        return Labels(dataset)
    paths = [image.path for image in dataset.images] + [skipped.path for skipped in dataset.skipped]
    # Notes may name a relabelled image that the dataset no longer has, or one of an earlier coreset.
    earlier = content.settings.selection.continue_from if content.settings is not None else None
    paths += [image.path for image in earlier.images if image.path] if earlier is not None else []
    paths += [record.path for record in content.settings.data.relabelled] if content.settings is not None else []
    return Labels(dataset, PrivateNames([*paths, *_folder_names(paths, set(dataset.classes))]))


def _folder_names(paths: Sequence[str], classes: Collection[str]) -> list[str]:
    """Return the names of folders that are not the class, such as that of a patient."""
    parts = {part for folder in {path.rpartition("/")[0] for path in paths} for part in folder.split("/")}
    return sorted(part for part in parts - set(classes) if part and not (part.isdecimal() and len(part) < _INFORMATIVE))
