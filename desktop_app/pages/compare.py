"""The Compare page: train on coresets and on everything, and see honestly what was shown."""

import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QWidget

from core.pipeline.views import ComparePlanView, DatasetView, PredictView
from core.resources import user_data_folder
from core.results import Comparison, Epoch, RunResult
from desktop_app.pages.compare_figures import provisional
from desktop_app.pages.compare_options import CompareOptions
from desktop_app.pages.compare_picture import ComparePicture
from desktop_app.pages.compare_search import SearchSheet, show_search
from desktop_app.pages.page import Page
from desktop_app.widgets.image_viewer import ImageViewer
from desktop_app.widgets.words import duration, size

SETTLE_MS = 600


class ComparePage(Page):
    """Networks, fractions, samplers and seeds; runs appear as they finish; the answer in words and plots."""

    stage = "compare"
    title = "Compare"
    sentence = "Train on coresets and on everything, and see what a coreset costs in accuracy."
    run_text = "Train and compare"
    run_tip = "Do the trainings that are not done yet; finished ones are kept"
    sections = ("training", "comparison", "selection", "features", "clusters", "data")
    reads = ("dataset", "clusters", "compare")

    def build(self) -> None:
        """Make options and picture."""
        self._plan: ComparePlanView | None = None
        self._done: list[RunResult] = []
        self._viewer: ImageViewer | None = None
        self._started = 0.0
        self.options = CompareOptions(self)
        self.cost = QLabel()
        self.cost.setWordWrap(True)
        self.add_to_options(self.cost)
        self.add_to_options(self._make_buttons())
        self.picture = ComparePicture()
        self.picture.opened.connect(self._open_image)
        self.set_picture(self.picture)
        self.model.project_replaced.connect(self._forget)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._ask)

    def _forget(self) -> None:
        """Show nothing of the project before."""
        self._plan, self._done = None, []
        self.cost.clear()
        self.picture.show_comparison(Comparison((), (), (), ()))

    def _show_way_in(self) -> None:
        """Let the empty place offer what fills it: the trainings, or the step before."""
        words = "The answer, the table and the paper's figures will stand here."
        if self.model.facts("clusters") is None:
            self.set_empty(words, "Go to Clusters", self._go_to_clusters)
        else:
            self.set_empty(words, "Train and compare", self.try_run, why_not=self.why_not())

    def _go_to_clusters(self) -> None:
        self.step_wanted.emit("clusters")

    def _make_buttons(self) -> QWidget:
        self.report = QPushButton("Report…")
        self.report.setToolTip("Write everything into one page that can be sent and printed")
        self.report.clicked.connect(self._choose_report)
        more = QToolButton()
        more.setText("Predict, search…")
        more.setToolTip("Predict new images with a trained network; search hyperparameters on the coreset")
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(more)
        menu.addAction("Predict the images of a folder…").triggered.connect(self._choose_prediction)
        menu.addAction("Search hyperparameters on the coreset…").triggered.connect(self._choose_search)
        more.setMenu(menu)
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.report)
        layout.addWidget(more)
        layout.addStretch(1)
        return row

    # --- hooks ------------------------------------------------------------------------------------------------

    def why_not(self) -> str:
        """Return what has to be done before."""
        if self.model.facts("clusters") is None:
            return "Cluster the classes first, on the Clusters page."
        return self._plan.problem if self._plan is not None else ""

    def run(self) -> None:
        """Do the trainings that are missing."""
        self._done = []
        self._started = time.monotonic()
        models = user_data_folder() / "models"
        self.start_job("core.pipeline.window_jobs:compare", (self.study(), self._runs_folder(), models))
        self.picture.tabs.setCurrentWidget(self.picture.live_tab)

    def on_enter(self) -> None:
        """Show the finished runs that fit, and what the others will take."""
        self._settle.start()

    def on_partial(self, result: Any) -> None:
        """Take a finished run or an epoch of the one in progress."""
        if self.purpose == "finished":
            return
        if isinstance(result, Epoch):
            planned = len(self._plan.runs) if self._plan is not None else 0
            of = f" of {planned}" if planned else ""
            self.picture.show_epoch(result, f"Training {len(self._done) + 1}{of}, epoch {result.number}")
            self.show_empty(False)
        elif isinstance(result, RunResult):
            self._done.append(result)
            self.show_empty(False)
            self.picture.show_comparison(provisional(self._done))

    def on_finished(self, result: Any) -> None:
        """Keep the comparison, or show what was asked for."""
        if isinstance(result, ComparePlanView):
            self._plan = result
            self._show_cost()
        elif isinstance(result, Comparison):
            self._keep_comparison(result)
        elif isinstance(result, PredictView):
            skipped = f", {len(result.skipped):,} files skipped" if result.skipped else ""
            self.messages.info(f"{result.n_images:,} images predicted{skipped}: {result.file}")
        elif isinstance(result, Path):
            self.messages.info(f"The report is written: {result}")
        else:
            show_search(result, self)

    def _keep_comparison(self, result: Comparison) -> None:
        if self.purpose == "finished":
            if result.runs and self.model.value("compare") is None:
                self.show_empty(False)
                self.picture.show_comparison(result)
            return
        facts = {"runs": len(result.runs), "sentences": list(result.sentences[:12])}
        self.keep(result, facts)
        self.summary_told.emit(f"{len(result.runs):,} trainings compared", "")

    def on_cancelled(self) -> None:
        """Show what was finished; the next run goes on from there."""
        if self._done:
            kept = "1 finished training is" if len(self._done) == 1 else f"{len(self._done):,} finished trainings are"
            self.messages.info(f"{kept} kept; {self.run_text} goes on with the others.")

    def refresh(self) -> None:
        """Show choices and what came out."""
        model = self.model
        self.options.show_settings(model.settings("comparison"), model.settings("training"))
        dataset = model.latest_value("dataset")
        self.picture.set_dataset(dataset if isinstance(dataset, DatasetView) else None)
        self.report.setEnabled(model.facts("clusters") is not None)
        self._show_way_in()
        result = model.latest_value("compare")
        if isinstance(result, Comparison) and not self.job_numbers():
            self.picture.show_comparison(result)
            self.show_empty(False)
        elif not self._done:
            self.show_empty(result is None and self.picture.table.model().rowCount() == 0)
        self._settle.start()

    # --- plan and cost ----------------------------------------------------------------------------------------

    def _ask(self) -> None:
        if self.model.facts("clusters") is None or self.model.project.source is None:
            return
        if not self.job_numbers("plan"):
            self.start_job("core.pipeline.window_jobs:estimate_comparison", (self.study(),), stage="", purpose="plan")
        busy = self.job_numbers("finished") or self.job_numbers("")
        if not busy and self.model.value("compare") is None and self._runs_folder().is_dir():
            arguments = (self.study(), self._runs_folder())
            self.start_job("core.pipeline.window_jobs:compare_finished", arguments, stage="", purpose="finished")

    def _show_cost(self) -> None:
        plan = self._plan
        if plan is None:
            return
        text = (
            f"{len(plan.runs):,} trainings, about {duration(plan.seconds)} if none is done yet, "
            f"memory up to {size(plan.memory_bytes)}. {plan.runs[0].estimate.basis.capitalize() if plan.runs else ''}."
        )
        self.cost.setText(plan.problem or text)
        self._show_way_in()
        self._show_run_state()

    def _runs_folder(self) -> Path:
        return user_data_folder() / "runs"

    # --- beside training --------------------------------------------------------------------------------------

    def _choose_report(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Write the report", f"{self.model.name}.html", "Web page (*.html)")
        if name:
            target = Path(name) if name.endswith(".html") else Path(f"{name}.html")
            synthetic = bool(self.model.project.notes.startswith("Synthetic"))
            arguments = (self.study(), target, self._runs_folder(), synthetic)
            self.start_job("core.pipeline.window_jobs:write_study_report", arguments, stage="", purpose="report")

    def _choose_prediction(self) -> None:
        start = str(user_data_folder() / "models")
        bundle = QFileDialog.getExistingDirectory(self, "Which trained network? Choose its folder", start)
        if not bundle:
            return
        folder = QFileDialog.getExistingDirectory(self, "Which images? Choose their folder")
        if not folder:
            return
        out, _ = QFileDialog.getSaveFileName(self, "Write the predictions", "predictions.csv", "CSV (*.csv)")
        if out:
            arguments = (Path(bundle), Path(folder), Path(out))
            self.start_job("core.pipeline.window_jobs:predict_folder", arguments, stage="", purpose="predict")

    def _choose_search(self) -> None:
        reason = self.why_not()
        if reason:
            self.messages.warning(reason)
            return
        sheet = SearchSheet(self)
        sheet.search_wanted.connect(self._search)
        sheet.open()

    def _search(self, grid: object, network: str, with_pool: bool) -> None:
        out = user_data_folder() / "search"
        arguments = (self.study(), grid, network, out, with_pool)
        self.start_job("core.pipeline.window_jobs:search", arguments, stage="", purpose="search")

    def _open_image(self, index: int) -> None:
        view = self.model.latest_value("dataset")
        if not isinstance(view, DatasetView):
            return
        if self._viewer is None:
            self._viewer = ImageViewer(self)
        image = view.dataset.images[index]
        facts = [("Class", image.class_name), ("Set", "test"), ("Size", f"{image.width} × {image.height} pixels")]
        self._viewer.show_image(view.thumbnail(index), image.path, facts, has_before=False, has_after=False)
        self._viewer.show()
