"""The loss of soft labels, and the targets that it requires: label and teacher side by side."""

from collections.abc import Callable
from typing import Any

import numpy as np

from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.results import FloatArray, IntArray

# Smaller probabilities in float32 carry no information; its logarithm is still finite.
LEAST = 1e-30


def soft_targets(labels: IntArray, teacher: FloatArray, amount: float, temperature: float) -> FloatArray:
    """Return what images are trained on with soft labels, shape (n, 2 n_classes), float32.

    Parameters
    ----------
    labels : ndarray of shape (n,), int64
    teacher : ndarray of shape (n, n_classes)
        Probabilities; a row of zeros where the teacher knows nothing of an image.
    amount : float
        α, 0 <= α < 1.
    temperature : float
        τ > 0.

    Returns
    -------
    ndarray
        In the first half the label with weight 1 − α, in the second α p_τ, with p_τ the teacher's probabilities at the
        temperature, p^(1/τ) / Σ p^(1/τ). Of an image without a teacher the label has the whole weight.
    """
    n_images, n_classes = teacher.shape
    taught = teacher.sum(axis=1) > 0
    with np.errstate(divide="ignore"):
        logs = np.log(teacher[taught], dtype=np.float64) / temperature
    softened = np.exp(logs - logs.max(axis=1, keepdims=True))
    targets = np.zeros((n_images, 2 * n_classes), dtype=np.float32)
    targets[np.arange(n_images), labels] = np.where(taught, 1 - amount, 1)
    targets[taught, n_classes:] = amount * softened / softened.sum(axis=1, keepdims=True)
    return targets


def plain_targets(labels: IntArray, n_classes: int) -> FloatArray:
    """Return targets in the form of `soft_targets` with the label alone, such as for validation images."""
    return soft_targets(labels, np.zeros((len(labels), n_classes), dtype=np.float32), 0.0, 1.0)


def soft_label_loss(temperature: float) -> Callable[[Any, Any], Any]:
    """Return the loss of targets of `soft_targets` and a network's probabilities q, one value an image.

    (1 − α) CE(label, q) + α τ² KL(p_τ ‖ q_τ), with q_τ = q^(1/τ) / Σ q^(1/τ), which are the softmax of its logits
    over τ.

    Parameters
    ----------
    temperature : float
        τ > 0.

    References
    ----------
    Hinton, Vinyals and Dean, Distilling the knowledge in a neural network, arXiv 1503.02531; τ² keeps the size of the
    gradient for every τ.
    """
    ops = import_keras().ops

    def soft_labels(targets: Any, answers: Any) -> Any:
        hard, soft = ops.split(targets, 2, axis=-1)
        logs = ops.log(ops.maximum(answers, LEAST))
        amount = ops.sum(soft, axis=-1, keepdims=True)
        # Where p is 0 its term is 0, and so it is where there is no teacher.
        known = ops.log(ops.maximum(soft, LEAST)) - ops.log(ops.maximum(amount, LEAST))
        divergence = ops.sum(soft * (known - ops.log_softmax(logs / temperature, axis=-1)), axis=-1)
        return temperature**2 * divergence - ops.sum(hard * logs, axis=-1)

    return soft_labels


def label_accuracy() -> Callable[[Any, Any], Any]:
    """Return whether each answer is the label in targets of `soft_targets`, as a metric named accuracy."""
    ops = import_keras().ops

    def accuracy(targets: Any, answers: Any) -> Any:
        hard, _ = ops.split(targets, 2, axis=-1)
        return ops.cast(ops.equal(ops.argmax(hard, axis=-1), ops.argmax(answers, axis=-1)), "float32")

    return accuracy
