"""Test accuracy with the labels of the dataset, next to that with the corrected ones."""

import numpy as np

from coreset_studio.core.results import Comparison, Dataset, Relabelled, RelabelledRow, Row, RunResult, Split

BIAS = (
    "Correcting test labels after seeing predictions biases the score: labels that agree with the predictions are "
    "checked less often, so that errors among them remain."
)


def original_accuracy(run: RunResult, dataset: Dataset) -> float:
    """Return the test accuracy of a run's predictions with the labels of the dataset.

    Parameters
    ----------
    run : RunResult
        Its `predicted` are positions in its `classes`, its `test_indices` positions in the dataset.
    dataset : Dataset
        Classes that are not classes of the run, since all their images were relabelled, are never predicted.

    Returns
    -------
    float
        0 to 1; NaN without test images.
    """
    if not len(run.test_indices):
        return float("nan")
    images = [dataset.images[int(index)] for index in run.test_indices]
    labels = [image.original_class or image.class_name for image in images]
    predicted = [run.classes[int(position)] for position in run.predicted]
    return float(np.mean([label == name for label, name in zip(labels, predicted, strict=True)]))


def relabelled_in(comparison: Comparison, dataset: Dataset, split: Split) -> Relabelled | None:
    """Return what relabelled images change in a comparison; None where no image that it uses was relabelled.

    Parameters
    ----------
    comparison : Comparison
    dataset : Dataset
    split : Split
        The first split, for the pool and the validation images.
    """
    changed = np.array(dataset.corrected, dtype=np.int64)
    tested = np.unique(np.concatenate([split.test, *(run.test_indices for run in comparison.runs)]))
    n_pool, n_validation, n_test = (
        int(np.isin(part, changed).sum()) for part in (split.pool, split.validation, tested)
    )
    if not n_pool + n_validation + n_test:
        return None
    rows = tuple(_row(row, comparison, dataset, changed) for row in comparison.rows) if n_test else ()
    return Relabelled(n_pool, n_validation, n_test, len(tested), rows)


def relabelled_sentences(relabelled: Relabelled | None) -> tuple[str, ...]:
    """Return what to keep in mind: how many labels were corrected, and what corrected test labels do to the score."""
    if relabelled is None:
        return ()
    n_pool, n_validation = relabelled.n_pool, relabelled.n_validation
    sentence = (
        f"Relabelled: {_counted(n_pool, 'image')} in the pool, {_counted(n_validation, 'validation image')}, "
        f"{relabelled.n_test:,} of {_counted(relabelled.n_tested, 'test image')}."
    )
    return (sentence, BIAS) if relabelled.rows else (sentence,)


def _counted(n: int, word: str) -> str:
    return f"{n:,} {word}{'s' * (n != 1)}"


def _row(row: Row, comparison: Comparison, dataset: Dataset, changed: np.ndarray) -> RelabelledRow:
    runs = [run for run in comparison.runs if _is_of(run, row)]
    by_split: dict[int, list[float]] = {}
    for run in runs:
        by_split.setdefault(run.key.split, []).append(original_accuracy(run, dataset))
    mean = float(np.mean([np.mean(values) for values in by_split.values()])) if by_split else float("nan")
    tested = np.unique(np.concatenate([run.test_indices for run in runs])) if runs else np.array([], dtype=np.int64)
    n_images = int(np.isin(tested, changed).sum())
    return RelabelledRow(row.network, row.sampler, row.fraction, row.means["accuracy"], mean, n_images)


def _is_of(run: RunResult, row: Row) -> bool:
    return (run.key.network, run.key.sampler, run.key.fraction) == (row.network, row.sampler, row.fraction)
