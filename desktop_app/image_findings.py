"""Findings about images, computed on request: suspected label errors and near-duplicates, shared by the pages."""

from PySide6.QtCore import QObject, Signal

from coreset_studio.core.service.dataset_requests import DatasetFindings


class ImageFindings(QObject):
    """The last findings, and the images that they are of.

    Attributes
    ----------
    current : DatasetFindings or None

    Signals
    -------
    changed : ()
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.current: DatasetFindings | None = None
        self._paths: tuple[str, ...] = ()

    def keep(self, findings: DatasetFindings, paths: tuple[str, ...]) -> None:
        """Keep what was found.

        Parameters
        ----------
        findings : DatasetFindings
        paths : tuple of str
            Of all images of the dataset: `findings` names images by their positions there.
        """
        self.current, self._paths = findings, paths
        self.changed.emit()

    def of(self, paths: tuple[str, ...]) -> DatasetFindings | None:
        """Return what was found of these images, or None where that was of others."""
        return self.current if self.current is not None and paths == self._paths else None

    def forget(self) -> None:
        """Know of nothing, as in another project."""
        self.current, self._paths = None, ()
        self.changed.emit()
