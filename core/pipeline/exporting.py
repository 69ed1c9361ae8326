"""Export a coreset, verify an export, and reproduce it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from coreset_studio.core.data.reading_notes import reading_notes
from coreset_studio.core.data.relabelling import relabelled_notes
from coreset_studio.core.data.sources import source_of
from coreset_studio.core.descriptions import registry, resolve
from coreset_studio.core.errors import ExportError
from coreset_studio.core.features.weights import import_weights, list_weights
from coreset_studio.core.output.export import export_coreset
from coreset_studio.core.output.lists import ExtraColumns, image_columns, renamed_columns_note
from coreset_studio.core.output.lists import write_selection as write_list
from coreset_studio.core.output.manifest import Manifest, read_manifest
from coreset_studio.core.output.reproducing import records_for, same_selection, settings_for
from coreset_studio.core.output.tables import Cell
from coreset_studio.core.output.verification import verify
from coreset_studio.core.pipeline.feature_labels import feature_labels
from coreset_studio.core.pipeline.own_models import with_models_here
from coreset_studio.core.pipeline.stages import Prepared, choose, fixed_settings, open_dataset, prepare
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.teaching import Teaching
from coreset_studio.core.progress import NO_PROGRESS, Progress, PublishingProgress
from coreset_studio.core.results import Coreset, ExportResult, VerifyResult
from coreset_studio.core.selection.represented import represented
from coreset_studio.core.settings import Settings, names_used
from coreset_studio.core.settings.chosen_file import ChosenFile, changed_files
from coreset_studio.core.settings.listed import settings_in

__all__ = [
    "Again",
    "ExportResult",
    "VerifyResult",
    "export",
    "import_weights",
    "labels_of",
    "list_weights",
    "reading_notes_of",
    "rerun",
    "verify",
    "write_selection",
]

P_COLUMN = (
    "probability of class {} by a teacher fitted on the other folds of the pool; 0 for a class missing there; "
    "empty for an image outside the pool"
)
WEIGHT_COLUMN = (
    "fraction of the pool that a selected image represents: the images of its class whose nearest selected image "
    "it is, over the size of the pool; empty if not selected"
)
SYNTHETIC = "The images are synthetic: drawn by the program, not photographed."


def labels_of(prepared: Prepared, *, synthetic: bool = False) -> tuple[str, ...]:
    """Return the labels that must be shown with every result, as of unverified models; see `feature_labels`."""
    labels = feature_labels(prepared.study, prepared.extracted)
    return (SYNTHETIC, *labels) if synthetic else labels


def reading_notes_of(prepared: Prepared) -> tuple[str, ...]:
    """Return sentences on the conversion of stored values of more than 8 bits, pages and transparent parts."""
    return tuple(reading_notes(prepared.dataset.images, prepared.dataset.reading))


def write_selection(
    file: Path, prepared: Prepared, coreset: Coreset, progress: Progress = NO_PROGRESS
) -> tuple[str, ...]:
    """Write the list of all images with the selected ones and the reasons; return notes on its columns."""
    private = prepared.study.settings.export.private
    extra, notes = extra_columns(prepared, coreset, progress=progress)
    write_list(file, prepared.dataset, prepared.split, coreset, prepared.clusters, private=private, extra=extra)
    return notes if private else (*notes, *renamed_columns_note(prepared.dataset, extra))


def extra_columns(
    prepared: Prepared,
    coreset: Coreset,
    image_notes: Mapping[str, str] | None = None,
    progress: Progress = NO_PROGRESS,
) -> tuple[ExtraColumns, tuple[str, ...]]:
    """Return the additional columns of the list, and notes on them.

    ``original_class`` if an image was relabelled, ``note`` if `image_notes` has a note on an image of the dataset and
    the list is not private. If the settings request them, ``p_<class>``: the out-of-fold probabilities of the teacher
    of soft labels for each pool image, and ``weight``: the share of the pool that each selected image represents.

    Raises
    ------
    TrainingError
        If there is no teacher, since the pool cannot be divided into folds.
    """
    export_settings = prepared.study.settings.export
    of_images = image_columns(prepared.dataset, {} if export_settings.private else image_notes or {})
    if not export_settings.probabilities_and_weights:
        return of_images, ()
    teacher = Teaching(prepared).teacher(PublishingProgress(progress, NO_PROGRESS))  # its notes are returned
    places = np.unique(prepared.dataset.labels[teacher.indices])
    limit = prepared.study.settings.clusters.exact_up_to
    counts = represented(prepared.embeddings, coreset, progress, exact_up_to=limit)
    n_pool = len(teacher.indices)
    weights = {index: count / n_pool for index, count in counts.items()}
    cells: dict[int, tuple[Cell, ...]] = {
        # As short as float32 can be written.
        index: (*(float(str(value)) for value in row), weights.get(index))
        for index, row in zip(teacher.indices.tolist(), teacher.probabilities[:, places], strict=True)
    }
    heads = {f"p_{teacher.classes[place]}": P_COLUMN.format(teacher.classes[place]) for place in places}
    columns = ExtraColumns({**heads, "weight": WEIGHT_COLUMN}, cells)
    n_without = n_pool - sum(counts.values())
    without = (
        f"{n_without:,} image{'s' * (n_without != 1)} of the pool are of classes of which no image was selected, "
        f"so the weights add up to {1 - n_without / n_pool:.3g}, not to 1."
    )
    return of_images.beside(columns), (*teacher.notes, *((without,) if n_without else ()))


def export(
    prepared: Prepared,
    coreset: Coreset,
    target: Path,
    *,
    notes: Sequence[str] = (),
    image_notes: Mapping[str, str] | None = None,
    overwrite: bool = False,
    progress: Progress = NO_PROGRESS,
) -> ExportResult:
    """Export the coreset with its list and manifest; `image_notes` are notes of the user, by path."""
    settings = fixed_settings(prepared.study.settings, prepared.dataset)
    columns, column_notes = extra_columns(prepared, coreset, image_notes, progress)
    return export_coreset(
        prepared.dataset,
        prepared.split,
        coreset,
        target,
        settings.export,
        clusters=prepared.clusters,
        all_settings=settings,
        weights=tuple(e.weights for e in prepared.extracted),
        workers={e.extractor: e.workers for e in prepared.extracted},
        notes=(
            *labels_of(prepared),
            *reading_notes_of(prepared),
            *relabelled_notes(prepared.dataset, prepared.split),
            *_equal_reading_notes(prepared, settings),
            *notes,
            *coreset.notes,
            *column_notes,
        ),
        extra=columns,
        overwrite=overwrite,
        progress=progress,
    )


def _equal_reading_notes(prepared: Prepared, settings: Settings) -> list[str]:
    """Return a note on how to read exported files like the dataset, since fewer files may use a smaller range."""
    if not prepared.dataset.reading.ranges or source_of(prepared.dataset.kind).holds == "arrays":
        return []
    with_headers = settings.export.dicom_headers and not settings.export.private
    stored = [image.stored for image in prepared.dataset.images if image.stored is not None]
    if not any(each.kind and (with_headers or not each.form) for each in stored):
        return []
    flags = " ".join(f"--grey-levels {text}" for text in settings.data.grey_levels if "=" in text or ":" in text)
    if with_headers and settings.data.window != "stored":
        flags += f" --window {settings.data.window}"
    return [f"The exported files are unchanged; with {flags} they are read like those of the dataset."]


def _check_plugins(manifest: Manifest) -> None:
    """Refuse samplers, extractors and sources that are not installed.

    Raises
    ------
    ExportError
        If one is missing; the message names its plugin.
    """
    chose = {"sampler", "extractor", "source"}
    used = {**names_used(manifest.settings), "source": (manifest.kind,)}
    for kind, names in used.items():
        for name in names:
            if kind in chose and name not in registry(kind):
                plugin = manifest.plugins.get(f"{kind} {name}")
                made = f" The export was made with the plugin {plugin}." if plugin else ""
                raise ExportError(f"{registry(kind).unknown(name)}{made}")


def _with_files(manifest: Manifest, source: Path, files: Mapping[str, Path], progress: Progress) -> Settings:
    """Return the settings of a manifest with the places of files that it knows by their content alone."""

    def beside(file: ChosenFile) -> ChosenFile:
        place = manifest.file.absolute().parent / file.name
        return replace(file, place=place.as_posix()) if file.name and place.is_file() else file

    settings = replace(manifest.settings, features=changed_files(manifest.settings.features, beside))
    for setting in settings_in("features"):
        if setting.where in files:
            value, _ = resolve(setting.facts.from_file)(files[setting.where], source, settings.data, progress)
            settings = setting.put(settings, value)
    return settings


@dataclass(frozen=True)
class Again:
    """A reproduced coreset; `differences` are sentences, empty if it is the same."""

    prepared: Prepared
    coreset: Coreset
    differences: tuple[str, ...]


def rerun(
    manifest_file: Path,
    source: Path,
    cache_folder: Path,
    *,
    weights_file: Path | None = None,
    files: Mapping[str, Path] | None = None,
    progress: Progress = NO_PROGRESS,
) -> Again:
    """Reproduce the coreset of a `coreset.json` from `source`.

    Parameters
    ----------
    manifest_file, source, cache_folder : Path
    weights_file : Path, optional
        As in `core.pipeline.study.Study`.
    files : mapping of str to Path, optional
        Where files are that settings name by their content, such as a features file, by `Setting.where`. Others are
        looked for in the folders of the manifest and of the dataset.
    progress : Progress

    Raises
    ------
    ExportError
        If the manifest cannot be read, or names a plugin that is not installed.
    """
    manifest = with_models_here(read_manifest(manifest_file))
    _check_plugins(manifest)
    manifest = replace(manifest, settings=_with_files(manifest, source, files or {}, progress))
    dataset = open_dataset(source, cache_folder, progress, settings=manifest.settings.data)
    records = records_for(manifest, dataset)
    if records != manifest.settings.data.relabelled:  # of a private export, found again by content
        data = replace(manifest.settings.data, relabelled=records)
        manifest = replace(manifest, settings=replace(manifest.settings, data=data))
        dataset = open_dataset(source, cache_folder, progress, settings=data)
    study = Study(source, settings_for(manifest, dataset), cache_folder, weights_file)
    prepared = prepare(study, progress)
    coreset = choose(prepared, study.settings.selection, progress)
    differences = list(same_selection(manifest, coreset, dataset))
    before = {(w.extractor, w.digest) for w in manifest.weights}
    now = {(e.weights.extractor, e.weights.digest) for e in prepared.extracted}
    if before != now:
        of_files = {e.extractor for e in prepared.extracted if e.label}
        names = sorted({name for name, _ in before ^ now} - of_files)
        if names:
            differences.append(f"The weights of {', '.join(names)} are not those of the export.")
        if {name for name, _ in before ^ now} & of_files:
            differences.append("The features file is not that of the export: its SHA-256 is another.")
    return Again(prepared, coreset, tuple(differences))
