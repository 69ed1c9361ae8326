"""The optimiser that networks are trained with."""

from typing import Any

from coreset_studio.core.features.engine import import_keras
from coreset_studio.core.settings import Parts
from coreset_studio.core.training.layers import KerasModel

UNDECAYED = ["bias", "gamma", "beta"]
SLOWER = 0.1
"""Factor of the learning rate of pretrained layers; fixed before any measurement."""


def optimizer_of(schedule: Any, parts: Parts, slower: KerasModel | None = None) -> Any:
    """Return Adam, or AdamW where weights decay: kernels alone, as is usual.

    Parameters
    ----------
    schedule : keras.optimizers.schedules.LearningRateSchedule
    parts : Parts
    slower : keras.Model, optional
        Pretrained part of the network. Its learning rate is `SLOWER` times that of the rest, and its weights do not
        decay.
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
    """Return a subclass of an optimiser with a lower learning rate for some variables."""
    # Keras passes its own variables or those of TensorFlow, and the latter are not hashable.
    known = {id(each) for variable in variables for each in (variable, variable.value)}

    class Slowed(kind):  # type: ignore[misc]
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            rate = learning_rate * SLOWER if id(variable) in known else learning_rate
            super().update_step(gradient, variable, rate)

    return Slowed
