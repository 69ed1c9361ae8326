"""Read how images are prepared for a model from a JSON file next to it.

Two forms are read, also mixed: the configuration of WSInfer (``patch_size_pixels`` and a ``transform`` of `Resize`,
`ToTensor` and `Normalize`; its schema is `model-config.schema.json` of the WSInfer model zoo), and the names of the
settings themselves (`input_size`, `mean`, …).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from coreset_studio.core.errors import FeatureError, SettingsError
from coreset_studio.core.features.own_models.settings import ModelSettings
from coreset_studio.core.files import reason_of
from coreset_studio.core.forms import FormError, is_number, read_json

LARGEST_FILE = 1_000_000
SPEC_VERSION = "1.0"
OWN_KEYS = tuple(each.name for each in fields(ModelSettings))
_ABOUT = ("spec_version", "architecture", "num_classes", "class_names", "spacing_um_px", "title")
_WSINFER = ("patch_size_pixels", "transform")
_TRANSFORMS = ("Resize", "ToTensor", "Normalize")
# Larger means are of pixels from 0 to 255.
_LARGEST_MEAN_OF_SHARES = 2.0


@dataclass(frozen=True)
class Described:
    """The contents of a description.

    Attributes
    ----------
    given : mapping of str to object
        Values of `ModelSettings` that it names.
    title : str
        Name of the model; empty where it names none.
    n_classes : int
        Of a classifier, 0 where it names none.
    notes : tuple of str
        What was assumed, and what was not used.
    """

    given: Mapping[str, Any]
    title: str = ""
    n_classes: int = 0
    notes: tuple[str, ...] = ()


def description_beside(model: Path) -> Path | None:
    """Return the description next to a model file: one of its name, or the ``config.json`` of a folder of one model."""
    named = model.with_suffix(".json")
    if named.is_file():
        return named
    config = model.with_name("config.json")
    try:
        alone = sum(1 for each in model.parent.iterdir() if each.suffix == model.suffix) == 1
    except OSError:
        return None
    return config if alone and config.is_file() else None


def read_description(file: Path) -> Described:
    """Read a description.

    Raises
    ------
    FeatureError
        If it cannot be read, a value is not valid, or it asks for what the program does not do to images.
    """
    try:
        values = read_json(file, limit=LARGEST_FILE)
    except OSError as error:
        raise FeatureError(
            f"The model description {file} cannot be read ({reason_of(error)}); expected a JSON file."
        ) from error
    except FormError as error:
        raise FeatureError(f"The model description {file} is not valid JSON: {error}.") from error
    try:
        if not isinstance(values, Mapping):
            raise FormError(f"expected an object in braces, found {str(values)[:40]}")
        return _described(values)
    except (FormError, SettingsError) as error:
        raise FeatureError(f"The model description {file} cannot be used: {str(error).rstrip('.')}.") from error


def _described(values: Mapping[str, Any]) -> Described:
    version = values.get("spec_version", SPEC_VERSION)
    if version != SPEC_VERSION:
        raise FormError(f"spec_version is {version!r}, and the known version is {SPEC_VERSION!r}")
    given = _of_wsinfer(values)
    for name in OWN_KEYS:
        if name in values:
            if name in given:
                raise FormError(f"{name} is given twice, by itself and in patch_size_pixels or transform; give it once")
            given[name] = _READ[name](name, values[name])
    notes = []
    if "scale" not in given and max(given.get("mean", (0.0,))) > _LARGEST_MEAN_OF_SHARES:
        given["scale"] = "0-255"
        notes.append("The mean is above 1, so pixels are assumed to be from 0 to 255; set scale to change this.")
    unknown = [name for name in values if name not in (*OWN_KEYS, *_ABOUT, *_WSINFER)]
    if unknown:
        notes.append(f"Not used of the description: {', '.join(unknown[:8])}; known are {', '.join(OWN_KEYS)}.")
    ModelSettings(**given)
    title = values.get("title", values.get("architecture", ""))
    n_classes = values.get("num_classes", 0)
    return Described(given, _text("title", title), int(n_classes) if is_number(n_classes, int) else 0, tuple(notes))


# --- WSInfer ------------------------------------------------------------------------------------------------------


def _of_wsinfer(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `patch_size_pixels` and `transform` say; a list of transforms says all that is done to pixels."""
    given: dict[str, Any] = {}
    if "patch_size_pixels" in values:
        given["input_size"] = _whole("patch_size_pixels", values["patch_size_pixels"])
    steps = values.get("transform")
    if steps is None:
        return given
    if not isinstance(steps, list):
        raise FormError(f"transform must be a list of transforms, found {str(steps)[:40]}")
    given |= {"scale": "0-255", "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    done: list[str] = []
    for step in steps:
        name = step.get("name") if isinstance(step, Mapping) else step
        arguments = step.get("arguments") or {} if isinstance(step, Mapping) else {}
        if name not in _TRANSFORMS or not isinstance(arguments, Mapping):
            raise FormError(
                f"the transform {str(name)[:40]!r} is not known; known are {', '.join(_TRANSFORMS)}. Include other "
                "steps in the model when it is exported"
            )
        if [*done, name] != [each for each in _TRANSFORMS if each in (*done, name)]:
            raise FormError(f"the transforms are in an unknown sequence: {name} after {', '.join(done)}; expected "
                            f"{', '.join(_TRANSFORMS)}, each at most once")  # fmt: skip
        done.append(name)
        given |= _STEPS[name](arguments)
    return given


def _resize(arguments: Mapping[str, Any]) -> dict[str, Any]:
    _check_arguments("Resize", arguments, ("size", "interpolation", "antialias", "max_size"))
    if arguments.get("antialias", True) is False or arguments.get("max_size") is not None:
        raise FormError("Resize has antialias false or a max_size, which the program does not have; remove it")
    size = arguments.get("size")
    found: dict[str, Any] = {"input_size": _size("Resize size", size)}
    if isinstance(size, list) and len(size) > 1:
        found["resize"] = "stretch"  # a single number says nothing of images that are not square
    if "interpolation" in arguments:
        found["interpolation"] = _text("interpolation", arguments["interpolation"]).lower()
    return found


def _to_tensor(arguments: Mapping[str, Any]) -> dict[str, Any]:
    _check_arguments("ToTensor", arguments, ())
    return {"scale": "0-1"}


def _normalize(arguments: Mapping[str, Any]) -> dict[str, Any]:
    _check_arguments("Normalize", arguments, ("mean", "std", "inplace"))
    for name in ("mean", "std"):
        if name not in arguments:
            raise FormError(f"Normalize has no {name}")
    return {name: _triple(name, arguments[name]) for name in ("mean", "std")}


_STEPS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "Resize": _resize, "ToTensor": _to_tensor, "Normalize": _normalize,
}  # fmt: skip


def _check_arguments(step: str, arguments: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = [str(name) for name in arguments if name not in known]
    if unknown:
        raise FormError(f"{step} has the unknown argument {unknown[0]!r}; known are {', '.join(known) or 'none'}")


# --- values -------------------------------------------------------------------------------------------------------


def _whole(name: str, value: Any) -> int:
    if not is_number(value, int):
        raise FormError(f"{name} must be a whole number of pixels, found {str(value)[:40]}")
    return int(value)


def _size(name: str, value: Any) -> int:
    """Return the side of a square given as 224, [224], [224, 224] or [3, 224, 224]."""
    sides = value if isinstance(value, list) else [value]
    if len(sides) == 3 and sides[0] == 3:
        sides = sides[1:]
    if len(sides) not in (1, 2) or len(set(map(str, sides))) > 1:
        raise FormError(f"{name} must be one number of pixels, since the input is a square; found {str(value)[:40]}")
    return _whole(name, sides[0])


def _triple(name: str, value: Any) -> tuple[float, float, float]:
    if not isinstance(value, list) or len(value) not in (1, 3) or not all(is_number(each) for each in value):
        raise FormError(f"{name} must be a list of three numbers (red, green, blue), found {str(value)[:60]}")
    first, *_ = numbers = [float(each) for each in value]
    return (first, first, first) if len(numbers) == 1 else (first, numbers[1], numbers[2])


def _number(name: str, value: Any) -> float:
    if not is_number(value):
        raise FormError(f"{name} must be a number, found {str(value)[:40]}")
    return float(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise FormError(f"{name} must be text, found {str(value)[:40]}")
    return value.strip()


def _optional_size(name: str, value: Any) -> int | None:
    return None if value is None else _size(name, value)


_READ: Mapping[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(OWN_KEYS, _text),
    "input_size": _optional_size, "crop_fraction": _number, "mean": _triple, "std": _triple,
}  # fmt: skip
