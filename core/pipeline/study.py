"""The dataset, settings and folders of a study; light enough for the window to import."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from coreset_studio.core.cache import default_cache_folder
from coreset_studio.core.data.readings import with_fixed
from coreset_studio.core.project import Project
from coreset_studio.core.settings import Settings


@dataclass(frozen=True)
class Study:
    """The dataset, settings and folders of a study.

    Attributes
    ----------
    source : Path
        A folder, a CSV or an .npz.
    settings : Settings
    cache_folder : Path
    weights_file : Path or None
        Weight file given by the user, for the first extractor that requires weights.
    fold : int
        The fold of `DataSettings.folds` that contains the test images, from 0. It is no setting: a comparison uses all
        folds, everything else the first.
    """

    source: Path
    settings: Settings = field(default_factory=Settings)
    cache_folder: Path = field(default_factory=default_cache_folder)
    weights_file: Path | None = None
    fold: int = 0


def settings_of_project(project: Project) -> Settings:
    """Return the settings of a project, with the reading settings that its latest scan fixed."""
    latest = project.latest("dataset")
    fixed = latest.facts.get("reading") if latest is not None else None
    if not isinstance(fixed, dict):
        return project.settings
    return replace(project.settings, data=with_fixed(project.settings.data, fixed))
