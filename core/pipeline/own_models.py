"""Find the models of the user that an export was made with among those on this machine."""

from dataclasses import replace

from coreset_studio.core.errors import ExportError
from coreset_studio.core.features.own_models.store import OwnModel, own_models
from coreset_studio.core.output.manifest import Manifest
from coreset_studio.core.results import WeightsUsed
from coreset_studio.core.settings.names import renamed


def with_models_here(manifest: Manifest) -> Manifest:
    """Return a manifest in which models of the user have the names that they have on this machine.

    Models are found by the digest of their file and by their preparation of images, under any name.

    Raises
    ------
    ExportError
        If one is not on this machine, or prepares images differently here.
    """
    models = [each for each in own_models() if isinstance(each, OwnModel)]
    names = {used.extractor: _name_here(used, models) for used in manifest.weights if used.model is not None}
    if all(old == new for old, new in names.items()):
        return manifest
    weights = tuple(replace(used, extractor=names.get(used.extractor, used.extractor)) for used in manifest.weights)
    return replace(manifest, settings=renamed(manifest.settings, "extractor", names), weights=weights)


def _name_here(used: WeightsUsed, models: list[OwnModel]) -> str:
    assert used.model is not None  # noqa: S101 - as the caller has checked
    same = [each.name for each in models if each.key == used.model.key]
    if same:
        return used.extractor if used.extractor in same else same[0]
    title, file = used.model.title, f"SHA-256 {used.digest}"
    other = next((each for each in models if each.sha256 == used.digest), None)
    if other is not None:
        raise ExportError(
            f"The model {title} ({file}) that the export was made with is here as {other.name}, but with other "
            f"settings: {other.settings.in_words}. Expected: {used.model.preparation}. Add the same file under another "
            "name with these settings."
        )
    raise ExportError(
        f"The model {title} ({file}) that the export was made with is not on this machine. Add the same file with "
        f"`coreset model add FILE.onnx`, under any name, with these settings: {used.model.preparation}."
    )
