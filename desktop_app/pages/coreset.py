"""The Coreset page: sampler, size and budgets, and at once what they choose."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from PySide6.QtCore import QTimer

from coreset_studio.core.descriptions import registry
from coreset_studio.core.results import ClassClusters, Coverage
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.requests import AnyServiceRequest
from coreset_studio.core.service.selection_requests import (
    ChooseCoreset,
    CoresetSummary,
    DescribeClass,
    ListClusters,
    MeasureCoverage,
)
from coreset_studio.core.words import percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.image_menu import ImageMenu
from coreset_studio.desktop_app.pages.coreset_content import MEASURING, CoresetContent
from coreset_studio.desktop_app.pages.coreset_exporting import Exporting
from coreset_studio.desktop_app.pages.coreset_images import PIN_KEYS
from coreset_studio.desktop_app.pages.coreset_options import CoresetOptions
from coreset_studio.desktop_app.pages.coreset_sizing import Sizing
from coreset_studio.desktop_app.pages.images_shown import ImagesShown, pool_by_class
from coreset_studio.desktop_app.pages.large_image import LargeImage
from coreset_studio.desktop_app.pages.page import NOT_THERE, Page
from coreset_studio.desktop_app.service.selection import SelectionQuestions
from coreset_studio.desktop_app.widgets.words import images

SETTLE_MS = 350
SelectionKey = tuple[str, str]


class CoresetPage(Page):
    """Every change is answered at once by the selection service; coverage is measured when the choices have settled."""

    stage = "coreset"
    title = "Coreset"
    sentence = "Select the images to keep, and see what they cover."
    run_text = "Export…"
    run_tip = "Write the selected images to a folder"
    is_always_next = True
    sections = ("selection", "clusters", "features", "data", "comparison", "training")
    reads = ("dataset", "features", "clusters", "coreset")

    def build(self) -> None:
        """Make the options and the content."""
        self._know_nothing()
        theme.set_icon(self.run_button, "export", "on_accent")
        self.images = ImagesShown()
        self.questions = SelectionQuestions(self.service.selection, self)
        self.questions.refused.connect(self._on_refused)
        self.questions.stopped.connect(self._on_stopped)
        self.questions.lost.connect(self._on_lost)
        self.content = CoresetContent(self.images)
        self.controls.place(self.content.chosen, "selection.pinned_in", "selection.pinned_out")
        self.options = CoresetOptions(self)
        self.options.changed.connect(self._change)
        self.options.dragged.connect(self._drag)
        self.options.noted.connect(self.model.set_notes)
        self.content.opened.connect(self._open_image)
        self.content.retry_requested.connect(self._ask_again)
        self.questions.restarted.connect(self.content.offer_again)
        self.content.chosen.pins_changed.connect(self._pin)
        self.content.plot.class_chosen.connect(self._choose_class)
        self.content.tabs.currentChanged.connect(self._ask_plot)
        self.sizing = Sizing(self, self.content.sizes, self.images)
        self.content.sizes.images_requested.connect(self._use_images)
        self.content.sizes.fraction_chosen.connect(self._use_fraction)
        self.exporting = Exporting(self, self.content.result, self.content.methods)
        self.menu = ImageMenu.of_page(self, self.images)
        self.menu.opened.connect(self._open_image)
        self.menu.attach_grid(self.content.chosen.grid, keys=PIN_KEYS)
        self.menu.attach_row(self.content.worst)
        self.menu.attach_scatter(self.content.plot.scatter, self.content.plot.plotted)
        self.large = LargeImage(self.images, self.facts_of, self, self.menu.fill)
        self.set_content(self.content)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._settled)
        self._slow = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._slow.timeout.connect(self._show_slow)

    def _know_nothing(self) -> None:
        self._requested: SelectionKey = ("", "")
        self._answered: SelectionKey = ("", "")
        self._clustered: object = None
        self._plotted: object = None
        self._summary: CoresetSummary | None = None
        self._cluster_of: Mapping[int, tuple[int, int]] = {}
        self._medoids: frozenset[int] = frozenset()

    # --- hooks ------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Show no coreset and what was made of it; nothing can be exported."""
        self._know_nothing()
        self.images.forget()
        self.large.forget()
        self.exporting.forget()
        self.sizing.forget()
        self.content.forget()
        self.options.show_settings(self.model.settings("selection"), {})
        self.options.show_notes(self.model.project.notes)
        self._show_place(False)

    @property
    def summary(self) -> CoresetSummary | None:
        """The coreset that is shown; None while there is none."""
        return self._summary

    @property
    def is_answered(self) -> bool:
        """Whether what is shown was chosen by the settings as they are now."""
        return self._answered == self._requested != ("", "")

    def why_not(self) -> str:
        """Return why nothing can be exported."""
        if self.model.facts("clusters") is None:
            return "Cluster the images first, on the Clusters page."
        name = self.model.settings("selection").sampler
        if name not in registry("sampler"):
            return registry("sampler").unknown(name)
        return "" if self._summary is not None else "No coreset selected yet."

    def run(self) -> None:
        """Ask how to write the coreset."""
        if self._summary is not None:
            self.exporting.ask(len(self._summary.coreset.indices))

    def restore(self) -> None:
        """Ask the selection service again; it needs no job."""
        self.refresh()

    def refresh(self) -> None:
        """Show the choices, and ask for what they choose."""
        value = self.model.latest_value("dataset")
        summary = value if isinstance(value, DatasetSummary) else None
        if self.images.are_others(summary):
            self.start_empty()
        self.images.set_summary(summary)
        self.options.show_settings(self.model.settings("selection"), self._pool_by_class())
        self.options.show_notes(self.model.project.notes)
        self.sizing.refresh()
        ready = self.model.facts("clusters") is not None and self.images.summary is not None
        if ready:
            self._ask()
        self._show_place(ready)

    def _show_place(self, ready: bool) -> None:
        self.show_empty(self._summary is None)
        words = "No coreset yet"
        if self.model.facts("clusters") is None:
            self.offer_step_before(words)
        elif ready:
            self.set_empty("Loading clusters…")
        elif not self.images_are_there():
            self.set_empty(NOT_THERE)
        else:
            self.set_empty("Loading images…")
        stale = not ready and self._summary is not None
        self.set_hint("The clusters have changed. Cluster again." if stale else "", warning=True)

    def _pool_by_class(self) -> dict[str, int]:
        return pool_by_class(self.images.summary)

    # --- asking the selection service -------------------------------------------------------------------------

    def _ask(self) -> None:
        result = self.model.project.result("dataset")
        content = result.content if result is not None else ""
        study, clusters = self.study(), self.model.settings("clusters")
        if self.questions.open(study, content):
            self._clustered = None
            self._requested = ("", "")
        clustered = (self.model.key("clusters"), content)
        if clustered != self._clustered:
            self._clustered = clustered
            self.questions.ask(ListClusters(clusters), self._take_clusters)
        key = (self.model.key("coreset"), content)
        if key != self._requested:
            self._requested = key
            self._settle.stop()
            self.questions.drop(MeasureCoverage)
            request = ChooseCoreset(self.model.settings("selection"), clusters)
            self.questions.ask(request, partial(self._take_selection, key))
            if not self._slow.isActive():
                self._slow.start()
        self._ask_plot()

    def _ask_plot(self) -> None:
        """Ask for the class that is plotted, while the plot is shown."""
        names = list(self._pool_by_class())
        chosen = self.model.project.choices.class_name
        name = chosen if chosen in names else (names[0] if names else "")
        self.content.plot.set_classes(names, name)
        key = (self._clustered, name, self.model.project.choices.components)
        if name and self._clustered and key != self._plotted and self.content.plot.isVisible():
            self._plotted = key
            request = DescribeClass(name, *key[2], self.model.settings("clusters"))
            self.questions.ask(request, self.content.plot.show_class, latest=False)

    def _choose_class(self, name: str) -> None:
        self.model.set_choices(class_name=name)

    def _take_clusters(self, clusters: tuple[ClassClusters, ...]) -> None:
        self._cluster_of = {
            int(index): (int(label), found.k)
            for found in clusters
            for index, label in zip(found.indices, found.labels, strict=True)
        }
        self._medoids = frozenset(int(index) for found in clusters for index in found.medoids)
        self.content.chosen.set_clusters(clusters)

    def _show_slow(self) -> None:
        """Say that it takes longer, as the first order of a sampler does; the bar below shows its progress."""
        if self._summary is not None and self.questions.is_waiting(ChooseCoreset):
            self.content.show_choosing(theme.sampler_title(self.model.settings("selection").sampler))

    def _take_selection(self, key: SelectionKey, summary: CoresetSummary) -> None:
        self._summary, self._answered = summary, key
        self._slow.stop()
        settings = self.model.settings("selection")
        pinned_in, pinned_out = self.images.indices(settings.pinned_in), self.images.indices(settings.pinned_out)
        self.content.show_coreset(summary, pinned_in, pinned_out)
        self.show_empty(False)
        self.show_run_state()
        if key == self._requested:
            self._settle.start()

    def _settled(self) -> None:
        """Keep what is chosen, and measure what it leaves out."""
        summary = self._summary
        if summary is None or self._requested[0] != self.model.key("coreset"):
            return
        coreset = summary.coreset
        facts = {
            "sentence": summary.sentence,
            "sampler": coreset.sampler,
            "images": len(coreset.indices),
            "fraction": coreset.fraction,
            "budgets": dict(coreset.budgets),
        }
        self.model.store_result("coreset", self._requested[0], facts, summary)
        self.summary_reported.emit(f"Coreset: {images(len(coreset.indices))} selected", "compare")
        self._ask_coverage()

    def _ask_coverage(self) -> None:
        request = MeasureCoverage(self.model.settings("selection"), self.model.settings("clusters"))
        self.questions.ask(request, self._take_coverage)

    def _take_coverage(self, coverage: Coverage) -> None:
        if self._summary is not None:
            self._summary = replace(self._summary, coverage=coverage)
            self.content.show_coverage(coverage)

    # --- what has no answer -----------------------------------------------------------------------------------

    def _on_refused(self, sentence: str, details: str) -> None:
        self._show_unanswered(sentence, again=False)
        self.messages.warning(sentence, details)

    def _on_stopped(self, kind: type[AnyServiceRequest]) -> None:
        if kind is MeasureCoverage:
            self.content.show_not_covered("Measuring was cancelled.")
        else:
            self._show_unanswered("The selection was cancelled.")

    def _on_lost(self, sentence: str, details: str) -> None:
        self._show_unanswered(sentence)
        if self.isVisible():
            self.messages.error(sentence, details)

    def _show_unanswered(self, why: str, *, again: bool = True) -> None:
        """Say what is so; with `again` offer to ask again, and whatever else waits is asked again with it."""
        self._clustered = self._plotted = None
        if self.questions.is_waiting(ChooseCoreset):
            return
        self._slow.stop()
        if self._requested != self._answered:
            self.content.show_unanswered(why, again=again)
        elif self._summary is not None and self._summary.coverage is None:
            self.content.show_not_covered(why)
        self._requested = ("", "")
        if self._summary is None:
            self.set_empty(f"{why} No coreset is shown.", "Select", self._ask_again)

    def _ask_again(self) -> None:
        if self._requested == self._answered != ("", ""):
            self.content.unanswered.clear()
            self.content.covered.setText(MEASURING)
            self._ask_coverage()
            return
        self.content.unanswered.clear()
        self.refresh()

    # --- choices ----------------------------------------------------------------------------------------------

    def _change(self, changes: object) -> None:
        if isinstance(changes, dict):
            self.change_settings("selection", merge=True, **changes)

    def _drag(self, fraction: float) -> None:
        self.change_settings("selection", text="change of the coreset size", merge=True, fraction=fraction, images=None)

    def _use_fraction(self, fraction: float) -> None:
        self.change_settings("selection", text="change of the coreset size", fraction=fraction, images=None)

    def _use_images(self, n_images: int) -> None:
        self.change_settings("selection", text="change of the coreset size", images=n_images)

    def _pin(self, indices: object, how: str) -> None:
        if isinstance(indices, tuple):
            self.menu.actions.pin(indices, how)

    def to_come(self) -> dict[str, tuple[str, float]]:
        """Return which images will be kept; they are chosen as soon as the page is shown."""
        selection = self.model.settings("selection")
        size = f"{selection.images:,} images" if selection.images else f"{percent(selection.fraction)} of the pool"
        return {"coreset": (f"{theme.sampler_title(selection.sampler)}, {size}", 0.0)}

    def recommend(self) -> None:
        """Use the recommended sampler, if nothing else was chosen."""
        self.options.recommend(self.model.settings("selection"))

    # --- jobs -------------------------------------------------------------------------------------------------

    def after_all_steps(self) -> None:
        """Find the size for the margin and report it, if that is quick and there are images enough."""
        self.sizing.find_if_quick()

    # --- one image --------------------------------------------------------------------------------------------

    def facts_of(self, index: int) -> list[tuple[str, str]]:
        """Return what is known of an image, for the viewer."""
        facts = [("Class", self.images.class_of(index))]
        if index in self._cluster_of:
            label, k = self._cluster_of[index]
            facts.append(("Cluster", f"{label + 1} of {k}" + (", its medoid" if index in self._medoids else "")))
        if self._summary is not None:
            coreset = self._summary.coreset
            place = np.flatnonzero(coreset.indices == index)
            facts.append(("In the coreset", coreset.reasons[int(place[0])] if len(place) else "no"))
        return [*facts, ("Size", self.images.size_words(index))]

    def _open_image(self, index: int, walk: object) -> None:
        self.large.open(index, walk if isinstance(walk, list) else [index])
