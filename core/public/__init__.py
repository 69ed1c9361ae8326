"""Coreset Studio for notebooks and scripts: what is documented here keeps its names and meaning.

    from coreset_studio import CoresetSelector
    chosen = CoresetSelector(sampler="even-herding", fraction=0.05, random_state=0).fit(X, y).indices_

For a folder of images:

    from pathlib import Path
    from coreset_studio import SelectionSettings, Settings, Study, export, prepare, select_coreset
    study = Study(Path("cells"), Settings(selection=SelectionSettings(sampler="even-herding", fraction=0.05)))
    prepared = prepare(study)
    coreset = select_coreset(prepared, study.settings.selection)
    export(prepared, coreset, Path("coreset"))

Everything else in the package is internal and may change with every version; a name is removed from here only after it
has warned for one minor version (CONTRIBUTING.md). Plugins describe themselves by
`coreset_studio.plugins`, and their code uses `coreset_studio.plugin_code`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from coreset_studio.core.version import __version__ as __version__

if TYPE_CHECKING:
    from coreset_studio.core.errors import CancelledError as CancelledError
    from coreset_studio.core.errors import CoresetError as CoresetError
    from coreset_studio.core.errors import InputError as InputError
    from coreset_studio.core.errors import MemoryShortError as MemoryShortError
    from coreset_studio.core.output.manifest import Manifest as Manifest
    from coreset_studio.core.output.manifest import read_manifest as read_manifest
    from coreset_studio.core.output.model_bundle import load_bundle as load_bundle
    from coreset_studio.core.output.model_bundle import predict as predict
    from coreset_studio.core.output.verification import verify as verify
    from coreset_studio.core.pipeline.exporting import export as export
    from coreset_studio.core.pipeline.exporting import rerun as rerun
    from coreset_studio.core.pipeline.external import evaluate_external as evaluate_external
    from coreset_studio.core.pipeline.searching import search_study as search_study
    from coreset_studio.core.pipeline.sizes import find_sizes as find_sizes
    from coreset_studio.core.pipeline.stages import Prepared as Prepared
    from coreset_studio.core.pipeline.stages import choose as select_coreset  # noqa: F401 - its name here
    from coreset_studio.core.pipeline.stages import open_dataset as open_dataset
    from coreset_studio.core.pipeline.stages import prepare as prepare
    from coreset_studio.core.pipeline.stages import split_dataset as split_dataset
    from coreset_studio.core.pipeline.study import Study as Study
    from coreset_studio.core.pipeline.whole import compare_study as compare_study
    from coreset_studio.core.pipeline.whole import run_study as run_study
    from coreset_studio.core.progress import Progress as Progress
    from coreset_studio.core.results import Comparison as Comparison
    from coreset_studio.core.results import Coreset as Coreset
    from coreset_studio.core.results import Dataset as Dataset
    from coreset_studio.core.results import Split as Split
    from coreset_studio.core.selection.selector import CoresetSelector as CoresetSelector
    from coreset_studio.core.settings import ClusterSettings as ClusterSettings
    from coreset_studio.core.settings import ComparisonSettings as ComparisonSettings
    from coreset_studio.core.settings import DataSettings as DataSettings
    from coreset_studio.core.settings import ExportSettings as ExportSettings
    from coreset_studio.core.settings import FeatureSettings as FeatureSettings
    from coreset_studio.core.settings import SelectionSettings as SelectionSettings
    from coreset_studio.core.settings import Settings as Settings
    from coreset_studio.core.settings import TrainingSettings as TrainingSettings

# The same names again, because nothing is imported before it is used: the window and plugins import this package, too.
_MODULES = {
    "coreset_studio.core.errors": ("CancelledError", "CoresetError", "InputError", "MemoryShortError"),
    "coreset_studio.core.output.manifest": ("Manifest", "read_manifest"),
    "coreset_studio.core.output.model_bundle": ("load_bundle", "predict"),
    "coreset_studio.core.output.verification": ("verify",),
    "coreset_studio.core.pipeline.exporting": ("export", "rerun"),
    "coreset_studio.core.pipeline.external": ("evaluate_external",),
    "coreset_studio.core.pipeline.searching": ("search_study",),
    "coreset_studio.core.pipeline.sizes": ("find_sizes",),
    "coreset_studio.core.pipeline.stages": ("Prepared", "open_dataset", "prepare", "select_coreset", "split_dataset"),
    "coreset_studio.core.pipeline.study": ("Study",),
    "coreset_studio.core.pipeline.whole": ("compare_study", "run_study"),
    "coreset_studio.core.progress": ("Progress",),
    "coreset_studio.core.results": ("Comparison", "Coreset", "Dataset", "Split"),
    "coreset_studio.core.selection.selector": ("CoresetSelector",),
    "coreset_studio.core.settings": (
        "ClusterSettings", "ComparisonSettings", "DataSettings", "ExportSettings", "FeatureSettings",
        "SelectionSettings", "Settings", "TrainingSettings",
    ),
}  # fmt: skip
_PLACES = {name: module for module, names in _MODULES.items() for name in names}
# Of functions that have a shorter name inside the program.
_INSIDE = {"select_coreset": "choose"}
__all__ = sorted([*_PLACES, "__version__"])


def __getattr__(name: str) -> Any:
    """Import what is used for the first time."""
    if name not in _PLACES:
        raise AttributeError(f"coreset_studio has no {name}. It has {', '.join(__all__)}.")
    value = getattr(import_module(_PLACES[name]), _INSIDE.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return list(__all__)
