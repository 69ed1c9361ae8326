"""Requests about trainings: estimate, run, compare and report them, and use the networks."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from coreset_studio.core.errors import ExportError, SettingsError
from coreset_studio.core.files import copy_tree, reason_of, temporary_folder
from coreset_studio.core.limits import limited
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.views import ComparisonPlan, SearchOutcome, SearchPlan
from coreset_studio.core.progress import Progress, Publisher
from coreset_studio.core.results import Comparison, MethodsText, PredictionFile, TrainingPart
from coreset_studio.core.results.searches import SearchPart
from coreset_studio.core.service.requests import PublishingRequest, Request
from coreset_studio.core.settings import GRID


@dataclass(frozen=True)
class EstimateComparison(Request[ComparisonPlan]):
    """List the trainings that the settings request, with estimates of time and memory."""

    is_for_display: ClassVar[bool] = True
    study: Study

    def run(self, progress: Progress) -> ComparisonPlan:
        """Divide the images, and estimate each training; nothing is trained."""
        from coreset_studio.core.data.unlabelled import no_labels_words
        from coreset_studio.core.pipeline.comparing import TRAINING
        from coreset_studio.core.pipeline.facts import estimate_after_features
        from coreset_studio.core.pipeline.outlook import plan_view
        from coreset_studio.core.pipeline.planning import n_splits
        from coreset_studio.core.pipeline.stages import open_dataset, split_dataset

        study = self.study
        dataset = open_dataset(study.source, study.cache_folder, progress, settings=study.settings.data)
        split = split_dataset(dataset, study.settings)
        several = n_splits(study.settings) > 1
        problem = "" if dataset.has_labels else no_labels_words(TRAINING)
        preparing = estimate_after_features(study, dataset, split).seconds if several else 0.0
        found = plan_view(
            study,
            len(split.pool),
            len(split.validation),
            len(split.test),
            is_predefined=split.is_predefined,
            preparing=preparing,
        )
        return replace(found, problem=problem, instead=None) if problem else found


@dataclass(frozen=True)
class CompareNetworks(PublishingRequest[Comparison, TrainingPart]):
    """Run the missing trainings and compare all, publishing each epoch and each finished run.

    The runs have no probabilities, which the window does not show and which are large.
    """

    study: Study
    runs_folder: Path
    models_folder: Path | None

    def run(self, progress: Publisher[TrainingPart]) -> Comparison:
        """Train the networks, and compare the runs."""
        from coreset_studio.core.pipeline.comparing import run_comparison
        from coreset_studio.core.pipeline.stages import prepare

        prepared = prepare(self.study, progress)
        found = run_comparison(prepared, self.runs_folder, progress, keep_models=self.models_folder)
        return found.without_probabilities()


@dataclass(frozen=True)
class ReadComparison(Request[Comparison]):
    """Compare the finished runs that match the settings, without training. The runs have no probabilities."""

    is_for_display: ClassVar[bool] = True
    study: Study
    runs_folder: Path

    def run(self, progress: Progress) -> Comparison:
        """Read the stored runs, and compare them."""
        from coreset_studio.core.pipeline.comparing import compare_stored
        from coreset_studio.core.pipeline.stages import prepare

        return compare_stored(prepare(self.study, progress), self.runs_folder, progress).without_probabilities()


@dataclass(frozen=True)
class WriteReport(Request[Path]):
    """Write the report on the coreset of the settings and the finished runs that match them; the result is its path."""

    title: ClassVar[str] = "a report"
    study: Study
    target: Path
    runs_folder: Path | None
    synthetic: bool
    search: Path | None = None

    def run(self, progress: Progress) -> Path:
        """Select the coreset, compare the finished runs, and write the report, with a finished search."""
        from coreset_studio.core.output.report import write_report
        from coreset_studio.core.output.search_files import FORM, read_search
        from coreset_studio.core.pipeline.comparing import compare_stored
        from coreset_studio.core.pipeline.stages import choose, prepare
        from coreset_studio.core.pipeline.whole import report_content

        settings = self.study.settings
        prepared = prepare(self.study, progress)
        coreset = choose(prepared, settings.selection, progress)
        comparison = compare_stored(prepared, self.runs_folder, progress) if self.runs_folder is not None else None
        if comparison is not None and not (comparison.runs or comparison.notes):
            comparison = None
        content = report_content(
            prepared, coreset=coreset, comparison=comparison, synthetic=self.synthetic, progress=progress
        )
        if self.search is not None and (self.search / FORM).is_file():
            try:
                content = replace(content, search=read_search(self.search))
            except ExportError as error:
                content = replace(content, export_notes=(*content.export_notes, f"Without the search: {error}"))
        write_report(self.target, content, private=settings.export.private, progress=progress)
        return self.target


@dataclass(frozen=True)
class DescribeMethods(Request[MethodsText]):
    """Describe the coreset of the settings and the finished runs that match them, as a Methods paragraph."""

    title: ClassVar[str] = "a Methods paragraph"
    study: Study
    runs_folder: Path | None
    synthetic: bool

    def run(self, progress: Progress) -> MethodsText:
        """Select the coreset, compare the finished runs, and describe both."""
        from coreset_studio.core.pipeline.comparing import compare_stored
        from coreset_studio.core.pipeline.methods import methods_of_content
        from coreset_studio.core.pipeline.stages import choose, prepare
        from coreset_studio.core.pipeline.whole import content_for_methods

        prepared = prepare(self.study, progress)
        coreset = choose(prepared, self.study.settings.selection, progress)
        comparison = compare_stored(prepared, self.runs_folder, progress) if self.runs_folder is not None else None
        return methods_of_content(content_for_methods(prepared, coreset, comparison, synthetic=self.synthetic))


@dataclass(frozen=True)
class EstimateSearch(Request[SearchPlan]):
    """Estimate the search of the settings, and count the trials that are done already."""

    is_for_display: ClassVar[bool] = True
    study: Study
    out: Path

    def run(self, progress: Progress) -> SearchPlan:
        """Divide the images and count; nothing is trained. The sentence of a search that cannot be done says why."""
        from coreset_studio.core.pipeline.search_outlook import estimate_search
        from coreset_studio.core.pipeline.search_trials import journal_progress

        try:
            plan = estimate_search(self.study, progress)
        except SettingsError as error:
            return SearchPlan(0, 0, 0, 0.0, 0.0, str(error))
        if self.study.settings.search.method == GRID:
            return plan
        return replace(plan, n_done=min(plan.n_trials, journal_progress(self.out)))


@dataclass(frozen=True)
class SearchHyperparameters(PublishingRequest[SearchOutcome, SearchPart]):
    """Search hyperparameters on the coreset and, on request, on the pool, publishing each finished trial."""

    title: ClassVar[str] = "a search"
    study: Study
    out: Path

    def run(self, progress: Publisher[SearchPart]) -> SearchOutcome:
        """Train every configuration; finished trials are kept."""
        from coreset_studio.core.output.search_files import REPORT, TABLE
        from coreset_studio.core.pipeline.search_space import training_of_trial
        from coreset_studio.core.pipeline.searching import search_study
        from coreset_studio.core.search_answer import search_sentences

        found = search_study(self.study, self.out, overwrite=True, progress=progress)
        training = training_of_trial(self.study.settings, found.best.values)
        return SearchOutcome(found, search_sentences(found), training, self.out / TABLE, self.out / REPORT)


@dataclass(frozen=True)
class PredictFolder(Request[PredictionFile]):
    """Predict the images of a folder with a saved network, and write a CSV."""

    title: ClassVar[str] = "a prediction"
    bundle: Path
    folder: Path
    out: Path

    @limited(seconds=600)
    def run(self, progress: Progress) -> PredictionFile:
        """Read the images, predict them, and write the CSV."""
        from coreset_studio.core.pipeline.whole import predict

        return predict(self.bundle, self.folder, self.out, progress)


@dataclass(frozen=True)
class SaveNetwork(Request[Path]):
    """Copy a trained network to a folder of the user; the result is that folder."""

    title: ClassVar[str] = "the saving of a network"
    bundle: Path
    target: Path

    def run(self, progress: Progress) -> Path:  # noqa: ARG002
        """Copy the bundle under a temporary name, then rename it.

        Raises
        ------
        ExportError
            If the target exists, or cannot be written.
        """
        target = self.target
        if target.exists():
            raise ExportError(f"{target} already exists. Choose another folder, or move it away.")
        try:
            with temporary_folder(target) as part:
                copy_tree(self.bundle, part)
        except OSError as error:
            raise ExportError(f"The network cannot be written to {target} ({reason_of(error)}).") from error
        return target
