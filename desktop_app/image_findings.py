"""What was found about images on request: suspected label errors and near-duplicates, shared by the pages."""

from PySide6.QtCore import QObject, Signal

from core.service.dataset_requests import DoubtsView


class ImageFindings(QObject):
    """The last findings, and the images that they are of.

    Attributes
    ----------
    doubts : DoubtsView or None

    Signals
    -------
    changed : ()
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.doubts: DoubtsView | None = None
        self._paths: tuple[str, ...] = ()

    def keep(self, doubts: DoubtsView, paths: tuple[str, ...]) -> None:
        """Keep what was found.

        Parameters
        ----------
        doubts : DoubtsView
        paths : tuple of str
            Of all images of the dataset: `doubts` names images by their positions there.
        """
        self.doubts, self._paths = doubts, paths
        self.changed.emit()

    def of(self, paths: tuple[str, ...]) -> DoubtsView | None:
        """Return what was found of these images, or None where that was of others."""
        return self.doubts if self.doubts is not None and paths == self._paths else None

    def forget(self) -> None:
        """Know of nothing, as in another project."""
        self.doubts, self._paths = None, ()
        self.changed.emit()
