"""Requests about models of the user."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from coreset_studio.core.features.own_models.settings import ModelSettings
from coreset_studio.core.limits import limited
from coreset_studio.core.progress import Progress
from coreset_studio.core.service.requests import Request
from coreset_studio.core.settings.listed import Setting, settings_of_part

if TYPE_CHECKING:
    from coreset_studio.core.features.own_models.store import OwnModel

MODEL_SETTINGS: tuple[Setting, ...] = tuple(settings_of_part("model", ModelSettings))
"""What is set about a model when it is added; flags and controls are made from these."""

SECONDS, MOST_BYTES = 600, 8_000_000_000
"""Limits for opening and running a model that was not checked yet."""


@dataclass(frozen=True)
class ModelSummary:
    """A model that was added; `difference` and `notes` are only known when it is added."""

    name: str
    title: str
    sha256: str
    n_bytes: int
    n_parameters: int
    width: int
    batch: int
    preparation: str
    output: str
    source: str
    licence: str
    seconds_per_image: float
    file: str
    difference: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class InspectedModel:
    """The facts known about a model file before it is added.

    Attributes
    ----------
    file : Path
    title : str
        A name to start from.
    description : str
        Name of the JSON file that was read; empty without one.
    values : mapping of str to object
        Of `MODEL_SETTINGS`, by name.
    shape : str
        Of the input, in words.
    outputs : mapping of str to str
        Names, with shapes in words.
    n_parameters : int
    notes : tuple of str
    """

    file: Path
    title: str
    description: str
    values: Mapping[str, Any]
    shape: str
    outputs: Mapping[str, str]
    n_parameters: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ListModels(Request[tuple[ModelSummary, ...]]):
    """List the models that were added."""

    is_for_display: ClassVar[bool] = True

    def run(self, progress: Progress) -> tuple[ModelSummary, ...]:  # noqa: ARG002
        """Read their descriptions."""
        from coreset_studio.core.features.own_models.store import OwnModel, own_models

        return tuple(_view_of(each) for each in own_models() if isinstance(each, OwnModel))


@dataclass(frozen=True)
class InspectModel(Request[InspectedModel]):
    """Read a model file and the description next to it; nothing is run.

    Attributes
    ----------
    file : Path
    description : Path or None
        None: the JSON file next to it, if any.
    """

    title: ClassVar[str] = "the inspection of a model"
    file: Path
    description: Path | None = None

    @limited(seconds=SECONDS, n_bytes=MOST_BYTES)
    def run(self, progress: Progress) -> InspectedModel:  # noqa: ARG002
        """Parse the files."""
        from coreset_studio.core.features.own_models.adding import inspect_model

        found = inspect_model(self.file, self.description)
        shape = found.structure.image.shape
        return InspectedModel(
            found.file,
            found.title,
            found.description.name if found.description is not None else "",
            {setting.name: getattr(found.settings, setting.name) for setting in MODEL_SETTINGS},
            f"({', '.join(str(each or 'any') for each in shape)})",
            {each.name: each.in_words for each in found.structure.outputs},
            found.structure.n_parameters,
            found.notes,
        )


@dataclass(frozen=True)
class AddModel(Request[ModelSummary]):
    """Check a model, run it on synthetic images, and add it as an extractor.

    Attributes
    ----------
    file : Path
    name : str
        The user's name for it; empty: from the description or the file.
    description : Path or None
        None: the JSON file next to it, if any.
    changes : mapping of str to object
        Values of `MODEL_SETTINGS` that replace those of the description.
    is_complete : bool
        Whether the user has seen all settings, so that none counts as assumed.
    """

    title: ClassVar[str] = "the check of a model"
    file: Path
    name: str = ""
    description: Path | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    is_complete: bool = False

    @limited(seconds=SECONDS, n_bytes=MOST_BYTES)
    def run(self, progress: Progress) -> ModelSummary:
        """Check, run and copy."""
        from dataclasses import replace

        from coreset_studio.core.features.own_models.adding import add_model

        added = add_model(
            self.file,
            title=self.name,
            description=self.description,
            changes=dict(self.changes),
            is_complete=self.is_complete,
            progress=progress,
        )
        return replace(_view_of(added.model), difference=added.difference, notes=added.notes)


@dataclass(frozen=True)
class RemoveModel(Request[ModelSummary]):
    """Remove a model that was added, by the name of its extractor or its title."""

    title: ClassVar[str] = "the removal of a model"
    name: str

    def run(self, progress: Progress) -> ModelSummary:  # noqa: ARG002
        """Remove its folder."""
        from coreset_studio.core.features.own_models.adding import remove_model

        return _view_of(remove_model(self.name))


def _view_of(model: "OwnModel") -> ModelSummary:
    return ModelSummary(
        name=model.name,
        title=model.title,
        sha256=model.sha256,
        n_bytes=model.n_bytes,
        n_parameters=model.n_parameters,
        width=model.width,
        batch=model.batch,
        preparation=model.settings.in_words,
        output=model.settings.output,
        source=model.settings.source,
        licence=model.settings.licence,
        seconds_per_image=model.seconds_per_image,
        file=str(model.file),
    )
