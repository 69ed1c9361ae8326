"""Notices that must be shown with every result because of the features that it uses."""

from collections.abc import Iterator, Sequence

from coreset_studio.core.features.extraction import Extracted
from coreset_studio.core.features.extractors import extractor_in
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.settings.chosen_file import without_places

_SHOWN = 3


def feature_labels(study: Study, extracted: Sequence[Extracted]) -> tuple[str, ...]:
    """Return the labels of extracted features: unverified models or weights, a file, images without features."""
    return tuple(label for one in extracted for label in _labels(study, one))


def _labels(study: Study, extracted: Extracted) -> Iterator[str]:
    if extracted.weights.label:
        yield extracted.weights.label
    if extracted.label:
        yield from _of_file(study, extracted)
    else:
        yield from extracted.notes
    if extracted.failed and not extracted.label:
        yield (
            f"{len(extracted.failed):,} images could not be read by {extracted.extractor} and "
            f"were excluded, the first of them {extracted.failed[0].path}: {extracted.failed[0].reason}"
        )


def _of_file(study: Study, extracted: Extracted) -> Iterator[str]:
    """Yield the labels of features that are read from a file; in a private export they do not name it or its rows."""
    if study.settings.export.private:
        stored = extractor_in(without_places(study.settings.features, private=True), extracted.extractor).stored
        yield stored.label if stored is not None else ""
    else:
        yield extracted.label
        yield from extracted.notes
    if extracted.failed:
        yield _without_row(extracted)


def _without_row(extracted: Extracted) -> str:
    """Return how many images have no usable row in a features file, with the first few."""
    n, first = len(extracted.failed), extracted.failed[0]
    shown = ", ".join(failed.path for failed in extracted.failed[:_SHOWN])
    more = f" and {n - _SHOWN:,} more" if n > _SHOWN else ""
    images, were = ("image has", "was") if n == 1 else ("images have", "were")
    return (
        f"{n:,} {images} no usable row in the features file and {were} excluded: {shown}{more}. Reason for the first: "
        f"{first.reason}"
    )
