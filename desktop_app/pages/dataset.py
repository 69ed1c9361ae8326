"""The Dataset page."""

from typing import Any

from desktop_app.pages.page import Page


class DatasetPage(Page):
    """Dataset."""

    stage = "dataset"
    title = "Dataset"
    sentence = "The images, their classes, and how they are divided into training, validation and test."
    run_text = "Scan"
    run_tip = "Read every image once"
    reads = ()

    def build(self) -> None:
        """Say what will stand here."""
        self.set_empty(
            "The images, their classes, and how they are divided into training, validation and test.",
            "Scan",
            self.try_run,
        )

    def why_not(self) -> str:
        """Return what has to be done before."""
        return ""

    def run(self) -> None:
        """Start the step."""
        self.start_job("core.pipeline.window_jobs:scan_source", (self.study(),))

    def on_finished(self, result: Any) -> None:
        """Keep the images found."""
        n_images = len(result.dataset.images)
        self.keep(result, {"images": n_images}, content=str(n_images))
        self.summary_told.emit(f"{n_images:,} images", "features")

    def refresh(self) -> None:
        """Say what was found."""
        facts = self.model.facts("dataset")
        if facts is not None:
            self.set_empty(f"{facts['images']:,} images", "Scan again", self.try_run)
