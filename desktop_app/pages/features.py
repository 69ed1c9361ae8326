"""The Features page."""

from typing import Any

from desktop_app.pages.page import Page


class FeaturesPage(Page):
    """Features."""

    stage = "features"
    title = "Features"
    sentence = "Describe every image by numbers, so that images can be compared."
    run_text = "Extract"
    run_tip = "Compute the features of every image"
    reads = ("dataset",)

    def build(self) -> None:
        """Say what will stand here."""
        self.set_empty("Describe every image by numbers, so that images can be compared.", "Extract", self.try_run)

    def why_not(self) -> str:
        """Return what has to be done before."""
        return "" if self.model.facts("dataset") is not None else "Scan the images first."

    def run(self) -> None:
        """Start the step."""
        self.start_job("core.pipeline.window_jobs:compute_features", (self.study(),))

    def on_finished(self, result: Any) -> None:
        """Keep the result."""
        self.keep(result, {})
        self.summary_told.emit("done", "clusters")
