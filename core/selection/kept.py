"""Images of an earlier coreset that a new one keeps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from coreset_studio.core.errors import SelectionError
from coreset_studio.core.results import Dataset, IntArray, Split
from coreset_studio.core.settings import EarlierImage, SelectionSettings

KEPT = "kept from the earlier coreset"
_NAMED = 3
_GONE, _CHANGED, _PINNED = "no longer in the dataset", "changed since", "pinned out"
_TEST, _VALIDATION, _EXCLUDED = "in the test images now", "in the validation images now", "excluded"
# In the order in which a note lists them.
_REASONS = (_GONE, _CHANGED, _TEST, _VALIDATION, _EXCLUDED, _PINNED)


@dataclass(frozen=True)
class Kept:
    """Images that are selected first, since an earlier coreset has them.

    Attributes
    ----------
    indices : ndarray of int64
        Of the pool, in the order in which they were selected inside their class.
    n_by_class : mapping of str to int
        How many, by class; classes without any are missing.
    notes : tuple of str
        What became of the earlier coreset: one sentence or two; empty without one.
    """

    indices: IntArray
    n_by_class: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """How many images are kept."""
        return len(self.indices)

    def among(self, indices: IntArray) -> IntArray:
        """Return those that are among `indices`, in their own order."""
        return self.indices[np.isin(self.indices, indices)]


NO_KEPT = Kept(np.zeros(0, dtype=np.int64))


def find_kept(dataset: Dataset, split: Split, settings: SelectionSettings) -> Kept:
    """Find the images of the earlier coreset that the settings name in the pool.

    An image is found by its content; of several copies the one of the same path, or else of the same class, is taken.
    Only images of the pool that are not pinned out are kept; a note says which are not, and why.

    Raises
    ------
    SelectionError
        If none is found in the pool.
    """
    earlier = settings.continue_from
    if earlier is None:
        return NO_KEPT
    found, lost = _match(dataset, split, earlier.images, frozenset(settings.pinned_out))
    words = _lost_words(lost)
    if not found:
        raise SelectionError(
            f"None of the {len(earlier.images):,} images of the earlier coreset can be kept: {words}. Use the dataset "
            "and the split that it was selected from, or do not continue from it."
        )
    return Kept(
        indices=np.array(found, dtype=np.int64),
        n_by_class=Counter(dataset.images[index].class_name for index in found),
        notes=(_note(len(earlier.images), lost, words, split),),
    )


def _match(
    dataset: Dataset, split: Split, images: Sequence[EarlierImage], pinned_out: frozenset[str]
) -> tuple[list[int], dict[str, list[str]]]:
    """Return the indices of images that are found in the pool, and what the others are named by, by reason."""
    pool, places = set(split.pool.tolist()), _set_of(split)
    by_content: dict[str, list[int]] = {}
    for index, image in enumerate(dataset.images):
        by_content.setdefault(image.pixels, []).append(index)
    paths = {image.path for image in dataset.images}

    def match(image: EarlierImage) -> int | None:
        def worse(index: int) -> tuple[bool, bool, bool, int]:
            now = dataset.images[index]
            return (index not in pool, now.path != image.path, now.class_name != image.class_name, index)

        best = min(by_content.get(image.pixels, ()), key=worse, default=None)
        if best is not None:
            by_content[image.pixels].remove(best)  # a copy represents one image only
        return best

    # Those whose path is the same select first, so that no copy takes their place.
    same_path = {(image.path, image.pixels) for image in dataset.images}
    by_turn = sorted(range(len(images)), key=lambda at: (images[at].path, images[at].pixels) not in same_path)
    matched = {at: match(images[at]) for at in by_turn}
    found: list[int] = []
    lost: dict[str, list[str]] = {}
    for at, earlier in enumerate(images):
        place = matched[at]
        if place is None:
            reason = _CHANGED if earlier.path in paths else _GONE
            lost.setdefault(reason, []).append(earlier.path or f"an image of class {earlier.class_name}")
        elif place not in pool:
            lost.setdefault(places.get(place, _EXCLUDED), []).append(dataset.images[place].path)
        elif dataset.images[place].path in pinned_out:
            lost.setdefault(_PINNED, []).append(dataset.images[place].path)
        else:
            found.append(place)
    return found, lost


def _set_of(split: Split) -> dict[int, str]:
    return {**dict.fromkeys(split.test.tolist(), _TEST), **dict.fromkeys(split.validation.tolist(), _VALIDATION)}


def _lost_words(lost: Mapping[str, Sequence[str]]) -> str:
    """Return why images are not kept, with the first of each reason named."""
    parts = []
    for reason in _REASONS:
        if reason in lost:
            named = lost[reason]
            more = f" and {len(named) - _NAMED:,} more" if len(named) > _NAMED else ""
            parts.append(f"{len(named):,} {reason} ({', '.join(named[:_NAMED])}{more})")
    return ", ".join(parts)


def _note(n_images: int, lost: Mapping[str, Sequence[str]], words: str, split: Split) -> str:
    n_lost = sum(len(each) for each in lost.values())
    if not n_lost:
        return f"All {n_images:,} images of the earlier coreset are kept."
    of_all = f"{n_images - n_lost:,} of the {n_images:,} images of the earlier coreset are kept"
    sentence = f"{of_all}; {n_lost:,} {'is' if n_lost == 1 else 'are'} not: {words}."
    in_other_sets = any(reason in lost for reason in (_TEST, _VALIDATION))
    if in_other_sets and not split.is_predefined:
        sentence += (
            " To keep images of the test and validation sets, too, provide a split that has them as training images."
        )
    return sentence


def need_room(kept: Kept, total: int, n_pool: int) -> None:
    """Refuse a budget that is below what is kept.

    Raises
    ------
    SelectionError
    """
    if kept.n > total:
        raise SelectionError(
            f"{kept.n:,} images are kept from the earlier coreset, but the budget is {total:,}. Raise it to at least "
            f"{kept.n:,} images ({kept.n / n_pool:.2%} of the pool), or do not continue from it."
        )


def need_room_by_hand(kept: Kept, budgets: Mapping[str, int]) -> None:
    """Refuse budgets set by hand of which one is below what its class keeps.

    Raises
    ------
    SelectionError
    """
    for name, budget in budgets.items():
        n = kept.n_by_class.get(name, 0)
        if n > budget:
            raise SelectionError(
                f"{n:,} images of class {name} are kept from the earlier coreset, but its budget is {budget:,}. "
                "Increase its fraction, or do not continue from the earlier coreset."
            )


def raised_note(kept: Kept, without: Mapping[str, int]) -> list[str]:
    """Say of which classes more is kept than the budget that they would have had; nothing where there are none."""
    more = [f"{name} ({kept.n_by_class[name]:,} instead of {n:,})"
            for name, n in without.items() if kept.n_by_class.get(name, 0) > n]  # fmt: skip
    named = f"More images are kept than the class budget of {', '.join(more)}"
    return [f"{named}, so that other classes receive fewer than their budgets."] if more else []
