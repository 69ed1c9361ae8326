"""Recipes of training: named sets of values of its parts, and the resulting parts under given settings.

A recipe covers training alone; samplers and extractors are selected next to it. Every part is a setting of
`core.settings.training.TrainingSettings`, under the same name as here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coreset_studio.core.settings.training import TrainingSettings

AS_RECIPE = "recipe"
ON, OFF = "on", "off"
STEPS: Mapping[str, str] = {
    "falling": "steps falling with the images",
    "equal": "equal steps at every fraction",
}
"""The words in the caption of a table of trained networks, by `TrainingSettings.steps`."""
UNANSWERED = (
    "Trained without flips and rotations, since the orientation of the images is not specified. Set it to free "
    "(--orientation free) to allow them, as for cells, tissue and skin, or to fixed, as for X-ray and MRI."
)
FIXED = (
    "Trained without flips and rotations, although they are on: the orientation of the images is set to fixed. Set "
    "it to free (--orientation free) to allow them, or turn them off (--flips-and-turns off)."
)
SOFT = (
    "Trained with soft labels, the probabilities of a teacher that was fitted on the labels of the whole pool, "
    "including images that were not selected. They also improve random coresets: compare only rows that were all "
    "trained with them, including random, stratified random and the whole pool."
)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Parts of a training in addition to the paper; by default none.

    Attributes
    ----------
    flips_and_turns : bool
        Each image in one of its 8 orientations, drawn again every epoch.
    class_weights : bool
        The loss of an image weighs n / (K n_c): n images of K classes, n_c of its own.
    weight_decay : float
        >= 0; of AdamW, on kernels alone. 0: Adam.
    label_smoothing : float
        0 <= value < 1: the share of a target that is spread over all classes.
    averaged_weights : float
        0 <= value < 1: momentum of the running average of the weights. 0: no average.
    shifts, zoom : float
        0 <= value < 1: at most so large a share of the side, either way.
    brightness, contrast : float
        0 <= value < 1: at most such a share of the range, or a factor of 1 ± so much.
    stain_jitter : float
        0 <= value < 1: the amount of each stain at most by such a factor, and by so much optical density, either way.
    regularised_output : bool
        Of a network on a frozen backbone: its output layer uses features that are centred and scaled to one
        scale, instead of on batch normalisation; it starts at 0 and its weights have a penalty.
    fine_tuning : bool
        Of a network on a frozen backbone: a copy of the last convolutional block is trained as well.
    soft_labels : float
        0 <= value < 1: the share of the loss that a teacher's probabilities have, and the label has not.
    """

    flips_and_turns: bool = False
    class_weights: bool = False
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    averaged_weights: float = 0.0
    shifts: float = 0.0
    zoom: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    stain_jitter: float = 0.0
    regularised_output: bool = False
    fine_tuning: bool = False
    soft_labels: float = 0.0

    def used(self) -> dict[str, bool | float]:
        """Return the parts that do something, by name."""
        return {name: value for name, value in vars(self).items() if value}


@dataclass(frozen=True)
class Recipe:
    """A named set of values of the parts, each of which a setting can overrule."""

    title: str
    parts: Parts


RECIPES: Mapping[str, Recipe] = {
    "paper": Recipe("Paper", Parts()),
    "recommended": Recipe("Recommended", Parts(flips_and_turns=True, regularised_output=True)),
}
BACKBONE_PARTS = ("regularised_output", "fine_tuning")
"""Parts that only a network on a frozen backbone can have; they do not affect others."""
PIXEL_PARTS = ("shifts", "zoom", "brightness", "contrast", "stain_jitter")
"""Parts that change pixels themselves, so that no feature computed once has them."""


def parts_of(training: "TrainingSettings") -> Parts:
    """Return the parts of a training: each as in its setting, or else as in the recipe.

    Flips and rotations are only applied to images of free orientation, see `TrainingSettings.orientation`.
    """
    values = {**vars(RECIPES[training.recipe].parts), **dict(_set_parts(training))}
    return Parts(**{**values, "flips_and_turns": values["flips_and_turns"] and training.orientation == "free"})


def recipe_notes(training: "TrainingSettings") -> tuple[str, ...]:
    """Return sentences on parts of the recipe that are not applied or require attention.

    Flips and turns that the images, as far as is known, do not allow; and what soft labels rest on.
    """
    is_requested = {**vars(RECIPES[training.recipe].parts), **dict(_set_parts(training))}["flips_and_turns"]
    notes = []
    if is_requested and training.orientation == "unanswered":
        notes.append(UNANSWERED)
    elif training.flips_and_turns == ON and training.orientation == "fixed":
        notes.append(FIXED)
    if parts_of(training).soft_labels:
        notes.append(SOFT)
    return tuple(notes)


def parts_problem(training: "TrainingSettings") -> str:
    """Return why the parts cannot be had together; empty where they can."""
    parts = parts_of(training)
    if not (parts.label_smoothing and parts.soft_labels):
        return ""
    return (
        f"Label smoothing ({parts.label_smoothing:g}) and soft labels ({parts.soft_labels:g}) are both on, but only "
        "one of them can replace the label: turn one off with --label-smoothing 0 (“Label smoothing”) or "
        "--soft-labels 0 (“Soft labels”)."
    )


def recipe_sentence(training: "TrainingSettings", *, on_backbone: bool = True) -> str:
    """Return in a sentence how networks are trained: the recipe, its parts, and the steps of smaller coresets.

    Parts of a frozen backbone are reported if some network uses one, as `on_backbone` says.
    """
    excluded = () if on_backbone else BACKBONE_PARTS
    recipe = RECIPES[training.recipe]
    used = {name: value for name, value in parts_of(training).used().items() if name not in excluded}
    changed = {name: value for name, value in _set_parts(training) if name not in excluded}
    of = f"Recipe “{recipe.title}”{', modified' if changed else ''}"
    titles = [part_words(name, value) for name, value in used.items()]
    if "soft_labels" in used:
        titles[list(used).index("soft_labels")] += f" at temperature {training.soft_label_temperature:g}"
    what = f": {', '.join(titles)}" if titles else ""
    plain = "" if used or training.recipe == "paper" else ": nothing beyond the paper"
    steps = (
        "equal steps at every fraction, so that differences are in accuracy per image"
        if training.steps == "equal"
        else "steps that fall with the images, so that accuracy is reported with its cost"
    )
    return f"{of}{what or plain}; {steps}."


def part_words(name: str, value: bool | float) -> str:
    """Return a part in words, with its value where it has one, such as ``"weight decay 0.01"``."""
    words = name.replace("_", " ").replace("averaged weights", "averaged weights, momentum")
    words = words.replace("fine tuning", "fine-tuning of the last block")
    words += " on a frozen backbone" if name == "regularised_output" else ""
    return words if value is True else f"{words} {value:g}"


def _set_parts(training: "TrainingSettings") -> Iterator[tuple[str, bool | float]]:
    """Yield the parts that are set individually."""
    for part in fields(Parts):
        value = getattr(training, part.name)
        if isinstance(value, str):
            if value != AS_RECIPE:
                yield part.name, value == ON
        elif value is not None:
            yield part.name, float(value)
