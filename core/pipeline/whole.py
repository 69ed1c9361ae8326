"""Complete runs: a study from a folder to a report, a comparison, the demo, predictions."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from coreset_studio.core.cache import fingerprint, write_atomically
from coreset_studio.core.data.demo import make_demo
from coreset_studio.core.data.reading_notes import reading_notes
from coreset_studio.core.data.readings import changed_choices, choices_from, stored_choices
from coreset_studio.core.data.unlabelled import no_labels_words
from coreset_studio.core.errors import ExportError
from coreset_studio.core.features.extractors import EXTRACTORS, recommended
from coreset_studio.core.files import make_temporary_folder, put_in_place, reason_of, removed_on_failure, try_to_remove
from coreset_studio.core.forms import FormError, read_json
from coreset_studio.core.housekeeping import sweep_tree
from coreset_studio.core.output.content import ReportContent
from coreset_studio.core.output.model_bundle import load_bundle, write_predictions
from coreset_studio.core.output.model_bundle import predict as predict_images
from coreset_studio.core.output.report import write_report
from coreset_studio.core.pipeline.comparing import TRAINING, run_comparison, summarise
from coreset_studio.core.pipeline.exporting import SYNTHETIC, export, labels_of
from coreset_studio.core.pipeline.facts import recommended_extractors
from coreset_studio.core.pipeline.methods import write_facts
from coreset_studio.core.pipeline.planning import check_splits
from coreset_studio.core.pipeline.stages import (
    Clock,
    Prepared,
    choose,
    evaluate_sizes,
    fixed_settings,
    prepare,
    separations,
)
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.views import StudyOutcome
from coreset_studio.core.progress import NO_PROGRESS, Progress, Publisher
from coreset_studio.core.results import Comparison, Coreset, PredictionFile, ProxyPoint, TrainingPart
from coreset_studio.core.selection.coverage import coverage
from coreset_studio.core.selection.label_errors import near_cells_words, near_duplicates, suspected_label_errors
from coreset_studio.core.selection.shares import expected_random
from coreset_studio.core.settings import (
    ComparisonSettings,
    FeatureSettings,
    SelectionSettings,
    Settings,
    TrainingSettings,
    settings_in_keys,
    with_own,
)
from coreset_studio.core.training.architectures import NETWORKS

MARK = "study.json"
REPORT, RUNS, MODELS, CORESET = "report.html", "runs", "models", "coreset"
PROXY_FRACTIONS = (0.02, 0.05, 0.1, 0.25, 0.5)
DEMO_IMAGE_SIZE, DEMO_EPOCHS, DEMO_STEPS = 96, 12, 240


def run_study(
    study: Study,
    out: Path,
    *,
    overwrite: bool = False,
    synthetic: bool = False,
    progress: Publisher[TrainingPart] = NO_PROGRESS,
) -> StudyOutcome:
    """Run a study: select and export a coreset, train all requested networks, compare, and write the report.

    If no image has a label, nothing is trained, and a note says so.

    Parameters
    ----------
    study : Study
    out : Path
        Folder for ``report.html``, ``tables/``, ``coreset/``, ``models/`` and ``runs/``. A study that was stopped
        continues when it is run again.
    overwrite : bool
        Whether a finished study may be replaced.
    synthetic : bool
        Whether all results are labelled as from synthetic images.

    Raises
    ------
    ExportError
        If `out` contains other files, or cannot be written.
    """
    _check(study)
    _claim(out, study, overwrite)
    clock = Clock()
    prepared = prepare(study, progress, clock=clock)
    with clock.stage("coreset"):
        coreset = choose(prepared, study.settings.selection, progress)
    with clock.stage("export"):
        labels = (SYNTHETIC,) if synthetic else ()
        exported = export(prepared, coreset, out / CORESET, notes=labels, overwrite=True, progress=progress)
    if prepared.dataset.has_labels:
        with clock.stage("training"):
            comparison = run_comparison(prepared, out / RUNS, progress, keep_models=out / MODELS)
    else:
        comparison = summarise(prepared, (), [no_labels_words(TRAINING)])
    content = report_content(
        prepared,
        coreset=coreset,
        comparison=comparison if prepared.dataset.has_labels else None,
        synthetic=synthetic,
        progress=progress,
    )
    new_notes = tuple(note for note in exported.notes if note not in content.labels)
    content = replace(content, export_notes=new_notes)
    return _finish(out, study, content, comparison, clock, progress)


def compare_study(
    study: Study, out: Path, *, overwrite: bool = False, progress: Publisher[TrainingPart] = NO_PROGRESS
) -> StudyOutcome:
    """Train networks, compare them, and write the report, without exporting a coreset."""
    _check(study)
    _claim(out, study, overwrite)
    clock = Clock()
    prepared = prepare(study, progress, clock=clock)
    with clock.stage("training"):
        comparison = run_comparison(prepared, out / RUNS, progress, keep_models=out / MODELS)
    content = report_content(prepared, comparison=comparison, progress=progress)
    return _finish(out, study, content, comparison, clock, progress)


def report_content(
    prepared: Prepared,
    *,
    coreset: Coreset | None = None,
    comparison: Comparison | None = None,
    synthetic: bool = False,
    progress: Progress = NO_PROGRESS,
) -> ReportContent:
    """Collect the content of a report on a study."""
    covered = shares = None
    points: tuple[ProxyPoint, ...] = ()
    limit = prepared.study.settings.clusters.exact_up_to
    if coreset is not None:
        points = _proxy(prepared, coreset, progress)
        contents = prepared.dataset.contents
        covered = coverage(contents, prepared.embeddings, prepared.clusters, coreset, progress, exact_up_to=limit)
        shares = expected_random(prepared.clusters, coreset)
    return ReportContent(
        dataset=prepared.dataset,
        labels=labels_of(prepared, synthetic=synthetic),
        split=prepared.split,
        duplicates=prepared.duplicates,
        separations=separations(prepared, progress),
        weights=tuple(e.weights for e in prepared.extracted),
        embeddings=prepared.embeddings,
        clusters=prepared.clusters,
        coreset=coreset,
        shares=shares or (),
        coverage=covered,
        proxy=points,
        label_errors=suspected_label_errors(
            prepared.dataset, prepared.pool_embedding, progress=progress, exact_up_to=limit
        ),
        label_errors_words=near_cells_words(len(prepared.pool_embedding.pool_indices), limit),
        near_duplicates=near_duplicates(prepared.dataset, bits=prepared.study.settings.data.near_duplicate_bits),
        comparison=comparison,
        settings=fixed_settings(prepared.study.settings, prepared.dataset),
        cache_folder=prepared.study.cache_folder,
    )


def content_for_methods(
    prepared: Prepared, coreset: Coreset, comparison: Comparison | None, *, synthetic: bool = False
) -> ReportContent:
    """Return the content of a report that a Methods paragraph requires, without further computations."""
    return ReportContent(
        dataset=prepared.dataset,
        labels=labels_of(prepared, synthetic=synthetic),
        split=prepared.split,
        weights=tuple(e.weights for e in prepared.extracted),
        clusters=prepared.clusters,
        coreset=coreset,
        comparison=comparison,
        settings=fixed_settings(prepared.study.settings, prepared.dataset),
    )


def _proxy(prepared: Prepared, coreset: Coreset, progress: Progress) -> tuple[ProxyPoint, ...]:
    """Return the nearest-neighbour proxy of the sampler of a coreset at several fractions."""
    settings = replace(
        prepared.study.settings.selection,
        sampler=coreset.sampler,
        images=None,
        pinned_in=(),
        pinned_out=(),
        continue_from=None,
    )
    return evaluate_sizes(prepared, settings, PROXY_FRACTIONS, progress)


def demo_settings(*, epochs: int | None = None) -> Settings:
    """Return the settings of the demo: the whole method in one or two minutes."""
    names = recommended_extractors()
    # Of those recommended, so that the transfer network needs no other weights than the features do.
    backbone = next(name for name in recommended() if EXTRACTORS[name].backbone)
    ours = [network for name, network in NETWORKS.items() if name not in NETWORKS.plugins]
    networks = tuple(network.name for network in ours if backbone in names or not network.needs_backbone)
    training = TrainingSettings(
        image_size=DEMO_IMAGE_SIZE,
        epochs=epochs if epochs is not None else DEMO_EPOCHS,
        min_steps=DEMO_STEPS if epochs is None else 0,
    )
    for network in ours:
        if network.needs_backbone:
            training = with_own(training, network.name, **{network.extractor_setting: backbone})
    return Settings(
        features=FeatureSettings(extractors=names),
        selection=SelectionSettings(sampler="intelligent", fraction=0.25),
        training=training,
        comparison=ComparisonSettings(networks=networks),
    )


def ensure_demo(folder: Path, *, n_images: int | None = None, progress: Progress = NO_PROGRESS) -> None:
    """Generate the images of the demo in `folder`, unless they exist.

    Raises
    ------
    ExportError
        If the folder contains other files.
    """
    mark = folder.parent / f".{folder.name}.demo.json"
    facts = {"images": n_images}
    if folder.exists() and any(folder.iterdir()):
        if not mark.is_file():
            raise ExportError(f"{folder} contains files other than the demo images; use another folder.")
        if _is_demo(mark, facts):
            return
    try:
        with removed_on_failure(make_temporary_folder(folder)) as building:
            if n_images is None:
                make_demo(building, progress=progress)
            else:
                make_demo(building, n_images=n_images, progress=progress)
            if folder.is_dir() and _is_demo(mark, facts) and any(folder.iterdir()):
                try_to_remove(building)  # another program has drawn the same meanwhile
                return
            put_in_place(building, folder)
    except OSError as error:
        raise ExportError(f"The demo cannot be written to {folder} ({reason_of(error)}).") from error
    write_atomically(mark, json.dumps(facts).encode())


def _is_demo(mark: Path, facts: dict[str, int | None]) -> bool:
    """Return whether `mark` states that the requested demo was generated."""
    try:
        return bool(read_json(mark) == facts)
    except (OSError, ValueError):
        return False


def predict(
    bundle: Path,
    folder: Path,
    out: Path,
    progress: Progress = NO_PROGRESS,
    *,
    choices: Mapping[str, Any] | None = None,
) -> PredictionFile:
    """Predict the images of a folder with a saved network, and write a CSV.

    Parameters
    ----------
    choices : mapping, optional
        Values of ``grey_levels``, ``alpha``, ``pages``, ``window`` and ``channels`` that differ from those of the
        training.
    """
    loaded = load_bundle(bundle)
    if choices:
        settings = changed_choices(choices_from(loaded.reading), **choices)
        loaded = replace(loaded, reading=stored_choices(settings))
    predictions = predict_images(loaded, folder, progress)
    write_predictions(out, predictions)
    return PredictionFile(out, predictions.n_images, predictions.skipped, predictions.notes)


def _check(study: Study) -> None:
    """Refuse invalid settings before features are computed."""
    check_splits(study.settings.comparison, is_predefined=False, folds=study.settings.data.folds)


def _claim(out: Path, study: Study, overwrite: bool) -> None:
    """Reserve `out` for this study: a new or empty folder, its unfinished one, or, on request, one to replace."""
    out = Path(out)
    mark = out / MARK
    identity = _identity(study)
    try:
        if out.exists() and not out.is_dir():
            raise ExportError(f"{out} is a file; expected a folder.")
        if out.is_dir() and any(out.iterdir()):
            if not mark.is_file():
                raise ExportError(f"{out} contains files that are not a study; use a new folder.")
            known = _mark_of(mark)
            if not overwrite and known.get("finished"):
                raise ExportError(f"{out} contains a finished study. Use another folder, or add --overwrite.")
            if not overwrite and known.get("identity") != identity:
                raise ExportError(
                    f"{out} contains a study with other settings or images. Use another folder, or add --overwrite."
                )
        sweep_tree(out)
        write_atomically(mark, json.dumps({"identity": identity, "finished": False}).encode())
    except OSError as error:
        raise ExportError(f"{out} cannot be written ({reason_of(error)}). Use another folder.") from error


def _mark_of(mark: Path) -> dict[str, Any]:
    """Return the content of a mark file of the program.

    Raises
    ------
    ExportError
        If it is none.
    OSError
        If it cannot be read.
    """
    try:
        known = read_json(mark)
    except FormError as error:
        raise ExportError(f"{mark} is damaged ({error}); remove it or use another folder.") from error
    if not isinstance(known, dict):
        raise ExportError(f"{mark} is damaged; remove it or use another folder.")
    return known


def _identity(study: Study) -> str:
    return fingerprint(str(Path(study.source).absolute()), settings_in_keys(study.settings))


def _finish(
    out: Path, study: Study, content: ReportContent, comparison: Comparison, clock: Clock, progress: Progress
) -> StudyOutcome:
    with clock.stage("report"):
        content = replace(content, times=tuple(clock.times))
        write_facts(out, content)
        write_report(out / REPORT, content, private=study.settings.export.private, progress=progress)
    write_atomically(out / MARK, json.dumps({"identity": _identity(study), "finished": True}).encode())
    notes = reading_notes(content.dataset.images, content.dataset.reading)
    return StudyOutcome(out / REPORT, comparison, tuple(clock.times), (*content.labels, *notes))
