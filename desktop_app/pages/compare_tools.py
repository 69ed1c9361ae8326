"""Tools of the Compare page other than training: the report, keeping and using networks, the search."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from coreset_studio.core.pipeline.search_space import search_folder
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.views import SearchOutcome, SearchPlan
from coreset_studio.core.pipeline.words import bundle_mark
from coreset_studio.core.resources import user_data_folder
from coreset_studio.core.results import MatchedClasses, PredictionFile
from coreset_studio.core.service.comparison_requests import (
    DescribeMethods,
    EstimateSearch,
    PredictFolder,
    SaveNetwork,
    SearchHyperparameters,
    WriteReport,
)
from coreset_studio.core.service.external_requests import EvaluateExternal, ExternalResult, MatchClasses
from coreset_studio.core.service.networks import NETWORKS, title_inside
from coreset_studio.core.settings import SearchSettings
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.pages.activation_maps import models_folder
from coreset_studio.desktop_app.pages.compare_content import CompareContent
from coreset_studio.desktop_app.pages.compare_external import ExternalSheet, MatchSheet
from coreset_studio.desktop_app.pages.compare_report import ReportSheet
from coreset_studio.desktop_app.pages.compare_search import SearchResultSheet, SearchSheet
from coreset_studio.desktop_app.pages.methods import copy_methods
from coreset_studio.desktop_app.pages.page import Page
from coreset_studio.desktop_app.registries import sources


def runs_folder() -> Path:
    """Return where finished trainings are kept."""
    return user_data_folder() / "runs"


def searches_folder() -> Path:
    """Return where hyperparameter searches are kept, each in a folder of its own."""
    return user_data_folder() / "search"


class CompareTools(QObject):
    """Buttons and what they start.

    Attributes
    ----------
    buttons : QWidget
    report, methods : QPushButton
    """

    def __init__(self, page: Page, content: CompareContent) -> None:
        super().__init__(page)
        self._page, self._content = page, content
        self._external = (Path(), Path())
        self.buttons = self._make_buttons()

    def _make_buttons(self) -> QWidget:
        self.report = QPushButton("Report…")
        self.report.setToolTip("Write all results to one page that can be sent and printed")
        self.report.clicked.connect(self._choose_report)
        self.methods = QPushButton("Copy Methods paragraph")
        self.methods.setToolTip("Copy what was done, for the Methods section of a publication, with BibTeX below it")
        self.methods.clicked.connect(self._describe)
        tools = QPushButton("Networks")
        tools.setToolTip(
            "Save a trained network, predict new images, evaluate on another dataset or search hyperparameters"
        )
        menu = QMenu(tools)
        menu.setToolTipsVisible(True)
        for words, tip, slot in (
            (
                "Save the network of the selected row…",
                "Saves a folder that can predict new images on any computer",
                self._choose_keeping,
            ),
            ("Predict a folder of images…", "Uses a network that was trained here", self._choose_prediction),
            (
                "Evaluate on another folder…",
                "Uses a network that was trained here on labelled images, such as those of a second scanner",
                self._choose_external_folder,
            ),
            (
                f"Evaluate on another {sources().file_words()}…",
                "Uses a network that was trained here on the labelled images of a file",
                self._choose_external_file,
            ),
            ("Search hyperparameters on the coreset…", "A typical use of a coreset", self._choose_search),
        ):
            action = menu.addAction(words)
            action.setToolTip(tip)
            action.triggered.connect(slot)
        tools.setMenu(menu)
        self.network_menu = menu
        row = QHBoxLayout()
        row.setSpacing(theme.UNIT)
        row.addWidget(self.report)
        row.addWidget(tools)
        row.addStretch(1)
        buttons = QWidget()
        layout = QVBoxLayout(buttons)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.UNIT)
        layout.addLayout(row)
        layout.addWidget(self.methods, 0, Qt.AlignmentFlag.AlignLeft)
        return buttons

    def _choose_report(self) -> None:
        sheet = ReportSheet(self._page.model.name, self._page, private=self._page.model.settings("export").private)
        sheet.report_requested.connect(self._write_report)
        sheet.open()

    def _write_report(self, target: Path, private: bool) -> None:
        study = self._page.study()
        export = replace(study.settings.export, private=private)
        study = replace(study, settings=replace(study.settings, export=export))
        synthetic = bool(self._page.model.project.notes.startswith("Synthetic"))
        self._page.ask(
            WriteReport(study, target, runs_folder(), synthetic, search_folder(searches_folder(), study)),
            self._show_report,
        )

    def _show_report(self, file: Path) -> None:
        self._page.messages.info(f"Report written to {file}", file)

    def _describe(self) -> None:
        reason = self._page.why_not()
        if reason:
            self._page.messages.warning(reason)
            return
        synthetic = bool(self._page.model.project.notes.startswith("Synthetic"))
        request = DescribeMethods(self._page.study(), runs_folder(), synthetic)
        self._page.ask(request, partial(copy_methods, self._page.messages))

    def _choose_keeping(self) -> None:
        bundle = self._bundle_of_row()
        if bundle is None:
            return
        place = QFileDialog.getExistingDirectory(
            self._page, "Choose where to save the network; it gets a folder of its own"
        )
        if place:
            self._page.ask(SaveNetwork(bundle, Path(place) / bundle.name), self._show_saved)

    def _show_saved(self, folder: Path) -> None:
        self._page.messages.info(f"Network saved to {folder}", folder)

    def _bundle_of_row(self) -> Path | None:
        """Return where the network of the chosen row is; without one say why."""
        row = self._content.row
        if row is None:
            self._page.messages.warning("Select a row of the results first.")
        elif row.network in NETWORKS and not NETWORKS[row.network].is_saved:
            works = " uses features and" if NETWORKS[row.network].sees_embeddings else ""
            kept = " or the ".join(title_inside(name) for name, each in NETWORKS.items() if each.is_saved)
            self._page.messages.warning(
                f"The {title_inside(row.network)}{works} is not saved; select a row of the {kept}."
            )
        else:
            for run in self._content.runs_of_row():
                found = sorted(models_folder().glob(f"*-{bundle_mark(run.key)}"))
                if found:
                    return found[0]
            self._page.messages.warning(
                "The network of this row was not saved. Only networks of the first repetition that were trained on "
                "this computer are."
            )
        return None

    def _choose_prediction(self) -> None:
        bundle = self._chosen_bundle()
        if not bundle:
            return
        folder = QFileDialog.getExistingDirectory(self._page, "Choose the folder of images to predict")
        if not folder:
            return
        out, _ = QFileDialog.getSaveFileName(self._page, "Save predictions", "predictions.csv", "CSV (*.csv)")
        if out:
            self._page.ask(PredictFolder(Path(bundle), Path(folder), Path(out)), self._show_predicted)

    def _show_predicted(self, summary: PredictionFile) -> None:
        skipped = f", {len(summary.skipped):,} files skipped" if summary.skipped else ""
        notes = "".join(f" {note}" for note in summary.notes)
        self._page.messages.info(f"{summary.n_images:,} images predicted{skipped}: {summary.file}{notes}", summary.file)

    def _choose_external_folder(self) -> None:
        bundle = self._chosen_bundle()
        if bundle:
            title = "Choose the folder of labelled images to evaluate on"
            self._match_classes(bundle, QFileDialog.getExistingDirectory(self._page, title))

    def _choose_external_file(self) -> None:
        bundle = self._chosen_bundle()
        if bundle:
            title = f"Choose the {sources().file_words()} of labelled images to evaluate on"
            source, _ = QFileDialog.getOpenFileName(self._page, title, "", sources().file_filter())
            self._match_classes(bundle, source)

    def _chosen_bundle(self) -> str:
        start = str(models_folder())
        return QFileDialog.getExistingDirectory(self._page, "Choose the folder of a trained network", start)

    def _match_classes(self, bundle: str, source: str) -> None:
        if source:
            self._external = (Path(bundle), Path(source))
            request = MatchClasses(*self._external, self._page.preferences.cache_folder)
            self._page.ask(request, self._ask_classes)

    def _ask_classes(self, summary: MatchedClasses) -> None:
        """Ask which class is which, where that is not certain."""
        if summary.is_certain:
            self._evaluate({})
            return
        sheet = MatchSheet(summary, self._page)
        sheet.matched.connect(self._evaluate)
        sheet.open()

    def _evaluate(self, matches: Mapping[str, str]) -> None:
        bundle, source = self._external
        place = QFileDialog.getExistingDirectory(
            self._page, "Choose where to write the report; it gets a folder of its own"
        )
        if place:
            out = Path(place) / f"{bundle.name} on {source.stem if source.is_file() else source.name}"
            request = EvaluateExternal(
                bundle, source, self._page.preferences.cache_folder, out, tuple(sorted(matches.items()))
            )
            self._page.ask(request, self._show_external)

    def _show_external(self, summary: ExternalResult) -> None:
        self._page.messages.info(f"{summary.headline} Report written to {summary.report}", summary.report)
        ExternalSheet(summary, self._page).open()

    def _choose_search(self) -> None:
        reason = self._page.why_not()
        if reason:
            self._page.messages.warning(reason)
            return
        sheet = SearchSheet(self._page.study().settings, self._page)
        sheet.estimate_requested.connect(partial(self._estimate_search, sheet))
        sheet.search_requested.connect(self._search)
        sheet.open()

    def _study_of(self, search: SearchSettings) -> Study:
        study = self._page.study()
        return replace(study, settings=replace(study.settings, search=search))

    def _estimate_search(self, sheet: SearchSheet, search: SearchSettings) -> None:
        study = self._study_of(search)
        request = EstimateSearch(study, search_folder(searches_folder(), study))
        self._page.ask(
            request,
            partial(self._show_estimate, sheet, search),
            on_failed=partial(sheet.show_estimate, search, ""),
        )

    def _show_estimate(self, sheet: SearchSheet, search: SearchSettings, plan: SearchPlan) -> None:
        sheet.show_estimate(search, plan.sentence, plan.n_done, plan.n_trials)

    def _search(self, search: SearchSettings) -> None:
        study = self._study_of(search)
        self._page.change_settings("search", text="settings of the search", **vars(search))
        self._page.ask(SearchHyperparameters(study, search_folder(searches_folder(), study)), self._show_search)

    def _show_search(self, outcome: SearchOutcome) -> None:
        sheet = SearchResultSheet(outcome, self._page)
        sheet.best_requested.connect(self._use_best)
        sheet.open()

    def _use_best(self, outcome: SearchOutcome) -> None:
        now = self._page.model.settings("training")
        changes = {name: value for name, value in vars(outcome.training).items() if value != getattr(now, name)}
        if changes and self._page.change_settings("training", text="best configuration of the search", **changes):
            self._page.messages.info("The best configuration of the search is set for training.")
