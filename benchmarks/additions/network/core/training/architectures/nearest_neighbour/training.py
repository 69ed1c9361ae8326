"""Find the nearest neighbour of every test image in every class."""

import numpy as np
import scipy.special

from coreset_studio.core.training.task import RunInput, Trained


def train(run: RunInput) -> Trained:
    """Return probabilities that fall with the squared distance to the nearest image of each class."""
    rows, labels = run.training().arrays()
    images = run.test().all()
    squares = np.full((len(images), len(run.classes)), np.inf)
    for label in np.unique(labels):
        run.progress.report(int(label), len(run.classes), "Looking for neighbours: classes")
        members = rows[labels == label]
        products = images @ members.T
        squares[:, label] = ((members**2).sum(axis=1) - 2 * products).min(axis=1)
    return Trained(probabilities=scipy.special.softmax(-squares, axis=1).astype(np.float32))
