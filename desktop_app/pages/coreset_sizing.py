"""Finding the size of a coreset from the Coreset page, and checking it by training once."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject

from coreset_studio.core.results import Note
from coreset_studio.core.results.sizes import SizeCheck, Sizes
from coreset_studio.core.service.coreset_requests import CheckSize, FindSizes
from coreset_studio.core.service.needs import sizes_seconds
from coreset_studio.core.size_answer import points
from coreset_studio.desktop_app.pages.coreset_sizes import CANCELLED, CHECK_CANCELLED, FAILED, NOT_CHECKED, SizesPanel
from coreset_studio.desktop_app.pages.images_shown import ImagesShown, pool_by_class
from coreset_studio.desktop_app.pages.page import Page

QUICK_SECONDS = 120.0
"""How long finding a size may take for it to be done after all steps without being asked for."""
LEAST_TO_SIZE = 50
"""Images of the pool below which hardly any margin can be shown."""


class Sizing(QObject):
    """Runs what the panel of sizes asks for, and knows whether its curves are of the present settings."""

    def __init__(self, page: Page, panel: SizesPanel, images: ImagesShown) -> None:
        super().__init__(page)
        self._page, self._panel, self._images = page, panel, images
        self._measured: object = None
        self._is_reported = False
        panel.requested.connect(self.find)
        panel.check_requested.connect(self._check)
        panel.margin_changed.connect(self._keep_margin)

    def forget(self) -> None:
        """Know of no curves; the panel forgets them itself."""
        self._measured, self._is_reported = None, False

    def refresh(self) -> None:
        """Show the margin of the project, and whether the curves are of its settings."""
        model = self._page.model
        self._panel.show_margin(model.project.choices.margin)
        self._panel.show_network(model.settings("comparison").networks[0])
        self._show_outdated()

    def find(self, network: str = "") -> None:
        """Measure the curves with a network; empty: with the linear probe."""
        page = self._page
        if page.model.facts("clusters") is None or page.job_numbers(FindSizes):
            return
        seconds = None if network else sizes_seconds(page.study(), self._n_pool())
        page.ask(
            FindSizes(page.study(), network),
            partial(self._take, (network, self._basis(network))),
            on_part=self._print_note,
            on_failed=partial(self._end, FAILED),
            on_cancelled=partial(self._end, CANCELLED),
            expected_seconds=seconds,
        )
        self._panel.show_busy(True, seconds or 0.0)

    def find_if_quick(self) -> None:
        """Find the size and report it where that is quick, there are images enough, and it was not done."""
        n_pool = self._n_pool()
        if n_pool < LEAST_TO_SIZE or sizes_seconds(self._page.study(), n_pool) > QUICK_SECONDS:
            return
        if self._is_outdated():
            self._is_reported = True
            self.find()

    def _n_pool(self) -> int:
        return sum(pool_by_class(self._images.summary).values())

    def _basis(self, network: str) -> object:
        """Return what measured sizes depend on: all that selects, other than the size, and how networks are trained."""
        model = self._page.model
        selection = replace(
            model.settings("selection"), fraction=1.0, images=None, pinned_in=(), pinned_out=(), continue_from=None
        )
        result = model.project.result("dataset")
        training = model.settings("training") if network else None
        return selection, model.key("clusters"), result.content if result is not None else "", training

    def _is_outdated(self) -> bool:
        if not isinstance(self._measured, tuple):
            return True
        network, basis = self._measured
        return bool(basis != self._basis(network))

    def _show_outdated(self) -> None:
        self._panel.show_outdated(self._is_outdated())

    def _take(self, measured: tuple[str, object], sizes: Sizes) -> None:
        self._measured = measured
        self._panel.show_sizes(sizes)
        self._show_outdated()
        answer = self._panel.answer
        if self._is_reported and answer is not None:
            self._page.messages.info(f"Loss of at most {points(answer.margin)}: {answer.sentence}")
        self._is_reported = False

    def _end(self, sentence: str) -> None:
        self._is_reported = False
        self._panel.show_problem(sentence)

    def _print_note(self, part: object) -> None:
        if isinstance(part, Note):
            self._page.messages.info(part.sentence)

    def _check(self, n_images: int, margin: float) -> None:
        page = self._page
        if page.job_numbers(CheckSize):
            return
        network = page.model.settings("comparison").networks[0]
        page.ask(
            CheckSize(page.study(), network, n_images, margin),
            self._take_check,
            on_failed=partial(self._panel.end_check, NOT_CHECKED),
            on_cancelled=partial(self._panel.end_check, CHECK_CANCELLED),
        )
        self._panel.show_checking()

    def _take_check(self, check: SizeCheck) -> None:
        self._panel.show_check(check)

    def _keep_margin(self, margin: float) -> None:
        self._page.model.set_choices(margin=margin)
