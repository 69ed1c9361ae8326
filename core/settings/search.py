"""The search space of a hyperparameter search: method, hyperparameters with their ranges, and the lists of a grid."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from coreset_studio.core.descriptions.choice import SettingsPart, choice, choices_of
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.settings.training import TrainingSettings

SearchMethod = Literal["tpe", "random", "grid"]
GRID = "grid"
SEARCHED: Mapping[str, str] = {
    "learning_rate": "Learning rate",
    "image_size": "Image size",
    "dropout": "Dropout",
    "augmentation": "Augmentation strength",
}
"""Titles of the hyperparameters that a search with trials can vary, by name."""

_ONE = "a whole number of at least 1"
_COUNT = "a whole number of at least 0"
_TRAINING = dict(choices_of(TrainingSettings))
_ALLOWED: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "learning_rate": (_TRAINING["learning_rate"].allows, "above 0"),
    "image_size": (_TRAINING["image_size"].allows, "whole numbers from 32 to 4096"),
    "dropout": (_TRAINING["dropout"].allows, "from 0 to below 1"),
    "augmentation": (lambda value: math.isfinite(value) and value >= 0, "at least 0"),
}
_LISTS = {"learning_rates": "learning_rate", "dropouts": "dropout"}


@dataclass(frozen=True, kw_only=True)
class SearchSettings(SettingsPart):
    """How hyperparameters are searched (docs/method.md, *Hyperparameter search*).

    Attributes
    ----------
    method : {"tpe", "random", "grid"}
        ``"grid"`` trains every combination of `learning_rates`, `dropouts` and `epoch_counts`; the other methods train
        `trials` configurations from the ranges, proposed by the tree-structured Parzen estimator of Optuna or drawn at
        random.
    network : str
        A network that is trained by epochs.
    trials : int
        >= 1.
    parameters : tuple of str
        Names in `SEARCHED`; empty: all that the network and the recipe have.
    learning_rate_range, image_size_range, dropout_range, augmentation_range : tuple of number
        Lowest and highest value, both included. Without an `image_size_range` it goes from half of the image size of
        the training to that size. The augmentation strength is a factor on the amounts of the recipe.
    pruning : bool
        End a trial whose validation accuracy is below the median of earlier trials in the same epoch; a point of a grid
        is always trained to its end.
    search_seed : int
        >= 0.
    with_pool : bool
        Train the same configurations on the whole pool as well.
    learning_rates, dropouts : tuple of float
        Of the grid.
    epoch_counts : tuple of int
        Of the grid. The minimum number of training steps applies to the largest; see `core.pipeline.grid.Grid`.
    """

    method: SearchMethod = choice(
        "grid", neutral="grid", title="Method",
        tip="How configurations are proposed: by TPE, which learns from earlier trials, at random, or as every "
            "combination of the lists of a grid",
        question="TPE proposes configurations near those that worked well, and finds good ones in fewer trials. Random "
                 "trials are independent of each other, which suits a comparison of rankings on the coreset and on the "
                 "whole pool.",
        values={"tpe": "TPE (Optuna)", "random": "Random", "grid": "Grid: every combination"},
    )  # fmt: skip
    network: str = choice(
        "custom", neutral="custom", title="Network", kind="network", only="is_searched",
        tip="Network whose hyperparameters are searched",
    )  # fmt: skip
    trials: int = choice(
        20, neutral=20, title="Trials", tip="Number of configurations to train; the first 10 of TPE are random",
        least=1, must=_ONE, offered=(1, 1000),
    )  # fmt: skip
    parameters: tuple[str, ...] = choice(
        (), neutral=(), title="Hyperparameters", flag="--parameters",
        tip="Hyperparameters to vary; not set: all that the network and the recipe have", values=SEARCHED,
    )  # fmt: skip
    learning_rate_range: tuple[float, ...] = choice(
        (0.0002, 0.02), neutral=(0.0002, 0.02), title="Learning rate from, to",
        tip="Lowest and highest learning rate, searched on a logarithmic scale",
    )  # fmt: skip
    image_size_range: tuple[int, ...] = choice(
        (), neutral=(), title="Image size from, to",
        tip="Smallest and largest image size in pixels, in steps of 16 from the largest down; not set: from half of "
            "the image size of the training to that size",
    )  # fmt: skip
    dropout_range: tuple[float, ...] = choice(
        (0.0, 0.5), neutral=(0.0, 0.5), title="Dropout from, to",
        tip="Lowest and highest dropout; which dropout it is depends on the network",
    )  # fmt: skip
    augmentation_range: tuple[float, ...] = choice(
        (0.0, 1.0), neutral=(0.0, 1.0), title="Augmentation strength from, to",
        tip="Lowest and highest factor on the amounts of shifts, zoom, brightness, contrast and stain jitter that are "
            "on: 0 is none, 1 as set",
    )  # fmt: skip
    pruning: bool = choice(
        True, neutral=True, title="Prune trials",
        tip="End a trial early if its validation accuracy is below the median of earlier trials in the same epoch",
        question="A pruned trial is shown with the epoch in which it ended. Pruning starts after 5 complete trials and "
                 "a third of the epochs.",
    )  # fmt: skip
    search_seed: int = choice(
        0, neutral=0, title="Search seed", tip="Another seed proposes other configurations", least=0, must=_COUNT,
    )  # fmt: skip
    with_pool: bool = choice(
        False, neutral=False, title="Also search on the whole pool",
        tip="Train the same configurations on the whole pool, and compare rankings, accuracy and time",
        question="It takes as long as the search that the coreset is meant to replace, and shows whether it can.",
    )  # fmt: skip
    learning_rates: tuple[float, ...] = choice(
        (0.0005, 0.002, 0.008), neutral=(0.0005, 0.002, 0.008), title="Learning rates of the grid",
        tip="Learning rates of the grid",
    )  # fmt: skip
    dropouts: tuple[float, ...] = choice(
        (0.0, 0.1), neutral=(0.0, 0.1), title="Dropouts of the grid",
        tip="Dropout rates of the grid; which dropout it is depends on the network",
    )  # fmt: skip
    epoch_counts: tuple[int, ...] = choice(
        (25,), neutral=(25,), title="Epochs of the grid",
        tip="Numbers of epochs of the grid; the minimum number of training steps applies to the largest, and is "
            "reduced in proportion for the others",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [name for name in self.parameters if name not in SEARCHED]
        if unknown:
            raise SettingsError(f"parameters must be some of {', '.join(SEARCHED)}; found {unknown[0]!r}.")
        for name in SEARCHED:
            _check_range(name, getattr(self, f"{name}_range"))
        for name, of in _LISTS.items():
            _check_values(name, getattr(self, name), of)
        if any(value < 1 for value in self.epoch_counts):
            raise SettingsError(f"epoch_counts must be whole numbers of at least 1; found {min(self.epoch_counts)}.")
        if not (self.learning_rates and self.dropouts and self.epoch_counts):
            raise SettingsError("A grid requires at least one learning rate, one dropout and one number of epochs.")

    def recommended(self) -> "SearchSettings":
        """Return the settings with the method that is recommended, where none of them was changed."""
        return replace(self, method="tpe") if self == SearchSettings() else self

    def range_of(self, name: str) -> tuple[float, ...]:
        """Return the lowest and the highest value of a hyperparameter in `SEARCHED`; empty where none is set."""
        return tuple(getattr(self, f"{name}_range"))


def _check_range(name: str, values: tuple[float, ...]) -> None:
    if not values and name == "image_size":
        return
    title = SEARCHED[name].lower()
    if len(values) != 2:
        found = ", ".join(f"{value:g}" for value in values) or "none"
        raise SettingsError(
            f"{name}_range must be two numbers, the lowest and the highest {title}, such as {_EXAMPLES[name]}; "
            f"found {found}."
        )
    _check_values(f"{name}_range", values, name)
    if values[0] > values[1]:
        raise SettingsError(
            f"{name}_range must have the lowest {title} first; found {values[0]:g} and then {values[1]:g}."
        )


_EXAMPLES = {"learning_rate": "0.0002,0.02", "image_size": "64,256", "dropout": "0,0.5", "augmentation": "0,1"}


def _check_values(name: str, values: tuple[float, ...], of: str) -> None:
    allows, must = _ALLOWED[of]
    for value in values:
        if not allows(value):
            raise SettingsError(f"{name} must be {must}; found {value:g}.")
