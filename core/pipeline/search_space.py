"""Hyperparameters of a search and their ranges, from the descriptions; light enough for the window to import."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from coreset_studio.core.cache import fingerprint
from coreset_studio.core.errors import SettingsError
from coreset_studio.core.pipeline.grid import Grid
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.search_answer import DIGITS
from coreset_studio.core.settings import (
    GRID,
    PIXEL_PARTS,
    SEARCHED,
    SearchSettings,
    Settings,
    TrainingSettings,
    settings_in_keys,
)
from coreset_studio.core.settings.listed import settings_in
from coreset_studio.core.training.architectures import NETWORKS
from coreset_studio.core.training.network import Network

SIZE_STEP = 16
LEAST_SIZE = 32
GRID_VALUES = ("learning_rate", "dropout", "epochs")
"""What a point of a grid consists of, in its sequence."""


@dataclass(frozen=True)
class SearchRange:
    """The values of one hyperparameter that a search proposes.

    Attributes
    ----------
    name, title : str
    low, high : float
        Both included.
    is_log : bool
        Whether proposals are spread over the logarithm.
    step : int
        Of whole numbers; 0: any number.
    """

    name: str
    title: str
    low: float
    high: float
    is_log: bool = False
    step: int = 0

    def rounded(self, value: float) -> float:
        """Return a proposed value as it is trained with and shown."""
        if self.step:
            return int(value)
        return min(self.high, max(self.low, float(f"{value:.{DIGITS}g}")))


def searched_network(name: str) -> Network:
    """Return a network whose hyperparameters can be searched.

    Raises
    ------
    SettingsError
        If there is no such network, or it is not trained by epochs.
    """
    if name not in NETWORKS:
        raise SettingsError(NETWORKS.unknown(name))
    network = NETWORKS[name]
    if not network.is_searched:
        others = " or ".join(each.words for each in NETWORKS.values() if each.is_searched)
        raise SettingsError(f"The {network.words} has none of these hyperparameters; search with the {others}.")
    return network


def lacking(network: Network, training: TrainingSettings) -> dict[str, str]:
    """Return the hyperparameters in `SEARCHED` that a network or its training does not have, each with the reason."""
    found = {
        name: f"the {network.words} does not use it"
        for name in ("learning_rate", "image_size")
        if not network.reads_setting(name)
    }
    if not network.dropout_setting:
        found["dropout"] = f"the {network.words} has no dropout"
    if not network.amounts_of_augmentation(training):
        if network.needs_backbone:
            found["augmentation"] = f"the {network.words} is trained on features that are computed once"
        else:
            flags = [each.flag for each in settings_in("training") if each.name in PIXEL_PARTS]
            found["augmentation"] = f"the recipe has none; set an amount with {', '.join(flags[:-1])} or {flags[-1]}"
    return found


def search_ranges(search: SearchSettings, training: TrainingSettings) -> tuple[SearchRange, ...]:
    """Return what a search with trials varies: all requested hyperparameters, or all that network and recipe have.

    Raises
    ------
    SettingsError
        If a requested hyperparameter is lacking, none is left, or a range cannot be trained with.
    """
    network = searched_network(search.network)
    without = lacking(network, training)
    for name in search.parameters:
        if name in without:
            raise SettingsError(f"{SEARCHED[name]} cannot be searched: {without[name]}.")
    names = [name for name in SEARCHED if name not in without and (name in search.parameters or not search.parameters)]
    ranges = [_range(name, search, network, training) for name in names]
    # A default range of one value, as of the smallest images, is no range.
    kept = [each for each in ranges if each.low < each.high or each.name in search.parameters]
    if not kept:
        raise SettingsError(f"The {network.words} has none of these hyperparameters, so there is nothing to search.")
    return tuple(kept)


def _range(name: str, search: SearchSettings, network: Network, training: TrainingSettings) -> SearchRange:
    ends = search.range_of(name)
    if name == "image_size":
        low, high = ends or (max(LEAST_SIZE, training.image_size // 2), training.image_size)
        least = int(high) - SIZE_STEP * ((int(high) - int(low)) // SIZE_STEP)
        return SearchRange(name, SEARCHED[name], least, int(high), step=SIZE_STEP)
    low, high = ends
    if name == "augmentation":
        part, largest = max(network.amounts_of_augmentation(training).items(), key=lambda each: each[1])
        if high * largest >= 1:
            raise SettingsError(
                f"The augmentation strength goes up to {high:g}, but {part.replace('_', ' ')} {largest:g} times "
                f"{high:g} is not below 1; lower --augmentation-range (“{_title('augmentation_range')}”) or the amount."
            )
    title = _dropout_title(network) if name == "dropout" else SEARCHED[name]
    return SearchRange(name, title, low, high, is_log=name == "learning_rate")


def configured(network: Network, training: TrainingSettings, values: Mapping[str, float]) -> TrainingSettings:
    """Return how `network` is trained with the values of a trial; what the search does not vary is as in `training`."""
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name == "augmentation":
            amounts = network.amounts_of_augmentation(training)
            changes |= {part: float(f"{amount * value:.{DIGITS}g}") for part, amount in amounts.items()}
        else:
            changes[network.dropout_setting if name == "dropout" else name] = value
    return replace(training, **changes)


def titles_of_grid(network: Network) -> Mapping[str, str]:
    """Return the titles of what a grid varies, by name; the dropout is that which the network has."""
    return dict(zip(GRID_VALUES, (SEARCHED["learning_rate"], _dropout_title(network), "Epochs"), strict=True))


def training_of_trial(settings: Settings, values: Mapping[str, float]) -> TrainingSettings:
    """Return how the network of a search is trained with the values of a trial, or of a point of its grid."""
    search = settings.search
    if search.method == GRID:
        point = values["learning_rate"], values["dropout"], int(values["epochs"])
        return Grid.of(search).training(settings.training, search.network, point)
    return configured(searched_network(search.network), settings.training, values)


def search_folder(folder: Path, study: Study) -> Path:
    """Return where the window keeps a search, below `folder`: one of the same coreset and ranges continues there."""
    settings = settings_in_keys(study.settings)
    coreset = {name: settings[name] for name in ("data", "features", "clusters", "selection")}
    search = settings_in_keys(replace(study.settings.search, trials=1, with_pool=False))
    return folder / fingerprint(str(Path(study.source).absolute()), coreset, search)


def _title(name: str) -> str:
    return next(each.facts.title for each in settings_in("search") if each.name == name)


def _dropout_title(network: Network) -> str:
    words = network.dropout_words or SEARCHED["dropout"]
    return words[:1].upper() + words[1:]
