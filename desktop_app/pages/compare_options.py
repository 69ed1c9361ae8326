"""The choices of a comparison: networks, fractions, samplers, seeds, and how networks are trained."""

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.dialogs.help_pages import OVERVIEW
from coreset_studio.desktop_app.dialogs.help_window import show_help
from coreset_studio.desktop_app.pages.page import Page
from coreset_studio.desktop_app.pages.setting_controls import SettingControl

PREDEFINED_TIP = "The dataset has a predefined split, so there is only one"
FOLDS_TIP = "The Dataset page divides the images into {0} folds, each of which is the test set once"


class CompareOptions(QObject):
    """The controls of the page's option column: the first few by hand, all others from the facts of settings."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self._page = page
        controls = page.controls
        self.networks = controls.add("comparison.networks").widget
        self.fractions = controls.add("comparison.fractions", title="Fractions of the pool, in percent").widget
        self.samplers = controls.add("comparison.samplers").widget
        self.about_samplers = QPushButton("About the samplers…")
        self.about_samplers.setAutoDefault(False)
        self.about_samplers.setToolTip("Open the Help page about the samplers")
        self.about_samplers.setAccessibleName("Help about the samplers")
        self.about_samplers.clicked.connect(self._open_help)
        page.add_to_options(self.about_samplers)
        self._splits = controls.make("comparison.splits")
        three = (controls.make("comparison.repetitions"), self._splits, controls.make("training.epochs"))
        page.add_to_options(_side_by_side(*three))
        controls.add_owned("training", more=True, several=True)
        controls.add_rest("training", "comparison")

    def _open_help(self) -> None:
        show_help(self._page, OVERVIEW)

    def show_predefined(self, is_predefined: bool, folds: int | None = None) -> None:
        """Offer several splits unless the images bring their own or are in folds; too many can always be taken back."""
        why_one = PREDEFINED_TIP if is_predefined else FOLDS_TIP.format(folds) if folds else ""
        one_only = bool(why_one) and self._splits.value == 1
        self._splits.set_no_effect(why_one if one_only else "")
        if why_one and not one_only:
            self._splits.widget.setToolTip(why_one)

    def show_networks(self, names: tuple[str, ...]) -> None:
        """Show the own settings of the networks that are chosen."""
        self._page.controls.show_owned("training", names)


def _side_by_side(*controls: SettingControl) -> QWidget:
    """Return controls next to each other, each under its label."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(theme.UNIT)
    for control in controls:
        words = QLabel(control.label)
        words.setBuddy(control.widget)
        # Three of them fit beside the column's scroll bar.
        control.widget.setMinimumWidth(theme.UNIT * 8)
        column = QVBoxLayout()
        column.setSpacing(theme.UNIT // 2)
        column.addWidget(words)
        column.addWidget(control.widget)
        layout.addLayout(column, 1)
    return row
