"""One image of a page, large: its thumbnail until the engine has decoded it, its facts, and similar images."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QPoint, QSize, Qt
from PySide6.QtGui import QImage, QKeySequence
from PySide6.QtWidgets import QMenu

from coreset_studio.core.results import RunResult
from coreset_studio.core.service.image_requests import DecodedImage, DecodeImage, FindSimilar, SimilarImages
from coreset_studio.desktop_app.pages.activation_maps import ActivationMaps
from coreset_studio.desktop_app.pages.asking import AskingPage
from coreset_studio.desktop_app.pages.images_shown import ImagesShown
from coreset_studio.desktop_app.pages.page import NOT_THERE
from coreset_studio.desktop_app.service.selection import SelectionQuestions
from coreset_studio.desktop_app.widgets.image_viewer import ImageViewer

N_SIMILAR = 24
NO_FEATURES = "Similar images are shown once the features are extracted, on the Features page."
CHANGED = "The settings of the dataset have changed. Scan again."
Facts = Callable[[int], Sequence[tuple[str, str]]]
FillMenu = Callable[[QMenu, Sequence[int]], None]


class LargeImage(QObject):
    """Opens the viewer of a page on one image of a list.

    Parameters
    ----------
    images : ImagesShown
    facts : callable
        Takes the index of an image, returns what is known of it.
    owner : AskingPage
    fill_menu : callable, optional
        Fills the menu of actions for images; without it the viewer offers none.
    runs_first : callable, optional
        Returns the runs whose network is chosen first for class activation maps, such as those of the selected row.

    Attributes
    ----------
    viewer : ImageViewer or None
        Made when an image is first opened.
    fill_menu : callable or None
        As given.
    """

    def __init__(
        self,
        images: ImagesShown,
        facts: Facts,
        owner: AskingPage,
        fill_menu: FillMenu | None = None,
        runs_first: Callable[[], Sequence[RunResult]] | None = None,
    ) -> None:
        super().__init__(owner)
        self._images, self._facts, self._owner = images, facts, owner
        self.fill_menu = fill_menu
        # Its own: a refusal is said in the viewer, and nothing else of the page waits for it.
        self._decoding = SelectionQuestions(owner.service.selection, self)
        self._decoding.refused.connect(self._on_not_decoded)
        self._decoding.lost.connect(self._on_not_decoded)
        self._similar = SelectionQuestions(owner.service.selection, self)
        self._similar.refused.connect(self._on_no_similar)
        self._maps = ActivationMaps(images, owner, runs_first)
        self._walk: Sequence[int] = ()
        self._at = 0
        self._before: list[tuple[Sequence[int], int]] = []
        self.viewer: ImageViewer | None = None
        # Queued, so that the page has taken notice before.
        for changed in (owner.model.settings_changed, owner.model.results_changed, owner.model.image_facts_changed):
            changed.connect(self.refresh, Qt.ConnectionType.QueuedConnection)

    def open(self, index: int, walk: Sequence[int] | np.ndarray[Any, Any]) -> None:
        """Show `index`, all of it; the arrow keys go through `walk`."""
        self._walk = [int(one) for one in walk]
        if index not in self._walk:
            self._walk = [index]
        self._at = self._walk.index(index)
        self._before = []
        if self.viewer is None:
            self.viewer = self._make_viewer()
        self.viewer.canvas.fit()
        self._show()
        self.viewer.show()
        self.viewer.raise_()
        self.viewer.activateWindow()

    def forget(self) -> None:
        """Have no image; the window has been closed with the others of its page."""
        self._walk, self._at, self._before, self.viewer = (), 0, [], None
        self._maps.forget()

    def close(self) -> None:
        """Close the window: its list is of images that are not open any more."""
        if self.viewer is not None:
            self.viewer.close()
            self.viewer.deleteLater()
        self.forget()

    def _make_viewer(self) -> ImageViewer:
        viewer = ImageViewer(self._owner)
        viewer.stepped.connect(self._step)
        viewer.similar_opened.connect(self._open_similar)
        viewer.back_requested.connect(self._go_back)
        viewer.menu_requested.connect(self._show_menu)
        viewer.key_pressed.connect(self._use_key)
        viewer.offer_actions(self.fill_menu is not None)
        viewer.show_similar(self._owner.preferences.similar_images)
        viewer.similar_toggled.connect(self._on_toggled)
        self._maps.attach(viewer)
        return viewer

    # --- which image ------------------------------------------------------------------------------------------

    @property
    def index(self) -> int | None:
        """The image that is shown; None while there is none."""
        return self._walk[self._at] if self._walk else None

    def _step(self, by: int) -> None:
        self._at = min(max(self._at + by, 0), len(self._walk) - 1)
        self._show()

    def _open_similar(self, index: int) -> None:
        if self.viewer is not None:
            self._before.append((self._walk, self._at))
            self._walk = [image.key for image in self.viewer.similar.images]
            self._at = self._walk.index(index)
            self._show()

    def _go_back(self) -> None:
        if self._before:
            self._walk, self._at = self._before.pop()
            self._show()

    def _show_menu(self, place: QPoint) -> None:
        menu = self._make_menu()
        if menu is not None:
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(place)

    def _use_key(self, keys: QKeySequence) -> None:
        """Do what the menu offers with a key, which works without the menu as well."""
        menu = self._make_menu()
        if menu is not None:
            action = next((one for one in menu.actions() if one.shortcut() == keys and one.isEnabled()), None)
            if action is not None:
                action.trigger()
            menu.deleteLater()

    def _make_menu(self) -> QMenu | None:
        if self.fill_menu is None or self.viewer is None or self.index is None:
            return None
        menu = QMenu(self.viewer)
        self.fill_menu(menu, [self.index])
        return menu

    # --- showing ----------------------------------------------------------------------------------------------

    def _show(self) -> None:
        """Show the thumbnail and the facts, and ask for the rest."""
        summary, index = self._images.summary, self.index
        if self.viewer is None or summary is None or index is None:
            return
        image = summary.dataset.images[index]
        self.viewer.show_image(
            summary.thumbnail(index),
            image.path,
            self._facts(index),
            size=QSize(image.width, image.height),
            position=self._at,
            count=len(self._walk),
        )
        self.viewer.offer_back(bool(self._before))
        if self._owner.open_image_service(self._decoding):
            self._decoding.ask(DecodeImage(index), self._take)
        else:
            self._on_not_decoded(self._why_no_service())
        self._ask_similar()
        self._maps.show(self._walk, self._at)

    def refresh(self) -> None:
        """Show what is known of the image now; for pages that learn it after a change of the project."""
        index = self.index
        if (
            self.viewer is not None
            and self.viewer.isVisible()
            and index is not None
            and self._images.summary is not None
        ):
            self.viewer.show_facts(self._facts(index))

    def _why_no_service(self) -> str:
        return CHANGED if self._owner.images_are_there() else NOT_THERE

    def _take(self, decoded: DecodedImage) -> None:
        summary = self._images.summary
        if self.viewer is None or summary is None or decoded.index != self.index:
            return
        if not decoded.rgb:
            self._on_not_decoded(decoded.problem)
            return
        image = summary.dataset.images[decoded.index]
        width, height = decoded.width, decoded.height
        # Not copied: the canvas keeps it in a format of its own, and 48 MB more would be felt.
        pixels = QImage(decoded.rgb, width, height, 3 * width, QImage.Format.Format_RGB888)
        smaller = f"Shown with {width:,} × {height:,} of its {image.width:,} × {image.height:,} pixels."
        self.viewer.show_full(pixels, QSize(image.width, image.height), smaller if width < image.width else "")

    def _on_not_decoded(self, sentence: str, details: str = "") -> None:  # noqa: ARG002
        """Say why only the thumbnail is shown."""
        if self.viewer is not None:
            self.viewer.set_note(f"Only the thumbnail is shown. {sentence}", warning=True)

    # --- similar images ---------------------------------------------------------------------------------------

    def _on_toggled(self, shown: bool) -> None:
        self._owner.preferences.similar_images = shown
        self._ask_similar()

    def _ask_similar(self) -> None:
        """Ask for similar images where they are shown, or say what they need."""
        viewer, model = self.viewer, self._owner.model
        if viewer is None or self.index is None or not self._owner.preferences.similar_images:
            return
        if model.facts("features") is None:
            viewer.similar.set_note(NO_FEATURES)
        elif self._owner.open_image_service(self._similar):
            viewer.similar.set_note("Searching…")
            self._similar.ask(FindSimilar((self.index,), N_SIMILAR), self._take_similar)
        else:
            viewer.similar.set_note(self._why_no_service())

    def _on_no_similar(self, sentence: str, details: str) -> None:  # noqa: ARG002
        if self.viewer is not None:
            self.viewer.similar.set_note(sentence)

    def _take_similar(self, found: SimilarImages) -> None:
        index = self.index
        if self.viewer is None or index is None or found.queries != (index,):
            return
        own, images = self._images.class_of(index), []
        for each, distance in zip(found.indices, found.distances, strict=True):
            name = self._images.class_of(each)
            other = "" if name == own else " (another class)"
            caption = f"{name}{other}\ndistance {distance:.3g}"
            images.append(self._images.thumbnail(each)._replace(caption=caption))
        self.viewer.similar.set_images(images)
