"""The Review page: suspected label errors, duplicates and near-duplicates, one at a time."""

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLabel, QProgressBar

from coreset_studio.core.service.dataset_requests import DatasetFindings, DatasetSummary, FindLabelErrors
from coreset_studio.core.service.image_requests import DecodedImage, DecodeImage, FindSimilar, SimilarImages
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.image_actions import ImageActions
from coreset_studio.desktop_app.image_menu import ImageMenu
from coreset_studio.desktop_app.models import review
from coreset_studio.desktop_app.models.pixels import image_of
from coreset_studio.desktop_app.models.review import KINDS, SETS, Finding
from coreset_studio.desktop_app.models.table_model import Column
from coreset_studio.desktop_app.pages.images_shown import ImagesShown
from coreset_studio.desktop_app.pages.large_image import LargeImage
from coreset_studio.desktop_app.pages.page import NOT_THERE, Page
from coreset_studio.desktop_app.pages.review_content import ReviewContent
from coreset_studio.desktop_app.service.selection import SelectionQuestions
from coreset_studio.desktop_app.widgets.controls import ComboBox
from coreset_studio.desktop_app.widgets.table import Table
from coreset_studio.desktop_app.widgets.words import set_tone

N_NEIGHBOURS = 20
NO_FEATURES = "Extract features first, on the Features page: label errors are found by them."
TEST_NOTE = (
    "Correcting labels of validation or test images after seeing predictions biases the score. Every report counts "
    "them and gives the accuracy under both labels."
)


class ReviewPage(Page):
    """One finding at a time: an image next to its nearest neighbours and their labels, with keys to decide."""

    place = "review"
    stage = "dataset"
    title = "Review"
    sentence = "Check suspected label errors, duplicates and near-duplicates one at a time. No file is changed."
    run_text = "Find label errors"
    run_tip = "Compare the label of every image with those of its nearest neighbours in the pool"
    sections = ("data",)
    reads = ("dataset", "features", "clusters")

    def build(self) -> None:
        """Make the options and the content."""
        self._know_nothing()
        self.images = ImagesShown()
        self.questions = SelectionQuestions(self.service.selection, self)
        self.questions.refused.connect(self._on_refused)
        # Not divided again after each decision, but when the page is left.
        self.menu = ImageMenu(ImageActions(self, self.images), self)
        self.menu.actions.similar_requested.connect(self.similar_requested)
        self.content = ReviewContent()
        self.kinds, self.sets = ComboBox(), ComboBox()
        self.kinds.addItem("All findings", "")
        for kind, words in KINDS.items():
            self.kinds.addItem(words, kind)
        for name, title in {**SETS, "": "All sets"}.items():
            self.sets.addItem(title, name)
        self.add_option("Findings", self.kinds, "Which findings to review")
        self.add_option("Images of", self.sets, "Which images to review")
        self.bias = QLabel(TEST_NOTE)
        self.bias.setWordWrap(True)
        set_tone(self.bias, "warning")
        self.add_to_options(self.bias)
        self.near_cells = QLabel()
        self.near_cells.setWordWrap(True)
        self.near_cells.hide()
        self.add_to_options(self.near_cells)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(theme.UNIT)
        self.progress_label = QLabel()
        self.add_to_options(self.progress_label)
        self.add_to_options(self.progress)
        self.list = Table(
            "Findings",
            [
                Column("Image", lambda row: row[1].rsplit("/", 1)[-1], row_tooltip=lambda row: row[1]),
                Column("Decision", lambda row: row[2], row_tooltip=lambda row: row[2]),
            ],
        )
        self.list.setMinimumHeight(theme.UNIT * 30)
        self.list.set_note("No findings")
        self.list.row_chosen.connect(self._choose_row)
        self.add_to_options(self.list)
        self.large = LargeImage(self.images, self.facts_of, self, self.menu.fill)
        self.kinds.currentIndexChanged.connect(self._filter)
        self.sets.currentIndexChanged.connect(self._filter)
        content = self.content
        content.kept.connect(self._keep)
        content.skipped.connect(self._skip)
        content.excluded.connect(self._exclude)
        content.relabelled.connect(self._relabel)
        content.stepped.connect(self._step)
        content.opened.connect(self.large.open)
        self.menu.opened.connect(self.large.open)
        self.menu.attach_grid(content.neighbours, keys=("S", "R", "X", "N", "Shift+X"))
        self.found.changed.connect(self._on_found)
        self.model.image_facts_changed.connect(self._on_decided)
        self.set_content(content)
        self._say_empty()

    def _know_nothing(self) -> None:
        self._all: tuple[Finding, ...] = ()
        self._shown: tuple[Finding, ...] = ()
        self._decisions: list[str] = []
        self._at = -1
        self._drawn: object = None
        self._made_of: object = None
        self._labels_before: object = None

    @property
    def finding(self) -> Finding | None:
        """The finding that is shown; None while there is none."""
        return self._shown[self._at] if 0 <= self._at < len(self._shown) else None

    # --- hooks ------------------------------------------------------------------------------------------------

    def why_not(self) -> str:
        """Return what has to be done before."""
        if self.model.facts("features") is None:
            return NO_FEATURES
        return "" if self.images_are_there() else NOT_THERE

    def run(self) -> None:
        """Search for label errors and near-duplicates."""
        request = FindLabelErrors(self.study(), self.model.settings("data").near_duplicate_bits, held_out=True)
        self.ask(request, self._take_findings, on_failed=self.refresh, on_cancelled=self.refresh)
        self._say_empty()

    def restore(self) -> None:
        """Search for nothing by itself."""

    def on_enter(self) -> None:
        """Remember the labels, to see whether the dataset has to be divided again."""
        self._labels_before = self._labels()

    def on_leave(self) -> None:
        """Divide the dataset again if images were relabelled or excluded."""
        if self._labels_before is not None and self._labels_before != self._labels():
            self.dataset_changed.emit()

    def forget(self) -> None:
        """Show no findings."""
        self._know_nothing()
        self.images.forget()
        self.large.forget()
        self.list.set_rows(())
        self.progress_label.clear()
        self.progress.reset()
        self._say_how_found(None)
        self.kinds.setCurrentIndex(0)
        self.sets.setCurrentIndex(0)
        self.content.show_image("", "", QSize())
        self.content.show_partner("", "", QSize())
        self.content.show_neighbours((), "")
        self.content.show_finding("", "", "", (), is_pair=False, is_first=True, is_last=True)
        self._say_empty()

    def refresh(self) -> None:
        """Show the findings of the last scan and search."""
        value = self.model.latest_value("dataset")
        summary = value if isinstance(value, DatasetSummary) else None
        if self.images.are_others(summary):
            self.start_empty()
            self._labels_before = self._labels()
        self.images.set_summary(summary)
        findings = self.found.of(summary.paths) if summary is not None else None
        if summary is not None and (summary.duplicates, findings, len(summary.dataset.images)) != self._made_of:
            self._made_of = (summary.duplicates, findings, len(summary.dataset.images))
            self._all, self._at = review.findings(summary, findings), -1
            self._say_how_found(findings)
            self._filter()
        elif summary is not None:
            self._on_decided()
        self._say_empty()

    def _say_how_found(self, findings: DatasetFindings | None) -> None:
        words = findings.words if findings is not None else ""
        self.near_cells.setText(words)
        self.near_cells.setVisible(bool(words))

    def _labels(self) -> object:
        data = self.model.settings("data")
        return data.relabelled, data.left_out_images

    def _say_empty(self) -> None:
        searching = bool(self.job_numbers(FindLabelErrors))
        self.show_empty(not self._all)
        self.option_column.setVisible(bool(self._all))
        searched = self.images.summary is not None and self.found.of(self.images.summary.paths) is not None
        if self.model.project.source is not None and not self.images_are_there():
            self.set_empty(NOT_THERE)
        elif searching:
            self.set_empty("Searching… The findings appear here when it is finished.")
        elif searched:
            self.set_empty("No suspected label errors, duplicates or near-duplicates.")
        elif self.model.facts("features") is None:
            self.set_empty(NO_FEATURES, "Go to Features", self._go_to_features)
        else:
            self.set_empty("Nothing to review yet", self.run_text, self.try_run)

    def _go_to_features(self) -> None:
        self.step_requested.emit("features")

    def _take_findings(self, findings: DatasetFindings) -> None:
        summary = self.images.summary
        if summary is not None:
            self.found.keep(findings, summary.paths)
            self.refresh()

    def _on_found(self) -> None:
        if self.isVisible():
            self.refresh()

    # --- which finding ----------------------------------------------------------------------------------------

    def _filter(self) -> None:
        summary = self.images.summary
        self.bias.setVisible(self.sets.currentData() != "pool")
        if summary is None:
            return
        before = self.finding
        kind = self.kinds.currentData()
        found = review.of_set(self._all, summary.split, str(self.sets.currentData()))
        self._shown = tuple(one for one in found if not kind or one.kind == kind)
        self._decisions = self._decided()
        at = self._shown.index(before) if before in self._shown else review.next_open(self._decisions, 0)
        self._at = at if at >= 0 else min(0, len(self._shown) - 1)
        self._show()

    def _decided(self) -> list[str]:
        return review.decisions(self.model.project, (self.images.path(one.index) for one in self._shown))

    def _on_decided(self) -> None:
        """Show decisions that were made or taken back here or elsewhere; what was taken back comes into view."""
        before, self._decisions = self._decisions, self._decided()
        if len(before) == len(self._decisions):
            opened = [
                row for row, (old, new) in enumerate(zip(before, self._decisions, strict=True)) if old and not new
            ]
            if opened:
                self._at = opened[0]
        self._show()

    def _choose_row(self, row: Sequence[object]) -> None:
        if row[0] != self._at:
            self._at = int(str(row[0]))
            self._show()

    def _step(self, by: int) -> None:
        self._at = min(max(self._at + by, 0), len(self._shown) - 1)
        self._show()

    def _go_on(self) -> None:
        """Go to the next finding that is open, or stay where none is."""
        self._decisions = self._decided()
        at = review.next_open(self._decisions, self._at)
        self._at = at if at >= 0 else self._at
        self._show()

    # --- decisions --------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        self._review("kept")

    def _skip(self) -> None:
        self._review("skipped")

    def _review(self, how: str) -> None:
        one = self.finding
        if one is not None:
            self.model.set_reviewed(self.images.path(one.index), "kept" if how == "kept" else "skipped")
            self._go_on()

    def _exclude(self) -> None:
        if self.finding is not None:
            self.menu.actions.exclude([self.finding.index])
            self._go_on()

    def _relabel(self, name: str) -> None:
        one = self.finding
        if one is None:
            return
        if not name:
            dialog = self.menu.actions.ask_class([one.index])
            dialog.chosen.connect(self._go_on)
        elif name == self.menu.actions.class_of(one.index):
            self._keep()
        else:
            self.menu.actions.relabel([one.index], name)
            self._go_on()

    # --- showing ----------------------------------------------------------------------------------------------

    def _show(self) -> None:
        """Show the finding, what was decided, and how far the review is."""
        rows = [(number, self.images.path(one.index), state)
                for number, (one, state) in enumerate(zip(self._shown, self._decisions, strict=True))]  # fmt: skip
        self.list.set_rows(rows)
        done = sum(bool(state) for state in self._decisions)
        self.progress.setRange(0, max(1, len(rows)))
        self.progress.setValue(done)
        self.progress_label.setText(f"{done:,} of {len(rows):,} reviewed")
        one, summary = self.finding, self.images.summary
        if one is None or summary is None:
            self.content.show_finding("No such findings.", "", "", (), is_pair=False, is_first=True, is_last=True)
            self.content.show_image("", "", QSize())
            self.content.show_partner("", "", QSize())
            self.content.show_neighbours((), "")
            self._drawn = None
            return
        self.list.blockSignals(True)
        self.list.selectRow(self._at)
        self.list.blockSignals(False)
        self.content.show_finding(
            one.sentence, self._decisions[self._at], one.suggestion, self.menu.actions.classes(),
            is_pair=one.partner >= 0, is_first=self._at == 0, is_last=self._at == len(self._shown) - 1,
        )  # fmt: skip
        drawn = (one, self.model.facts("features") is not None)
        if drawn != self._drawn:
            self._drawn = drawn
            self._show_images(summary, one)

    def _show_images(self, summary: DatasetSummary, one: Finding) -> None:
        for index, show in ((one.index, self.content.show_image), (one.partner, self.content.show_partner)):
            if index < 0:
                show("", "", QSize())
                continue
            image = summary.dataset.images[index]
            show(f"{image.path} · {self.menu.actions.class_of(index)}", str(summary.thumbnail(index)),
                 QSize(image.width, image.height))  # fmt: skip
            if self.open_image_service(self.questions):
                self.questions.ask(DecodeImage(index), self._take_pixels, latest=False)
        if self.model.facts("features") is None:
            self.content.show_neighbours((), "Similar images are shown once the features are extracted.")
        elif self.open_image_service(self.questions):
            self.content.show_neighbours((), "Searching…")
            self.questions.ask(FindSimilar((one.index,), N_NEIGHBOURS), self._take_neighbours)

    def _take_pixels(self, decoded: DecodedImage) -> None:
        one, summary = self.finding, self.images.summary
        if one is None or summary is None or decoded.index not in (one.index, one.partner) or not decoded.rgb:
            return
        image = summary.dataset.images[decoded.index]
        self.content.show_pixels(
            image_of(decoded), QSize(image.width, image.height), partner=decoded.index == one.partner
        )

    def _take_neighbours(self, found: SimilarImages) -> None:
        one = self.finding
        if one is None or found.queries != (one.index,):
            return
        label = self.menu.actions.class_of
        images = [self.images.thumbnail(index)._replace(caption=label(index)) for index in found.indices]
        self.content.show_neighbours(images, "No neighbours")

    def _on_refused(self, sentence: str, details: str) -> None:  # noqa: ARG002
        if self.isVisible():
            self.content.show_neighbours((), sentence)

    def facts_of(self, index: int) -> list[tuple[str, str]]:
        """Return what is known of an image, for the viewer."""
        return [("Class", self.menu.actions.class_of(index)), ("Size", self.images.size_words(index))]
