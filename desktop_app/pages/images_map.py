"""The map of the Images page: asks the engine for it, and shows the images that pass the filters in it."""

from collections.abc import Callable
from typing import cast

import numpy as np
from PySide6.QtCore import QObject, Signal

from coreset_studio.core.results import ImageMap, IntArray, MapMethod
from coreset_studio.core.service.map_requests import MapImages, map_seconds
from coreset_studio.desktop_app.models.facets import Facet
from coreset_studio.desktop_app.pages.asking import AskingPage
from coreset_studio.desktop_app.pages.images_content import ImagesContent
from coreset_studio.desktop_app.pages.images_shown import HoverImage, ImagesShown
from coreset_studio.desktop_app.widgets.scatter import component_label

NO_IMAGES: IntArray = np.zeros(0, dtype=np.int64)
RING = "in the coreset"


class ImagesMap(QObject):
    """Maps of the dataset, each requested when its view is chosen and kept until the features change.

    Parameters
    ----------
    page : AskingPage
        Sends the requests.
    images : ImagesShown
        The dataset.
    content : ImagesContent
        Has the view and the plot.
    why_not : callable
        Returns why there is no map, or an empty text.

    Signals
    -------
    opened : (int)
        An image is to be enlarged.
    """

    opened = Signal(int)

    def __init__(
        self, page: AskingPage, images: ImagesShown, content: ImagesContent, why_not: Callable[[], str]
    ) -> None:
        super().__init__(page)
        self._page, self._images, self._content, self._why_not = page, images, content, why_not
        self.plot = content.map
        self.hover = HoverImage(self.plot)
        self._maps: dict[str, ImageMap] = {}
        self._key: object = None
        self._drawn: ImageMap | None = None
        self._facet: Facet | None = None
        self._shown = NO_IMAGES
        self._chosen: IntArray | None = None
        content.viewed.connect(self._on_viewed)
        self.plot.hovered.connect(self._hover)
        self.plot.opened.connect(self._open)
        self.plot.preview_requested.connect(self._open)

    @property
    def is_waiting(self) -> bool:
        """Whether a map is being computed."""
        return bool(self._page.job_numbers(MapImages))

    def forget(self) -> None:
        """Have no maps."""
        self._maps, self._key, self._drawn, self._facet, self._chosen = {}, None, None, None, None
        self._shown = NO_IMAGES
        self.hover.forget()

    def show(self, facet: Facet | None, shown: IntArray, chosen: IntArray | None) -> None:
        """Show images with the colours of a facet.

        Parameters
        ----------
        facet : Facet or None
            None: all have one colour.
        shown : ndarray of shape (n,), int64
            Images that pass the filters, in any order.
        chosen : ndarray of int64 or None
            Images to ring, those of the coreset.
        """
        self._facet, self._shown, self._chosen = facet, shown, chosen
        if self._content.map_method:
            self._draw()

    # --- inside -----------------------------------------------------------------------------------------------

    def _on_viewed(self) -> None:
        self.hover.hide()
        if self._content.map_method and self._images.summary is not None:
            self._draw()

    def _current_key(self) -> object:
        result = self._page.model.project.result("dataset")
        return (self._page.model.key("features"), result.content if result is not None else "")

    def _draw(self) -> None:
        """Draw the map of the method that is chosen, or ask for it."""
        key = self._current_key()
        if key != self._key:
            self._maps, self._key = {}, key
        method = cast("MapMethod", self._content.map_method)
        found = self._maps.get(method)
        reason = self._why_not()
        if reason or found is None:
            self._show_none(reason or "Computing the map…")
            if not reason:
                self._ask(method)
            return
        passed = np.zeros(len(self._images.summary.dataset.images) if self._images.summary is not None else 0, bool)
        passed[self._shown] = True
        rows = np.flatnonzero(passed[found.indices])
        keys = found.indices[rows]
        selected = self._content.selected_keys()
        facet = self._facet
        self.plot.show_images(
            found.points[rows],
            facet.codes()[keys] if facet is not None else np.full(len(keys), -1),
            facet.values if facet is not None else (),
            _axes(found),
            is_other=found is not self._drawn,
            note="No images match the filters and the search.",
        )
        self._drawn = found
        self._content.set_map_keys(keys, selected)
        chosen = self._chosen
        self.plot.ring(np.flatnonzero(np.isin(keys, chosen)) if chosen is not None else NO_IMAGES, RING)
        self._content.map_words.setText(_words(found, len(self._shown) - len(rows)))

    def _show_none(self, note: str) -> None:
        self._drawn = None
        self.plot.show_images(np.zeros((0, 2)), NO_IMAGES, (), ("", ""), note=note)
        self._content.set_map_keys(NO_IMAGES, NO_IMAGES)
        self._content.map_words.clear()

    def _ask(self, method: MapMethod) -> None:
        summary = self._images.summary
        asked = {job.method for job in self._page.requests(MapImages)}
        if summary is None or method in asked or not self._page.images_are_there():
            return
        key = self._key
        n = sum(len(part) for part in (summary.split.pool, summary.split.validation, summary.split.test))

        def take(found: ImageMap) -> None:
            if key == self._current_key():
                self._maps[found.method] = found
            if self._content.map_method == found.method:
                self._draw()

        def leave() -> None:
            if self._content.map_method == method:
                self._content.choose_view("")

        self._page.ask(
            MapImages(self._page.study(), method),
            take,
            on_failed=leave,
            on_cancelled=leave,
            expected_seconds=map_seconds(method, n),
        )

    def _hover(self, row: int) -> None:
        keys = self._content.map_keys
        if not 0 <= row < len(keys):
            self.hover.hide()
            return
        index = int(keys[row])
        image = self._images.thumbnail(index)
        words = [image.title.rsplit("/", 1)[-1], self._images.class_of(index)]
        facet = self._facet
        code = int(facet.codes()[index]) if facet is not None and facet.name != "class" else -1
        if facet is not None and code >= 0:
            words.append(f"{facet.title}: {facet.values[code]}")
        self.hover.show_image(image, "\n".join(words))

    def _open(self, row: int) -> None:
        self.opened.emit(int(self._content.map_keys[row]))


def _axes(found: ImageMap) -> tuple[str, str]:
    if not found.shares:
        return "", ""
    return component_label(0, found.shares[0]), component_label(1, found.shares[1])


def _words(found: ImageMap, n_without: int) -> str:
    """Return what the map is computed from, and which images are not in it."""
    n, fitted = len(found.indices), int(found.fitted.sum())
    if found.method == "pca":
        words = "Similar images are near each other, as far as two components can show it."
    elif fitted < n:
        words = (
            f"t-SNE of {fitted:,} of {n:,} images, drawn at random; the others are placed at their nearest of these. "
            "Neighbours have a meaning, distances between groups have none."
        )
    else:
        words = f"t-SNE of {n:,} images. Neighbours have a meaning, distances between groups have none."
    if n_without:
        verb = "image has" if n_without == 1 else "images have"
        words += f" {n_without:,} {verb} no features and {'is' if n_without == 1 else 'are'} not shown."
    return words
