"""The base class of the five pages: what every step has in common."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from coreset_studio.core.errors import CoresetError
from coreset_studio.core.service.setting_requests import ReadSettingOfFile, SettingOfFile
from coreset_studio.core.settings.listed import Setting, settings_in
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.pages import STEPS
from coreset_studio.desktop_app.pages.asking import AskingPage, PageContext
from coreset_studio.desktop_app.pages.features_mark import AFTER_FEATURES, features_mark
from coreset_studio.desktop_app.pages.frame import OPTIONS_WIDTHS
from coreset_studio.desktop_app.pages.setting_controls import SettingControls
from coreset_studio.desktop_app.service.selection import SelectionQuestions
from coreset_studio.desktop_app.widgets.controls import put_value

__all__ = ["NOT_THERE", "Page", "PageContext"]

NOT_THERE = "The images were not found. Use File > Locate images to choose their new location."


class Page(AskingPage):
    """One step: title, one sentence and Run at the top, options in one column, the content in the rest.

    A page is made when it is first shown, lives as long as the window, and talks only to the model, the engine service
    and the messages: never to another page. A subclass names its step in class attributes and overrides the hooks.

    Attributes
    ----------
    place : str
        Name of a page that is no step; a step is named by its stage.
    title, sentence : str
        At the top of the page.
    is_always_next : bool
        Whether the button stays the thing to do when the step is done, as for an export.
    widths : (int, int)
        Pixels of the column of options in a narrow and in a wide page.
    run_text, run_tip : str
        On the button that runs the step (Ctrl+Enter), and its tooltip. An empty `run_text` hides it.
    sections : tuple of str
        Sections of the settings whose change calls `refresh`.
    reads : tuple of str
        Stages whose results the page shows, its own among them; a new one calls `refresh`.
    controls : SettingControls
        Controls made from the facts of settings; they show what the model holds by themselves.

    Building, in ``build``
        ``controls.add``, ``controls.add_rest``, `add_option`, `add_more_option`, `add_to_options`, `set_content`,
        `set_empty` and `offer_step_before`.

    Hooks, all optional
        ``build()``: once, when the page is made.
        ``refresh()``: show what the model holds now. Called when the page is entered and, while it is shown, when
        something that it reads has changed. It only reads; use `show_value` to fill controls.
        ``why_not()``: why the step cannot run now, in a sentence (the button's tooltip), or "".
        ``run()``: start the step, usually by `ask` with ``as_step=True``. Called only if ``why_not()`` is "".
        ``on_enter()``, ``on_leave()``: the page is shown or hidden.
        ``take_setting(setting, value)``: the value of a setting was read from a file that the user chose.
        ``on_weights_changed()``: weights were added to this computer; called on every page, shown or not.
        ``forget()``: another project is open, or none: show nothing of the one before, keep nothing that was made from
        it. Called of every page, shown or not, when the model holds the new project already; ``refresh`` comes after
        it if the page is shown. What is common has been done before: the page's requests are dropped, its timers
        stopped, its windows closed, hint and content gone.
        ``restore()``: bring back a result that the project knows but that is not in memory, after a project was
        opened. By default the step runs again, which finds its arrays in the cache; a page with long runs of its own
        does something lighter.

    Signals
    -------
    run_state_changed : ()
        `reason_not_to_run` may say something else.
    step_requested : (stage)
        The page offers to go to another step, as an empty place does.
    locate_requested : ()
        The user asked to locate the images.
    weights_requested : ()
        The user asks which weights are on this computer.
    similar_requested : (tuple of int)
        Images that are similar to these are to be shown, on the Images page.
    dataset_changed : ()
        Images were excluded, included or relabelled: the dataset has to be divided again.
    summary_reported : (sentence, next_stage)
        What came out of the step, for the job bar: "8 classes, 17,091 images", and which step comes next ("" for none).

    Examples
    --------
    A whole page::

        class FeaturesPage(Page):
            stage = "features"
            title = "Features"
            sentence = "Describe every image by numbers, so that images can be compared."
            run_text = "Extract"
            sections = ("features",)
            reads = ("dataset", "features")

            def build(self) -> None:
                self.controls.add("features.variance")
                self.controls.add_rest("features")
                self.curve = CurvePlot()
                self.set_content(self.curve)
                self.set_empty("The explained variance of each class will stand here.", "Extract", self.try_run)

            def why_not(self) -> str:
                return "" if self.model.facts("dataset") else "Scan the images first."

            def refresh(self) -> None:
                result = self.model.latest_value("features")
                self.show_empty(result is None)
                if result is not None:
                    self.curve.set_curve(result.curve)

            def run(self) -> None:
                self.ask(ComputeFeatures(self.study()), self.take_features, as_step=True)

            def take_features(self, result: FeaturesSummary) -> None:
                self.keep(result, {"images": result.n_images})
                self.summary_reported.emit(f"features of {words.images(result.n_images)}", "clusters")

    In its test, with the fixtures of ``tests/desktop_app/conftest.py``::

        def test_extracting(page_context: PageContext, qtbot: QtBot) -> None:
            page = FeaturesPage(page_context)          # its jobs run at once in this process
            qtbot.addWidget(page)
            page.enter()
            qtbot.mouseClick(page.run_button, Qt.MouseButton.LeftButton)
            qtbot.waitUntil(lambda: page_context.model.state("features") == "done")
    """

    place: ClassVar[str] = ""
    title: ClassVar[str] = ""
    sentence: ClassVar[str] = ""
    run_text: ClassVar[str] = "Run"
    run_tip: ClassVar[str] = "Run this step"
    is_always_next: ClassVar[bool] = False
    widths: ClassVar[tuple[int, int]] = OPTIONS_WIDTHS
    sections: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[tuple[str, ...]] = ()

    run_state_changed = Signal()
    step_requested = Signal(str)
    locate_requested = Signal()
    weights_requested = Signal()
    dataset_changed = Signal()
    similar_requested = Signal(object)
    summary_reported = Signal(str, str)

    def __init__(self, context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(context, self.title, self.sentence, self.widths, parent)
        self._entered = False
        self.setObjectName(f"page_{self.place or self.stage}")
        self.setAccessibleName(self.title)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.run_button.setText(self.run_text)
        self.run_button.setVisible(bool(self.run_text))
        self.controls = SettingControls(self)
        self.controls.changed.connect(self._on_control_changed)
        self.controls.refused.connect(self.messages.warning)
        self.controls.file_given.connect(self._on_file_given)
        theme.set_icon(self.run_button, "run", "on_accent")
        self.build()
        self.order_options()
        self._connect()
        self.show_run_state()

    # --- hooks ------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Add the options and the content."""

    def refresh(self) -> None:
        """Show what the model holds now."""

    def run(self) -> None:
        """Start the step."""

    def why_not(self) -> str:
        """Return why the step cannot run now, or an empty text."""
        return ""

    def on_enter(self) -> None:
        """Update what depends on the page being shown, beyond `refresh`."""

    def on_leave(self) -> None:
        """Stop what only a visible page needs."""

    def forget(self) -> None:
        """Show and keep nothing of the project before; the model holds the new one."""

    def on_weights_changed(self) -> None:
        """Respond to weights that were added to this computer."""

    def restore(self) -> None:
        """Bring back a current result that is not in memory; by default run the step, which reads the cache."""
        self.run()

    # --- doing ------------------------------------------------------------------------------------------------

    def change_settings(self, section: str, *, text: str = "", merge: bool = False, **changes: Any) -> bool:
        """Change settings as `ProjectModel.set_settings` does; False and a message where a value is out of range."""
        try:
            self.model.set_settings(section, text=text, merge=merge, **changes)
        except CoresetError as error:
            self.messages.warning(str(error))
            self._show_model()
            return False
        return True

    def take_setting(self, setting: Setting, value: object) -> None:
        """Give a setting a value that was read from a file."""
        self._on_control_changed(setting, value)

    def try_run(self) -> None:
        """Run the step if it can run; otherwise say why not."""
        self.controls.take_typed()
        reason = self.reason_not_to_run()
        if reason:
            self.messages.warning(reason)
        else:
            self.run()

    def is_settled(self) -> bool:
        """Whether the page knows all that it asks for by itself before it is run."""
        return True

    def look_ahead(self) -> None:
        """Ask what has to be known to say what the step will take, also while another page is shown."""

    def to_come(self) -> dict[str, tuple[str, float]]:
        """Return, by stage, what will be done in a few words and in about how many seconds, for doing everything."""
        return {}

    def divide_soon(self) -> None:
        """Divide the dataset again once nothing has been changed for a moment; only the Dataset page does."""

    def show_similar(self, indices: Sequence[int]) -> None:
        """Show the images that are most similar to these; only the Images page does."""

    def recommend(self) -> None:
        """Choose what is recommended on this machine, where the user has chosen nothing; for doing everything."""

    def after_all_steps(self) -> None:
        """Find out what is of interest once all steps were run, if it is quick; it may go on in the background."""

    def reason_not_to_run(self) -> str:
        """Return why the step cannot run now, its own running job included, or an empty text."""
        if not self.run_text:
            return "This step has nothing to run."
        if self.is_step_running():
            return "This step is running. Wait for it to finish, or cancel it."
        return self.why_not()

    def show_value(self, control: QWidget, value: Any) -> None:
        """Put a value into a control without its signal; for ``refresh``.

        Parameters
        ----------
        control : QSpinBox, QDoubleSpinBox, QSlider, QComboBox, QLineEdit or checkable button
            A combo box is set to the entry whose data (or text, where it has no data) is `value`.
        """
        blocked = control.blockSignals(True)
        try:
            put_value(control, value)
        finally:
            control.blockSignals(blocked)

    def offer_step_before(self, words: str) -> None:
        """Say that there is nothing to show, and lead to the first step that has to be done for it."""
        stages = [step.stage for step in STEPS]
        before = STEPS[: stages.index(self.stage)]
        step = next((step for step in before if self.model.facts(step.stage) is None), before[-1])
        self.set_empty(words, f"Go to {step.name}", lambda: self.step_requested.emit(step.stage))

    def start_empty(self) -> None:
        """Show nothing, wait for nothing but jobs: what the page shows is of images that are not open any more."""
        for questions in self.findChildren(SelectionQuestions):
            questions.drop_all()
        for timer in self.findChildren(QTimer, options=Qt.FindChildOption.FindDirectChildrenOnly):
            timer.stop()
        self._close_windows()
        self.set_hint("")
        self.set_meaning()
        self.show_empty(True)
        self.forget()

    # --- the window's side ------------------------------------------------------------------------------------

    def enter(self) -> None:
        """Be shown."""
        self._entered = True
        self._show_model()
        self.on_enter()
        self.show_run_state()
        self.restore_if_needed()

    def restore_if_needed(self) -> None:
        """Restore the step's result where the project has one that is not in memory."""
        is_outdated = self.model.facts(self.stage) is not None and self.model.value(self.stage) is None
        if is_outdated and self.images_are_there() and not self.reason_not_to_run():
            self.restore()

    def leave(self) -> None:
        """Be hidden."""
        if self._entered:
            self._entered = False
            self.on_leave()

    # --- inside -----------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self.run_button.clicked.connect(self.try_run)
        self.model.states_changed.connect(self._show_primary)
        self.model.project_replaced.connect(self._on_replaced)
        self.model.settings_changed.connect(self._on_settings_changed)
        self.model.results_changed.connect(self._on_results_changed)
        self.model.source_changed.connect(self._on_moved)
        self.model.choices_changed.connect(self._on_choices_changed)

    def _on_replaced(self) -> None:
        """Start empty in another project: nothing of the one before is shown, and nothing of it is still to come."""
        self.drop_jobs()
        self.controls.show(self.model.project.settings, over_typing=True)
        self.start_empty()
        self._refresh_if_shown()
        self.show_run_state()

    def _on_moved(self) -> None:
        """Cancel the page's jobs: they read the images where those were. What is shown is of the same images."""
        self.cancel_jobs()
        self._refresh_if_shown()
        self.show_run_state()

    def _close_windows(self) -> None:
        """Close the windows opened by the page, such as an image or a sheet, and ignore their later signals."""
        for window in self.findChildren(QDialog):
            if not isinstance(window, QFileDialog):  # closed, it lets go of who waits for it
                window.blockSignals(True)
                window.deleteLater()
            window.close()

    def _on_settings_changed(self, section: str) -> None:
        if section in self.sections:
            self._refresh_if_shown()

    def _on_results_changed(self, stage: str) -> None:
        if stage in (self.stage, *self.reads):
            self._refresh_if_shown()

    def _on_choices_changed(self) -> None:
        self._refresh_if_shown()

    def _refresh_if_shown(self) -> None:
        if self._entered:
            self._show_model()
            self.show_run_state()

    def _show_model(self) -> None:
        self.controls.show(self.model.project.settings)
        self.set_mark(
            features_mark(self.model.settings("features")) if (self.place or self.stage) in AFTER_FEATURES else ""
        )
        self.refresh()
        self.fit_options()

    def _on_control_changed(self, setting: Setting, value: object) -> None:
        try:
            changes = setting.changed(self.model.settings(setting.section), value)
        except CoresetError as error:
            self.messages.warning(str(error))
            self._show_model()
            return
        self.change_settings(setting.section, text=f"change of “{setting.facts.title}”", merge=True, **changes)

    def _on_file_given(self, setting: Setting, file: str) -> None:
        self.ask(ReadSettingOfFile(self.study(), setting.where, Path(file)), self._take_setting)

    def _take_setting(self, found: SettingOfFile) -> None:
        section = found.where.partition(".")[0]
        self.take_setting(next(each for each in settings_in(section) if each.where == found.where), found.value)
        if found.notes:
            self.messages.warning(" ".join(found.notes), "")

    def show_run_state(self) -> None:
        """Show whether the step can run now, and why not."""
        reason = self.reason_not_to_run()
        self.run_button.setEnabled(not reason)
        self.run_button.setToolTip(reason or f"{self.run_tip} (Ctrl+Enter)")
        self.run_button.setAccessibleDescription(reason or self.run_tip)
        self._show_primary()
        self.run_state_changed.emit()

    def _show_primary(self) -> None:
        """Show whether running the step is the next thing to do; when it is done, the job bar shows the next step."""
        theme.set_primary(self.run_button, self.is_always_next or self.model.state(self.stage) != "done", "run")
