"""A model of the user as a description in the registry of extractors."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coreset_studio.core.descriptions import Cost, Plugin, PluginProblem
from coreset_studio.core.errors import CoresetError, FeatureError
from coreset_studio.core.features.description import Extractor
from coreset_studio.core.features.own_models.store import OwnModel, own_models
from coreset_studio.core.threads import n_threads

if TYPE_CHECKING:
    from coreset_studio.core.features.steps import Steps
    from coreset_studio.core.results import WeightsUsed

BLOCK = "features"
_AT_ONCE = 8
_LIBRARY_BYTES = 250e6


@dataclass(frozen=True, kw_only=True)
class ModelExtractor(Extractor):
    """An extractor that is a model of the user.

    Attributes
    ----------
    model : OwnModel
    """

    model: OwnModel

    @property
    def cache_name(self) -> str:
        """The key of its cached features: the file and the preparation, not the name, which the user may change."""
        return f"model-{self.model.key[:32]}"

    @property
    def file_used(self) -> "WeightsUsed":
        """The model, as results name it: never verified, since nobody has measured what it computes."""
        from coreset_studio.core.results import ModelUsed, WeightsUsed

        model = self.model
        used = ModelUsed(model.title, model.settings.in_words, model.settings.source, model.settings.licence, model.key)
        return WeightsUsed(self.name, model.sha256, "unverified", used)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Turn what fails into a `FeatureError` that names the model."""
        try:
            yield
        except (CoresetError, MemoryError):
            raise
        except Exception as error:  # ONNX Runtime raises its own errors
            said = " ".join(str(error).split())[:300]
            raise FeatureError(
                f"The model {self.title} failed ({type(error).__name__}: {said}). Choose another extractor, or remove "
                "the model and add it again."
            ) from error

    def _steps(self) -> "Steps":
        found: Steps = self.code(self.model)
        return found


def extractor_of(model: OwnModel) -> ModelExtractor:
    """Return the description of a model that was added."""
    n_parameters = f"{model.n_parameters / 1e6:.3g} million" if model.n_parameters >= 1e6 else f"{model.n_parameters:,}"
    return ModelExtractor(
        name=model.name,
        title=model.title,
        tip=f"Unverified model that was added by the user: {n_parameters} parameters, {model.width:,} features.",
        source="; ".join(
            part
            for part in (model.settings.source, model.settings.in_words, f"ONNX file with SHA-256 {model.sha256}")
            if part
        ),
        methods=f"{model.title}, a model supplied by the authors",
        does="coreset_studio.core.features.own_models.steps:steps_of",
        cost=Cost(
            seconds_per_image=model.seconds_per_image / min(n_threads(), _AT_ONCE),
            bytes_fixed=_LIBRARY_BYTES + model.memory_bytes,
            basis="as measured when the model was added",
        ),
        place=500,
        blocks={BLOCK: model.width},
        version=1,
        input_size=model.settings.input_size or 0,
        batch_size=_AT_ONCE * model.batch,
        licence=model.settings.licence,
        is_proper=True,
        model=model,
    )


def registered() -> Iterator[Extractor | PluginProblem]:
    """Yield the models that were added as extractors, and those that cannot be used with the reason."""
    for model in own_models():
        if isinstance(model, OwnModel):
            yield extractor_of(model)
        else:
            yield PluginProblem("extractor", model.folder.name, Plugin("model", ""), model.sentence)
