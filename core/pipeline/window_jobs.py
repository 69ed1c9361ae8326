"""What the window asks engine processes to do, one function a job: frozen arguments in, plain dataclasses out.

The window names these functions (``"core.pipeline.window_jobs:compute_features"``) and never imports this file.
"""

import shutil
import time
from pathlib import Path

from core.errors import ExportError
from core.features.extractors import EXTRACTORS
from core.features.weights import WeightsEntry, weight_set
from core.files import make_temporary_folder, put_in_place, reason_of, try_to_remove
from core.limits import limited
from core.output.report import write_report
from core.pipeline import exporting, stages
from core.pipeline.comparing import compare_stored, run_comparison
from core.pipeline.facts import estimate_after_features, extractor_facts, separation_if_computed
from core.pipeline.grid import Grid, SearchOutcome
from core.pipeline.outlook import plan_view
from core.pipeline.planning import n_splits
from core.pipeline.searching import search_study
from core.pipeline.stages import (
    choose,
    extract_features,
    open_dataset,
    prepare,
    separations,
    split_dataset,
    used_images,
)
from core.pipeline.study import Study
from core.pipeline.views import (
    ComparePlanView,
    DoubtsView,
    ExportView,
    ExtractorsView,
    FeaturesView,
    PredictView,
    ProxyView,
    VerifyView,
    WeightsView,
)
from core.pipeline.whole import predict, report_content
from core.progress import NO_PROGRESS, Progress, StepProgress
from core.results import Comparison
from core.selection.coverage import proxy_accuracy
from core.selection.doubts import label_doubts, near_duplicates
from core.settings import NetworkName, SelectionSettings


def look_at_extractors(study: Study, progress: Progress = NO_PROGRESS) -> ExtractorsView:
    """Tell what every extractor needs and costs here, and the separation of those that are computed."""
    dataset = open_dataset(study.source, study.cache_folder, settings=study.settings.data)
    split = split_dataset(dataset, study.settings)
    facts = extractor_facts(study, dataset, split)
    found = [separation_if_computed(study, dataset, split, fact, progress) for fact in facts]
    return ExtractorsView(
        facts=facts,
        separations=tuple(one for one in found if one is not None),
        after=estimate_after_features(study, dataset, split),
    )


def compute_features(study: Study, progress: Progress = NO_PROGRESS) -> FeaturesView:
    """Extract, reduce, and tell how well each extractor separates the classes."""
    started = time.perf_counter()
    dataset = open_dataset(study.source, study.cache_folder, settings=study.settings.data)
    split = split_dataset(dataset, study.settings)
    extract_features(study, dataset, split, progress=StepProgress(progress, 0, 2))
    prepared = prepare(study, StepProgress(progress, 1, 2), until="reduction")
    return FeaturesView(
        separations=separations(prepared, progress),
        weights=tuple(e.weights for e in prepared.extracted),
        failed=tuple(skipped for e in prepared.extracted for skipped in e.failed),
        views={embedding.class_name: embedding.views for embedding in prepared.embeddings},
        n_images=len(used_images(prepared.split)),
        seconds=time.perf_counter() - started,
        labels=exporting.labels_of(prepared),
    )


def compute_clusters(study: Study, progress: Progress = NO_PROGRESS) -> float:
    """Cluster every class, so that the resident finds all in the cache; return the seconds it took."""
    started = time.perf_counter()
    prepare(study, progress)
    return time.perf_counter() - started


def export_coreset(study: Study, target: Path, overwrite: bool, progress: Progress = NO_PROGRESS) -> ExportView:
    """Choose the coreset of the settings and write it."""
    prepared = prepare(study, progress)
    coreset = choose(prepared, study.settings.selection, progress)
    result = exporting.export(prepared, coreset, target, overwrite=overwrite, progress=progress)
    return ExportView(result.folder, result.n_files, result.n_bytes, result.files_as, result.notes)


@limited(seconds=600, n_bytes=4_000_000_000)
def verify_export(folder: Path, progress: Progress = NO_PROGRESS) -> VerifyView:
    """Check an export."""
    result = exporting.verify(folder, progress)
    return VerifyView(result.sentence, result.ok, result.differing, result.missing, result.extra)


def look_for_doubts(study: Study, bits: int, progress: Progress = NO_PROGRESS) -> DoubtsView:
    """Find images whose neighbours carry another label, and near-duplicates; nothing is removed."""
    prepared = prepare(study, progress)
    return DoubtsView(
        doubts=label_doubts(prepared.dataset, prepared.pool_embedding),
        near_duplicates=near_duplicates(prepared.dataset, bits=bits),
    )


def judge_sizes(
    study: Study, settings: SelectionSettings, fractions: tuple[float, ...], progress: Progress = NO_PROGRESS
) -> ProxyView:
    """Tell, by fraction, how often the nearest chosen image has the class of an image, and a random one beside it."""
    prepared = prepare(study, progress)
    points = stages.judge_sizes(prepared, settings, fractions, progress)
    pool = prepared.pool_embedding
    everything = proxy_accuracy(prepared.dataset.contents, prepared.dataset.labels, pool, pool.pool_indices)
    return ProxyView(points, everything, len(pool.pool_indices))


def list_weights() -> tuple[WeightsView, ...]:
    """List the weight sets and where they stand."""
    return tuple(_weights_view(entry) for entry in exporting.list_weights())


def _weights_view(entry: WeightsEntry) -> WeightsView:
    weights = weight_set(entry.name)
    return WeightsView(
        entry.name,
        entry.title,
        entry.state,
        str(entry.file or ""),
        tuple(EXTRACTORS[name].title for name in entry.extractors),
        entry.licence,
        any(EXTRACTORS[name].backbone for name in entry.extractors),
        weights.official_file,
        weights.address,
        weights.n_bytes,
    )


@limited(seconds=600, n_bytes=8_000_000_000)
def import_weights(file: Path, name: str | None) -> WeightsView:
    """Copy a weight file into the user's data folder once it is known to fit."""
    return _weights_view(exporting.import_weights(file, name))


def download_weights(name: str, progress: Progress = NO_PROGRESS) -> WeightsView:
    """Download the official file; the one thing here that uses the network, and only when asked for by name."""
    from core.features.weight_download import download

    return _weights_view(download(name, progress))


def estimate_comparison(study: Study, progress: Progress = NO_PROGRESS) -> ComparePlanView:
    """Tell which trainings the settings ask for and what they will take."""
    dataset = open_dataset(study.source, study.cache_folder, progress, settings=study.settings.data)
    split = split_dataset(dataset, study.settings)
    several = n_splits(study.settings) > 1
    preparing = estimate_after_features(study, dataset, split).seconds if several else 0.0
    return plan_view(
        study, len(split.pool), len(split.validation), len(split.test), brought=split.brought, preparing=preparing
    )


def compare(
    study: Study, runs_folder: Path, models_folder: Path | None, progress: Progress = NO_PROGRESS
) -> Comparison:
    """Do the trainings that are missing, publishing each finished run and every epoch of the one in progress.

    The runs have no probabilities: the window shows none, and they would be most of what is sent to it.
    """
    found = run_comparison(prepare(study, progress), runs_folder, progress, keep_models=models_folder)
    return found.without_probabilities()


def compare_finished(study: Study, runs_folder: Path, progress: Progress = NO_PROGRESS) -> Comparison:
    """Compare the finished runs that fit the settings; nothing is trained. The runs have no probabilities."""
    return compare_stored(prepare(study, progress), runs_folder, progress).without_probabilities()


def write_study_report(
    study: Study, target: Path, runs_folder: Path | None, synthetic: bool, progress: Progress = NO_PROGRESS
) -> Path:
    """Write the report on the coreset of the settings and the finished runs that fit."""
    prepared = prepare(study, progress)
    coreset = choose(prepared, study.settings.selection, progress)
    comparison = compare_stored(prepared, runs_folder, progress) if runs_folder is not None else None
    if comparison is not None and not (comparison.runs or comparison.notes):
        comparison = None
    content = report_content(prepared, coreset=coreset, comparison=comparison, synthetic=synthetic, progress=progress)
    write_report(target, content, private=study.settings.export.private, progress=progress)
    return target


def search(
    study: Study, grid: Grid, network: NetworkName, out: Path, with_pool: bool, progress: Progress = NO_PROGRESS
) -> SearchOutcome:
    """Search hyperparameters on the coreset and, on request, on the pool."""
    return search_study(study, grid, network, out, with_pool=with_pool, overwrite=True, progress=progress)


@limited(seconds=600)
def predict_folder(bundle: Path, folder: Path, out: Path, progress: Progress = NO_PROGRESS) -> PredictView:
    """Give every image of a folder a class and write the CSV."""
    found = predict(bundle, folder, out, progress)
    return PredictView(out, found.n_images, found.skipped, found.notes)


def keep_bundle(bundle: Path, target: Path) -> Path:
    """Copy a trained network to a place of the user's own.

    Raises
    ------
    ExportError
        If something is there already, or it cannot be written.
    """
    if target.exists():
        raise ExportError(f"{target} is already there. Choose another folder, or move it away.")
    try:
        part = make_temporary_folder(target)
        try:
            shutil.copytree(bundle, part, dirs_exist_ok=True)
            put_in_place(part, target)
        except BaseException:
            try_to_remove(part)
            raise
    except OSError as error:
        raise ExportError(f"The network cannot be written to {target} ({reason_of(error)}).") from error
    return target
