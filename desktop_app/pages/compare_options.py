"""The choices of a comparison: networks, fractions, samplers, seeds, and how networks are trained."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from core import palette
from core.pipeline.networks import NETWORKS
from core.settings import ComparisonSettings, TrainingSettings, own_settings, with_own
from desktop_app import theme
from desktop_app.dialogs.help_pages import OVERVIEW
from desktop_app.dialogs.help_window import show_help
from desktop_app.pages.page import Page

SPLITS_TIP = (
    "Do all of it on so many divisions into pool and test images, each with its own split seed; "
    "five tell what the chance of one division is"
)
BROUGHT_TIP = "These images bring their own split into training and test images, so there is one only"
BACKBONES = {"resnet101v2": "ResNet101V2 (the paper's)", "vgg16": "VGG16", "mobilenetv2": "MobileNetV2"}


class CheckGroup(QWidget):
    """Boxes one below the other.

    Signals
    -------
    changed : (tuple of str)
        The names ticked now, in the order shown.
    """

    changed = Signal(object)

    def __init__(self, choices: dict[str, tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        self.boxes: dict[str, QCheckBox] = {}
        for name, (title, tip) in choices.items():
            box = QCheckBox(title)
            box.setObjectName(f"choice_{name}")
            box.setToolTip(tip)
            box.toggled.connect(self._tell)
            self.boxes[name] = box
            column.addWidget(box)

    def show_names(self, names: Sequence[str]) -> None:
        """Tick `names`, without a signal."""
        for name, box in self.boxes.items():
            blocked = box.blockSignals(True)
            box.setChecked(name in names)
            box.blockSignals(blocked)

    def _tell(self) -> None:
        self.changed.emit(tuple(name for name, box in self.boxes.items() if box.isChecked()))


class CompareOptions(QObject):
    """The controls of the page's option column and what they change."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self._page = page
        self.networks = CheckGroup({name: (each.title, each.tip) for name, each in NETWORKS.items()})
        self.networks.changed.connect(self._set_networks)
        page.add_option("Networks", self.networks, "What is trained on each coreset")
        self.fractions = QLineEdit()
        self.fractions.setPlaceholderText("5, 25, 100")
        self.fractions.editingFinished.connect(self._set_fractions)
        page.add_option("Fractions of the pool, in per cent", self.fractions, "100 is training on everything")
        titles = {name: (theme.sampler_title(name), "") for name in palette.sampler_names()}
        self.samplers = CheckGroup(titles)
        self.samplers.changed.connect(self._set_samplers)
        page.add_option(
            "Samplers",
            self.samplers,
            "Stratified and matched random are added as controls",
            question="Stratified random is the first control for every claim. Matched random has a sampler's own class "
            "budgets, so that nobody takes the gain of a budget for the gain of a sampler.",
        )
        self.about_samplers = QPushButton("What they do…")
        self.about_samplers.setAutoDefault(False)
        self.about_samplers.setToolTip("Open the help about the samplers")
        self.about_samplers.setAccessibleName("Help about the samplers")
        self.about_samplers.clicked.connect(self._open_help)
        page.add_to_options(self.about_samplers)
        self.repetitions = _spin_box(1, 100)
        self.repetitions.valueChanged.connect(self._set_repetitions)
        self.splits = _spin_box(1, 50)
        self.splits.valueChanged.connect(self._set_splits)
        self.epochs = _spin_box(1, 1000)
        self.epochs.valueChanged.connect(self._set_epochs)
        page.add_to_options(
            _side_by_side(
                ("Repetitions", self.repetitions, "Each seeds choice, weights and shuffling together"),
                ("Splits", self.splits, SPLITS_TIP),
                ("Epochs", self.epochs, "Never fewer than the least number of steps"),
            )
        )
        self._add_more()

    def _open_help(self) -> None:
        show_help(self._page, OVERVIEW)

    def _add_more(self) -> None:
        page = self._page
        self.backbone = QComboBox()
        for name, title in BACKBONES.items():
            self.backbone.addItem(title, name)
        self.backbone.activated.connect(self._set_backbone)
        page.add_more_option(
            "Backbone of the transfer network", self.backbone, "Frozen; its features are computed once"
        )
        self.judge = QComboBox()
        for name, title in (
            ("", "The first extractor chosen"),
            ("colour-texture", "Colour and texture"),
            *BACKBONES.items(),
        ):
            self.judge.addItem(title, name)
        self.judge.activated.connect(self._set_judge)
        page.add_more_option(
            "Features of the fast judge", self.judge, "Best is one that the sampler did not see",
            question="A sampler can look good in the space that it chose in. A judge with other features shows what "
            "is left.",
        )  # fmt: skip
        self.image_size = self._whole(32, 1024, "Image size in pixels", "256 in the paper")
        self.image_size.valueChanged.connect(self._set_image_size)
        self.min_steps = self._whole(0, 100_000, "Least number of steps", "Small coresets get more epochs")
        self.min_steps.valueChanged.connect(self._set_min_steps)
        self.batch = self._whole(1, 1024, "Batch size", "Images a step")
        self.batch.valueChanged.connect(self._set_batch)
        self.rate = QDoubleSpinBox()
        self.rate.setDecimals(5)
        self.rate.setRange(0.00001, 1.0)
        self.rate.setSingleStep(0.0005)
        self.rate.setKeyboardTracking(False)
        self.rate.valueChanged.connect(self._set_rate)
        page.add_more_option("Learning rate", self.rate, "Start of the cosine decay to 0")
        self.interest = QDoubleSpinBox()
        self.interest.setRange(0.1, 20.0)
        self.interest.setSuffix(" points")
        self.interest.setKeyboardTracking(False)
        self.interest.valueChanged.connect(self._set_interest)
        page.add_more_option("Difference of interest", self.interest, "For how many repetitions would show it")
        self.untrained = QCheckBox("Untrained backbone, for tests")
        self.untrained.setToolTip("Seeded random weights; every result says so")
        self.untrained.toggled.connect(self._set_untrained)
        page.add_more_option("", self.untrained, "Seeded random weights; every result says so")

    def _whole(self, least: int, most: int, label: str, tip: str) -> QSpinBox:
        box = _spin_box(least, most)
        self._page.add_more_option(label, box, tip)
        return box

    def show_brought(self, brought: bool) -> None:
        """Offer several splits unless the images bring their own; too many can always be taken back."""
        self.splits.setEnabled(not brought or self.splits.value() > 1)
        self.splits.setToolTip(BROUGHT_TIP if brought else SPLITS_TIP)

    def show_settings(self, comparison: ComparisonSettings, training: TrainingSettings) -> None:
        """Show what is chosen."""
        show = self._page.show_value
        self.networks.show_names(comparison.networks)
        self.samplers.show_names(comparison.samplers)
        if not self.fractions.hasFocus():
            self._show_fractions()
        show(self.repetitions, comparison.repetitions)
        show(self.splits, comparison.splits)
        show(self.epochs, training.epochs)
        transfer = own_settings(training, NETWORKS["transfer"])
        show(self.backbone, transfer.backbone)
        show(self.judge, own_settings(training, NETWORKS["head"]).judge_extractor)
        show(self.image_size, training.image_size)
        show(self.min_steps, training.min_steps)
        show(self.batch, training.batch_size)
        show(self.rate, training.learning_rate)
        show(self.interest, 100 * comparison.difference_of_interest)
        show(self.untrained, transfer.untrained_backbone)

    def _change(self, section: str, **changes: Any) -> None:
        self._page.change_settings(section, merge=True, **changes)

    def _change_own(self, network: str, **changes: Any) -> None:
        training = with_own(self._page.model.settings("training"), network, **changes)
        text = f"change of {' and '.join(name.replace('_', ' ') for name in changes)}"
        self._page.change_settings("training", text=text, merge=True, own=training.own)

    def _set_networks(self, names: object) -> None:
        if isinstance(names, tuple) and names:
            self._change("comparison", networks=names)
        else:
            self._keep_last("network")

    def _set_samplers(self, names: object) -> None:
        if isinstance(names, tuple) and names:
            self._change("comparison", samplers=names)
        else:
            self._keep_last("sampler")

    def _keep_last(self, what: str) -> None:
        self._page.messages.warning(f"At least one {what} is needed; the last one stays.")
        self._page.refresh()

    def _set_fractions(self) -> None:
        words = self.fractions.text().replace("%", " ").replace(";", ",").split(",")
        try:
            fractions = tuple(dict.fromkeys(float(word) / 100 for word in words if word.strip()))
        except ValueError:
            self._page.messages.warning(
                f"The fractions “{self.fractions.text()}” are no numbers; "
                "expected per cent between commas, such as 5, 25, 100."
            )
            self._show_fractions()
            return
        if fractions != self._page.model.settings("comparison").fractions:
            self._page.change_settings("comparison", fractions=fractions)
        self._show_fractions()

    def _show_fractions(self) -> None:
        """Show the fractions that are chosen, as the field writes them."""
        fractions = self._page.model.settings("comparison").fractions
        self._page.show_value(self.fractions, ", ".join(f"{100 * fraction:g}" for fraction in fractions))

    def _set_repetitions(self, value: int) -> None:
        self._change("comparison", repetitions=value)

    def _set_splits(self, value: int) -> None:
        self._change("comparison", splits=value)

    def _set_interest(self, value: float) -> None:
        self._change("comparison", difference_of_interest=value / 100)

    def _set_epochs(self, value: int) -> None:
        self._change("training", epochs=value)

    def _set_backbone(self) -> None:
        self._change_own("transfer", backbone=self.backbone.currentData())

    def _set_judge(self) -> None:
        self._change_own("head", judge_extractor=self.judge.currentData())

    def _set_image_size(self, value: int) -> None:
        self._change("training", image_size=value)

    def _set_min_steps(self, value: int) -> None:
        self._change("training", min_steps=value)

    def _set_batch(self, value: int) -> None:
        self._change("training", batch_size=value)

    def _set_rate(self, value: float) -> None:
        self._change("training", learning_rate=value)

    def _set_untrained(self, value: bool) -> None:
        self._change_own("transfer", untrained_backbone=value)


def _spin_box(least: int, most: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(least, most)
    box.setKeyboardTracking(False)
    return box


def _side_by_side(*fields: tuple[str, QSpinBox, str]) -> QWidget:
    """Return fields beside each other, each under its label."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(theme.UNIT)
    for label, box, tip in fields:
        words = QLabel(label)
        words.setBuddy(box)
        box.setAccessibleName(label)
        box.setAccessibleDescription(tip)
        box.setToolTip(tip)
        # Three of them fit beside the column's scroll bar.
        box.setMinimumWidth(theme.UNIT * 8)
        column = QVBoxLayout()
        column.setSpacing(theme.UNIT // 2)
        column.addWidget(words)
        column.addWidget(box)
        layout.addLayout(column, 1)
    return row
