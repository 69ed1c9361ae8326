"""Divide a dataset into pool, validation and test images.

The test images are drawn first, then the validation images out of what is left; what is left then is the pool
(paper 5.2: 70/30, inside it 80/20). Both draws are stratified and seeded by class name. They are made over the
whole dataset, so that leaving a class out changes nothing for the others. With folds the test images are one of them.
"""

import logging
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from coreset_studio.core.data.dividing import draw
from coreset_studio.core.data.duplicates import find_duplicates
from coreset_studio.core.data.folds import check_folds, images_of_fold
from coreset_studio.core.data.units import Ties, find_ties, found_groups, group_notes, preview_groups, units
from coreset_studio.core.errors import SplitError
from coreset_studio.core.results import Dataset, IntArray, LeftOut, Split
from coreset_studio.core.settings import DataSettings
from coreset_studio.core.settings.path_patterns import PathPatterns

__all__ = ["count_groups", "found_groups", "make_split", "preview_groups"]

_LOG = logging.getLogger(__name__)
_FAR_OFF = 0.05
_LONG_CHAIN = 20
TO_BE_LABELLED = "It has no label yet."
_TEST_FIRST = {"test": 0, "validation": 1, "train": 2, None: 3}


def make_split(dataset: Dataset, settings: DataSettings, fold: int = 0) -> Split:
    """Divide `dataset` as `settings` say, or keep its predefined split.

    Images with the same pixels or of one group are never divided by a generated split. A predefined split is
    kept; its leaks are reported, and dropped on request. Where it has no validation images and
    `validation_fraction` is above 0, they are drawn from its training images by our rule.

    Parameters
    ----------
    dataset : Dataset
    settings : DataSettings
    fold : int
        From 0: which of `settings.folds` is tested on. Without folds it is 0.

    Returns
    -------
    Split

    Raises
    ------
    SplitError
        If no image is left to select from, the group pattern is not a regular expression or finds no group, or the
        images cannot be divided into as many folds as requested.
    """
    left_out = named_out(dataset, settings)
    if dataset.has_labels:
        left_out = dict.fromkeys(dataset.without_label, TO_BE_LABELLED) | left_out
    if settings.keep_one_of_duplicates:
        left_out |= _repeated(dataset, left_out)
    ties = find_ties(dataset, settings)
    used = [index for index in range(len(dataset.images)) if index not in left_out]
    sets = _Sets(dataset, settings, ties)
    if not dataset.has_labels:
        sets.pool = used
    elif dataset.has_split:
        if settings.folds:
            raise SplitError(folds_of_predefined(settings.folds))
        sets.keep_predefined(used)
    elif settings.folds:
        sets.take_fold(used, settings.folds, fold)
    else:
        sets.divide(used)
    chosen_out = set(settings.left_out_classes)
    reasons = {**sets.left_out, **left_out}
    for index, image in enumerate(dataset.images):
        if image.class_name in chosen_out:
            reasons[index] = f"The class “{image.class_name}” is excluded."
    pool, validation, test = (sets.without(reasons, part) for part in (sets.pool, sets.validation, sets.test))
    if not len(pool):
        raise SplitError(_no_pool(dataset, settings, reasons))
    leaks = tuple((a, b) for a, b in sets.leaks if a not in reasons and b not in reasons)
    split = Split(
        pool=pool,
        validation=validation,
        test=test,
        left_out=tuple(LeftOut(index, reasons[index]) for index in sorted(reasons)),
        leaks=leaks,
        is_predefined=dataset.has_split and dataset.has_labels,
        folds=(settings.folds or 0) if dataset.has_labels else 0,
        fold=fold if dataset.has_labels else 0,
    )
    return replace(split, warnings=tuple(_warnings(dataset, settings, ties, split)))


def folds_of_predefined(folds: int) -> str:
    """Return why images with a predefined split are not divided into folds."""
    return (
        f"The dataset has a predefined split, so it is not divided into the requested {folds:,} folds; "
        "do not use folds (in the window, set them to –)."
    )


def count_groups(dataset: Dataset, settings: DataSettings) -> tuple[int, int]:
    """Return how many groups there are under `settings`, and how many images have none.

    Raises
    ------
    SplitError
        If the group pattern is not a regular expression, or finds no group.
    """
    groups = find_ties(dataset, replace(settings, near_duplicates_together=False)).groups
    return len(set(groups) - {""}), groups.count("")


def named_out(dataset: Dataset, settings: DataSettings) -> dict[int, str]:
    """Return the images that are excluded by their paths, with the reason."""
    by_hand, patterns = set(settings.left_out_images), PathPatterns(settings.left_out_patterns)
    left_out: dict[int, str] = {}
    for index, image in enumerate(dataset.images):
        if image.path in by_hand:
            left_out[index] = "It was excluded individually."
        elif pattern := patterns.first(image.path):
            left_out[index] = f"It matches the pattern “{pattern}”."
    return left_out


def _pattern_warnings(dataset: Dataset, settings: DataSettings) -> list[str]:
    """Name patterns that match no image, each with a path that it was compared with."""
    idle = [
        pattern
        for pattern in settings.left_out_patterns
        if not any(map(PathPatterns([pattern]).first, (image.path for image in dataset.images)))
    ]
    return [
        f"The pattern “{pattern}” of excluded images matches none of the {len(dataset.images):,} paths, such as "
        f"{dataset.images[0].path}. Change it or remove it (--leave-out-pattern)."
        for pattern in idle
    ]


def _repeated(dataset: Dataset, gone: Mapping[int, str]) -> dict[int, str]:
    """Return the images that `keep_one_of_duplicates` excludes, with the reason; those `gone` are not copies."""
    left_out: dict[int, str] = {}
    for same in find_duplicates(dataset):
        indices = [index for index in same.indices if index not in gone]
        if len({dataset.images[index].class_name for index in indices}) > 1:
            for index in indices:
                other = next(
                    other for other in indices if dataset.images[other].class_name != dataset.images[index].class_name
                )
                left_out[index] = f"It has the same pixels as {dataset.images[other].path}, which has another class."
            continue
        # Of a predefined split the test copy stays: that way the copy in train is not a leak.
        kept = min(indices, key=lambda index: (_TEST_FIRST[dataset.images[index].split], index), default=-1)
        for index in indices:
            if index != kept:
                left_out[index] = f"It has the same pixels as {dataset.images[kept].path}."
    return left_out


class _Sets:
    """The three sets in the making."""

    def __init__(self, dataset: Dataset, settings: DataSettings, ties: Ties) -> None:
        self._dataset = dataset
        self._settings = settings
        self._ties = ties
        self.pool: list[int] = []
        self.validation: list[int] = []
        self.test: list[int] = []
        self.left_out: dict[int, str] = {}
        self.leaks: list[tuple[int, int]] = []

    def divide(self, used: list[int]) -> None:
        """Draw test and validation images out of `used`."""
        self.test = self._draw(used, self._settings.test_fraction, "test")
        self._set_validation_aside(_without(used, self.test))

    def take_fold(self, used: list[int], folds: int, fold: int) -> None:
        """Test on one fold of `used`, and draw validation images out of the others as a split of its own does."""
        together = units(used, self._ties)
        check_folds(self._dataset, together, folds, self._settings.left_out_classes)
        self.test = images_of_fold(self._dataset, together, folds, fold, self._settings.split_seed)
        self._set_validation_aside(_without(used, self.test), seed_after=fold)

    def keep_predefined(self, used: list[int]) -> None:
        """Take the sets of the predefined split, and find the leaks between them."""
        named: dict[str | None, list[int]] = {"train": [], "validation": [], "test": [], None: []}
        for index in used:
            named[self._dataset.images[index].split].append(index)
        self.test, self.validation, train = named["test"], named["validation"], named["train"]
        self.left_out |= dict.fromkeys(named[None], "The predefined split does not contain it.")
        self.leaks = self._find_leaks(train + self.validation)
        if self._settings.drop_leaks:
            for index, copy in self.leaks:
                self.left_out[index] = self._leak_reason(index, copy)
            train = _without(train, self.left_out)
            self.validation = _without(self.validation, self.left_out)
            self.leaks = []
        if self.validation:
            self.pool = train
        else:
            self._set_validation_aside(train)

    def without(self, left_out: Iterable[int], part: list[int]) -> IntArray:
        """Return `part` without `left_out`, ascending."""
        return np.array(_without(sorted(part), left_out), dtype=np.int64)

    def _set_validation_aside(self, train: list[int], *, seed_after: int = 0) -> None:
        self.validation = self._draw(train, self._settings.validation_fraction, "validation", seed_after)
        self.pool = _without(train, self.validation)

    def _draw(self, indices: list[int], fraction: float, purpose: str, seed_after: int = 0) -> list[int]:
        seed = self._settings.split_seed + seed_after
        return draw(self._dataset, units(indices, self._ties), fraction, seed, purpose)

    def _find_leaks(self, train: list[int]) -> list[tuple[int, int]]:
        """Return each training or validation image tied to a test image, with the first such test image."""
        first: dict[Hashable, int] = {}
        for index in self.test:
            for key in self._ties.keys[index]:
                first.setdefault(key, index)
        near: dict[int, int] = {}
        test = set(self.test)
        for a, b in self._ties.near:
            for one, other in ((a, b), (b, a)):
                if other in test:
                    near[one] = min(other, near.get(one, other))
        leaks = []
        for index in sorted(train):
            found = [first[key] for key in self._ties.keys[index] if key in first]
            if index in near:
                found.append(near[index])
            if found:
                leaks.append((index, found[0]))
        return leaks

    def _leak_reason(self, index: int, copy: int) -> str:
        image, other = self._dataset.images[index], self._dataset.images[copy]
        if image.pixels == other.pixels:
            return f"It has the same pixels as the test image {other.path}."
        if set(self._ties.keys[index]) & set(self._ties.keys[copy]):
            return f"It is of the same group as the test image {other.path}."
        return f"It is nearly identical to the test image {other.path}."


def _without(indices: Iterable[int], others: Iterable[int]) -> list[int]:
    gone = set(others)
    return [index for index in indices if index not in gone]


def _no_pool(dataset: Dataset, settings: DataSettings, reasons: dict[int, str]) -> str:
    if set(dataset.classes) <= set(settings.left_out_classes):
        return "Every class is excluded; include at least one."
    if dataset.has_split and not any(image.split == "train" for image in dataset.images):
        return "The predefined split has no training images; there is nothing to select from."
    reason = next(iter(reasons.values()), "")
    return (
        f"No image is left to select from; {len(reasons):,} of {len(dataset.images):,} are excluded. {reason}".strip()
    )


def _warnings(dataset: Dataset, settings: DataSettings, ties: Ties, split: Split) -> list[str]:
    if not dataset.has_labels:
        alone = (
            f"No image has a label, so all {len(split.pool):,} images are in the pool, and none are validation or test "
            "images. A coreset of them states which images to label first; even herding (--sampler even-herding) or "
            "TypiClust is better suited for this than the sampler of the paper."
        )
        return [alone, *_pattern_warnings(dataset, settings)]
    unknown = sorted(set(settings.left_out_classes) - set(dataset.classes))
    warnings = [f"The class “{name}” is to be excluded, but does not exist." for name in unknown]
    in_sets = [
        Counter(dataset.images[index].class_name for index in part)
        for part in (split.pool, split.validation, split.test)
    ]
    if split.folds and settings.test_fraction != DataSettings().test_fraction:
        warnings.append(
            f"Each of the {split.folds:,} folds tests on 1/{split.folds:,} of the images, so the test fraction of "
            f"{settings.test_fraction:g} is not used."
        )
    if split.is_predefined and not len(split.test):
        warnings.append("The predefined split has no test images, so networks cannot be evaluated.")
    waiting = sum(left.reason == TO_BE_LABELLED for left in split.left_out)
    if waiting:
        which = "image has no label yet and is" if waiting == 1 else "images have no label yet and are"
        warnings.append(
            f"{waiting:,} {which} in no set. Label them on the Images "
            "page or with a table (--labels); to select which to label next, use Select without labels "
            "(--ignore-labels)."
        )
    for name in dataset.classes:
        if name not in settings.left_out_classes and name != dataset.unlabelled:
            warnings += _class_warnings(name, settings, split, *(counts[name] for counts in in_sets))
    if split.leaks:
        verb = (
            "image of the training or validation set is"
            if len(split.leaks) == 1
            else ("images of the training and validation sets are")
        )
        warnings.append(
            f"{len(split.leaks):,} {verb} also among the test images, or of the same group as one; "
            "test results will be too optimistic. They can be excluded."
        )
    of_groups = group_notes(ties, dataset)
    for note in of_groups:
        _LOG.info("%s", note)
    return warnings + _pattern_warnings(dataset, settings) + of_groups + _chain_warnings(dataset, settings, ties)


def _class_warnings(
    name: str, settings: DataSettings, split: Split, pool: int, validation: int, test: int
) -> list[str]:
    total = pool + validation + test
    if total == 0:
        return [f"The class “{name}” has no images that are used."]
    if pool == 0:
        return [f"The class “{name}” has no training images, so it can be neither selected nor learnt."]
    target = 1 / split.folds if split.folds else settings.test_fraction
    if split.is_predefined:
        return [] if test or not len(split.test) else [f"The class “{name}” has no test images."]
    if total == 1:
        return (
            [f"The class “{name}” has only 1 image, which is used for training, so it cannot be evaluated."]
            if target
            else []
        )
    if target and not test:
        return [f"The class “{name}” has no test images, because its images belong together and are not divided."]
    if abs(test - total * target) > max(1.0, _FAR_OFF * total):
        sentence = f"The class “{name}” has {test / total:.0%} test images instead of {target:.0%}, "
        return [sentence + "because images that belong together are not divided."]
    return []


def _chain_warnings(dataset: Dataset, settings: DataSettings, ties: Ties) -> list[str]:
    """Warn where near-duplicates of near-duplicates link many images that are not similar."""
    if not ties.near:
        return []
    linked = units(range(len(dataset.images)), Ties([()] * len(dataset.images), ties.near))
    longest = max(len(unit) for unit in linked)
    if longest < max(_LONG_CHAIN, _FAR_OFF * len(dataset.images)):
        return []
    sentence = f"{longest:,} images are linked as near-duplicates of near-duplicates. "
    advice = f"allow fewer than {settings.near_duplicate_bits} different bits."
    return [sentence + "These are probably not copies; " + advice]
