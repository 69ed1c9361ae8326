"""Budgets of the classes of a coreset, with pins and an earlier coreset."""

from collections.abc import Mapping
from functools import partial

from coreset_studio.core.errors import CannotContinueError, SelectionError
from coreset_studio.core.results import Coreset
from coreset_studio.core.selection.budgets import (
    budgets_by_hand,
    budgets_over_classes,
    class_weights,
    equal_first_of,
    total_budget,
)
from coreset_studio.core.selection.description import Sampler
from coreset_studio.core.selection.kept import NO_KEPT, Kept, need_room, need_room_by_hand, raised_note
from coreset_studio.core.selection.pins import Pins
from coreset_studio.core.selection.samplers import SAMPLERS
from coreset_studio.core.settings import ClassBudgetRule, SelectionSettings


def rule_over_classes(coreset: Coreset, settings: SelectionSettings) -> ClassBudgetRule | None:
    """Return the rule for the class budgets of a coreset; None if its sampler has no class budgets."""
    sampler = SAMPLERS.get(coreset.sampler)
    if sampler is None or sampler.scope == "pool":
        return None
    return sampler.budget_rule(settings.budget_over_classes)


def class_budgets(
    sampler: Sampler,
    sizes: Mapping[str, int],
    settings: SelectionSettings,
    pins: Pins,
    difficulty: Mapping[str, float] | None = None,
    kept: Kept = NO_KEPT,
) -> tuple[dict[str, int], list[str]]:
    """Return the budget of each class, and notes for the user.

    Parameters
    ----------
    sizes : mapping of str to int
        Number of images of the pool by class.
    pins : Pins
        Images that are pinned out are replaced by others of their class; without others the budget is smaller.
    kept : Kept
        The budget of a class is at least the number of images that it keeps, unless budgets are set by hand.

    Raises
    ------
    SelectionError
        If the total is not possible, or more images of a class are pinned in or kept than its budget.
    """
    rule = sampler.budget_rule(settings.budget_over_classes)
    available = {name: n - pins.n_out.get(name, 0) for name, n in sizes.items()}
    notes: list[str] = []
    if rule == "by-hand" and settings.images is None:
        requested = budgets_by_hand(sizes, settings)
        budgets = {name: min(budget, available[name]) for name, budget in requested.items()}
        total = sum(requested.values())
        if total == 0:
            raise SelectionError("The fractions set by hand round to no images. Set larger fractions.")
        need_room_by_hand(kept, budgets)
    else:
        total = total_budget(sum(sizes.values()), settings)
        weights = class_weights(rule, sizes, settings, difficulty)
        within = min(total, sum(available.values()))
        need_room(kept, within, sum(sizes.values()))
        divide = partial(
            budgets_over_classes, within, available, weights,
            at_least_one=settings.at_least_one, equal_first=equal_first_of(rule),
        )  # fmt: skip
        budgets = divide(kept=kept.n_by_class)
        notes += raised_note(kept, divide()) if kept.n else []
    if sum(budgets.values()) < total:
        notes.append(
            f"{sum(budgets.values())} images are selected instead of {total}, because the others are pinned out."
        )
    for name, budget in budgets.items():
        need_room_for_pins(pins.n_in.get(name, 0), kept.n_by_class.get(name, 0), budget, f" of class {name}")
    notes += [_why_none(name, total, available[name]) for name, budget in budgets.items() if budget == 0]
    return budgets, notes


def need_room_for_pins(n_in: int, n_kept: int, budget: int, whose: str = "") -> None:
    """Refuse more images that are pinned in or kept than a budget.

    Parameters
    ----------
    n_in, n_kept, budget : int
        Number of images that are pinned in, that are kept from an earlier coreset, and of the budget.
    whose : str
        The class in a sentence, such as ``" of class a"``; empty for the whole pool.

    Raises
    ------
    SelectionError
        If they exceed the budget.
    """
    if n_in and n_in + n_kept > budget:
        and_kept = f", and {n_kept} are kept from the earlier coreset" if n_kept else ""
        images = f"{n_in} image{'s' * (n_in != 1)}{whose} {'is' if n_in == 1 else 'are'} pinned in"
        raise SelectionError(
            f"{images}{and_kept}, but {'its' if whose else 'the'} budget is {budget}. "
            "Raise the fraction, or unpin some images."
        )


def _why_none(name: str, total: int, available: int) -> str:
    if available == 0:
        return f"No image of class {name} is selected: all of its images are pinned out."
    return (
        f"No image of class {name} is selected: its share of {total} images rounds to 0. "
        "Raise the fraction, or give every class at least one image."
    )


def need_ranking(kept: Kept, sampler: Sampler) -> None:
    """Refuse to continue from an earlier coreset with a sampler that is not nested.

    Raises
    ------
    CannotContinueError
        If images are kept, and the sampler does not rank images.
    """
    if not kept.n or sampler.nested:
        return
    named = (
        " and ".join(each.title_inside for each in SAMPLERS.values() if each.continues and each.why_recommended)
        or "stratified random"
    )
    raise CannotContinueError(
        f"{sampler.title} cannot continue from an earlier coreset, because it does not rank images: each size is a "
        f"selection of its own. Choose a sampler that ranks images, such as {named}, or do not continue from the "
        "earlier coreset."
    )
