"""The grid of a hyperparameter search; light enough for the window to import."""

import itertools
from dataclasses import dataclass, replace
from typing import Any

from coreset_studio.core.errors import SettingsError
from coreset_studio.core.settings import SearchSettings, TrainingSettings
from coreset_studio.core.training.architectures import NETWORKS


@dataclass(frozen=True)
class Grid:
    """The points of a grid: every combination.

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
            raise SettingsError("A grid requires at least one learning rate, one dropout and one number of epochs.")

    @classmethod
    def of(cls, search: SearchSettings) -> "Grid":
        """Return the grid of the settings of a search."""
        return cls(search.learning_rates, search.dropouts, search.epoch_counts)

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
