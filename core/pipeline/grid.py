"""Grid and results of a hyperparameter search; light enough for the window to import."""

import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from core.settings import TrainingSettings
from core.training.architectures import NETWORKS


@dataclass(frozen=True)
class Grid:
    """The points of a search: every combination.

    Attributes
    ----------
    learning_rates : tuple of float
    dropouts : tuple of float
        Of the network's own dropout, which its description names: after the pools in the custom network, before batch
        normalisation in the transfer network, which has no other.
    epochs : tuple of int
        The least number of steps is that of the largest; the others have as much less as they have fewer epochs, so
        that they differ on a small coreset too.
    """

    learning_rates: tuple[float, ...] = (0.0005, 0.002, 0.008)
    dropouts: tuple[float, ...] = (0.0, 0.1)
    epochs: tuple[int, ...] = (25,)

    def __post_init__(self) -> None:
        if not (self.learning_rates and self.dropouts and self.epochs):
            raise SettingsError("A search requires at least one learning rate, one dropout and one number of epochs.")

    def points(self) -> list[tuple[float, float, int]]:
        """Return (learning rate, dropout, epochs) of every point."""
        return list(itertools.product(self.learning_rates, self.dropouts, self.epochs))

    def training(self, settings: TrainingSettings, network: str, point: tuple[float, float, int]) -> TrainingSettings:
        """Return how `network` is trained at a point; what the grid does not vary is as in `settings`."""
        rate, dropout, epochs = point
        steps = round(settings.min_steps * epochs / max(self.epochs))
        changed = replace(settings, learning_rate=rate, epochs=epochs, min_steps=steps)
        varied: dict[str, Any] = {NETWORKS[network].dropout_setting: dropout}
        return replace(changed, **varied)


@dataclass(frozen=True)
class SearchPoint:
    """One point of the grid; `pool_accuracy` and `pool_seconds` are None where the pool was not searched.

    Accuracies are on the validation images, in the epoch whose weights were kept. `coreset_epochs` and `pool_epochs`
    were done: more than requested where the least number of steps requires them.
    """

    learning_rate: float
    dropout: float
    epochs: int
    coreset_accuracy: float
    coreset_seconds: float
    pool_accuracy: float | None
    pool_seconds: float | None
    coreset_epochs: int = 0
    pool_epochs: int | None = None


@dataclass(frozen=True)
class SearchOutcome:
    """A finished search.

    Attributes
    ----------
    points : tuple of SearchPoint
        Best on the coreset first.
    tau : float or None
        Kendall's τ-b of the two orders, −1 to 1; None without the pool, with fewer than three points, or where all
        accuracies of one side are equal.
    lost : float or None
        Validation accuracy on the pool of the pool's best point minus that of the coreset's best point.
    coreset_seconds, pool_seconds : float
        Training time of all points.
    n_coreset, n_pool : int
        Images trained on.
    text : str
        All of it in words.
    file : Path
    network : str
    notes : tuple of str
        Sentences on stored runs that could not be read.
    """

    points: tuple[SearchPoint, ...]
    tau: float | None
    lost: float | None
    coreset_seconds: float
    pool_seconds: float
    n_coreset: int
    n_pool: int
    text: str
    file: Path
    network: str = "custom"
    notes: tuple[str, ...] = ()
