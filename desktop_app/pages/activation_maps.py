"""Class activation maps in the viewer of a page: which networks are saved, and their maps from the engine."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from coreset_studio.core.heat_map import coloured
from coreset_studio.core.pipeline.words import bundle_mark
from coreset_studio.core.resources import user_data_folder
from coreset_studio.core.results import Comparison, ExplainedImage, RunResult
from coreset_studio.core.service.explanation_requests import ExplainImages
from coreset_studio.core.service.networks import NETWORKS, network_title
from coreset_studio.core.words import percent
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.pages.asking import AskingPage
from coreset_studio.desktop_app.pages.images_shown import ImagesShown
from coreset_studio.desktop_app.pages.page import NOT_THERE
from coreset_studio.desktop_app.widgets.image_viewer import ImageViewer

N_AT_ONCE = 64
"""Images of the list whose maps are computed by one request: starting TensorFlow takes longer than all of them."""
N_KEPT = 1_024
LARGEST_SIDE = 512
"""Of a map as it is drawn, in pixels; it is stretched over the image."""
SAVED = " and the ".join(one.title_inside for one in NETWORKS.values() if one.is_saved)
NO_NETWORK = (
    "No trained network of this project is saved on this computer. Train and compare on the Compare page: the networks "
    f"of the first repetition are saved (the {SAVED})."
)
NOT_READ = "The results of the comparison are not open. Open the Compare page once; its saved networks are listed here."
CHANGED = "The settings of the dataset have changed. Scan again."
BUSY = "Loading the network and computing maps. The first one takes some seconds…"
CANCELLED = "Cancelled. Choose a network, or go to another image, to compute maps."
_Key = tuple[str, str, str]


def models_folder() -> Path:
    """Return where trained networks are kept."""
    return user_data_folder() / "models"


def kept_networks(runs: Sequence[RunResult]) -> list[tuple[str, Path]]:
    """Return the saved networks of runs in their order, each with a title, such as "Custom network, Herding 5 %"."""
    folder = models_folder()
    if not runs or not folder.is_dir():
        return []
    by_mark = {place.name.rpartition("-")[2]: place for place in sorted(folder.iterdir()) if place.is_dir()}
    found = {}
    for run in runs:
        key = run.key
        place = by_mark.get(bundle_mark(key))
        if place is not None:
            of = "whole pool" if key.sampler == "everything" else theme.sampler_title(key.sampler)
            found[place] = f"{network_title(key.network)}, {of} {percent(key.fraction)}"
    return [(title, place) for place, title in found.items()]


class ActivationMaps(QObject):
    """Asks for the maps of the image that is shown and of those next in the list, and keeps them while it lives.

    Parameters
    ----------
    images : ImagesShown
    owner : AskingPage
    runs_first : callable, optional
        Returns the runs whose network is chosen first, such as those of the selected row.
    """

    def __init__(
        self, images: ImagesShown, owner: AskingPage, runs_first: Callable[[], Sequence[RunResult]] | None = None
    ) -> None:
        super().__init__(owner)
        self._images, self._owner, self._runs_first = images, owner, runs_first
        self._viewer: ImageViewer | None = None
        self._walk: Sequence[int] = ()
        self._at = 0
        self._networks: list[tuple[str, Path]] = []
        self._bundle: Path | None = None
        self._which = "predicted"
        self._known: dict[_Key, ExplainedImage] = {}
        self._job: int | None = None
        self._pending: set[_Key] = set()

    def attach(self, viewer: ImageViewer) -> None:
        """Offer maps in a viewer."""
        self._viewer = viewer
        viewer.offer_maps(True)
        viewer.map_toggled.connect(self._on_toggled)
        viewer.map.network_chosen.connect(self._on_network)
        viewer.map.class_chosen.connect(self._on_class)
        viewer.map.cancel_requested.connect(self._cancel)
        viewer.finished.connect(self._cancel)

    def forget(self) -> None:
        """Have no image and no maps; what is being computed is stopped."""
        self._stop()
        self._viewer, self._walk, self._at = None, (), 0
        self._networks, self._bundle = [], None
        self._known.clear()

    def show(self, walk: Sequence[int], at: int) -> None:
        """Show the map of `walk[at]` where maps are shown."""
        self._walk, self._at = walk, at
        if self._viewer is not None:
            self._viewer.show_map(QImage())
            if self._viewer.map_toggle.isChecked():
                self._show()

    # --- which network ----------------------------------------------------------------------------------------

    def _find_networks(self) -> str:
        """List the saved networks, and return why there are none, or an empty text."""
        result = self._owner.model.latest_value("compare")
        runs = result.runs if isinstance(result, Comparison) else ()
        self._networks = kept_networks(runs)
        places = [place for _, place in self._networks]
        if self._bundle not in places:
            first = kept_networks(self._runs_first()) if self._runs_first is not None else []
            preferred = [place for _, place in first if place in places]
            self._bundle = next(iter([*preferred, *places]), None)
        if self._viewer is not None:
            chosen = places.index(self._bundle) if self._bundle is not None else -1
            self._viewer.map.set_networks([title for title, _ in self._networks], chosen)
        if places:
            return ""
        is_compared = self._owner.model.facts("compare") is not None and not runs
        return NOT_READ if is_compared else NO_NETWORK

    def _on_toggled(self, shown: bool) -> None:
        if shown:
            self._bundle = None  # the row selected now comes first
            self._show()
        else:
            self._stop()

    def _on_network(self, row: int) -> None:
        if 0 <= row < len(self._networks):
            self._bundle = self._networks[row][1]
            self._show()

    def _on_class(self, which: str) -> None:
        self._which = which
        self._show()

    # --- showing ----------------------------------------------------------------------------------------------

    def _show(self) -> None:
        viewer, summary = self._viewer, self._images.summary
        if viewer is None or summary is None or not self._walk:
            return
        reason = self._find_networks() or self._why_no_map()
        if reason:
            viewer.show_map(QImage())
            viewer.map.say(reason)
            return
        index = self._walk[self._at]
        found = self._known.get(self._key(index))
        if found is None:
            viewer.show_map(QImage())
            viewer.map.say(BUSY, is_busy=True)
            if self._key(index) not in self._pending:
                self._ask()
        elif found.problem:
            viewer.show_map(QImage())
            viewer.map.say(found.problem, warning=True)
        else:
            self._draw(viewer, index, found)

    def _why_no_map(self) -> str:
        if not self._owner.images_are_there():
            return NOT_THERE
        return CHANGED if self._owner.model.facts("dataset") is None else ""

    def _draw(self, viewer: ImageViewer, index: int, found: ExplainedImage) -> None:
        summary = self._images.summary
        if summary is None:
            return
        image = summary.dataset.images[index]
        label = image.class_name
        viewer.map.offer_label(label in found.maps)
        name = label if self._which == "label" and label in found.maps else found.predicted
        values = found.maps[name]
        scale = min(1.0, LARGEST_SIDE / max(image.width, image.height))
        width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        pixels = coloured(values, height, width)
        overlay = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888)
        viewer.show_map(overlay.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied))
        viewer.map.show_probabilities(found.probabilities, label, is_empty=not values.any())

    # --- asking -----------------------------------------------------------------------------------------------

    def _key(self, index: int) -> _Key:
        """Return what a map depends on: the network, the pixels, and the class of the label."""
        summary = self._images.summary
        image = summary.dataset.images[index] if summary is not None else None
        return (str(self._bundle), image.pixels, image.class_name) if image is not None else ("", "", "")

    def _ask(self) -> None:
        """Ask for the maps of the image that is shown, of those after it and then of those before it."""
        summary = self._images.summary
        if summary is None or self._bundle is None:
            return
        self._stop()
        order = [*self._walk[self._at :], *reversed(self._walk[: self._at])]
        missing = {self._key(index): summary.dataset.images[index].path for index in order[: 4 * N_AT_ONCE]
                   if self._key(index) not in self._known}  # fmt: skip
        asked = dict(list(missing.items())[:N_AT_ONCE])
        keys = {path: key for key, path in asked.items()}
        self._pending = set(asked)
        request = ExplainImages(self._owner.study(), self._bundle, tuple(keys))
        self._job = self._owner.service.ask(
            request,
            self._on_finished,
            on_part=partial(self._take, keys),
            on_failed=self._on_failed,
            on_cancelled=self._on_cancelled,
        )

    def _take(self, keys: dict[str, _Key], part: ExplainedImage) -> None:
        key = keys[part.path]
        self._pending.discard(key)
        self._known[key] = part
        while len(self._known) > N_KEPT:
            del self._known[next(iter(self._known))]
        if self._is_shown() and self._walk and key == self._key(self._walk[self._at]):
            self._show()

    def _is_shown(self) -> bool:
        return self._viewer is not None and self._viewer.map_toggle.isChecked()

    def _on_finished(self, n_maps: int) -> None:  # noqa: ARG002
        self._job, self._pending = None, set()

    def _on_failed(self, sentence: str, details: str) -> None:  # noqa: ARG002
        self._job, self._pending = None, set()
        if self._is_shown() and self._viewer is not None:
            self._viewer.map.say(sentence, warning=True)

    def _on_cancelled(self) -> None:
        self._job, self._pending = None, set()
        if self._is_shown() and self._viewer is not None and self._viewer.map.cancel.isVisibleTo(self._viewer.map):
            self._viewer.map.say(CANCELLED)

    def _cancel(self) -> None:
        if self._job is not None:
            self._owner.service.cancel(self._job)

    def _stop(self) -> None:
        """Drop what is being computed, without a word."""
        job, self._job, self._pending = self._job, None, set()
        if job is not None and job in self._owner.service.running():
            self._owner.service.drop(job)
