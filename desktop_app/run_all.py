"""Do everything: what it will take, then each step in turn as recommended here, to the answer on Compare."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from coreset_studio.core.pipeline.study import Study
from coreset_studio.core.pipeline.views import ComparisonPlan
from coreset_studio.desktop_app.dialogs.everything_sheet import PROBE, TRAIN, EverythingSheet, Step
from coreset_studio.desktop_app.messages import Messages
from coreset_studio.desktop_app.pages.page import Page
from coreset_studio.desktop_app.project_model import ProjectModel
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.window_frame import NAMES, STAGES

if TYPE_CHECKING:
    from coreset_studio.core.service.networks import Network

LOOK_MS = 150
MOST_IDLE = 20
"""Looks after which a page that asks for nothing is not waited for."""
BY_ITSELF = "coreset"
"""Chosen as soon as its page is shown; nothing has to be started."""


class RunAll(QObject):
    """Goes from step to step, and starts each as the user would; stops where one fails or is cancelled.

    Parameters
    ----------
    page_of : callable
        Returns the page of a stage.
    go_to : callable
        Shows a stage.
    window : QWidget
        In front of which the user is asked.

    Signals
    -------
    changed : ()
        It has begun or ended.
    """

    changed = Signal()

    def __init__(
        self,
        model: ProjectModel,
        service: EngineService,
        messages: Messages,
        page_of: Callable[[str], Page],
        go_to: Callable[[str], None],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._sheet: EverythingSheet | None = None
        self._agreed, self._ahead = False, ""
        self._idle = 0
        self._probe_plan: ComparisonPlan | None = None
        self._model, self._service, self._messages = model, service, messages
        self._page_of, self._go_to = page_of, go_to
        self._entered = self._recommended = self._started = ""
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        service.selection.refused.connect(self._on_refused)
        model.project_replaced.connect(self.stop)

    @property
    def is_running(self) -> bool:
        """Whether it is under way."""
        return self._timer.isActive()

    def start(self) -> None:
        """Begin with the first step that is not done."""
        if not self.is_running and self._model.project.source is not None:
            self._entered = self._recommended = self._started = ""
            self._agreed, self._ahead, self._probe_plan, self._idle = False, "", None, 0
            self._timer.start()
            self._messages.info("Estimating the time for all steps…")
            self.changed.emit()

    def stop(self) -> None:
        """Start no further step; the running one continues."""
        if self.is_running:
            self._timer.stop()
            self._close_sheet()
            self.changed.emit()

    # --- before it begins -------------------------------------------------------------------------------------

    def _look_ahead(self) -> None:
        """Choose what is recommended, ask every step what it takes, and let the user agree."""
        features, compare = self._page_of("features"), self._page_of("compare")
        if self._sheet is not None:
            return
        if not self._ahead:
            self._ahead = "features"
            features.look_ahead()
        elif self._ahead == "features" and self._is_known(features):
            self._ahead = "compare"
            for page in (features, self._page_of(BY_ITSELF)):
                page.recommend()
            if self._model.state(features.stage) != "done" and features.why_not():
                self._refuse(features.stage, features.why_not())
                return
            compare.look_ahead()
        elif self._ahead == "compare" and self._is_known(compare):
            self._ahead = "probe"
            self._estimate_probe(compare)
        elif self._ahead == "probe" and self._probe_plan is not None:
            self._ask(self._probe_plan)

    def _is_known(self, page: Page) -> bool:
        """Whether a page has heard what it asked for; where it asks for nothing any more, everything ends."""
        if page.is_settled():
            self._idle = 0
            return True
        self._idle = 0 if page.job_numbers() else self._idle + 1
        if self._idle > MOST_IDLE:
            self._refuse(page.stage, page.why_not() or "The time could not be estimated; run the step by itself.")
        return False

    def _quick_study(self, compare: Page) -> Study:
        study = compare.study()
        comparison = replace(study.settings.comparison, networks=(_quick().name,))
        return replace(study, settings=replace(study.settings, comparison=comparison))

    def _estimate_probe(self, compare: Page) -> None:
        from coreset_studio.core.service.comparison_requests import EstimateComparison  # not needed until then

        request = EstimateComparison(self._quick_study(compare))
        self._service.ask(request, self._take_probe_plan, on_failed=self._on_probe_failed)

    def _take_probe_plan(self, plan: ComparisonPlan) -> None:
        if self._ahead == "probe":
            self._probe_plan = plan

    def _on_probe_failed(self, sentence: str, details: str) -> None:
        if self.is_running and self._ahead == "probe":
            self.stop()
            self._messages.error(sentence, details)

    def _ask(self, probe_plan: ComparisonPlan) -> None:
        estimates: dict[str, tuple[str, float]] = {}
        for stage in STAGES:
            estimates |= self._page_of(stage).to_come()
        training = Step(TRAIN, *estimates.pop(STAGES[-1], ("", 0.0)))
        fits = f"{len(probe_plan.runs):,} fits of the {_quick().title_inside.partition(' (')[0]}"
        probe = Step(PROBE, fits, probe_plan.seconds)
        steps = [Step(NAMES[stage], *each) for stage, each in estimates.items() if self._model.state(stage) != "done"]
        self._sheet = EverythingSheet(self._model.name, steps, training, probe, self._window)
        self._sheet.accepted.connect(self._begin)
        self._sheet.rejected.connect(self.stop)
        self._sheet.open()

    def _begin(self) -> None:
        if self._sheet is not None and self._sheet.is_quick:
            self._page_of("compare").change_settings(
                "comparison", text="use of the linear probe", networks=(_quick().name,)
            )
        self._sheet, self._agreed = None, True
        self._messages.info("Running all steps up to the comparison. Cancel stops them.")

    def _close_sheet(self) -> None:
        sheet, self._sheet = self._sheet, None
        if sheet is not None:
            sheet.close()

    def _refuse(self, stage: str, reason: str) -> None:
        self.stop()
        self._messages.warning(f"Running all steps stopped at {NAMES[stage]}. {reason}")

    # --- step by step -----------------------------------------------------------------------------------------

    def _look(self) -> None:
        stage = next((each for each in STAGES if self._model.state(each) != "done"), None)
        if stage is None:
            self.stop()
            self._go_to(STAGES[-1])
            if self._agreed:
                for each in STAGES:
                    self._page_of(each).after_all_steps()
        elif stage != STAGES[0] and not self._agreed:
            self._look_ahead()
        elif self._service.is_running(stage):
            self._started = stage
        elif stage != self._entered:
            self._enter(stage)
        elif stage == BY_ITSELF:
            return
        elif stage == self._started:  # it has ended without a result, and the reason was shown
            self.stop()
        elif self._page_of(stage).is_settled():
            self._run(stage)

    def _enter(self, stage: str) -> None:
        self._entered = stage
        if stage == BY_ITSELF:  # before it is shown, and chooses
            self._page_of(stage).recommend()
            self._recommended = stage
        self._go_to(stage)

    def _run(self, stage: str) -> None:
        page = self._page_of(stage)
        if stage != self._recommended:
            self._recommended = stage
            page.recommend()
        elif reason := page.reason_not_to_run():
            self._refuse(stage, reason)
        else:
            self._started = stage
            page.run()

    def _on_refused(self, request: int, sentence: str, details: str) -> None:  # noqa: ARG002
        if self._entered == BY_ITSELF:
            self.stop()


def _quick() -> "Network":
    """Return what is compared where the user has no time for trainings."""
    from coreset_studio.core.service.networks import NETWORKS  # not needed until then: the window opens at once

    return next(network for network in NETWORKS.values() if network.sees_embeddings)
