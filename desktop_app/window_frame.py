"""The contents of the main window: steps at the side, the pages, the strip of warnings, the job bar."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.pages import PLACES, STEPS
from coreset_studio.desktop_app.pages.page import Page, PageContext
from coreset_studio.desktop_app.pages.start import StartPage
from coreset_studio.desktop_app.widgets.job_bar import JobBar
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip
from coreset_studio.desktop_app.widgets.step_list import StepList

STAGES = tuple(step.stage for step in STEPS)
NAMES = {step.stage: step.name for step in STEPS}
EVERY = (*STAGES, *(place.stage for place in PLACES))
"""What stands at the side, from the top: the stages of the steps, then the names of the other pages."""
NARROW = theme.UNIT * 132
"""A window below this width shows the numbers of the steps without their names."""


class PageHost(QStackedWidget):
    """The start page and the pages of the steps, each made on first use.

    Attributes
    ----------
    pages : dict of str to Page
        Those made so far, by stage.

    Signals
    -------
    run_state_changed : ()
    step_requested : (stage)
    locate_requested, weights_requested, dataset_changed : ()
    similar_requested : (tuple of int)
    summary_reported : (sentence, next_stage)
        As of the pages.
    """

    run_state_changed = Signal()
    step_requested = Signal(str)
    locate_requested = Signal()
    weights_requested = Signal()
    dataset_changed = Signal()
    similar_requested = Signal(object)
    summary_reported = Signal(str, str)

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.pages: dict[str, Page] = {}
        self.start_page = StartPage(context.preferences)
        self.addWidget(self.start_page)

    def page(self, stage: str) -> Page:
        """Return the page of a stage, or another page by its name, made on first use."""
        if stage not in self.pages:
            page = (*STEPS, *PLACES)[EVERY.index(stage)].make_page(self._context)
            page.run_state_changed.connect(self.run_state_changed)
            page.step_requested.connect(self.step_requested)
            page.locate_requested.connect(self.locate_requested)
            page.weights_requested.connect(self.weights_requested)
            page.dataset_changed.connect(self.dataset_changed)
            page.similar_requested.connect(self.similar_requested)
            page.summary_reported.connect(self.summary_reported)
            self.pages[stage] = page
            self.addWidget(page)
        return self.pages[stage]

    @property
    def current_page(self) -> Page | None:
        """The page that is shown; None for the start page."""
        shown = self.currentWidget()
        return shown if isinstance(shown, Page) else None

    def show_stage(self, stage: str, *, take_focus: bool = False) -> None:
        """Show the page of a stage; with `take_focus` keys go to the page, where Enter runs the step."""
        page = self.page(stage)
        if page is not self.current_page:
            self._leave()
            self.setCurrentWidget(page)
        if take_focus:
            page.setFocus()
        page.enter()

    def handle_weights_changed(self) -> None:
        """Notify every page that weights were added to this computer."""
        for page in self.pages.values():
            page.on_weights_changed()

    def show_start(self) -> None:
        """Show the start page."""
        self._leave()
        self.setCurrentWidget(self.start_page)
        self.start_page.set_focus()

    def reason_not_to_run(self) -> str:
        """Return why the step that is shown cannot run now, or an empty text."""
        return self.current_page.reason_not_to_run() if self.current_page is not None else "Open images first."

    def run(self) -> None:
        """Run the step that is shown."""
        if self.current_page is not None:
            self.current_page.try_run()

    def _leave(self) -> None:
        if self.current_page is not None:
            self.current_page.leave()


class WindowFrame(QWidget):
    """The central widget of the main window.

    Attributes
    ----------
    steps : StepList
    host : PageHost
    strip : MessageStrip
        The last warning.
    job_bar : JobBar
    """

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.steps = StepList(list(NAMES.values()), {place.name: place.stage for place in PLACES})
        # The delegate marks the step that has the focus; a frame around the whole list would say less.
        self.steps.setStyleSheet("#step_list, #step_list:focus { border: none; background: transparent; }")
        self.host = PageHost(context)
        self.strip = MessageStrip()
        self.job_bar = JobBar()
        strip_row = QHBoxLayout()
        strip_row.setContentsMargins(theme.UNIT * 3, 0, theme.UNIT * 3, theme.UNIT)
        strip_row.addWidget(self.strip)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.setContentsMargins(0, theme.UNIT, 0, 0)
        right.addWidget(self.host, 1)
        # At the foot, so that neither the title nor the options jump when it comes.
        right.addLayout(strip_row)
        across = QHBoxLayout()
        across.setSpacing(0)
        side = QVBoxLayout()
        side.setContentsMargins(0, theme.UNIT, 0, 0)
        side.addWidget(self.steps)
        across.addLayout(side)
        across.addWidget(_Line(QFrame.Shape.VLine))
        across.addLayout(right, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(_Line(QFrame.Shape.HLine))
        layout.addLayout(across, 1)
        layout.addWidget(_Line(QFrame.Shape.HLine))
        layout.addWidget(self.job_bar)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Give a narrow window's width to the page: the steps show their numbers alone."""
        super().resizeEvent(event)
        compact = event.size().width() < NARROW
        if compact != self.steps.is_compact:
            self.steps.set_compact(compact)


class _Line(QFrame):
    """A quiet separator, one pixel wide."""

    def __init__(self, shape: QFrame.Shape) -> None:
        super().__init__()
        if shape == QFrame.Shape.HLine:
            self.setFixedHeight(1)
        else:
            self.setFixedWidth(1)
        theme.changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        self.setStyleSheet(f"background: {theme.colours().line};")
