"""A button next to a setting that sets its value from the images."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QPushButton

from coreset_studio.core.descriptions import resolve
from coreset_studio.core.results import Dataset
from coreset_studio.core.settings.listed import Setting


class ValueOfImages(QObject):
    """A button that gives a setting the value that suits the images.

    Parameters
    ----------
    setting : Setting
        One that names a function for it, `core.descriptions.Choice.from_dataset`.
    title : str
        Its label.

    Attributes
    ----------
    button : QPushButton
        Enabled where there are images.

    Signals
    -------
    taken : (Setting, object)
        The user chose this value for the setting.
    """

    taken = Signal(object, object)

    def __init__(self, setting: Setting, title: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._setting = setting
        self._dataset: Dataset | None = None
        self.button = QPushButton("Set from images")
        self.button.setAutoDefault(False)
        self.button.setObjectName(f"value_of_images_{setting.where}")
        self.button.setAccessibleName(f"Set {title} from the images")
        self.button.clicked.connect(self._take)
        self.show_dataset(None)

    def show_dataset(self, dataset: Dataset | None) -> None:
        """Take the images, or none, that the value is to suit."""
        self._dataset = dataset if dataset is not None and dataset.images else None
        self.button.setEnabled(self._dataset is not None)
        tip = "Set to the size of most images" if self._dataset is not None else "Scan the images first"
        self.button.setToolTip(tip)
        self.button.setAccessibleDescription(tip)

    def _take(self) -> None:
        if self._dataset is not None:
            value = resolve(self._setting.facts.from_dataset)(self._dataset)
            self.taken.emit(self._setting, value)
