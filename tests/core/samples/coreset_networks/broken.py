from typing import Any

import numpy as np

from coreset_studio.core.errors import CancelledError
from coreset_studio.core.training.task import RunInput, Trained

ANSWER: Any = ZeroDivisionError("by hand")


def train(run: RunInput) -> Any:
    n = (len(run.split.test), len(run.classes))
    if isinstance(ANSWER, BaseException):
        raise ANSWER
    if ANSWER == "cancel":
        raise CancelledError
    answers = {
        "half": lambda: Trained(probabilities=np.ones((n[0], n[1] - 1))),
        "scores": lambda: Trained(probabilities=np.full(n, -3.0)),
        "words": lambda: Trained(probabilities=np.full(n, "a")),
        "nothing": lambda: None,
    }
    return answers[ANSWER]()
