"""The Dataset page: what was found, how it is divided, and what to look at before anything is chosen."""

from typing import Any

from PySide6.QtCore import QTimer

from coreset_studio.core.descriptions import choices_of
from coreset_studio.core.service.dataset_requests import DatasetFindings, DatasetSummary, FindLabelErrors, ScanDataset
from coreset_studio.core.service.quality import check_named
from coreset_studio.core.settings import DataSettings, with_own
from coreset_studio.core.settings.listed import settings_in
from coreset_studio.desktop_app.dialogs.reading_sheet import ReadingSheet
from coreset_studio.desktop_app.garbage import leave_out_of_collections
from coreset_studio.desktop_app.image_menu import ImageMenu
from coreset_studio.desktop_app.pages.dataset_content import DatasetContent, facts_of
from coreset_studio.desktop_app.pages.dataset_excluding import ExcludingByPattern
from coreset_studio.desktop_app.pages.dataset_findings import Findings
from coreset_studio.desktop_app.pages.dataset_groups import GroupsOfImages
from coreset_studio.desktop_app.pages.images_shown import ImagesShown
from coreset_studio.desktop_app.pages.large_image import LargeImage
from coreset_studio.desktop_app.pages.page import NOT_THERE, Page
from coreset_studio.desktop_app.registries import sources
from coreset_studio.desktop_app.widgets.words import images

SETTLE_MS = 700
IN_SHEET = ("csv",)
"""Sources whose settings the sheet on reading shows beside what they read."""
PREDEFINED = "The dataset has a predefined split."
WITHOUT_LABELS = "No image has a label, so that all are in the pool."
IN_FOLDS = "Each fold has its own test images."
READING_BEFORE = "How the images are read…"
NOT_PREDEFINED = "Leaks are only searched for if the dataset has a predefined split."


class DatasetPage(Page):
    """Counts, sample images, the split, groups, and findings; a class or an image can be left out.

    A change of the split is made at once: what was scanned is not decoded again.
    """

    stage = "dataset"
    title = "Dataset"
    sentence = "Scan the images and divide them into training, validation and test sets."
    run_text = "Scan"
    run_tip = "Read every image once: counts, sizes, duplicates, thumbnails"
    sections = ("data",)
    reads = ("dataset",)

    def build(self) -> None:
        """Make the options and the content."""
        self._has_failed = False
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._scan_again)
        self._add_shares()
        self._add_copies()
        self.groups = GroupsOfImages(self)
        self.groups.changed.connect(self._group_by)
        self.groups.column_changed.connect(self._group_by_column)
        self.pattern = self.groups.field
        self.add_more_option(
            "Groups that stay together",
            self.pattern,
            "Detect a patient or slide in each file path",
            question=(
                "Images of one patient look similar. If they are in both the training and the test set, the "
                "test accuracy is too optimistic."
            ),
        )
        self.excluding = ExcludingByPattern(self)
        self.excluding.changed.connect(self._exclude_by)
        facts = dict(choices_of(DataSettings))["left_out_patterns"]
        self.add_more_option(facts.title, self.excluding.field, facts.tip, question=facts.question)
        self.content = DatasetContent()
        self.excluding.field.opened.connect(self.content.open_image)
        self.content.histogram.inclusion_changed.connect(self._include)
        self.findings = Findings()
        self.findings.copies.keep_changed.connect(self._keep_copy)
        self.findings.keep_one_requested.connect(self._keep_one)
        self.findings.drop_leaks_requested.connect(self._drop_leaks)
        self.findings.label_errors_requested.connect(self._find_label_errors)
        self.findings.exclusion_requested.connect(self._leave_out)
        self.findings.inclusion_requested.connect(self._take_back)
        self.findings.threshold_requested.connect(self._set_threshold)
        self.model.settings_changed.connect(self._show_thresholds)
        self.findings.layout_requested.connect(self._read_by)
        self.images = ImagesShown()
        self.menu = ImageMenu.of_page(self, self.images)
        self.content.samples.row_made.connect(self.menu.attach_row)
        self.menu.attach_grid(self.findings.quality.images)
        self.menu.attach_table(self.findings.label_errors, lambda row: [row[0]])
        self.menu.attach_table(self.findings.left_out, lambda row: [row[0]])
        self.menu.attach_table(self.findings.near, lambda row: [row[0], row[5]])
        self.menu.attach_table(self.findings.copies, lambda row: [row.image])
        self.menu.attach_table(self.findings.leaks, self.images.indices)
        self.large = LargeImage(self.images, self.facts_of, self, self.menu.fill)
        self.menu.opened.connect(self.large.open)
        self.content.opened.connect(self.large.open)
        self.findings.opened.connect(self.large.open)
        self.findings.pattern_requested.connect(self._exclude_one)
        self.findings.reading_requested.connect(self.open_reading)
        self.content.reading_requested.connect(self.open_reading)
        self.content.add_findings(self.findings)
        self.controls.place(self.pattern, "data.group_pattern")
        self.controls.place(self.excluding.field, "data.left_out_patterns")
        self.controls.place(self.content, "data.left_out_classes")
        self.controls.place(self.findings, "data.left_out_images", "data.relabelled")
        self.controls.place(self.findings.quality, *(setting.where for setting in settings_in("quality")))
        self.controls.add_rest("data")
        self.set_content(self.content)
        self._say_empty()

    def _add_shares(self) -> None:
        # What a source reads says what the images are, so it comes first; columns of a table have a sheet of their own.
        self.controls.add_owned("data", more_of=IN_SHEET)
        self.test_share = self.controls.add("data.test_fraction").widget
        self.validation_share = self.controls.add("data.validation_fraction").widget
        self.seed = self.controls.add("data.split_seed").widget
        self.folds = self.controls.add("data.folds")
        self.keep_one = self.controls.add("data.keep_one_of_duplicates").widget
        self.controls.changed.connect(self.divide_soon)

    def _add_copies(self) -> None:
        self.controls.add("data.near_duplicates_together", more=True)
        self.controls.add("data.near_duplicate_bits", more=True)
        self.leaks = self.controls.add("data.drop_leaks", more=True)
        self.header_groups = self.controls.add("data.header_groups", more=True)
        self.controls.add("data.channels", more=True)
        self.controls.add("data.ignore_labels", more=True)

    # --- hooks ------------------------------------------------------------------------------------------------

    def why_not(self) -> str:
        """Return what has to be done before."""
        if self.model.project.source is None:
            return "Open a folder of images first."
        return "" if self.images_are_there() else NOT_THERE

    def run(self) -> None:
        """Scan and divide."""
        self._has_failed = False
        request = ScanDataset(self.study())
        self.ask(request, self._keep_images, on_failed=self._fail, on_cancelled=self._say_empty, as_step=True)
        self._say_empty()

    def _fail(self) -> None:
        """Say where to look: the message says what was wrong."""
        self._has_failed = True
        self._say_empty()

    def _say_empty(self) -> None:
        if self.model.project.source is not None and not self.images_are_there():
            self.set_empty(NOT_THERE, "Locate…", self._locate)
        elif self.job_numbers(ScanDataset):
            self.set_empty("Scanning… The images appear here when it is finished.")
        elif self._has_failed:
            self.set_empty("The images could not be read like this.", READING_BEFORE, self.open_reading)
        else:
            self.set_empty("No images yet", "Scan", self.try_run)

    def _locate(self) -> None:
        self.locate_requested.emit()

    def _keep_images(self, result: DatasetSummary) -> None:
        """Keep the images found."""
        dataset, split = result.dataset, result.split
        leave_out_of_collections(len(dataset.images))
        facts = {
            "images": len(dataset.images),
            "classes": list(dataset.classes),
            "pool": len(split.pool),
            "validation": len(split.validation),
            "test": len(split.test),
            "skipped": len(dataset.skipped),
            # So that images added later, and those of a prediction, are read alike, whatever becomes of the cache.
            **({"reading": result.fixed} if result.fixed else {}),
            **({"read_as": dict(dataset.read_as)} if dataset.read_as else {}),
        }
        self.keep(result, facts, content=result.identity)
        words = f"{result.words}, {len(split.pool):,} in the pool"
        self.summary_reported.emit(words, "features")

    def forget(self) -> None:
        """Show no images; the pattern is the new project's, even while its field has the focus."""
        settings = self.model.settings("data")
        self.images.forget()
        self.large.forget()
        self._has_failed = False
        self.content.forget()
        self.findings.forget()
        self.groups.forget(settings.group_pattern)
        self.excluding.forget(settings.left_out_patterns)
        self.run_button.setText(self.run_text)
        self._show_owned(None)
        self._let_be_divided(None)
        self._say_empty()

    def facts_of(self, index: int) -> list[tuple[str, str]]:
        """Return what is known of an image, for the viewer."""
        return facts_of(self.images.summary, index) if self.images.summary is not None else []

    def refresh(self) -> None:
        """Show choices and what was found."""
        settings = self.model.settings("data")
        summary = self._summary()
        if self.images.are_others(summary):
            self.large.close()
        self.images.set_summary(summary)
        self.groups.show_summary(summary, settings)
        self.excluding.show_summary(summary, settings.left_out_patterns)
        self.run_button.setText("Scan" if summary is None else "Scan again")
        self.show_empty(summary is None)
        if summary is None:
            self._say_empty()
        self._show_owned(summary)
        self.set_meaning(_meaning(summary) if summary is not None else "")
        if summary is not None:
            self._let_be_divided(summary)
            self.content.show_summary(summary, settings)
            self.findings.show_summary(summary, settings, self.model.settings("quality"))

    def _let_be_divided(self, summary: DatasetSummary | None) -> None:
        """Enable the shares that a predefined split does not determine."""
        is_predefined = summary is not None and summary.split.is_predefined
        validates = (
            is_predefined and summary is not None and any(one.split == "validation" for one in summary.dataset.images)
        )
        for box, kept in ((self.test_share, is_predefined), (self.validation_share, validates), (self.seed, validates)):
            box.setEnabled(not kept)
            box.setToolTip(PREDEFINED if kept else box.accessibleDescription())
        in_folds = self.folds.value is not None
        self.folds.set_no_effect(PREDEFINED if is_predefined and not in_folds else "")
        if in_folds and not is_predefined:
            self.test_share.setEnabled(False)
            self.test_share.setToolTip(IN_FOLDS)
        if summary is not None and not summary.dataset.has_labels:
            for box in (self.test_share, self.validation_share, self.seed):
                box.setEnabled(False)
                box.setToolTip(WITHOUT_LABELS)
            self.folds.set_no_effect(WITHOUT_LABELS)
        self.leaks.set_no_effect("" if summary is None or is_predefined or self.leaks.value else NOT_PREDEFINED)

    def _show_owned(self, summary: DatasetSummary | None) -> None:
        """Show what the source of the images reads; before they are read, what any reads that they may be of."""
        path = self.model.project.source
        if summary is not None:
            self.controls.show_owned("data", (summary.dataset.kind,))
        else:
            self.controls.show_owned("data", sources().likely(path) if path is not None else ())

    def _summary(self) -> DatasetSummary | None:
        summary = self.model.latest_value("dataset")
        return summary if isinstance(summary, DatasetSummary) else None

    # --- choices ----------------------------------------------------------------------------------------------

    def _changed(self, *, text: str = "", merge: bool = False, **changes: Any) -> None:
        if self.change_settings("data", text=text, merge=merge, **changes):
            self.divide_soon()

    def divide_soon(self) -> None:
        """Divide again once nothing has been changed for a moment."""
        if self._summary() is not None:
            self._settle.start()

    def _scan_again(self) -> None:
        if self.model.state("dataset") == "stale" and not self.reason_not_to_run():
            self.run()

    def _set_threshold(self, name: str, threshold: float) -> None:
        """Flag images from another value on; no result depends on it, so that nothing is scanned again."""
        text = f"change of the threshold of {check_named(name).title}"
        self.change_settings("quality", text=text, merge=True, **{name: threshold})

    def _show_thresholds(self, section: str) -> None:
        if section == "quality":
            self.findings.quality.show_settings(self.model.settings("quality"))

    def _keep_one(self, keep: bool = True) -> None:
        self._changed(keep_one_of_duplicates=keep)

    def _drop_leaks(self) -> None:
        self._changed(drop_leaks=True)

    def _read_by(self, layout: str) -> None:
        self._changed(layout=layout)

    def _include(self, name: str, included: bool) -> None:
        left_out = set(self.model.settings("data").left_out_classes) - {name}
        self._changed(left_out_classes=tuple(sorted(left_out if included else left_out | {name})))

    def _keep_copy(self, group: object, kept: int) -> None:
        summary = self._summary()
        if summary is None or not isinstance(group, tuple):
            return
        paths = {index: summary.dataset.images[index].path for index in group}
        left_out = set(self.model.settings("data").left_out_images) - set(paths.values())
        if kept >= 0:
            left_out |= {path for index, path in paths.items() if index != kept}
        self._changed(left_out_images=tuple(sorted(left_out)))

    def _leave_out(self, indices: object) -> None:
        self._change_left_out(indices, out=True)

    def _take_back(self, indices: object) -> None:
        summary = self._summary()
        if summary is None or not isinstance(indices, tuple):
            return
        by_hand = set(self.model.settings("data").left_out_images)
        reasons = {left.index: left.reason for left in summary.split.left_out}
        others = [reasons.get(i, "") for i in indices if summary.dataset.images[i].path not in by_hand]
        if others:
            self.messages.warning(
                f"{images(len(others))} of the selection cannot be included one by one. Reason: {others[0]} Change the "
                "setting that excludes such images."
            )
        self._change_left_out(indices, out=False)

    def _change_left_out(self, indices: object, *, out: bool) -> None:
        summary = self._summary()
        if summary is None or not isinstance(indices, tuple):
            return
        paths = {summary.dataset.images[index].path for index in indices}
        left_out = set(self.model.settings("data").left_out_images)
        self._changed(left_out_images=tuple(sorted(left_out | paths if out else left_out - paths)))

    def _exclude_by(self, patterns: object) -> None:
        self._changed(text="change of “Excluded by pattern”", left_out_patterns=patterns)

    def _exclude_one(self, pattern: str) -> None:
        before = self.model.settings("data").left_out_patterns
        self._changed(text=f"exclusion of {pattern}", left_out_patterns=tuple(dict.fromkeys((*before, pattern))))

    def _find_label_errors(self) -> None:
        if not self.model.facts("features"):
            self.messages.warning(
                "Suspected label errors are found from features. Extract them first, on the Features page."
            )
            return
        if not self.job_numbers(FindLabelErrors):
            bits = self.model.settings("data").near_duplicate_bits
            self.ask(FindLabelErrors(self.study(), bits), self._show_label_errors)

    def _show_label_errors(self, findings: DatasetFindings) -> None:
        summary = self._summary()
        if summary is not None:
            self.context.findings.keep(findings, summary.paths)
            self.findings.show_label_errors(findings, summary)

    # --- reading ----------------------------------------------------------------------------------------------

    def open_reading(self) -> None:
        """Show how the images were read, and let that be changed."""
        source = self.model.project.source
        if source is None or not self.images_are_there():
            self.messages.warning(self.why_not())
            return
        sheet = ReadingSheet(source, self._summary(), self.model.settings("data"), self.service, self)
        sheet.chosen.connect(self._read_like)
        sheet.finished.connect(sheet.deleteLater)
        sheet.open()

    def _read_like(self, changes: object) -> None:
        if not isinstance(changes, dict):
            return
        self._changed(text="change of how the images are read", **changes)
        if self._summary() is None:
            self.try_run()

    # --- groups -----------------------------------------------------------------------------------------------

    def _group_by(self, pattern: str) -> None:
        self._changed(text="change of “Groups that stay together”", group_pattern=pattern)

    def _group_by_column(self, kind: str, column: str) -> None:
        data = self.model.settings("data")
        own = with_own(data, kind, group_column=column).own
        self._changed(text="change of “Column of the groups”", merge=True, own=own)


def _meaning(summary: DatasetSummary) -> str:
    """Return what the images found mean for choosing a coreset, and what to do next."""
    pool, test = len(summary.split.pool), len(summary.split.test)
    if not summary.dataset.has_labels:
        return f"A coreset of the {pool:,} images is the list of images to label first. Next: extract features."
    use = f"the {test:,} test images are used to evaluate it" if test else "there are no test images to evaluate it"
    return f"The coreset is selected from the {pool:,} images of the pool; {use}. Next: extract features."
