"""Run a model on synthetic images before it is accepted.

The images are drawn by the program, in colours and sizes of detail that vary, and are the same each time. What is
checked: the shape of the output, that all numbers are finite, that the same images give the same numbers twice, that
the size of the batch changes them by at most 1e-4, and that they are not the same for all images. What the features
are worth for images of a laboratory is not checked.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import psutil

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.own_models.running import Port, Runner, open_session
from coreset_studio.core.features.own_models.settings import ModelSettings
from coreset_studio.core.features.own_models.steps import prepared
from coreset_studio.core.features.own_models.store import FIXED_BATCH
from coreset_studio.core.features.own_models.structure import ModelOutput, Structure, refused
from coreset_studio.core.features.steps import Pixels
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.results import FloatArray
from coreset_studio.core.seeds import generator

N_IMAGES, SIDE = 8, 256
TOLERANCE = 1e-4
"""Largest difference of a feature between batches of different sizes, relative to the largest feature of the image."""

MOST_FEATURES = 100_000
_LARGE_BATCH = 16
_LARGEST_FIXED_BATCH = 256
_SEED = 0
# Of outputs, in this sequence, where several could be the features.
_USUAL_NAMES = ("features", "pooler_output", "image_embeds", "embedding", "embeddings", "pooled", "pre_logits")


@dataclass(frozen=True)
class Trial:
    """The findings of a trial run of a model.

    Attributes
    ----------
    settings : ModelSettings
        With nothing left to be determined.
    port : Port
    width : int
        Features of an image.
    difference : float
        Largest relative difference between a batch of 1 and one of 16; 0 where the size of the batch is fixed.
    seconds_per_image : float
    memory_bytes : int
    notes : tuple of str
        What was assumed.
    """

    settings: ModelSettings
    port: Port
    width: int
    difference: float
    seconds_per_image: float
    memory_bytes: int
    notes: tuple[str, ...]


def tried(
    data: bytes, structure: Structure, settings: ModelSettings, name: str, progress: Progress = NO_PROGRESS
) -> Trial:
    """Run a model and return what was found out.

    Parameters
    ----------
    data : bytes
        Of the file.
    structure : Structure
        Of the same file.
    settings : ModelSettings
    name : str
        Of the file, for messages.
    progress : Progress

    Raises
    ------
    FeatureError
        If it does not do what is expected of an extractor; the sentence names what was found and what to do.
    MemoryError
        If there is not enough memory.
    """
    settings, port, notes = resolved(structure, settings, name)
    progress.report(1, 4, "Loading the model")
    before = psutil.Process().memory_info().rss
    runner = Runner(open_session(data, name), port, settings, name)
    pixels = np.stack([prepared(image, settings) for image in synthetic_images()])
    progress.report(2, 4, "Running the model on synthetic images")
    batches = [np.resize(part, (port.batch, *part.shape[1:])) for part in _parts(pixels, port.batch)]
    width = _checked_width(runner.raw(batches[0]), port, structure, name)
    began = time.perf_counter()
    rows = runner.rows(pixels, n_at_once=1)
    seconds = (time.perf_counter() - began) / (port.batch * len(batches))
    _check_rows(rows, name)
    progress.report(3, 4, "Running the model on synthetic images")
    if not np.array_equal(rows, runner.rows(pixels, n_at_once=1)):
        raise refused(
            name, "it gives other features for the same images when it is run again; expected the same",
            "Export it for inference (model.eval()), without dropout and random numbers.",
        )  # fmt: skip
    difference = _checked_batches(runner, pixels, rows, is_fixed=bool(structure.image.shape[0]), name=name)
    # After the largest batch, which takes as much as several small ones at the same time.
    memory = psutil.Process().memory_info().rss - before
    progress.report(4, 4, "Running the model on synthetic images")
    return Trial(settings, port, width, difference, seconds, max(0, memory), notes)


def resolved(structure: Structure, settings: ModelSettings, name: str) -> tuple[ModelSettings, Port, tuple[str, ...]]:
    """Return settings in which nothing is left to be determined, the port, and what was assumed.

    Raises
    ------
    FeatureError
        If model and settings contradict each other, or something cannot be determined.
    """
    image = structure.image
    layout = _layout(image.shape, settings.layout, name)
    batch, sides = image.shape[0], image.shape[2:] if layout == "NCHW" else image.shape[1:3]
    fixed = {side for side in sides if side}
    asked = settings.input_size
    if len(fixed) > 1 or (asked is not None and fixed - {asked}):
        found = " × ".join(str(side or "any") for side in sides)
        expected = f"{asked} × {asked}, as set" if asked is not None else "a square"
        raise refused(
            name, f"its input is {found} pixels; expected {expected}", "Correct the input size, or export it again."
        )
    if asked is None and not fixed:
        raise refused(
            name, "its input accepts any size, and no input size is set",
            "Set the size that it was trained with: --input-size, input_size in its description, or Input size.",
        )  # fmt: skip
    if batch > _LARGEST_FIXED_BATCH:
        raise refused(name, f"it computes {batch:,} images at once; expected at most {_LARGEST_FIXED_BATCH}",
                      "Export it with a dynamic batch.")  # fmt: skip
    output, note = _output(structure.outputs, settings.output, name)
    complete = replace(settings, input_size=asked or fixed.pop(), layout=layout, output=output.name)
    port = Port(image.name, output.name, image.numbers, layout == "NHWC", batch or FIXED_BATCH)
    return complete, port, (note,) if note else ()


def synthetic_images() -> Iterator[Pixels]:
    """Yield the images that models are run on: coloured noise of several scales, uint8 of shape (256, 256, 3)."""
    random = generator(_SEED, "own model")
    for number in range(N_IMAGES):
        image = np.full((SIDE, SIDE, 3), 40.0 + 20 * number)
        for scale in (4, 16, 64):
            noise = random.normal(0, 30, (scale, scale, 3))
            image += np.kron(noise, np.ones((SIDE // scale, SIDE // scale, 1)))
        yield np.clip(image, 0, 255).astype(np.uint8)


# --- parts of the check -------------------------------------------------------------------------------------------


def _layout(shape: tuple[int, ...], asked: str, name: str) -> str:
    places = [layout for layout, place in (("NCHW", 1), ("NHWC", 3)) if shape[place] in (0, 3)]
    sure = [layout for layout in places if shape[1 if layout == "NCHW" else 3] == 3]
    if asked != "auto":
        if asked in places:
            return asked
    elif sure or places:
        return (sure or places)[0]
    expected = "3 channels" if asked == "auto" else f"3 channels in the layout {asked}"
    found = ", ".join(str(each or "?") for each in shape)
    raise refused(
        name, f"its input has the shape ({found}); expected {expected}",
        "Export it for colour images: the program gives every image three channels.",
    )  # fmt: skip


def _output(outputs: Sequence[ModelOutput], asked: str, name: str) -> tuple[ModelOutput, str]:
    """Return the output with the features, and what was assumed where it was not named."""
    listed = ", ".join(each.in_words for each in outputs[:8])
    if asked:
        found = next((each for each in outputs if each.name == asked), None)
        if found is None:
            raise refused(name, f"it has no output {asked!r}; its outputs are {listed}", "Name one of these.")
        _check_shape(found, name)
        return found, ""
    flat = [each for each in outputs if each.shape is None or len(each.shape) == 2]
    if not flat:
        _check_shape(outputs[0], name)
    usual = [each for wanted in _USUAL_NAMES for each in flat if each.name.lower() == wanted]
    if len(flat) > 1 and not usual:
        raise refused(
            name, f"several of its outputs can be the features ({listed})",
            "Name the one: --output NAME, output in its description, or Output.",
        )  # fmt: skip
    chosen = usual[0] if len(flat) > 1 else flat[0]
    note = f"The output {chosen.name} of {listed} is assumed to be the features; name another with output."
    return chosen, note if len(outputs) > 1 else ""


def _check_shape(output: ModelOutput, name: str) -> None:
    """Refuse an output that does not have one vector for each image."""
    shape = output.shape
    if shape is None or len(shape) == 2:
        return
    raise _not_a_vector(output.name, tuple(each or "?" for each in shape), name)


def _not_a_vector(output: str, shape: tuple[Any, ...], name: str) -> FeatureError:
    found = f"({', '.join(map(str, shape))})"
    if len(shape) == 3:
        way = (
            "It contains the tokens of each image, from which the program does not select: export the model with the "
            "class token or the mean of the tokens as its output."
        )
    else:
        way = "Export the model with pooled and flattened features as its output."
    return refused(name, f"its output {output} has the shape {found}; expected (batch, features)", way)


def _checked_width(output: FloatArray, port: Port, structure: Structure, name: str) -> int:
    if output.ndim != 2:
        raise _not_a_vector(port.output, output.shape, name)
    numbers = next(each.numbers for each in structure.outputs if each.name == port.output)
    if output.shape[0] != port.batch or not 1 <= output.shape[1] <= MOST_FEATURES:
        raise refused(
            name, f"its output {port.output} is {numbers} of shape {output.shape} for {port.batch} images; expected "
            f"({port.batch}, features), with at most {MOST_FEATURES:,} features",
            "Export the model with pooled features as its output.",
        )  # fmt: skip
    return int(output.shape[1])


def _check_rows(rows: FloatArray, name: str) -> None:
    bad = int((~np.isfinite(rows)).any(axis=1).sum())
    if bad:
        raise refused(
            name, f"it gives numbers that are not finite for {bad} of {len(rows)} synthetic images",
            "Check mean, standard deviation and pixel range, and export it in float32.",
        )  # fmt: skip
    spread = float(np.ptp(rows, axis=0).max())
    if spread <= 1e-6 * float(np.abs(rows).max()):
        raise refused(
            name, f"it gives the same features for all {len(rows)} synthetic images; expected others for other images",
            "Check pixel range, mean and standard deviation, and that the output is the one with the features.",
        )  # fmt: skip


def _checked_batches(runner: Runner, pixels: Any, rows: FloatArray, *, is_fixed: bool, name: str) -> float:
    """Return how much the size of the batch, or where it is fixed the place in it, changes the features."""
    if is_fixed:
        others = [("its place in the batch", runner.rows(pixels[::-1], n_at_once=1)[::-1])]
    else:
        many = np.concatenate([pixels, pixels])[:_LARGE_BATCH]
        single, large = (runner.rows(many, n_at_once=1, batch=size)[: len(rows)] for size in (1, _LARGE_BATCH))
        others = [("a batch of 1 instead of 16", single), ("a batch of 16", large)]
        rows = large
    largest = 0.0
    scale = np.maximum(np.abs(rows).max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    for what, found in others:
        if found.shape != rows.shape:
            raise refused(name, f"{what} gives another number of features", "Export it with a dynamic batch.")
        difference = float((np.abs(found - rows) / scale).max())
        if not difference <= TOLERANCE:
            raise refused(
                name, f"{what} changes the features by {difference:.2g}, relative to the largest; expected at most "
                f"{TOLERANCE:g}", "Export it for inference (model.eval()), so that images do not influence each other.",
            )  # fmt: skip
        largest = max(largest, difference)
    return largest


def _parts(pixels: Any, size: int) -> list[Any]:
    return [pixels[start : start + size] for start in range(0, len(pixels), size)]
