"""The pages, of the steps and besides; each is imported when it is first shown, so that the window opens at once."""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coreset_studio.desktop_app.pages.page import Page, PageContext


@dataclass(frozen=True)
class Step:
    """One entry at the side of the window: its stage or another name, its title there, and the class of its page."""

    stage: str
    name: str
    module: str
    page_class: str

    def make_page(self, context: "PageContext") -> "Page":
        """Import the page's module and make the page."""
        made: Page = getattr(importlib.import_module(self.module), self.page_class)(context)
        return made


STEPS: tuple[Step, ...] = (
    Step("dataset", "Dataset", "coreset_studio.desktop_app.pages.dataset", "DatasetPage"),
    Step("features", "Features", "coreset_studio.desktop_app.pages.features", "FeaturesPage"),
    Step("clusters", "Clusters", "coreset_studio.desktop_app.pages.clusters", "ClustersPage"),
    Step("coreset", "Coreset", "coreset_studio.desktop_app.pages.coreset", "CoresetPage"),
    Step("compare", "Compare", "coreset_studio.desktop_app.pages.compare", "ComparePage"),
)

PLACES: tuple[Step, ...] = (
    Step("images", "Images", "coreset_studio.desktop_app.pages.images", "ImagesPage"),
    Step("review", "Review", "coreset_studio.desktop_app.pages.review", "ReviewPage"),
)
"""Pages that are no step of the way from a dataset to a comparison."""
