"""The Coreset page."""

from desktop_app.pages.page import Page


class CoresetPage(Page):
    """Coreset."""

    stage = "coreset"
    title = "Coreset"
    sentence = "Choose the images to keep, and see what they cover."
    run_text = ""
    reads = ("clusters",)

    def build(self) -> None:
        """Say what will stand here."""
        self.set_empty("Choose the images to keep, and see what they cover.")
