"""The Clusters page."""

from typing import Any

from desktop_app.pages.page import Page


class ClustersPage(Page):
    """Clusters."""

    stage = "clusters"
    title = "Clusters"
    sentence = "Find the groups inside each class: images that look alike."
    run_text = "Cluster"
    run_tip = "Group the images of every class"
    reads = ("features",)

    def build(self) -> None:
        """Say what will stand here."""
        self.set_empty("Find the groups inside each class: images that look alike.", "Cluster", self.try_run)

    def why_not(self) -> str:
        """Return what has to be done before."""
        return "" if self.model.facts("features") is not None else "Extract features first."

    def run(self) -> None:
        """Start the step."""
        self.start_job("core.pipeline.window_jobs:compute_clusters", (self.study(),))

    def on_finished(self, result: Any) -> None:
        """Keep the result."""
        self.keep(result, {})
        self.summary_told.emit("done", "coreset")
