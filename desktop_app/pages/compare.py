"""The Compare page."""

from desktop_app.pages.page import Page


class ComparePage(Page):
    """Compare."""

    stage = "compare"
    title = "Compare"
    sentence = "Train on the subset and on everything, and see what the subset costs in accuracy."
    run_text = ""
    reads = ("clusters",)

    def build(self) -> None:
        """Say what will stand here."""
        self.set_empty("Train on the subset and on everything, and see what the subset costs in accuracy.")
