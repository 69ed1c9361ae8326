"""Inspect, add and remove models of the user."""

import hashlib
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path

from coreset_studio.core.errors import FeatureError
from coreset_studio.core.features.extractors import EXTRACTORS
from coreset_studio.core.features.own_models.description_file import Described, description_beside, read_description
from coreset_studio.core.features.own_models.settings import IMAGENET_MEAN, IMAGENET_STD, ModelSettings
from coreset_studio.core.features.own_models.store import (
    MODEL_FILE,
    OwnModel,
    models_folder,
    name_of,
    own_model_named,
    own_models,
    write_description,
)
from coreset_studio.core.features.own_models.structure import LARGEST_FILE, Structure, read_structure, refused
from coreset_studio.core.features.own_models.trial import tried
from coreset_studio.core.files import reason_of, remove_tree, temporary_folder
from coreset_studio.core.progress import NO_PROGRESS, Progress
from coreset_studio.core.reading import OversizeError, read_regular
from coreset_studio.core.words import byte_size

SUFFIX = ".onnx"
_NOT_ASKED = ("source", "licence", "output", "layout", "crop_fraction")
_LONGEST_TITLE = 100
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])")


@dataclass(frozen=True)
class Inspected:
    """The facts known about a model file before it is added.

    Attributes
    ----------
    file : Path
    title : str
        A name to start from.
    description : Path or None
        The JSON file that was read.
    settings : ModelSettings
        From the description, otherwise the defaults.
    structure : Structure
    notes : tuple of str
    """

    file: Path
    title: str
    description: Path | None
    settings: ModelSettings
    structure: Structure
    notes: tuple[str, ...]


@dataclass(frozen=True)
class AddedModel:
    """A model that was added, the largest difference between sizes of a batch, and what was assumed."""

    model: OwnModel
    difference: float
    notes: tuple[str, ...]


def inspect_model(file: Path, description: Path | None = None) -> Inspected:
    """Read a model file and the description next to it; nothing is run.

    Raises
    ------
    FeatureError
        If the file or its description cannot be used.
    """
    structure = read_structure(_read(file), file.name)
    beside, described = _described(file, description)
    sides = {side for side in structure.image.shape[1:] if side > 3}
    settings = ModelSettings(**described.given)
    if settings.input_size is None and len(sides) == 1:
        settings = replace(settings, input_size=sides.pop())
    title = described.title or file.stem
    return Inspected(file, title, beside, settings, structure, described.notes)


def add_model(
    file: Path,
    *,
    title: str = "",
    description: Path | None = None,
    changes: "dict[str, object] | None" = None,
    is_complete: bool = False,
    progress: Progress = NO_PROGRESS,
) -> AddedModel:
    """Check a model, run it on synthetic images, and copy it into the user's data folder.

    Parameters
    ----------
    file : Path
    title : str
        The user's name for it; by default that of the description, otherwise of the file.
    description : Path, optional
        JSON; by default the one next to the file, if any.
    changes : dict, optional
        Values of `ModelSettings` that replace those of the description.
    is_complete : bool
        Whether the user has seen all settings, so that none counts as assumed.
    progress : Progress

    Raises
    ------
    FeatureError
        If it is not accepted; the sentence names what was expected and found, and what to do.
    SettingsError
        If a value is not valid.
    """
    progress.report(0, 4, "Reading the model")
    data = _read(file)
    structure = read_structure(data, file.name)
    beside, described = _described(file, description)
    given = {**described.given, **(changes or {})}
    title = " ".join((title or described.title or file.stem).split())
    name = _free_name(title)
    trial = tried(data, structure, ModelSettings(**given), file.name, progress)
    model = OwnModel(
        name=name,
        title=title,
        sha256=hashlib.sha256(data).hexdigest(),
        n_bytes=len(data),
        n_parameters=structure.n_parameters,
        settings=trial.settings,
        image=trial.port.image,
        numbers=trial.port.numbers,
        width=trial.width,
        batch=trial.port.batch,
        seconds_per_image=float(f"{trial.seconds_per_image:.4g}"),
        memory_bytes=trial.memory_bytes,
        folder=models_folder() / name,
    )
    _store(model, data)
    notes = [*described.notes, *trial.notes]
    if beside is not None and description is None:
        notes.insert(0, f"The description {beside.name} in the folder of the model was used.")
    if not is_complete:
        notes += _assumed(given)
    if described.n_classes == trial.width:
        notes.append(
            f"The output has as many numbers as the model has classes ({trial.width}), so it may contain class scores; "
            "features from before the last layer usually select better."
        )
    return AddedModel(model, trial.difference, tuple(notes))


def remove_model(name: str) -> OwnModel:
    """Remove a model, by the name of its extractor or its title; features in the cache stay there.

    Raises
    ------
    FeatureError
        If there is none of that name, or it cannot be removed.
    """
    model = own_model_named(name)
    try:
        remove_tree(model.folder)
    except OSError as error:
        raise FeatureError(
            f"The model {model.title} cannot be removed from {model.folder} ({reason_of(error)})."
        ) from error
    return model


# --- parts ----------------------------------------------------------------------------------------------------------


def _read(file: Path) -> bytes:
    try:
        return read_regular(file, LARGEST_FILE)
    except OversizeError as error:
        raise refused(
            file.name, f"it is larger than {byte_size(LARGEST_FILE)}, the most that one ONNX file can hold",
            "Choose a smaller model, or compute its features elsewhere.",
        ) from error  # fmt: skip
    except OSError as error:
        raise refused(
            file.name, f"it cannot be read ({reason_of(error)})", f"Expected an ONNX file: {file}."
        ) from error


def _described(file: Path, description: Path | None) -> tuple[Path | None, Described]:
    beside = description or description_beside(file)
    return beside, read_description(beside) if beside is not None else Described({})


def _assumed(given: "dict[str, object]") -> list[str]:
    """Return a note on the values that nothing names."""
    missing = [each.name for each in fields(ModelSettings) if each.name not in (*given, *_NOT_ASKED, "input_size")]
    if not missing:
        return []
    words = {
        "resize": "images stretched to the square",
        "interpolation": "bilinear interpolation", "channels": "channels in the order red, green, blue",
        "scale": "pixels from 0 to 1", "mean": f"the mean {_words(IMAGENET_MEAN)}",
        "std": f"the standard deviation {_words(IMAGENET_STD)}",
    }  # fmt: skip
    listed = ", ".join(words[name] for name in missing if name in words)
    flags = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
    assumed = f"Assumed, since no description names it: {listed}."
    return [
        f"{assumed} If the model was trained differently, remove it and add it again with {flags} or a description."
    ]


def _words(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{each:g}" for each in numbers)


def _free_name(title: str) -> str:
    if len(title) > _LONGEST_TITLE:
        raise FeatureError(f"The name of the model has {len(title):,} characters; expected at most {_LONGEST_TITLE}.")
    name = name_of(title)
    if not name or _RESERVED.fullmatch(name):
        raise FeatureError(
            f"The name {title!r} cannot be used for a model; expected letters or digits, such as DinoBloom-S."
        )
    taken = {each.name for each in own_models() if isinstance(each, OwnModel)}
    if name in taken:
        raise FeatureError(
            f"A model with the name {name} was already added. Choose another name, or remove that one first "
            f"(`coreset model remove {name}`)."
        )
    if name in EXTRACTORS:
        raise FeatureError(
            f"The name {name} is that of an extractor of the program. Choose another name for the model."
        )
    return name


def _store(model: OwnModel, data: bytes) -> None:
    try:
        with temporary_folder(model.folder) as building:
            (building / MODEL_FILE).write_bytes(data)
            write_description(building, model)
    except OSError as error:
        raise FeatureError(
            f"The model cannot be stored in {model.folder.parent} ({reason_of(error)}). Free some space, or set "
            "CORESET_DATA to another folder."
        ) from error
