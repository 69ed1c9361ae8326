"""Two coresets of one pool: which images both have, by class and cluster, and how well each covers the pool."""

from dataclasses import replace

import numpy as np

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.pipeline.stages import Prepared, choose
from coreset_studio.core.progress import NO_PROGRESS, Progress, StepProgress
from coreset_studio.core.results import Coreset, IntArray
from coreset_studio.core.results.differences import ComparedCoresets, DifferenceRow
from coreset_studio.core.selection.coverage import coverage
from coreset_studio.core.selection.kept import find_kept
from coreset_studio.core.settings import EarlierCoreset, SelectionSettings


def compare_coresets(
    prepared: Prepared, other: SelectionSettings | EarlierCoreset, name: str, progress: Progress = NO_PROGRESS
) -> ComparedCoresets:
    """Compare the coreset of a prepared study with another one.

    Parameters
    ----------
    prepared : Prepared
        Its settings select the current coreset.
    other : SelectionSettings or EarlierCoreset
        How the other is selected from the same pool, or the images of an export. Images of an export that are not in
        the pool are left out, and a note gives their number and the reasons.
    name : str
        Of the other coreset.
    progress : Progress

    Raises
    ------
    SelectionError
        If a coreset cannot be selected, or no image of the export is in the pool.
    """
    settings = prepared.study.settings.selection
    current = choose(prepared, settings, progress)
    notes: tuple[str, ...] = ()
    if isinstance(other, EarlierCoreset):
        given, notes = _of_export(prepared, other, current)
    else:
        given = choose(prepared, other, progress)
    exact = prepared.study.settings.clusters.exact_up_to
    measured = [
        coverage(
            prepared.dataset.contents, prepared.embeddings, prepared.clusters, one, StepProgress(progress, step, 2),
            exact_up_to=exact,
        )
        for step, one in enumerate((current, given))
    ]  # fmt: skip
    a, b = np.unique(current.indices), np.unique(given.indices)
    return ComparedCoresets(
        name,
        both=np.intersect1d(a, b),
        only_current=np.setdiff1d(a, b),
        only_other=np.setdiff1d(b, a),
        rows=_rows(prepared, a, b),
        coverage=measured[0],
        other_coverage=measured[1],
        notes=notes,
    )


def _of_export(prepared: Prepared, export: EarlierCoreset, like: Coreset) -> tuple[Coreset, tuple[str, ...]]:
    """Return the images of an export that are in the pool, as a coreset, and a note if some are not."""
    settings = SelectionSettings(continue_from=export)
    try:
        found = find_kept(prepared.dataset, prepared.split, settings)
    except SelectionError as error:
        raise SelectionError(
            f"None of the {len(export.images):,} images of the export is in the pool, so that there is nothing to "
            "compare. Use the dataset and the split that it was selected from."
        ) from error
    lost = found.n < len(export.images)
    notes = tuple(note.replace("are kept", "are compared").replace("the earlier coreset", "the export")
                  for note in found.notes) if lost else ()  # fmt: skip
    return replace(like, sampler="", indices=found.indices, ranks=found.indices, reasons=(), kept=()), notes


def _rows(prepared: Prepared, a: IntArray, b: IntArray) -> tuple[DifferenceRow, ...]:
    rows = []
    for clusters in sorted(prepared.clusters, key=lambda one: one.class_name):
        in_a, in_b = np.isin(clusters.indices, a), np.isin(clusters.indices, b)
        everywhere = np.ones(len(in_a), dtype=bool)
        for cluster in range(-1, clusters.k if clusters.k > 1 else 0):
            among = everywhere if cluster < 0 else clusters.labels == cluster
            counts = (in_a & in_b & among, in_a & ~in_b & among, in_b & ~in_a & among)
            rows.append(DifferenceRow(clusters.class_name, cluster, *(int(np.count_nonzero(one)) for one in counts)))
    return tuple(rows)
