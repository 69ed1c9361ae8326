"""The Compare page: train on coresets and on everything, and see honestly what was shown."""

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QPushButton

from coreset_studio.core.pipeline.views import ComparisonPlan
from coreset_studio.core.results import Comparison, Epoch, RunResult, TrainingPart
from coreset_studio.core.service.comparison_requests import CompareNetworks, EstimateComparison, ReadComparison
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.core.service.networks import NETWORKS, title_inside
from coreset_studio.core.settings import ComparisonSettings, Settings, unknown_names
from coreset_studio.desktop_app.image_menu import ImageMenu
from coreset_studio.desktop_app.pages.activation_maps import models_folder
from coreset_studio.desktop_app.pages.compare_content import CompareContent, run_words
from coreset_studio.desktop_app.pages.compare_figures import provisional
from coreset_studio.desktop_app.pages.compare_options import CompareOptions
from coreset_studio.desktop_app.pages.compare_outlook import Outlook, RunName, name_of
from coreset_studio.desktop_app.pages.compare_tools import CompareTools, runs_folder
from coreset_studio.desktop_app.pages.images_shown import ImagesShown
from coreset_studio.desktop_app.pages.large_image import LargeImage
from coreset_studio.desktop_app.pages.page import NOT_THERE, Page
from coreset_studio.desktop_app.widgets.words import set_tone

SETTLE_MS = 600
REPETITIONS = 3
"""So many, where the user asks for no other number: one shows no difference, whatever it is."""
DEFAULTS: dict[str, Any] = {
    name: getattr(ComparisonSettings(), name) for name in ("samplers", "fractions", "repetitions")
}
MEANING = (
    "If the accuracy of the coreset is sufficient, export it on the Coreset page. Otherwise increase the fraction "
    "there and compare again."
)


class ComparePage(Page):
    """Networks, fractions, samplers and seeds; runs appear as they finish; the answer in words and plots."""

    stage = "compare"
    title = "Compare"
    sentence = "Train on coresets and on the whole pool, and see what a coreset costs in accuracy."
    run_text = "Train and compare"
    run_tip = "Run the remaining trainings; finished ones are kept"
    sections = ("training", "comparison", "selection", "features", "clusters", "data")
    reads = ("dataset", "clusters", "compare")

    def build(self) -> None:
        """Make the options and the content."""
        self._plan: ComparisonPlan | None = None
        self._known: set[RunName] | None = None
        self._done: list[RunResult] = []
        self._notes: tuple[str, ...] = ()
        self._fell_back = ""
        self._taken: dict[str, Any] = {}
        self._images = ImagesShown()
        self._of_others: object = None
        self.options = CompareOptions(self)
        self.content = CompareContent()
        self.content.opened.connect(self._open_image)
        self.menu = ImageMenu.of_page(self, self._images)
        self.large = LargeImage(self._images, self.facts_of, self, self.menu.fill, self.content.runs_of_row)
        self.menu.opened.connect(self.large.open)
        self.menu.attach_grid(self.content.behind)
        self.cost = QLabel()
        self.cost.setWordWrap(True)
        self.add_to_options(self.cost)
        self.bring = QPushButton("Weights…")
        self.bring.setToolTip("See which pretrained networks are available, and import others")
        self.bring.clicked.connect(self.weights_requested)
        self.bring.hide()
        self.add_to_options(self.bring)
        self.tools = CompareTools(self, self.content)
        self.add_to_options(self.tools.buttons)
        self.set_content(self.content)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._ask)

    def _show_way_in(self) -> None:
        """Let the empty place offer what fills it: the trainings, or the step before."""
        words = "No results yet"
        if self.job_numbers(CompareNetworks):
            self.set_empty("Training… Results appear here after the first run.")
        elif self.model.facts("clusters") is None:
            self.offer_step_before(words)
        elif not self.images_are_there():
            self.set_empty(NOT_THERE)
        else:
            self.set_empty(words, "Train and compare", self.try_run, why_not=self.why_not())

    # --- hooks ------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Show no comparison; the fractions are the new project's, even while their field has the focus."""
        self._plan, self._known, self._done, self._notes = None, None, [], ()
        self._fell_back, self._taken = "", {}
        self._images.forget()
        self.large.forget()
        self._of_others = None
        self.cost.clear()
        set_tone(self.cost, "")
        self.bring.hide()
        self.options.show_predefined(False)
        self.content.forget()
        self.tools.report.setEnabled(self.model.facts("clusters") is not None)
        self.tools.methods.setEnabled(self.model.facts("clusters") is not None)
        self._show_way_in()

    @property
    def plan(self) -> ComparisonPlan | None:
        """The trainings that the settings ask for; None while that is not known."""
        return self._plan

    def why_not(self) -> str:
        """Return what has to be done before."""
        if self.model.facts("clusters") is None:
            return "Cluster the classes first, on the Clusters page."
        if self._unknown():
            return self._unknown()
        return self._plan.problem if self._plan is not None else ""

    def run(self) -> None:
        """Do the trainings that are missing."""
        self._done = []
        request = CompareNetworks(self.study(), runs_folder(), models_folder())
        expected = Outlook(self._plan, self._known).seconds() if self._plan is not None else None
        self.ask(
            request,
            self._keep_trainings,
            on_part=self._take_part,
            on_failed=self._settle.start,
            on_cancelled=self._on_trainings_cancelled,
            as_step=True,
            expected_seconds=expected,
        )
        self._show_way_in()
        names = self.model.settings("comparison").networks
        by_epochs = any(NETWORKS[name].by_epochs for name in names if name in NETWORKS)
        self.content.tabs.setCurrentWidget(self.content.live_tab if by_epochs else self.content.results_tab)

    def restore(self) -> None:
        """Show the finished trainings again; none is done again."""
        self.ask(
            ReadComparison(self.study(), runs_folder()), self._restore, on_cancelled=self._settle.start, as_step=True
        )

    def on_enter(self) -> None:
        """Show the finished runs that fit, and what the others will take."""
        self._take_from_coreset()
        self._settle.start()

    def look_ahead(self) -> None:
        """Compare what is chosen on Coreset, and ask what that takes."""
        self._take_from_coreset()
        self._settle.start()

    def to_come(self) -> dict[str, tuple[str, float]]:
        """Return how many trainings there are, and how long they take."""
        if self._plan is None:
            return {}
        outlook = Outlook(self._plan, self._known)
        names = [title_inside(name) for name in self.model.settings("comparison").networks]
        words = f"{len(outlook.left()):,} trainings of the {' and the '.join(names)}"
        return {"compare": (words, outlook.seconds())}

    def is_settled(self) -> bool:
        """Whether what is to come has been estimated."""
        return self._plan is not None and not self._settle.isActive() and not self.job_numbers(EstimateComparison)

    def _take_from_coreset(self) -> None:
        """Compare what was chosen on Coreset with random and everything, as long as nothing else was set."""
        comparison, selection = self.model.settings("comparison"), self.model.settings("selection")
        before = {name: getattr(comparison, name) for name in DEFAULTS}
        if before not in (DEFAULTS, self._taken) or self.model.project.results.get("compare"):
            return
        fraction = selection.fraction if selection.images is None else DEFAULTS["fractions"][0]
        taken: dict[str, Any] = {
            "samplers": ("random", selection.sampler) if selection.sampler != "random" else DEFAULTS["samplers"],
            "fractions": tuple(dict.fromkeys((fraction, 1.0))),
            "repetitions": REPETITIONS,
        }
        if taken != before:
            self._taken = taken
            # Without undo: the user has not done it.
            self.model.put_settings("comparison", replace(comparison, **taken))

    def _take_part(self, part: TrainingPart) -> None:
        """Show a finished run or an epoch of the one in progress; the notes are shown with the comparison."""
        match part:
            case Epoch():
                self.content.show_epoch(part, self._training_words(part))
                self.show_empty(False)
            case RunResult():
                self._done.append(part)
                self.show_empty(False)
                folds, steps = (self._plan.folds, self._plan.steps) if self._plan is not None else (0, "")
                self.content.show_comparison(provisional(self._done, folds, steps))
                self._show_hint()

    def _training_words(self, epoch: Epoch) -> str:
        """Return which training an epoch is of: runs are published in the order of the plan."""
        number = len(self._done)
        if self._plan is None or number >= len(self._plan.runs):
            return f"Training {number + 1}, epoch {epoch.number}"
        which = run_words(self._plan.runs[number], self._plan.n_splits, self._plan.folds)
        return f"{which}, epoch {epoch.number} (training {number + 1} of {len(self._plan.runs)})"

    def _take_plan(self, plan: ComparisonPlan) -> None:
        """Show what is to come; where weights are missing, fall back on what works here."""
        self._plan = plan
        if self._fall_back():
            self._plan = None
            self._settle.start()  # what works instead is estimated, also while another page is shown
        else:
            self._show_cost()

    def _show_finished(self, result: Comparison) -> None:
        """Show the finished runs that fit, where nothing is shown yet."""
        self._know(result)
        if result.runs and self.model.value("compare") is None:
            self.show_empty(False)
            self.content.show_comparison(result)
            self._done = list(result.runs)
        self._show_cost()

    def _restore(self, result: Comparison) -> None:
        self._know(result)
        self._warn_missing(result)
        self._keep_comparison(result)

    def _keep_trainings(self, result: Comparison) -> None:
        self._know(result)
        self._keep_comparison(result)
        self.summary_reported.emit(f"{len(result.runs):,} trainings compared", "")

    def _know(self, result: Comparison) -> None:
        self._known = {name_of(run.key) for run in result.runs}
        self._notes = result.notes

    def _keep_comparison(self, result: Comparison) -> None:
        self.keep(result, {"runs": len(result.runs), "sentences": list(result.sentences[:12])})
        self._done = []
        self._show_cost()

    def _warn_missing(self, result: Comparison) -> None:
        facts = self.model.facts("compare") or {}
        missing = int(facts.get("runs", 0)) - len(result.runs)
        if missing > 0 and result.notes:
            self.messages.warning(" ".join(result.notes))
        elif missing > 0:
            gone = "1 finished training was" if missing == 1 else f"{missing:,} finished trainings were"
            again = "it" if missing == 1 else "them"
            self.messages.warning(f"{gone} not found in the cache; {self.run_text} computes {again} again.")

    def _on_trainings_cancelled(self) -> None:
        """Report the finished trainings; the next run continues from there."""
        if self._done:
            kept = "1 finished training is" if len(self._done) == 1 else f"{len(self._done):,} finished trainings are"
            self.messages.info(f"{kept} kept; {self.run_text} continues with the others.")
        self._settle.start()

    def on_weights_changed(self) -> None:
        """Estimate again what can be trained here."""
        self._plan = None
        self._settle.start()

    def refresh(self) -> None:
        """Show choices and what came out."""
        model = self.model
        self.options.show_networks(model.settings("comparison").networks)
        value = model.latest_value("dataset")
        dataset = value if isinstance(value, DatasetSummary) else None
        if self._images.are_others(dataset):
            self.start_empty()
            self._of_others = model.latest_value("compare")
        self._images.set_summary(dataset)
        self.content.set_dataset(dataset)
        is_predefined = dataset is not None and dataset.split.is_predefined
        self.options.show_predefined(is_predefined, model.settings("data").folds)
        self.controls.show_dataset(dataset.dataset if dataset is not None else None)
        self.tools.report.setEnabled(model.facts("clusters") is not None)
        self.tools.methods.setEnabled(model.facts("clusters") is not None)
        self._show_way_in()
        result = self._result()
        if isinstance(result, Comparison) and not self.job_numbers():
            self.content.show_comparison(result)
            self.show_empty(False)
        elif not self._done:
            self.show_empty(result is None and self.content.table.model().rowCount() == 0)
        self.set_meaning(MEANING if self.model.value("compare") is not None else "")
        self._show_hint()
        self._settle.start()

    def _result(self) -> object:
        """Return the comparison to show: the comparison of the choices, else the newest of the same images."""
        latest = self.model.latest_value("compare")
        return None if latest is self._of_others and self.model.value("compare") is None else latest

    # --- plan and cost ----------------------------------------------------------------------------------------

    def _ask(self) -> None:
        if self.model.facts("dataset") is None or not self.images_are_there():
            return
        if self._unknown():
            self._plan = None
            self._show_cost()
            return
        if not self.job_numbers(EstimateComparison):
            self.ask(EstimateComparison(self.study()), self._take_plan, on_cancelled=self._settle.start)
        if self.model.facts("clusters") is None:
            self._known = set()  # nothing can have been trained on what is not chosen
            return
        current = self.model.value("compare")
        if isinstance(current, Comparison):
            self._known = {name_of(run.key) for run in current.runs}
            self._notes = current.notes
            return
        if self.job_numbers(CompareNetworks, ReadComparison):
            return
        self._known, self._done = None, []
        if runs_folder().is_dir():
            request = ReadComparison(self.study(), runs_folder())
            self.ask(request, self._show_finished, on_cancelled=self._settle.start)
        else:
            self._known = set()

    def _show_cost(self) -> None:
        plan, unknown = self._plan, self._unknown()
        if plan is None and not unknown:
            return
        problem = unknown or (plan.problem if plan is not None else "")
        outlook = Outlook(plan, self._known).words() if plan is not None else ""
        set_tone(self.cost, "warning" if problem else "")
        notes = [problem or outlook, *([] if problem or not self._fell_back else [self._fell_back]), *self._notes]
        self.cost.setText("\n\n".join(notes))
        self.bring.setVisible(bool(self._fell_back) or (plan is not None and plan.instead is not None))
        self._show_way_in()
        self._show_hint()
        self.show_run_state()

    def _fall_back(self) -> bool:
        """Use what works on this machine where nothing was compared yet and weights are missing; return whether so."""
        instead = self._plan.instead if self._plan is not None else None
        is_chosen = self.model.settings("comparison").networks != ComparisonSettings().networks
        if instead is None or is_chosen or self._fell_back or self.model.project.results.get("compare"):
            return False  # what the user chooses stands, and says what it lacks
        training, comparison, self._fell_back = instead
        # Without undo: the user has not done it.
        now = self.model.project.settings
        self.model.put_settings("training", replace(now.training, own=training.own))
        self.model.put_settings("comparison", replace(now.comparison, networks=comparison.networks))
        return True

    def _unknown(self) -> str:
        """Return the sentence of a sampler or extractor that is not known here; the plan has that of a network."""
        settings = self.model.project.settings
        used = ComparisonSettings(samplers=settings.comparison.samplers)
        return next(iter(unknown_names(Settings(features=settings.features, comparison=used))), "")

    def _show_hint(self) -> None:
        """Show next to the button what will run, or that the results shown are of other settings."""
        if self.job_numbers(CompareNetworks) or self.model.facts("clusters") is None:
            self.set_hint("")
        elif self._is_stale():
            self.set_hint("Showing results for previous settings", warning=True)
        else:
            self.set_hint(Outlook(self._plan, self._known).hint() if self._plan is not None else "")

    def _is_stale(self) -> bool:
        """Whether the content shows a comparison of other choices."""
        return self.model.value("compare") is None and self._result() is not None and not (self._known and self._done)

    def facts_of(self, index: int) -> list[tuple[str, str]]:
        """Return what is known of an image, for the viewer."""
        return [
            ("Class", self._images.class_of(index)),
            ("Set", "test"),
            ("Size", self._images.size_words(index)),
        ]

    def _open_image(self, index: int) -> None:
        self.large.open(index, self.content.behind.images.keys)
