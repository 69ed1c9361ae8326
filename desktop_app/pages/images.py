"""The Images page: all images of the dataset, with filters, sorting, inspection and actions."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QMenu, QPushButton

from coreset_studio.core.results import ClassClusters, Coreset, IntArray
from coreset_studio.core.service.dataset_requests import FINDING, DatasetFindings, DatasetSummary, FindLabelErrors
from coreset_studio.core.service.image_requests import FindSimilar, SimilarImages
from coreset_studio.core.service.selection_requests import CoresetSummary, ListClusters
from coreset_studio.core.words import percent
from coreset_studio.desktop_app.image_actions import ImageActions
from coreset_studio.desktop_app.image_menu import ImageMenu
from coreset_studio.desktop_app.in_steps import InSteps
from coreset_studio.desktop_app.models.facets import Mask, filtered
from coreset_studio.desktop_app.models.image_index import ImageIndex, in_order
from coreset_studio.desktop_app.models.thumbnails import LazyThumbnails, Thumbnail
from coreset_studio.desktop_app.pages.images_compared import ImagesCompared
from coreset_studio.desktop_app.pages.images_content import ImagesContent
from coreset_studio.desktop_app.pages.images_map import ImagesMap
from coreset_studio.desktop_app.pages.images_shown import ImagesShown
from coreset_studio.desktop_app.pages.large_image import LargeImage
from coreset_studio.desktop_app.pages.page import NOT_THERE, Page
from coreset_studio.desktop_app.service.selection import SelectionQuestions
from coreset_studio.desktop_app.widgets.facet_tree import FacetTree
from coreset_studio.desktop_app.widgets.words import images

N_SIMILAR = 200
MANY = 20_000
SIMILARITY = {"similarity": "Similarity"}
SUSPICION = {"suspicion": "Suspected label error"}


class ImagesPage(Page):
    """A grid or a map of all images, with filters at the side; images are found, compared and acted on here."""

    place = "images"
    stage = "dataset"
    title = "Images"
    sentence = "Browse all images of the dataset. Right-click an image for what can be done with it."
    run_text = ""
    sections = ("data", "selection")
    reads = ("dataset", "features", "clusters", "coreset")

    def build(self) -> None:
        """Make filters and grid."""
        self._know_nothing()
        self.images = ImagesShown()
        self.questions = SelectionQuestions(self.service.selection, self)
        self.questions.refused.connect(self._on_refused)
        self.questions.lost.connect(self._on_refused)
        self.image_actions = ImageActions(self, self.images)
        self.image_actions.similar_requested.connect(self.show_similar)
        self.image_actions.dataset_changed.connect(self.dataset_changed)
        self.menu = ImageMenu(self.image_actions, self)
        self.content = ImagesContent(self._fill_menu)
        self.menu.attach_grid(self.content.grid)
        self.menu.attach_numbers(self.content.grid)
        self.menu.attach_scatter(self.content.map, lambda: self.content.map_keys.tolist())
        self.menu.opened.connect(self._open_image)
        self.tree = FacetTree()
        self.tree.changed.connect(self._apply)
        self.clear_button = QPushButton("Clear filters")
        self.clear_button.setToolTip("Show the images of all values again")
        self.clear_button.clicked.connect(self._clear)
        self.label_errors_button = QPushButton("Find label errors")
        self.label_errors_button.clicked.connect(self._find_label_errors)
        self.compared = ImagesCompared(self)
        self.compared.found.connect(self._on_compared)
        for widget in (self.clear_button, self.tree, self.label_errors_button):
            self.add_to_options(widget)
        self.add_to_options(self.compared.compare_button)
        self.add_to_options(self.compared.stability_button)
        self.large = LargeImage(self.images, self.facts_of, self, self.menu.fill)
        content = self.content
        self.map = ImagesMap(self, self.images, content, self.image_actions.why_no_similar)
        self.map.opened.connect(self._open)
        content.searched.connect(self._apply)
        content.sorted.connect(self._apply)
        content.coloured.connect(self._show_images)
        content.captioned.connect(self._show_images)
        content.left_similar.connect(self.leave_similar)
        content.grid.opened.connect(self._open)
        content.grid.preview_requested.connect(self._open)
        self.found.changed.connect(self._on_findings)
        self.model.image_facts_changed.connect(self._on_findings)
        self._steps = InSteps(self)
        self.set_content(content)
        self._say_empty()

    def _know_nothing(self) -> None:
        self._index = ImageIndex()
        self._made_of: tuple[object, ...] = ()
        self._colour_next = ""
        self._shown: IntArray = np.zeros(0, dtype=np.int64)
        self._clusters: tuple[ClassClusters, ...] = ()
        self._clustered: object = None
        self._similar: SimilarImages | None = None

    # --- hooks ------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Show no images."""
        self._steps.stop()
        self._know_nothing()
        self.images.forget()
        self.large.forget()
        self.map.forget()
        self.compared.forget()
        self.tree.set_facets({})
        self.content.forget()
        self._say_empty()

    def refresh(self) -> None:
        """Show the images of the last scan, with what is known of them now."""
        value = self.model.latest_value("dataset")
        summary = value if isinstance(value, DatasetSummary) else None
        if self.images.are_others(summary):
            self.start_empty()
        self.images.set_summary(summary)
        self.show_empty(summary is None)
        self._say_empty()
        if summary is None:
            return
        self._ask_clusters()
        coreset = self.model.latest_value("coreset")
        of = (summary, coreset, self._clusters, self.found.current, self.model.project.image_notes,
              self.model.settings("data").left_out_images, self.model.settings("data").relabelled,
              self.model.settings("quality"), self.compared.results[0], self.compared.results[1])  # fmt: skip
        # By identity: views hold arrays, which have no single truth when they are compared.
        if len(of) != len(self._made_of) or any(one is not old for one, old in zip(of, self._made_of, strict=True)):
            self._made_of = of
            # Of many images not before the page itself is shown, which takes a moment, too.
            self._steps.run(self._make_index(summary), at_once=len(summary.dataset.images) < MANY)
        self.compared.show_state()
        reason = summary.why_no_labels(FINDING) or self.image_actions.why_no_similar()
        busy = bool(self.job_numbers(FindLabelErrors))
        self.label_errors_button.setEnabled(not reason and not busy)
        tip = "Compare the label of every image of the pool with those of its nearest neighbours"
        self.label_errors_button.setToolTip("Searching…" if busy else reason or tip)

    def _say_empty(self) -> None:
        self.option_column.setVisible(self.images.summary is not None)
        if self.model.project.source is not None and not self.images_are_there():
            self.set_empty(NOT_THERE)
        elif self.images.summary is None and self.model.state("dataset") == "running":
            self.set_empty("Scanning… The images appear here when it is finished.")
        else:
            self.set_empty("No images yet", "Go to Dataset", self._go_to_dataset)

    def _go_to_dataset(self) -> None:
        self.step_requested.emit("dataset")

    # --- facets -----------------------------------------------------------------------------------------------

    def _make_index(self, summary: DatasetSummary) -> Iterator[None]:
        """Make what images are filtered by, piece by piece, and show it."""
        quality = self.model.settings("quality")
        marks, extra = self._marks(summary), self.compared.facets(len(summary.dataset.images))
        yield from self._index.make(summary, self._coreset(summary), self._clusters, quality, marks, extra)
        self.tree.set_facets(self._index.facets)
        self.content.offer_colours({name: facet.title for name, facet in self._index.facets.items()})
        self._offer_orders(summary)
        if self._colour_next in self._index.facets:
            self.content.choose_colour(self._colour_next)
        self._colour_next = ""
        yield
        self._apply()
        self.large.refresh()

    def _coreset(self, summary: DatasetSummary) -> Coreset | None:
        """Return the coreset that was selected last, if it may be of these images."""
        value = self.model.latest_value("coreset")
        coreset = value.coreset if isinstance(value, CoresetSummary) else None
        n = len(summary.dataset.images)
        return coreset if coreset is not None and (coreset.indices < n).all() else None

    def _marks(self, summary: DatasetSummary) -> dict[str, Sequence[int]]:
        """Return what was found of images, by its title."""
        all_images = summary.dataset.images
        findings = self.found.of(summary.paths)
        notes = self.model.project.image_notes
        excluded = set(self.model.settings("data").left_out_images)
        near = findings.near_duplicates if findings else ()
        return {
            "Suspected label error": [one.index for one in findings.label_errors] if findings else [],
            "Near-duplicate": [i for one in near for i in (one.first, one.second)],
            "Duplicate": [i for one in summary.duplicates for i in one.indices],
            "Duplicate under two classes": [i for one in summary.duplicates if one.conflicting for i in one.indices],
            "Relabelled": [i for i, image in enumerate(all_images) if image.original_class],
            "Without a label": summary.dataset.without_label,
            "Excluded by you": self.images.indices(excluded),
            "With a note": self.images.indices(notes),
        }

    def _offer_orders(self, summary: DatasetSummary) -> None:
        suspected = SUSPICION if self.found.of(summary.paths) else {}
        similarity = SIMILARITY if self._similar is not None else {}
        self.content.offer_orders({**similarity, **self._index.orders(), **suspected})

    def _on_findings(self) -> None:
        if self.isVisible():
            self.refresh()

    # --- what is shown ----------------------------------------------------------------------------------------

    def _apply(self) -> None:
        """Show the images that pass the filters and the search, in the order chosen."""
        summary = self.images.summary
        if summary is None or not self._index.facets:  # they are being made
            return
        n = len(summary.dataset.images)
        base = self._searched(n)
        chosen = self.tree.chosen
        passed = filtered(self._index.facets, chosen, n)
        self.tree.show_counts({name: facet.counts(passed[name] & base) for name, facet in self._index.facets.items()})
        shown = np.flatnonzero(passed[""] & base)
        key = self._sort_key(summary, str(self.content.order.currentData() or ""))
        self._shown = in_order(shown, key, descending=self.content.descending.isChecked())
        self.clear_button.setEnabled(bool(chosen))
        self.content.show_count(len(shown), n)
        self._show_images()

    def _searched(self, n: int) -> Mask:
        """Return which images are found by the search, and are similar to what was asked for."""
        found = self._index.searched(self.content.search.text())
        if self._similar is not None:
            near: Mask = np.zeros(n, dtype=bool)
            near[[*self._similar.queries, *self._similar.indices]] = True
            found &= near
        return found

    def _sort_key(self, summary: DatasetSummary, name: str) -> NDArray[np.float64] | None:
        """Return what images are sorted by; None: their paths."""
        key = np.full(len(summary.dataset.images), np.nan)
        findings = self.found.of(summary.paths) if name == "suspicion" else None
        if name == "similarity" and self._similar is not None:
            key[list(self._similar.queries)] = -1.0
            key[list(self._similar.indices)] = self._similar.distances
        elif findings is not None:
            key[[one.index for one in findings.label_errors]] = [-one.score for one in findings.label_errors]
        else:
            return self._index.sort_key(name)
        return key

    def _show_images(self) -> None:
        """Draw the images that pass, with colours and captions."""
        summary = self.images.summary
        if summary is None:
            return
        coloured = str(self.content.colour.currentData() or "")
        facet = self._index.facets.get(coloured)
        codes = facet.codes() if facet is not None else None
        caption = self._caption(summary)
        shown = self._shown
        self.tree.show_colours(coloured)

        def make(row: int) -> Thumbnail:
            index = int(shown[row])
            plain = self.images.thumbnail(index, int(codes[index]) if codes is not None else -1)
            return plain._replace(caption=caption(index))

        grid = self.content.grid
        selected, current = grid.selected_keys(), grid.current_key()
        grid.images.band_names = facet.values if facet is not None else ()
        grid.set_note("No images match the filters and the search." if len(summary.dataset.images) else "No images")
        grid.set_images(LazyThumbnails(shown, make))
        if 0 < len(selected) <= N_SIMILAR:
            grid.set_selected_keys(selected)
        grid.show_key(current)
        settings = self.model.settings("selection")
        coreset = self._coreset(summary)
        grid.set_badges(
            selected=coreset.indices if coreset is not None else (),
            pinned_in=self.images.indices(settings.pinned_in),
            pinned_out=self.images.indices(settings.pinned_out),
            highlighted=self._similar.queries if self._similar is not None else (),
        )
        chosen = coreset.indices if coreset is not None else None
        self.map.show(facet, shown, chosen if coloured not in ("coreset", "compared") else None)

    def on_leave(self) -> None:
        """Hide what follows the mouse."""
        self.map.hover.hide()

    def _caption(self, summary: DatasetSummary) -> Callable[[int], str]:
        every = summary.dataset.images
        which = str(self.content.caption.currentData())
        if which == "file":
            return lambda index: every[index].path.rsplit("/", 1)[-1]
        if self._similar is not None:
            distance = dict(zip(self._similar.indices, self._similar.distances, strict=True))
            return lambda index: (
                f"{every[index].class_name} · {distance[index]:.2g}" if index in distance else (every[index].class_name)
            )
        return lambda index: every[index].class_name

    def _clear(self) -> None:
        self.tree.clear_checks()

    # --- asking -----------------------------------------------------------------------------------------------

    def _content(self) -> str:
        result = self.model.project.result("dataset")
        return result.content if result is not None else ""

    def _ask_clusters(self) -> None:
        clustered = (self.model.key("clusters"), self._content()) if self.model.facts("clusters") is not None else None
        if clustered == self._clustered:
            return
        self._clustered, self._clusters = clustered, ()
        if clustered is not None and self.images_are_there():
            self.open_image_service(self.questions)
            self.questions.ask(ListClusters(self.model.settings("clusters")), self._take_clusters)

    def _take_clusters(self, clusters: tuple[ClassClusters, ...]) -> None:
        self._clusters = clusters
        if self.isVisible():
            self.refresh()

    def show_similar(self, indices: Sequence[int]) -> None:
        """Show the images that are most similar to these."""
        if self.image_actions.why_no_similar():
            self.messages.warning(self.image_actions.why_no_similar())
            return
        self.open_image_service(self.questions)
        self.questions.ask(FindSimilar(tuple(int(index) for index in indices), N_SIMILAR), self._take_similar)

    def _take_similar(self, found: SimilarImages) -> None:
        self._similar = found
        of = (
            self.images.path(found.queries[0]).rsplit("/", 1)[-1]
            if len(found.queries) == 1
            else images(len(found.queries))
        )
        labels = [self.images.class_of(index) for index in found.indices]
        own = {self.images.class_of(index) for index in found.queries}
        same = sum(label in own for label in labels) / max(1, len(labels))
        self.content.show_similar(
            f"The {len(found.indices):,} images most similar to {of}, nearest first; {percent(round(same, 2))} of them "
            f"have the same label."
        )
        summary = self.images.summary
        if summary is not None:
            self._offer_orders(summary)
        self.content.descending.setChecked(False)
        self.content.choose_order("similarity")
        self.content.grid.clearSelection()
        self._apply()
        self.content.grid.scrollToTop()

    def leave_similar(self) -> None:
        """Show all images again."""
        self._similar = None
        self.content.show_similar("")
        summary = self.images.summary
        if summary is not None:
            self._offer_orders(summary)
        self._apply()

    def _find_label_errors(self) -> None:
        bits = self.model.settings("data").near_duplicate_bits
        self.ask(FindLabelErrors(self.study(), bits), self._take_findings)
        self.refresh()

    def _take_findings(self, findings: DatasetFindings) -> None:
        summary = self.images.summary
        if summary is not None:
            self.found.keep(findings, summary.paths)
            self.tree.check("finding", ["Suspected label error"])

    def _on_compared(self, name: str) -> None:
        """Colour the images by a result that has just been found."""
        self._colour_next = name
        if self.isVisible():
            self.refresh()

    def _on_refused(self, sentence: str, details: str) -> None:
        self._clustered = None
        if self.isVisible():
            self.messages.warning(sentence, details)

    # --- one image --------------------------------------------------------------------------------------------

    def _fill_menu(self, menu: QMenu, indices: Sequence[int]) -> None:
        self.menu.fill(menu, indices, walk=self.content.grid.images.keys.tolist())

    def facts_of(self, index: int) -> list[tuple[str, str]]:
        """Return what is known of an image, for the viewer."""
        summary = self.images.summary
        if summary is None:
            return []
        image = summary.dataset.images[index]
        facts = [("Class", self.image_actions.class_of(index))]
        if image.original_class:
            facts.append(("Class in the source", image.original_class))
        for name in ("set", "coreset", "compared", "stability", "cluster", "finding"):
            facet = self._index.facets.get(name)
            code = int(facet.codes()[index]) if facet is not None else -1
            if facet is not None and code >= 0:
                facts.append((facet.title, facet.values[code]))
        facts += [(title, text) for title, text in zip(summary.dataset.columns, image.more, strict=False) if text]
        note = self.model.project.image_notes.get(image.path)
        if note:
            facts.append(("Note", note))
        return [*facts, ("Size", self.images.size_words(index))]

    def _open(self, index: int) -> None:
        walk = self.content.map_keys if self.content.map_method else self.content.grid.images.keys
        self._open_image(index, walk.tolist())

    def _open_image(self, index: int, walk: object) -> None:
        self.large.open(index, walk if isinstance(walk, list) else [index])
