"""The code of the example's network."""

import numpy as np

from coreset_studio.plugin_code import RunInput, Trained


def train(run: RunInput) -> Trained:
    """Return probabilities that fall with the squared distance to each class's mean."""
    rows, labels = run.training().arrays()
    means = np.full((len(run.classes), rows.shape[1]), np.inf)
    for label in np.unique(labels):
        means[label] = rows[labels == label].mean(axis=0)
    distances = ((run.test().all()[:, None] - means[None]) ** 2).sum(axis=2)
    closeness = np.exp(distances.min(axis=1, keepdims=True) - distances)
    return Trained(probabilities=closeness / closeness.sum(axis=1, keepdims=True))
