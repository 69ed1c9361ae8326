"""The Features page: which extractors look at the images, what that costs, and how well they separate the classes."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QLabel,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.core.descriptions import registry
from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.results import Separation
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.feature_requests import (
    ComputeFeatures,
    DescribeExtractors,
    ExtractorsSummary,
    FeaturesSummary,
)
from coreset_studio.core.settings import FeatureSettings
from coreset_studio.core.settings.listed import Setting, settings_in
from coreset_studio.core.words import byte_size, duration
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.question import DetailsDialog
from coreset_studio.desktop_app.pages.features_advice import (
    EVIDENCE,
    Fallback,
    cannot_work,
    fallback,
    gone,
    meaning,
    recommendation,
    recommended,
    recommends_both,
    tip_for_both,
    ways_out,
)
from coreset_studio.desktop_app.pages.features_extractors import ExtractorList
from coreset_studio.desktop_app.pages.features_models import OwnModels
from coreset_studio.desktop_app.pages.page import NOT_THERE, Page
from coreset_studio.desktop_app.widgets.card import Card
from coreset_studio.desktop_app.widgets.file_field import FileField
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip
from coreset_studio.desktop_app.widgets.plot_export import PlotExportButton
from coreset_studio.desktop_app.widgets.separation_bars import SeparationBars
from coreset_studio.desktop_app.widgets.variance_curve import VarianceCurve

USE_BOTH = "Use recommended"
SEVERAL = "Several extractors can be combined: each adds a view of the images, and their distances are added."
SEPARATION_HELP = (
    "Share of images with most of their five nearest neighbours in the same class (leave-one-out 5-NN accuracy). It "
    "measures how well an extractor separates the classes; a combination can still be better than the best single "
    "extractor."
)


class FeaturesPage(Page):
    """Extractors with what each needs and costs; separation by class and explained variance once computed."""

    stage = "features"
    title = "Features"
    sentence = "Extract features from every image, so that images can be compared."
    widths = (theme.UNIT * 35, theme.UNIT * 42)
    run_text = "Extract"
    run_tip = "Compute the features of every image"
    sections = ("features", "data")
    reads = ("dataset", "features")

    def build(self) -> None:
        """Make the options and the content."""
        self._look: ExtractorsSummary | None = None
        self._looked_for = ""
        self._fell_back: Fallback | None = None
        self._advises = True
        self.extractors = ExtractorList()
        self.extractors.chosen.connect(self._choose)
        self.extractors.weights_requested.connect(self.weights_requested)
        self.models = OwnModels(self)
        self.models.changed.connect(self.on_weights_changed)
        self.extractors.removal_requested.connect(self.models.ask_to_remove)
        self.extractors.file_requested.connect(self._choose_file)
        self.add_option("Extractors", self.extractors, question=SEVERAL)
        self.add_to_options(self.models.button)
        self.controls.place(self.extractors, "features.extractors")
        self.variance = self.controls.add("features.variance").widget
        self.controls.add_owned("features", several=True)
        self.cost = QLabel()
        self.cost.setWordWrap(True)
        self.add_to_options(self.cost)
        self.labels = MessageStrip()
        self.advice = MessageStrip()
        self.advice.action_triggered.connect(self._follow_advice)
        self.advice.more_requested.connect(self._show_evidence)
        self.advice.closed.connect(self._stop_advising)
        self.bars = SeparationBars()
        self.curve = VarianceCurve()
        self.controls.add_rest("features")
        self.set_content(self._make_content())
        self._say_empty()

    def _make_content(self) -> QWidget:
        separation = Card("Class separation", SEPARATION_HELP)
        scrolled = QScrollArea()
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
        scrolled.setWidget(self.bars)
        scrolled.viewport().setAutoFillBackground(False)
        separation.add(scrolled, 1)
        separation.add_tool(PlotExportButton(self.bars))
        variance = Card("Explained variance")
        variance.add(self.curve, 1)
        variance.add_tool(PlotExportButton(self.curve))
        right = QSplitter(Qt.Orientation.Vertical)
        right.addWidget(separation)
        right.addWidget(variance)
        right.setChildrenCollapsible(False)
        right.setSizes([theme.UNIT * 32, theme.UNIT * 44])
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT)
        column.addWidget(self.advice)
        column.addWidget(self.labels)
        column.addWidget(right, 1)
        return content

    # --- hooks ------------------------------------------------------------------------------------------------

    def why_not(self) -> str:
        """Return what has to be done before."""
        if self.model.facts("dataset") is None:
            return "Scan the images first, on the Dataset page."
        used = self.model.settings("features").extractors
        missing = [fact for fact in (*self._facts(), *gone(used)) if fact.name in used and cannot_work(fact)]
        return ways_out(missing[0]) if missing else ""

    def run(self) -> None:
        """Extract and reduce."""
        self.ask(ComputeFeatures(self.study(), self.preferences.scheduler), self._keep_features, as_step=True)

    def _keep_features(self, result: FeaturesSummary) -> None:
        accuracies = {" + ".join(one.extractors): one.accuracy for one in result.separations}
        self.keep(result, {"separations": accuracies, "images": result.n_images, "labels": list(result.labels)})
        self.summary_reported.emit(f"Features of {result.n_images:,} images extracted", "clusters")
        self._looked_for = ""
        self._ask()

    def _show_extractors(self, summary: ExtractorsSummary) -> None:
        self._look = summary
        self._fall_back()
        self.refresh()

    def forget(self) -> None:
        """Know nothing of the images before, and of what extractors cost on them."""
        variance = self.model.settings("features").variance
        self._look, self._looked_for, self._fell_back = None, "", None
        self.extractors.forget()
        self.bars.set_separations(())
        self.curve.set_explained({}, variance)
        self.curve.setToolTip("")
        self.cost.clear()
        self.labels.clear()
        self.advice.clear()

    def refresh(self) -> None:
        """Show choices, facts and what came out."""
        settings = self.model.settings("features")
        self._say_empty()
        self.show_empty(self.model.facts("dataset") is None or (self._look is None and not self.images_are_there()))
        self.controls.show_owned("features", settings.extractors)
        result = self.model.latest_value("features")
        summary = result if isinstance(result, FeaturesSummary) else None
        facts = (*self._facts(), *gone(settings.extractors))
        if self.extractors.set_facts(facts, self._separations(summary), settings.extractors):
            self.order_options()
        self.bars.set_separations(self._separations(summary))
        first = settings.extractors[0]
        explained = {
            name: views[0].explained for name, views in (summary.views.items() if summary is not None else ()) if views
        }
        self.curve.set_explained(explained, settings.variance)
        self.curve.setToolTip(f"First summary: {first}" if explained else "")
        self._show_cost(settings.extractors)
        self._advise(settings.extractors)
        self._say_meaning(summary)
        # Without a result in memory, as with a model that is not on this computer, those that the project recorded.
        stored = self.model.facts("features") or {}
        labels = summary.labels if summary is not None else stored.get("labels", ())
        if labels:
            self.labels.show_message("warning", " ".join(labels), closable=False)
        else:
            self.labels.clear()
        self._ask()

    def _fall_back(self) -> None:
        """Use what works here where nothing is computed yet and chosen extractors lack their weights."""
        used = self.model.settings("features").extractors
        instead = fallback(self._facts(), used) if not self.model.project.results.get("features") else None
        if instead is not None:
            self._fell_back = instead
            self.change_settings("features", text="use of available extractors", extractors=instead.extractors)

    def _advise(self, used: Sequence[str]) -> None:
        """Say what was fallen back on, or offer to choose by the recommended extractors."""
        if self._fell_back:
            way = (
                ("Weights…", "See which weights are missing and how to import them")
                if self._fell_back.lacks_weights
                else ()
            )
            self.advice.show_message("warning", self._fell_back.sentence, *way)
        elif self._advises and recommends_both(self._facts(), used):
            words = recommendation(self._facts())
            self.advice.show_message("info", words, USE_BOTH, tip_for_both(), more="Benchmark results")
        else:
            self.advice.clear()

    def is_settled(self) -> bool:
        """Whether it is known which extractors can work here."""
        return self._look is not None and not self.job_numbers(DescribeExtractors)

    def look_ahead(self) -> None:
        """Ask what extractors cost here."""
        self._ask()

    def to_come(self) -> dict[str, tuple[str, float]]:
        """Return which extractors will look at the images, and how long they and the clusters take."""
        used = self.model.settings("features").extractors
        titles = " · ".join(fact.title for fact in self._facts() if fact.name in used)
        after = self._look.after.seconds if self._look is not None else 0.0
        groups = "Groups of similar images in each class"
        return {"features": (titles, self._seconds(used)), "clusters": (groups, after)}

    def _seconds(self, used: Sequence[str]) -> float:
        facts = [fact for fact in self._facts() if fact.name in used and not fact.missing_sentence]
        return float(sum(fact.estimate.seconds for fact in facts if fact.follows not in used))

    def recommend(self) -> None:
        """Use the recommended extractors that can work here, if nothing else was chosen."""
        able = tuple(fact.name for fact in self._facts() if fact.name in recommended() and not cannot_work(fact))
        fell_back = fallback(self._facts(), FeatureSettings().extractors)
        untouched = (FeatureSettings().extractors, fell_back.extractors if fell_back is not None else ())
        if able and self.model.settings("features").extractors in untouched:
            self._choose(able)

    def _follow_advice(self) -> None:
        if self._fell_back:
            self.weights_requested.emit()
            return
        self._choose(tuple(fact.name for fact in self._facts() if fact.name in recommended()))

    def _show_evidence(self) -> None:
        DetailsDialog(self, "Evidence for the recommendation", EVIDENCE, "", "info", "accent").open()

    def _say_meaning(self, summary: FeaturesSummary | None) -> None:
        """Show below the title what the features reveal about these images."""
        dataset = self.model.latest_value("dataset")
        used = self.model.settings("features").extractors
        shown = next((one for one in self._separations(summary) if one.extractors == used), None)
        if shown is None or not isinstance(dataset, DatasetSummary):
            self.set_meaning()
            return
        labels = dataset.dataset.labels[dataset.split.pool]
        self.set_meaning(meaning(shown, float(np.bincount(labels).max() / len(labels))))

    def on_weights_changed(self) -> None:
        """Look again at what can be used."""
        self._looked_for = ""
        self._ask()

    def _stop_advising(self) -> None:
        """Hear that the strip was sent away: the fallback first, then the offer."""
        self._advises, self._fell_back = self._advises and self._fell_back is not None, None

    def _show_cost(self, used: Sequence[str]) -> None:
        facts = [fact for fact in self._facts() if fact.name in used and not fact.missing_sentence]
        if not facts:
            self.cost.setText("")
            return
        seconds = self._seconds(used)
        after = self._look.after if self._look is not None else None
        memory = max([fact.estimate.memory_bytes for fact in facts] + ([after.memory_bytes] if after else []))
        disk = sum(fact.estimate.disk_bytes for fact in facts)
        text = f"Remaining: about {duration(seconds)}" if seconds > 0 else "These features are already computed"
        if after is not None:
            text += f"; reduction and clusters take about {duration(max(1.0, after.seconds))}"
        text += f". Memory up to {byte_size(memory)}"
        text += f", {byte_size(disk)} on disk." if disk else "."
        self.cost.setText(text)

    # --- what is known ----------------------------------------------------------------------------------------

    def _facts(self) -> Sequence[Any]:
        return self._look.facts if self._look is not None else ()

    def _separations(self, summary: FeaturesSummary | None) -> list[Separation]:
        found = {one.extractors: one for one in (self._look.separations if self._look is not None else ())}
        found |= {one.extractors: one for one in (summary.separations if summary is not None else ())}
        return list(found.values())

    def _ask(self) -> None:
        """Ask what every extractor needs and costs here, unless it is known for these images."""
        if self.model.facts("dataset") is None or self.job_numbers(DescribeExtractors) or not self.images_are_there():
            return
        settings = self.model.project.settings
        searched = f"{self.model.project.source} {settings.data} {settings.features.own}"
        if searched != self._looked_for:
            self._looked_for = searched
            self.extractors.show_loading(True)
            ended = partial(self.extractors.show_loading, False)
            request = DescribeExtractors(self._study_of_known())
            self.ask(request, self._show_extractors, on_failed=ended, on_cancelled=ended)

    def _study_of_known(self) -> Study:
        """Return the study without extractors that are unknown here: the others can still be inspected."""
        study = self.study()
        features = study.settings.features
        known = tuple(name for name in features.extractors if name in registry("extractor"))
        features = replace(features, extractors=known or FeatureSettings().extractors)
        return replace(study, settings=replace(study.settings, features=features))

    def _say_empty(self) -> None:
        if self.model.facts("dataset") is None:
            self.offer_step_before("No features yet")
        else:
            self.set_empty(NOT_THERE)

    # --- choices ----------------------------------------------------------------------------------------------

    def _choose_file(self, name: str) -> None:
        """Let the file be chosen that an extractor reads: the first of its own settings that is one."""
        for setting in settings_in("features"):
            widget = self.controls.placed.get(setting.where)
            if setting.owner == name and isinstance(widget, FileField):
                widget.choose()
                return

    def take_setting(self, setting: Setting, value: object) -> None:
        """Use the file that was chosen, and the extractor that reads it."""
        features = self.model.settings("features")
        used = features.extractors
        extractors = used if setting.owner in used else (*used, setting.owner)
        self._fell_back, self._looked_for = None, ""
        text = f"change of “{setting.facts.title}”"
        self.change_settings("features", text=text, extractors=extractors, **setting.changed(features, value))

    def _choose(self, names: object) -> None:
        self._fell_back = None
        self.change_settings("features", extractors=names)
