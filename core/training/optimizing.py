"""The optimiser that networks are trained with."""

from typing import Any

from core.features.engine import import_keras
from core.settings import Parts
from core.training.layers import KerasModel

UNDECAYED = ["bias", "gamma", "beta"]
SLOWER = 0.1
"""What the learning rate is multiplied by for a part that was trained before; fixed before anything was measured."""


def optimizer_of(schedule: Any, parts: Parts, slower: KerasModel | None = None) -> Any:
    """Return Adam, or AdamW where weights decay: kernels alone, as is usual.

    Parameters
    ----------
    schedule : keras.optimizers.schedules.LearningRateSchedule
    parts : Parts
    slower : keras.Model, optional
        A part of the network whose learning rate is `SLOWER` times that of the rest, and whose weights do not decay,
        since they were trained before.
    """
    keras = import_keras()

    kind = keras.optimizers.AdamW if parts.weight_decay else keras.optimizers.Adam
    decay = {"weight_decay": parts.weight_decay} if parts.weight_decay else {}
    trained_before = [] if slower is None else slower.trainable_variables
    optimizer = (_slowed(kind, trained_before) if trained_before else kind)(schedule, **decay)
    if decay:
        optimizer.exclude_from_weight_decay(var_list=trained_before, var_names=UNDECAYED)
    return optimizer


def _slowed(kind: Any, variables: list[Any]) -> Any:
    """Return a kind of optimiser that takes smaller steps with some variables."""
    # TensorFlow hands over its own variables, and they are no keys of a dict.
    known = {id(each) for variable in variables for each in (variable, variable.value)}

    class Slowed(kind):  # type: ignore[misc]
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            rate = learning_rate * SLOWER if id(variable) in known else learning_rate
            super().update_step(gradient, variable, rate)

    return Slowed
