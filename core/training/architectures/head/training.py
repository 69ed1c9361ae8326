"""Train the linear probe: one fit."""

import time

from coreset_studio.core.training.architectures.head.logistic import choose_head_strength, fit_head
from coreset_studio.core.training.task import RunInput, Trained


def train(run: RunInput) -> Trained:
    """Fit the linear probe on the embeddings of the coreset.

    Raises
    ------
    TrainingError
        If no embeddings are given, or they lack images of the split.
    """
    seen = run.seen()
    strength = seen.strength
    if strength is None:
        strength = choose_head_strength(run.dataset, seen.embedding, progress=run.progress)
    rows, labels = run.training().arrays()
    run.progress.report(0, 1, "Training the linear probe: fits")
    started = time.perf_counter()
    model = fit_head(rows, labels, len(run.classes), strength)
    seconds = time.perf_counter() - started
    run.progress.report(1, 1, "Training the linear probe: fits")
    return Trained(
        probabilities=model.probabilities(run.test().all()),
        model=model,
        train_seconds=seconds,
        weights=seen.weights,
        notes=() if model.converged else ("the solver stopped before it converged",),
    )
