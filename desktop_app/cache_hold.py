"""Keeps the thumbnails that a window shows from being removed to make room in the cache."""

from PySide6.QtCore import QObject, QTimer

from coreset_studio.core.cache_use import release, use
from coreset_studio.core.service.dataset_requests import DatasetSummary
from coreset_studio.desktop_app.project_model import ProjectModel

RENEW_MS = 60 * 60 * 1000


class CacheHold(QObject):
    """Notes that the thumbnails are in use while a dataset is open, and again each hour for other machines.

    Parameters
    ----------
    model : ProjectModel
    """

    def __init__(self, model: ProjectModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._renewal = QTimer(self)
        self._renewal.setInterval(RENEW_MS)
        self._renewal.timeout.connect(self.hold)
        model.results_changed.connect(self._on_results)
        model.project_replaced.connect(self.hold)

    def hold(self) -> None:
        """Hold the thumbnails of the dataset that is open, and those of no other."""
        summary = self._model.value("dataset")
        if not isinstance(summary, DatasetSummary):
            self._renewal.stop()
            release()
            return
        use(summary.cache_folder, "thumbnails")
        self._renewal.start()

    def _on_results(self, stage: str) -> None:
        if stage == "dataset":
            self.hold()
