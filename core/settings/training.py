"""How networks are trained: the paper's choices, and the parts of a recipe that go beyond it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from coreset_studio.core.descriptions.choice import SettingsPart, choice, own
from coreset_studio.core.settings.recipes import AS_RECIPE, OFF, ON, RECIPES, part_words

Orientation = Literal["unanswered", "free", "fixed"]
Switch = Literal["recipe", "on", "off"]
StepsRule = Literal["falling", "equal"]

_SHARE = "a fraction from 0 to below 1, such as 0.2"
_COUNT = "a whole number of at least 0"
_ONE = "a whole number of at least 1"
_SWITCH = {AS_RECIPE: "As in the recipe", ON: "On", OFF: "Off"}


def _recipes_in_words() -> str:
    sentences = []
    for recipe in RECIPES.values():
        parts = ", ".join(part_words(name, value) for name, value in recipe.parts.used().items())
        sentences.append(f"“{recipe.title}” trains {'with ' + parts if parts else 'exactly as the paper does'}.")
    return " ".join(sentences)


def _switch(title: str, tip: str) -> Any:
    """Return the setting of a part that is on or off."""
    return choice(AS_RECIPE, neutral=AS_RECIPE, title=title, tip=tip, values=_SWITCH)


def _amount(
    title: str, tip: str, *, step: float = 0.05, decimals: int = 2, below: float = 1.0, question: str = ""
) -> Any:
    """Return the setting of a part that has a value; 0 is off."""
    return choice(
        None, neutral=None, title=title, tip=f"{tip}; 0 turns it off; not set: as in the recipe", least=0, below=below,
        must="a number from 0 to below 1, such as 0.1", step=step, decimals=decimals, question=question,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(SettingsPart):
    """How the networks are trained (paper, Listings 1 and 2; for what the paper does not specify, see METHOD 1.6).

    Attributes
    ----------
    image_size : int
        Side of the square input in pixels; 256 in the paper.
    epochs, min_steps, batch_size : int
        The number of epochs, but never fewer than `min_steps` steps of `batch_size` images.
    learning_rate : float
        Start of the cosine decay to 0 (Adam).
    dropout : float
        After the pools; before batch normalisation it is `dropout_before_norm`.
    norm_momentum : float
        Momentum of batch normalisation.
    recipe : str
        A name from `core.settings.recipes.RECIPES`: the values of the parts below that are not set individually.
    orientation : {"unanswered", "free", "fixed"}
        Whether the images have an up and a down. Flips and turns are made where it is ``"free"`` alone.
    flips_and_turns, class_weights, regularised_output, fine_tuning : {"recipe", "on", "off"}
        See `core.settings.recipes.Parts`; ``"recipe"``: as in the recipe.
    weight_decay, label_smoothing, averaged_weights : float or None
        See `core.settings.recipes.Parts`; None: as in the recipe, 0: off.
    shifts, zoom, brightness, contrast, stain_jitter, soft_labels : float or None
        See `core.settings.recipes.Parts`; None: as in the recipe, 0: off.
    soft_label_temperature : float
        > 0; what the logits of teacher and network are divided by before they are compared. Without soft labels it
        counts for nothing.
    checks : int or None
        Number of epochs after which the validation images are evaluated, spread evenly; None: after every epoch.
    steps : {"falling", "equal"}
        ``"falling"``: smaller coresets are trained for fewer steps, but for at least `min_steps`. ``"equal"``: every
        coreset is trained for at least as many steps as the pool.
    own : mapping of str to SettingsPart
        By network, the settings that it alone reads, where they are not its defaults; see `own_settings`.
    """

    image_size: int = choice(
        256, neutral=256, kept=True, title="Image size in pixels",
        tip="Side length of the square input; 256 in the paper",
        least=32, most=4096, must="a whole number from 32 to 4096", offered=(32, 1024),
        from_dataset="coreset_studio.core.data.sizes:training_side",
    )  # fmt: skip
    epochs: int = choice(
        25, neutral=25, kept=True, title="Epochs",
        tip="Small coresets are trained for more epochs, to reach the minimum training steps",
        least=1, must=_ONE, offered=(1, 1000),
    )  # fmt: skip
    min_steps: int = choice(
        750, neutral=750, kept=True, title="Minimum training steps", tip="Small coresets are trained for more epochs",
        least=0, must=_COUNT, offered=(0, 100_000),
    )  # fmt: skip
    batch_size: int = choice(
        32,
        neutral=32,
        kept=True,
        title="Batch size",
        tip="Images per training step",
        least=1,
        must=_ONE,
        offered=(1, 1024),
    )
    learning_rate: float = choice(
        0.002, neutral=0.002, kept=True, title="Learning rate", tip="Initial learning rate of the cosine decay to 0",
        above=0, must="above 0, such as 0.002", step=0.0005, decimals=5, offered=(0.00001, 1.0),
    )  # fmt: skip
    dropout: float = choice(
        0.1, neutral=0.1, kept=True, title="Dropout after pooling", tip="Fraction of the values set to 0",
        least=0, below=1, must=_SHARE, step=0.05, decimals=2,
    )  # fmt: skip
    dropout_before_norm: float = choice(
        0.0, neutral=0.0, kept=True, title="Dropout before batch normalisation",
        tip="Dropout there changes the variance between training and inference",
        least=0, below=1, must=_SHARE, step=0.05,
        decimals=2,
    )  # fmt: skip
    norm_momentum: float = choice(
        0.9, neutral=0.9, kept=True, title="Momentum of batch normalisation",
        tip="How slowly its means and variances follow the batches", least=0, below=1, must=_SHARE, step=0.01,
        decimals=3,
    )  # fmt: skip
    recipe: str = choice(
        "paper", neutral="paper", title="Recipe", tip="How networks are trained; each part can also be set below",
        question=f"{_recipes_in_words()} A recipe only affects training; compare coresets within one recipe.",
        values={name: each.title for name, each in RECIPES.items()},
    )  # fmt: skip
    orientation: Orientation = choice(
        "unanswered", neutral="unanswered", title="Image orientation",
        tip="Free: a flipped or rotated image is equally plausible, as of cells, tissue and skin. Fixed: it is not, "
            "as of X-ray and MRI. Flips and rotations are only applied if it is free",
        values={"unanswered": "Not specified", "free": "Free", "fixed": "Fixed"},
    )  # fmt: skip
    flips_and_turns: Switch = _switch(
        "Flips and 90° rotations", "Show each image in one of its 8 orientations, another one in every epoch"
    )
    class_weights: Switch = _switch(
        "Class weights", "Give all classes the same weight in the loss, regardless of their size"
    )
    weight_decay: float | None = _amount("Weight decay", "Weight decay of AdamW on kernels", step=0.01, decimals=4)
    label_smoothing: float | None = _amount(
        "Label smoothing", "Fraction of each target that is spread over all classes"
    )
    averaged_weights: float | None = _amount(
        "Averaged weights", "Momentum of the running average of the weights, which is evaluated and kept", step=0.01,
        decimals=4,
    )  # fmt: skip
    shifts: float | None = _amount("Shifts", "Maximum shift, as a fraction of the side", step=0.01)
    zoom: float | None = _amount("Zoom", "Maximum zoom in or out, as a fraction of the side", step=0.01)
    brightness: float | None = _amount("Brightness", "Maximum change of brightness, as a fraction of the range")
    contrast: float | None = _amount("Contrast", "Maximum change of contrast, as a fraction")
    stain_jitter: float | None = _amount(
        "Stain jitter", "For histology: maximum change of haematoxylin, eosin and DAB, as a fraction of each and in "
                        "optical density, such as 0.05",
    )  # fmt: skip
    regularised_output: Switch = _switch(
        "Regularised output layer", "For networks on a frozen backbone: centre and scale its features, and train an "
                                    "L2-penalised output layer from 0 instead of batch normalisation",
    )  # fmt: skip
    fine_tuning: Switch = _switch(
        "Fine-tuning", "Of a network on a frozen backbone: also train a copy of the last convolutional block of the "
        "backbone; meant for a GPU, needs disk space",
    )  # fmt: skip
    soft_labels: float | None = _amount(
        "Soft labels", "Weight of a teacher's probabilities in the loss, in place of the label",
        question="The teacher is fitted on the labels of the whole pool, including images that are not selected. "
                 "Soft labels also improve random coresets: compare samplers only by rows that are all trained with "
                 "them.",
    )  # fmt: skip
    soft_label_temperature: float = choice(
        2.0, neutral=2.0, title="Temperature of soft labels",
        tip="Above 1, less likely classes count more; only used with soft labels",
        above=0, most=100, must="above 0 and at most 100, such as 2", step=0.5, decimals=2, offered=(0.1, 20.0),
    )  # fmt: skip
    checks: int | None = choice(
        None, neutral=None, title="Validation checks",
        tip="Number of epochs, evenly spread, after which the validation images are evaluated to select the best; "
        "not set: every epoch",
        question="A small coreset is trained for more epochs, and would select its best from more of them. With the "
                 "same number of checks, all coresets select from the same number.",
        least=1, must=_ONE, offered=(1, 1000),
    )  # fmt: skip
    steps: StepsRule = choice(
        "falling", neutral="falling", title="Training steps of smaller coresets",
        tip="Falling: fewer images, fewer training steps, down to the minimum; equal: as many as the whole pool",
        question="Falling shows what a coreset saves. Equal shows how good its images are, at the same cost.",
        values={"falling": "Proportional to the number of images", "equal": "Equal for all fractions"},
    )  # fmt: skip
    own: Mapping[str, Any] = own("network")
