"""Outlook on a search before it starts: what is varied, and how long it takes."""

import math
from collections.abc import Mapping
from dataclasses import replace

from coreset_studio.core.data.unlabelled import need_labels
from coreset_studio.core.pipeline.grid import Grid
from coreset_studio.core.pipeline.outlook import backbone_seconds, estimate_run
from coreset_studio.core.pipeline.search_space import search_ranges, searched_network, titles_of_grid
from coreset_studio.core.pipeline.searching import SEARCH, check_search, check_validation
from coreset_studio.core.pipeline.stages import open_dataset, split_dataset
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.views import SearchPlan
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.settings import GRID, Settings, TrainingSettings, parts_of
from coreset_studio.core.training.augmenting import ORIENTATIONS
from coreset_studio.core.training.loop import settings_for
from coreset_studio.core.words import duration


def search_titles(settings: Settings) -> Mapping[str, str]:
    """Return the titles of the hyperparameters that a search varies, by name.

    Raises
    ------
    SettingsError
        If there are none.
    """
    if settings.search.method == GRID:
        return titles_of_grid(searched_network(settings.search.network))
    return {each.name: each.title for each in search_ranges(settings.search, settings.training)}


def estimate_search(study: Study, progress: Progress = NO_PROGRESS) -> SearchPlan:
    """Estimate a search; nothing is selected or trained.

    Raises
    ------
    SettingsError
        If it cannot be done; see `core.pipeline.searching.check_search`.
    """
    check_search(study.settings)
    dataset = open_dataset(study.source, study.cache_folder, progress, settings=study.settings.data)
    need_labels(dataset, SEARCH)
    split = split_dataset(dataset, study.settings)
    check_validation(split)
    n_pool, others = len(split.pool), (len(split.validation), len(split.test))
    selection = study.settings.selection
    wanted = selection.images if selection.images is not None else math.floor(selection.fraction * n_pool + 0.5)
    n_images = max(1, min(n_pool, wanted))
    trainings = _trainings(study.settings)
    n_trials = len(trainings) if study.settings.search.method == GRID else study.settings.search.trials
    return _plan(study, trainings, n_trials, (n_images, n_pool), others)


def _trainings(settings: Settings) -> list[TrainingSettings]:
    """Return trainings that are representative of the trials: one for each image size, or each point of a grid."""
    search, training = settings.search, settings.training
    if search.method == GRID:
        grid = Grid.of(search)
        return [grid.training(training, search.network, point) for point in grid.points()]
    sizes = next((each for each in search_ranges(search, training) if each.name == "image_size"), None)
    if sizes is None:
        return [training]
    return [replace(training, image_size=size) for size in range(int(sizes.low), int(sizes.high) + 1, sizes.step)]


def _plan(
    study: Study, trainings: list[TrainingSettings], n_trials: int, sizes: tuple[int, int], others: tuple[int, int]
) -> SearchPlan:
    settings = study.settings
    network = searched_network(settings.search.network)
    n_images, n_pool = sizes
    found = []
    for n in sizes:
        each = [estimate_run(study, network.name, settings_for(one, n_pool), n, *others).seconds for one in trainings]
        seconds = n_trials * sum(each) / len(each)
        looks = ORIENTATIONS if parts_of(settings.training).flips_and_turns else 1
        # The features of a backbone are computed once for each image size.
        for one in {training.image_size: training for training in trainings[:n_trials]}.values():
            changed = replace(study, settings=replace(settings, training=one))
            seconds += backbone_seconds(changed, network, looks * n + sum(others))
        found.append(seconds)
    pool = ""
    if settings.search.with_pool:
        pool = f", and about {duration(found[1])} on the whole pool of {n_pool:,}"
    trials = "1 trial" if n_trials == 1 else f"{n_trials:,} trials"
    at_most = "at most about" if settings.search.pruning and settings.search.method != GRID else "about"
    sentence = f"Estimate: {trials} take {at_most} {duration(found[0])} on {n_images:,} images{pool}."
    return SearchPlan(n_trials, n_images, n_pool, found[0], found[1], sentence)
