import numpy as np

from coreset_studio.core.training.task import RunInput, Trained


def train(run: RunInput) -> Trained:
    rows, labels = run.training().arrays()
    assert run.validation() is None
    means = np.full((len(run.classes), rows.shape[1]), np.inf)
    for label in np.unique(labels):
        means[label] = rows[labels == label].mean(0)
    distances = ((run.test().all()[:, None] - means[None]) ** 2).sum(2)
    closeness = np.exp(-run.own.sharpness * (distances - distances.min(1, keepdims=True)))
    return Trained(probabilities=closeness / closeness.sum(1, keepdims=True))
