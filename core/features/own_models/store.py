"""The models of the user that were added: a folder for each, with the file and its description in JSON.

Importing this imports neither NumPy nor ONNX: the registry of extractors lists what is here in every process.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coreset_studio.core.errors import FeatureError, SettingsError
from coreset_studio.core.features.own_models.settings import ModelSettings
from coreset_studio.core.files import reason_of
from coreset_studio.core.forms import FormError, read_form, read_json
from coreset_studio.core.resources import user_data_folder

if TYPE_CHECKING:
    from coreset_studio.core.features.own_models.running import Port

FORMAT = 1
MODEL_FILE, DESCRIPTION_FILE = "model.onnx", "model.json"
FIXED_BATCH = 4
"""Images of a batch of a model that accepts any number: large batches gain nothing where each has one thread."""

_LARGEST_DESCRIPTION = 1_000_000
_LONGEST_NAME = 60
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class OwnModel:
    """A model that was added, as its description has it.

    Attributes
    ----------
    name : str
        Of the extractor.
    title : str
        As the user named it.
    sha256 : str
        Of the file, hex.
    n_bytes, n_parameters : int
    settings : ModelSettings
        With an `input_size`, and an `output` and a `layout` that are not automatic.
    image : str
        Name of the input.
    numbers : {"float32", "float16"}
        Of the input.
    width : int
        Features of an image.
    batch : int
        Images of every batch.
    seconds_per_image, memory_bytes : float, int
        As measured when it was added.
    folder : Path
        Where it is; not stored.
    """

    name: str
    title: str
    sha256: str
    n_bytes: int
    n_parameters: int
    settings: ModelSettings
    image: str
    numbers: str
    width: int
    batch: int
    seconds_per_image: float
    memory_bytes: int
    folder: Path

    @property
    def file(self) -> Path:
        """The copy of the model."""
        return self.folder / MODEL_FILE

    @property
    def key(self) -> str:
        """SHA-256 over the file's digest and all that its features depend on; 64 hex digits."""
        own = {name: value for name, value in asdict(self.settings).items() if name not in ("source", "licence")}
        parts = [self.sha256, own, self.image, self.numbers, self.batch]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def port(self) -> "Port":
        """Where pixels go in and features come out."""
        from coreset_studio.core.features.own_models.running import Port

        is_last = self.settings.layout == "NHWC"
        return Port(self.image, self.settings.output, self.numbers, is_last, self.batch)


@dataclass(frozen=True)
class _Form:
    """Stored form of an `OwnModel`, format 1."""

    name: str
    title: str
    sha256: str
    n_bytes: int
    n_parameters: int
    settings: dict[str, Any]
    image: str
    numbers: str
    width: int
    batch: int
    seconds_per_image: float
    memory_bytes: int


@dataclass(frozen=True)
class UnreadableModel:
    """A folder of a model whose description cannot be read, and why, in one sentence."""

    folder: Path
    sentence: str


def models_folder() -> Path:
    """Return the folder of the models that were added; it may not exist."""
    return user_data_folder() / "models"


def models_stamp() -> tuple[str, int]:
    """Return what changes when a model is added or removed, by any process."""
    folder = models_folder()
    try:
        return str(folder), folder.stat().st_mtime_ns
    except OSError:
        return str(folder), 0


def own_models() -> Iterator[OwnModel | UnreadableModel]:
    """Yield the models that were added, by name of their folders, those that cannot be read with the reason."""
    folder = models_folder()
    try:
        places = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError:
        return
    for place in places:
        try:
            yield read_model(place)
        except FeatureError as error:
            yield UnreadableModel(place, str(error))


def own_model_named(name: str) -> OwnModel:
    """Return a model that was added, by the name of its extractor or by its title.

    Raises
    ------
    FeatureError
        If there is none; the sentence lists those that there are.
    """
    models = [each for each in own_models() if isinstance(each, OwnModel)]
    for model in models:
        if name in (model.name, model.title):
            return model
    listed = f"added are {', '.join(each.name for each in models)}" if models else "none was added yet"
    raise FeatureError(f"There is no model named {name!r}; {listed}. `coreset model add FILE.onnx` adds one.")


def write_description(folder: Path, model: OwnModel) -> None:
    """Write the description of a model into its folder, which is being built."""
    values = {name: value for name, value in asdict(model).items() if name != "folder"}
    values["settings"] = stored_settings(model.settings)
    text = json.dumps({"program": "coreset-studio", "format": FORMAT, **values}, ensure_ascii=False, indent=1)
    # A name from the command line may contain bytes that are no UTF-8.
    (folder / DESCRIPTION_FILE).write_bytes(text.encode("utf-8", "backslashreplace") + b"\n")


def read_model(folder: Path) -> OwnModel:
    """Read the description of a model.

    Raises
    ------
    FeatureError
        If it cannot be read, or is of a newer format.
    """
    file = folder / DESCRIPTION_FILE
    way = f"Remove the folder {folder}, and add the model again."
    try:
        values = read_json(file, limit=_LARGEST_DESCRIPTION)
        number = values.get("format") if isinstance(values, Mapping) else None
        if isinstance(number, int) and number > FORMAT:
            raise FeatureError(
                f"The model in {folder} has format {number}, and this version reads up to {FORMAT}. Update the program."
            )
        if number != FORMAT:
            raise FormError("it has no format of this program")
        return _model(read_form(values, _Form), folder)
    except OSError as error:
        raise FeatureError(f"The model description {file} cannot be read ({reason_of(error)}). {way}") from error
    except (FormError, SettingsError) as error:
        raise FeatureError(f"The model description {file} is damaged: {str(error).rstrip('.')}. {way}") from error


def _model(form: _Form, folder: Path) -> OwnModel:
    settings = settings_of(form.settings)
    if name_of(form.name) != form.name or not _SHA256.fullmatch(form.sha256):
        raise FormError("name or sha256 is not valid")
    if form.numbers not in ("float32", "float16") or settings.layout == "auto" or not settings.output:
        raise FormError("its input or output is not known")
    if min(form.width, form.batch, settings.input_size or 0) < 1 or min(form.seconds_per_image, form.memory_bytes) < 0:
        raise FormError("a size is not above 0")
    return OwnModel(**{**vars(form), "settings": settings}, folder=folder)


# --- settings in their stored form ----------------------------------------------------------------------------------


def stored_settings(settings: ModelSettings) -> dict[str, Any]:
    """Return all values of the settings, as JSON has them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()}


def settings_of(values: Mapping[str, Any]) -> ModelSettings:
    """Return settings from their stored form; a value that is not named is neutral.

    Raises
    ------
    FormError, SettingsError
        If a value is not valid.
    """
    known = {each.name for each in fields(ModelSettings)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise FormError(f"there is no setting {unknown[0]!r}")
    return read_form(values, ModelSettings)


# --- names ------------------------------------------------------------------------------------------------------------


def name_of(title: str) -> str:
    """Return the name of the extractor of a model with this title: lower case, digits and hyphens.

    Examples
    --------
    >>> name_of("DinoBloom-S (blood)")
    'dinobloom-s-blood'
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_NAME].strip("-")
