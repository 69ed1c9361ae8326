"""The Clusters page: the groups inside each class, and the number of them in the user's hand."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtWidgets import QLabel

from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.feature_requests import ComputeClusters
from coreset_studio.core.service.image_requests import DecodeImage
from coreset_studio.core.service.needs import clustering_memory_words
from coreset_studio.core.service.requests import AnyServiceRequest
from coreset_studio.core.service.selection_requests import ClassOverview, ClassSummary, DescribeClass, DescribeClasses
from coreset_studio.desktop_app.image_menu import ImageMenu
from coreset_studio.desktop_app.pages.clusters_content import ClustersContent
from coreset_studio.desktop_app.pages.images_shown import ImagesShown, pool_by_class
from coreset_studio.desktop_app.pages.large_image import LargeImage
from coreset_studio.desktop_app.pages.page import NOT_THERE, Page
from coreset_studio.desktop_app.service.selection import SelectionQuestions
from coreset_studio.desktop_app.widgets.words import set_tone

SUBSTANTIAL = 0.25
"""Mean silhouette below which clusters are no substantial structure (Kaufman and Rousseeuw 1990, Table 4)."""


class ClustersPage(Page):
    """All classes at a glance; one of them in full, with the number of its clusters draggable."""

    stage = "clusters"
    title = "Clusters"
    sentence = "Find groups of similar images within each class."
    run_text = "Cluster"
    run_tip = "Cluster the images of every class"
    sections = ("clusters", "features", "data")
    reads = ("dataset", "features", "clusters")

    def build(self) -> None:
        """Make the content."""
        self._overview: Sequence[ClassOverview] = ()
        self._summary: ClassSummary | None = None
        self._requested: object = None
        self._requested_class: object = None
        self.images = ImagesShown()
        self.questions = SelectionQuestions(self.service.selection, self)
        self.questions.refused.connect(self._on_refused)
        self.questions.stopped.connect(self._on_stopped)
        self.questions.lost.connect(self._on_lost)
        self.content = ClustersContent(self.images)
        self.content.class_chosen.connect(self._choose_class)
        self.content.components_chosen.connect(self._choose_components)
        self.content.k_chosen.connect(self._choose_k)
        self.controls.place(self.content.side.curve, "clusters.k_by_class")
        self.memory = QLabel()
        self.memory.setWordWrap(True)
        set_tone(self.memory, "warning")
        self.add_to_options(self.memory)
        self.k_max = self.controls.add("clusters.k_max", more=True).widget
        self.controls.add("clusters.seed", more=True)
        self.controls.add_rest("clusters")
        self.content.opened.connect(self._open_image)
        self.menu = ImageMenu.of_page(self, self.images)
        self.menu.opened.connect(self._open_image)
        self.menu.attach_grid(self.content.grid)
        self.menu.attach_row(self.content.medoids.row)
        self.menu.attach_scatter(self.content.scatter, self.content.plotted)
        self.large = LargeImage(self.images, self.facts_of, self, self.menu.fill)
        self.set_content(self.content)
        self._say_empty()

    # --- hooks ------------------------------------------------------------------------------------------------

    @property
    def summary(self) -> ClassSummary | None:
        """The class that is shown; None while there is none."""
        return self._summary

    @property
    def overview(self) -> Sequence[ClassOverview]:
        """The classes that are listed, sorted by name."""
        return self._overview

    def why_not(self) -> str:
        """Return what has to be done before."""
        return "" if self.model.facts("features") is not None else "Extract features first, on the Features page."

    def run(self) -> None:
        """Cluster every class; the selection service reads it from the cache afterwards."""
        request = ComputeClusters(self.study())
        self.ask(request, self._keep_clusters, on_failed=self._say_empty, on_cancelled=self._say_empty, as_step=True)
        self._say_empty()

    def restore(self) -> None:
        """Ask the selection service, which finds the clusters in the cache."""
        self.refresh()

    def _keep_clusters(self, seconds: float) -> None:
        """Keep that the clusters are there, and look at them."""
        self.keep(seconds, {"seconds": seconds})
        self._requested = None
        self.refresh()
        self.summary_reported.emit("all classes clustered", "coreset")

    def on_leave(self) -> None:
        """Hide what follows the mouse."""
        self.content.hover.hide()

    def forget(self) -> None:
        """Show no clusters."""
        self._overview, self._summary = (), None
        self._requested = self._requested_class = None
        self.images.forget()
        self.large.forget()
        self.content.forget()
        self._say_empty()

    def refresh(self) -> None:
        """Ask the selection service for what is not shown yet."""
        value = self.model.latest_value("dataset")
        summary = value if isinstance(value, DatasetSummary) else None
        if self.images.are_others(summary):
            self.start_empty()
        self.images.set_summary(summary)
        sizes = pool_by_class(summary)
        words = clustering_memory_words(sizes, self.model.settings("clusters")) if sizes else ""
        self.memory.setText(words)
        self.memory.setVisible(bool(words))
        done = self.model.facts("clusters") is not None
        if done and self.images.summary is not None:
            self._ask_overview()
        stale = not done and bool(self._overview)
        if not self._overview:
            self._say_empty()
        self.set_hint("The settings have changed. Cluster again." if stale else "", warning=True)
        self.show_empty(not self._overview)
        self._say_meaning()

    def _say_meaning(self) -> None:
        """Say under the title what the clusters mean."""
        self.set_meaning(meaning(self._overview) if self._overview and self.model.facts("clusters") else "")

    def _say_empty(self) -> None:
        why_not = self.why_not()
        words = "No clusters yet"
        if self.job_numbers(ComputeClusters):
            self.set_empty("Clustering… The clusters appear here when it is finished.")
        elif not why_not and self.images.summary is None and not self.images_are_there():
            self.set_empty(NOT_THERE)
        elif not why_not and self.images.summary is None:
            self.set_empty("Loading images…")
        elif self.questions.is_waiting(DescribeClasses):
            self.set_empty("Loading clusters…")
        elif why_not:
            self.offer_step_before(words)
        else:
            self.set_empty(words, "Cluster", self.try_run)

    # --- asking the selection service -------------------------------------------------------------------------

    def _content(self) -> str:
        result = self.model.project.result("dataset")
        return result.content if result is not None else ""

    def _ask_overview(self) -> None:
        study, content = self.study(), self._content()
        key = (self.model.key("clusters"), content)
        if key == self._requested and self.questions.is_open(study, content):
            self._ask_class()
            return
        self._requested = key
        self._requested_class = None
        self.questions.open(study, content)
        self.questions.ask(DescribeClasses(self.model.settings("clusters")), self._take_overview)

    def _take_overview(self, overview: tuple[ClassOverview, ...]) -> None:
        self._overview = overview
        facts = {
            "k": {one.class_name: one.k for one in overview},
            "silhouette": {one.class_name: one.mean_silhouette for one in overview},
        }
        key = self.model.key("clusters")
        if self._requested == (key, self._content()):
            known = self.model.project.result("clusters")
            seconds = known.seconds if known is not None else 0.0
            self.model.store_result("clusters", key, facts, overview, seconds=seconds)
        self.content.show_overview(overview, self._class_name())
        self.show_empty(not overview)
        self._say_meaning()
        self._ask_class()

    def _class_name(self) -> str:
        names = [one.class_name for one in self._overview]
        chosen = self.model.project.choices.class_name
        return chosen if chosen in names else (names[0] if names else "")

    def _ask_class(self) -> None:
        name = self._class_name()
        if not name:
            return
        components = self.model.project.choices.components
        key = (self._requested, name, components)
        if key != self._requested_class:
            self._requested_class = key
            self.content.classes.set_chosen(name)
            self.questions.ask(DescribeClass(name, *components, self.model.settings("clusters")), self._take_class)

    def _take_class(self, summary: ClassSummary) -> None:
        self._summary = summary
        self.content.show_class(summary)
        self.large.refresh()

    def _on_refused(self, sentence: str, details: str) -> None:
        self._requested = self._requested_class = None
        if self._summary is not None:
            self.content.side.show_class(self._summary)
        self.messages.error(sentence, details)

    def _on_stopped(self, kind: type[AnyServiceRequest]) -> None:
        self._requested = self._requested_class = None
        if kind is DecodeImage:
            return
        if self._summary is not None:
            self.content.side.show_class(self._summary)
            self.set_hint("Cancelled. Showing the previous clusters.", warning=True)
        else:
            words = "Loading was cancelled. The clusters are not shown."
            self.set_empty(words, "Load clusters", self.refresh)

    def _on_lost(self, sentence: str, details: str) -> None:
        self._requested = self._requested_class = None
        if self.isVisible():
            self.messages.error(sentence, details)

    # --- choices ----------------------------------------------------------------------------------------------

    def _choose_class(self, name: str) -> None:
        self.model.set_choices(class_name=name)

    def _choose_components(self, first: int, second: int) -> None:
        self.model.set_choices(components=(first, second))

    def _choose_k(self, name: str, k: int) -> None:
        """Cluster one class by another number; 0 lets the silhouette choose."""
        chosen = {one: own for one, own in self.model.settings("clusters").k_by_class.items() if one != name}
        if k:
            chosen[name] = k
        text = f"{k} clusters of {name}" if k else f"the number of clusters of {name}"
        if self.change_settings("clusters", text=text, k_by_class=chosen):
            self.content.show_busy()
            self._requested = None
            self._ask_overview()

    def facts_of(self, index: int) -> list[tuple[str, str]]:
        """Return what is known of an image, for the viewer."""
        facts = [("Class", self.images.class_of(index))]
        if self._summary is not None and index in self._summary.clusters.indices:
            clusters = self._summary.clusters
            row = int(np.searchsorted(clusters.indices, index))
            label = int(clusters.labels[row])
            facts += [
                ("Cluster", f"{label + 1} of {clusters.k}, {int(clusters.sizes[label]):,} images"),
                ("Silhouette", f"{clusters.silhouettes[row]:.3f}"),
                ("Medoid", "yes, the centre of its cluster" if index in clusters.medoids else "no"),
            ]
        return [*facts, ("Size", self.images.size_words(index))]

    def _open_image(self, index: int, walk: object) -> None:
        self.large.open(index, walk if isinstance(walk, list) else [index])


def meaning(overview: Sequence[ClassOverview]) -> str:
    """Return what clusters mean for choosing a coreset, and what to do next."""
    numbers = [one.k for one in overview]
    least, most = min(numbers), max(numbers)
    groups = f"{least} to {most} groups" if least < most else ("1 group" if most == 1 else f"{most} groups")
    best = max((one.mean_silhouette or 0.0 for one in overview), default=0.0)
    if best < SUBSTANTIAL:
        apart = "The groups overlap, so they are parts of a continuum rather than distinct types."
    else:
        apart = "Some groups are clearly separated."
    return (
        f"Within a class, the images form {groups} of similar images. {apart} "
        "Next: select a coreset with images of each group."
    )
