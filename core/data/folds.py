"""Divide all images into folds, each of which is the test set once, without dividing images that stay together."""

import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np

from coreset_studio.core.data.dividing import Unit
from coreset_studio.core.errors import SplitError
from coreset_studio.core.results import Dataset, IntArray
from coreset_studio.core.seeds import generator

DIVISIONS_KEPT = 8
"""Divisions that are kept in memory: those of many thousand groups take seconds, and every fold requests the same."""


def check_folds(dataset: Dataset, units: Sequence[Unit], folds: int, left_out_classes: Collection[str] = ()) -> None:
    """Refuse more folds than the smallest class has images, or groups of images that stay together.

    Parameters
    ----------
    dataset : Dataset
    units : sequence of tuple of int
        Images that stay together.
    folds : int
        >= 2.
    left_out_classes : collection of str
        Classes that are not used, and so may be as small as they are.

    Raises
    ------
    SplitError
        Naming the largest number that works.
    """
    counts = Counter(name for unit in units for name in {dataset.images[index].class_name for index in unit})
    used = {name: n for name, n in counts.items() if name not in left_out_classes}
    if not used:
        return  # reported where no image is left
    name = min(sorted(used), key=lambda each: used[each])
    n = used[name]
    if n >= folds:
        return
    whole = all(len(unit) == 1 for unit in units)
    noun = "image" if whole else "group of images that stay together"
    many = "images" if whole else "groups of images that stay together"
    what = f"The class “{name}” has {n:,} {noun if n == 1 else many}, so"
    if n < 2:
        raise SplitError(f"{what} it cannot be divided into folds; exclude the class, or do not use folds.")
    raise SplitError(f"{what} at most {n:,} folds are possible; found {folds:,}. Use fewer.")


def images_of_fold(dataset: Dataset, units: Sequence[Unit], folds: int, fold: int, seed: int) -> list[int]:
    """Return the test images of one fold, ascending.

    Parameters
    ----------
    dataset : Dataset
    units : sequence of tuple of int
        Images that stay together, ordered by their first image. Every image is of one unit.
    folds : int
        2 <= folds; see `check_folds`.
    fold : int
        0 <= fold < folds.
    seed : int
        >= 0.

    Raises
    ------
    SplitError
        If a fold stays empty, as where few large groups contain all images.

    Notes
    -----
    Of single images scikit-learn's `StratifiedKFold`: of every class each fold has the same number of images, but for
    one. Where images stay together, its `StratifiedGroupKFold`, which comes as near to that as the groups let it.
    """
    pairs = [(index, number) for number, unit in enumerate(units) for index in unit]
    indices, of_unit = (np.array(part, dtype=np.int64) for part in zip(*sorted(pairs), strict=True))
    names = np.array([dataset.classes.index(dataset.images[index].class_name) for index in indices], dtype=np.int64)
    divided = np.frombuffer(_divided(names.tobytes(), of_unit.tobytes(), folds, seed), dtype=np.int64)
    missing = sorted(set(range(folds)) - set(divided.tolist()))
    if missing:
        raise SplitError(
            f"Fold {missing[0] + 1} of {folds:,} would have no images, because the {len(indices):,} images form "
            f"{len(units):,} groups of very different sizes. Use fewer folds."
        )
    return [int(index) for index in indices[divided == fold]]


@lru_cache(maxsize=DIVISIONS_KEPT)
def _divided(names: bytes, of_unit: bytes, folds: int, seed: int) -> bytes:
    """Return the fold of each image, int64, from its class and its unit."""
    # Here, since it takes long to import and folds are rarely requested.
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    labels, groups = np.frombuffer(names, dtype=np.int64), np.frombuffer(of_unit, dtype=np.int64)
    state = int(generator(seed, "folds").integers(2**31))
    single = len(np.unique(groups)) == len(groups)
    divider = (StratifiedKFold if single else StratifiedGroupKFold)(folds, shuffle=True, random_state=state)
    result: IntArray = np.zeros(len(labels), dtype=np.int64)
    with warnings.catch_warnings():
        # A class that is excluded may have fewer images than there are folds.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for number, (_, test) in enumerate(divider.split(labels, labels, None if single else groups)):
            result[test] = number
    return result.tobytes()
