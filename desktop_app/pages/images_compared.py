"""Two coresets side by side and the stability of a selection, as filters and colours of the Images page."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QPushButton

from coreset_studio.core.results.differences import ComparedCoresets
from coreset_studio.core.results.stability import Stability
from coreset_studio.core.service.coreset_requests import ReadEarlierCoreset
from coreset_studio.core.service.map_requests import CompareCoresets, MeasureStability
from coreset_studio.core.settings import EarlierCoreset, SelectionSettings
from coreset_studio.desktop_app.dialogs.coresets_dialog import CompareCoresetsDialog, StabilityDialog
from coreset_studio.desktop_app.models.facets import NO_VALUE, Division, Facet
from coreset_studio.desktop_app.pages.page import Page
from coreset_studio.desktop_app.registries import samplers

FILTER = "Exports (coreset.json);;All files (*)"
LEVELS = ("Always selected", "At least half of the times", "Less than half", "Never selected")
Extra = tuple[Facet, NDArray[np.float64] | None]


class ImagesCompared(QObject):
    """Buttons of the Images page, their dialogs, and what was found, until the settings of the coreset change.

    Attributes
    ----------
    compare_button, stability_button : QPushButton
    dialog : CompareCoresetsDialog or None
        The dialog that was opened last, while it is open.

    Signals
    -------
    found : (str)
        There is a result; with the name of its facet.
    """

    found = Signal(str)

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self._page = page
        self._key: object = None
        self._results: tuple[ComparedCoresets | None, Stability | None] = (None, None)
        self.dialog: CompareCoresetsDialog | None = None
        self.compare_button = QPushButton("Compare coresets…")
        self.compare_button.clicked.connect(self.open_compare)
        self.stability_button = QPushButton("Stability…")
        self.stability_button.clicked.connect(self.open_stability)

    def forget(self) -> None:
        """Have no results and no dialog, which the page closes without its signals."""
        self._results, self._key = (None, None), None
        self.dialog = None

    @property
    def results(self) -> tuple[ComparedCoresets | None, Stability | None]:
        """The comparison and the stability, those that hold for the settings as they are now."""
        if self._results != (None, None) and self._key != self._current_key():
            self._results = (None, None)
        return self._results

    def show_state(self) -> None:
        """Enable the buttons, or say why they cannot be used."""
        has = self._page.model.facts("coreset") is not None
        busy = bool(self._page.job_numbers(CompareCoresets, MeasureStability))
        reason = "" if has else "Select a coreset first, on the Coreset page."
        for button, tip in (
            (self.compare_button, "Compare the coreset with that of another sampler or fraction, or with an export"),
            (self.stability_button, "Count how often each image is selected over several splits and seeds"),
        ):
            button.setEnabled(has and not busy)
            button.setToolTip("Computing…" if busy else reason or tip)

    def facets(self, n_images: int) -> list[Extra]:
        """Return the facets of the results, each with what images are sorted by, if anything."""
        compared, stability = self.results
        extra: list[Extra] = []
        if compared is not None:
            of = np.full(n_images, NO_VALUE, dtype=np.int64)
            for code, indices in enumerate((compared.both, compared.only_current, compared.only_other)):
                of[indices] = code
            values = ("In both", "Only in the current one", f"Only in {compared.name}")
            extra.append((Division("compared", "Compared coresets", values, of), None))
        if stability is not None and len(stability.in_pool) == n_images:
            shares = stability.shares
            of = np.select([np.isnan(shares), shares == 1, shares >= 0.5, shares > 0], [NO_VALUE, 0, 1, 2], 3)
            extra.append((Division("stability", "Stability", LEVELS, of.astype(np.int64)), shares))
        return extra

    # --- dialogs ----------------------------------------------------------------------------------------------

    def open_compare(self) -> CompareCoresetsDialog:
        """Ask for another coreset."""
        dialog = CompareCoresetsDialog(self._page.model.settings("selection"), self._page)
        dialog.requested.connect(self._compare)
        dialog.export_requested.connect(self._ask_export)
        dialog.finished.connect(self._on_closed)
        self.dialog = dialog
        compared = self.results[0]
        if compared is not None:
            dialog.show_result(compared)
        dialog.show()
        return dialog

    def open_stability(self) -> StabilityDialog:
        """Ask for the numbers of splits and seeds."""
        sampler = samplers().get(self._page.model.settings("selection").sampler)
        dialog = StabilityDialog(draws=sampler is None or sampler.uses_seed, parent=self._page)
        dialog.requested.connect(self._measure)
        dialog.open()
        return dialog

    def _on_closed(self) -> None:
        self.dialog = None

    def _ask_export(self) -> None:
        chooser = QFileDialog(self._page, "Compare with an export", "", FILTER)
        chooser.setFileMode(QFileDialog.FileMode.ExistingFile)
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chooser.fileSelected.connect(self.read_export)
        chooser.open()

    def read_export(self, file: str) -> None:
        """Read an export, and compare the coreset with it."""
        self._show_busy()
        self._page.ask(
            ReadEarlierCoreset(Path(file)), self._take_export, on_failed=self._on_ended, on_cancelled=self._on_ended
        )

    def _take_export(self, found: tuple[EarlierCoreset, tuple[str, ...]]) -> None:
        export, notes = found
        if notes:
            self._page.messages.warning(" ".join(notes), "")
        self._compare(export, export.name)

    # --- engine -----------------------------------------------------------------------------------------------

    def _current_key(self) -> object:
        result = self._page.model.project.result("dataset")
        return (self._page.model.key("coreset"), result.content if result is not None else "")

    def _compare(self, other: SelectionSettings | EarlierCoreset, name: str) -> None:
        self._show_busy()
        key = self._current_key()

        def take(found: ComparedCoresets) -> None:
            self._keep(key, (found, self._results[1] if self._key == key else None), "compared")
            if self.dialog is not None:
                self.dialog.show_result(found)

        request = CompareCoresets(self._page.study(), other, name)
        self._page.ask(request, take, on_failed=self._on_ended, on_cancelled=self._on_ended)
        self.show_state()

    def _measure(self, n_splits: int, n_seeds: int) -> None:
        key = self._current_key()

        def take(found: Stability) -> None:
            self._keep(key, (self._results[0] if self._key == key else None, found), "stability")
            for note in found.notes:
                self._page.messages.warning(note)

        clusters = self._page.model.project.result("clusters")
        seconds = clusters.seconds * (n_splits - 1) if clusters is not None else 0.0
        self._page.ask(
            MeasureStability(self._page.study(), n_splits, n_seeds),
            take,
            on_failed=self._on_ended,
            on_cancelled=self._on_ended,
            expected_seconds=seconds or None,
        )
        self.show_state()

    def _keep(self, key: object, results: tuple[ComparedCoresets | None, Stability | None], name: str) -> None:
        self._key, self._results = key, results
        self.show_state()
        if key == self._current_key():
            self.found.emit(name)

    def _show_busy(self) -> None:
        if self.dialog is not None:
            self.dialog.show_busy()

    def _on_ended(self) -> None:
        self.show_state()
        if self.dialog is not None:
            self.dialog.show_idle()
