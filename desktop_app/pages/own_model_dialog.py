"""The dialog that adds a model of the user: what no ONNX file says is asked, then the model is checked and added."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.core.service.model_requests import (
    MODEL_SETTINGS,
    AddModel,
    InspectedModel,
    InspectModel,
    ModelSummary,
)
from coreset_studio.core.settings.listed import Setting
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.pages.setting_controls import SettingControl
from coreset_studio.desktop_app.service.engine import EngineService
from coreset_studio.desktop_app.widgets.message_strip import MessageStrip
from coreset_studio.desktop_app.widgets.words import set_tone

FILTER = "ONNX models (*.onnx);;All files (*)"
DESCRIPTIONS = "Descriptions (*.json);;All files (*)"
SENTENCE = (
    "An ONNX file does not state how images were prepared for the model. Check the values below against its "
    "documentation: wrong ones give features without an error. The model is then run on synthetic images in a separate "
    "process and copied to your data folder. Results of it are marked as those of an unverified model."
)
AUTOMATIC = "Automatic"


class OwnModelDialog(QDialog):
    """Shows what is known of a model file, lets the user set the rest, and adds it.

    Parameters
    ----------
    service : EngineService
    file : Path
        The ONNX file.

    Attributes
    ----------
    fields : dict of str to SettingControl
        By the names of the settings; made when the file was read.
    name : QLineEdit
    add_button : QPushButton

    Signals
    -------
    model_added : (ModelSummary)
    """

    model_added = Signal(object)

    def __init__(self, service: EngineService, file: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service, self._file = service, file
        self._description: Path | None = None
        self._number: int | None = None
        self._is_closed = False
        self._values: dict[str, Any] = {}
        self.fields: dict[str, SettingControl] = {}
        self.setWindowTitle("Add a model")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(theme.UNIT * 72)
        self.about = QLabel(f"Reading {file.name}…")
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        sentence = QLabel(SENTENCE)
        for label in (self.about, sentence):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        set_tone(sentence, "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.UNIT * 3] * 4)
        layout.setSpacing(theme.UNIT * 2)
        layout.addWidget(self.about)
        layout.addWidget(sentence)
        layout.addWidget(self._make_form(), 1)
        self.strip = MessageStrip()
        layout.addWidget(self.strip)
        layout.addWidget(self._make_progress())
        layout.addLayout(self._make_buttons())
        service.progressed.connect(self._on_progressed)
        self.resize(
            self.minimumWidth(), min(theme.UNIT * 92, self.screen().availableGeometry().height() - theme.UNIT * 10)
        )
        self._inspect()

    # --- making -----------------------------------------------------------------------------------------------

    def _make_form(self) -> QWidget:
        inside = QWidget()
        inside.setAutoFillBackground(False)
        self._form = QFormLayout(inside)
        self._form.setContentsMargins(0, 0, theme.UNIT, 0)
        self._form.setSpacing(theme.UNIT)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.name = QLineEdit()
        self.name.setObjectName("model_name")
        self.name.setToolTip("Name of the model; the extractor is named after it, in lower case")
        self.name.setAccessibleName("Name")
        self._form.addRow("Name", self.name)
        area = QScrollArea()
        area.setAccessibleName("Settings of the model")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        # Low, so that a message gets its place from the list and covers nothing.
        area.setMinimumHeight(theme.UNIT * 20)
        area.setWidget(inside)
        area.viewport().setAutoFillBackground(False)
        self._inside = inside
        inside.setEnabled(False)
        return area

    def _make_progress(self) -> QWidget:
        self.busy = QWidget()
        self._doing = QLabel()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress")
        row = QHBoxLayout(self.busy)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.UNIT * 2)
        row.addWidget(self._doing, 1)
        row.addWidget(self.progress, 1)
        # Its place is kept, so that nothing moves while the model is checked.
        policy = self.busy.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.busy.setSizePolicy(policy)
        return self.busy

    def _make_buttons(self) -> QHBoxLayout:
        self.description_button = QPushButton("Read a description…")
        self.description_button.setToolTip(
            "Fill in the values from a JSON file, such as the config.json of a WSInfer model"
        )
        self.description_button.setAutoDefault(False)
        self.description_button.clicked.connect(self._choose_description)
        self.buttons = QDialogButtonBox()
        self.add_button = self.buttons.addButton("Check and add", QDialogButtonBox.ButtonRole.AcceptRole)
        self.add_button.setProperty("primary", True)
        self.add_button.setToolTip("Run the model on synthetic images, and add it if it works")
        self.close_button = self.buttons.addButton("Cancel", QDialogButtonBox.ButtonRole.RejectRole)
        self.buttons.accepted.connect(self.add)
        self.buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.addWidget(self.description_button)
        row.addStretch(1)
        row.addWidget(self.buttons)
        return row

    # --- doing ------------------------------------------------------------------------------------------------

    def read_description(self, file: str) -> None:
        """Fill in what a description says."""
        if self._number is None:
            self._description = Path(file)
            self._inspect()

    def add(self) -> None:
        """Check the model with the values that are shown, and add it."""
        if self._number is not None or not self.fields:
            return
        for control in self.fields.values():
            control.take_typed()
        self.strip.clear()
        self._show_busy(f"Checking {self._file.name}")
        request = AddModel(self._file, self.name.text(), self._description, dict(self._values), is_complete=True)
        self._number = self._service.ask(
            request, self._on_added, on_failed=self._on_failed, on_cancelled=self._on_cancelled
        )

    def _inspect(self) -> None:
        self.strip.clear()
        self._show_busy(f"Reading {self._file.name}")
        self._number = self._service.ask(
            InspectModel(self._file, self._description),
            self._on_inspected,
            on_failed=self._on_failed,
            on_cancelled=self._on_cancelled,
        )

    def _choose_description(self) -> None:
        dialog = QFileDialog(self, "Read a description", str(self._file.parent), DESCRIPTIONS)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.read_description)
        dialog.open()

    def done(self, result: int) -> None:
        """Close, and stop what is running: nobody would see its result."""
        if self._number is not None:
            self._service.cancel(self._number)
        self._is_closed = True
        super().done(result)

    # --- results ----------------------------------------------------------------------------------------------

    def _on_inspected(self, found: InspectedModel) -> None:
        if self._is_over():
            return
        self.about.setText(
            f"{found.file.name}: input {found.shape}, {found.n_parameters:,} parameters; "
            f"outputs: {', '.join(found.outputs.values())}"
        )
        if not self.name.text():
            self.name.setText(found.title)
        self._values = dict(found.values)
        if not self.fields:
            self._make_fields(found.outputs)
        for name, control in self.fields.items():
            control.show(self._values[name], over_typing=True)
        notes = list(found.notes)
        if found.description:
            notes.insert(0, f"The values are from {found.description}.")
        if notes:
            self.strip.show_message("info", " ".join(notes))

    def _make_fields(self, outputs: Mapping[str, str]) -> None:
        for setting in MODEL_SETTINGS:
            control = SettingControl(_with_outputs(setting, outputs), self)
            control.changed.connect(self._take)
            control.refused.connect(self._refuse)
            self.fields[setting.name] = control
            self._form.addRow(control.title, control.widget)

    def _on_added(self, added: ModelSummary) -> None:
        if self._is_over():
            return
        words = (
            f"{added.title} was added as the extractor {added.name}: {added.width:,} features, "
            f"{1 / max(added.seconds_per_image, 1e-9):.3g} images/s on one thread. Select it on the Features page."
        )
        self.strip.show_message("good", " ".join([words, *added.notes]), closable=False)
        self.close_button.setText("Close")
        for widget in (self._inside, self.add_button, self.description_button):
            widget.setEnabled(False)
        self.model_added.emit(added)

    def _on_failed(self, sentence: str, details: str) -> None:  # noqa: ARG002
        if not self._is_over():
            self.strip.show_message("bad", sentence, closable=False)
            self.about.setText(self.about.text().removeprefix("Reading ").removesuffix("…"))

    def _on_cancelled(self) -> None:
        if not self._is_over():
            self.strip.show_message("info", "Cancelled. Nothing was added.")

    def _is_over(self) -> bool:
        """Notice that nothing is running any more, and return whether the dialog is closed."""
        self._number = None
        if not self._is_closed:
            self._show_busy("")
        return self._is_closed

    def _on_progressed(self, number: int, done: int, total: int, message: str, left: object) -> None:  # noqa: ARG002
        if number == self._number:
            self.progress.setRange(0, total)
            self.progress.setValue(done)
            if message:
                self._doing.setText(message)

    def _take(self, setting: Setting, value: object) -> None:
        self._values[setting.name] = value
        self.fields[setting.name].show(value)

    def _refuse(self, sentence: str) -> None:
        self.strip.show_message("warning", sentence)

    def _show_busy(self, doing: str) -> None:
        self.busy.setVisible(bool(doing))
        self._doing.setText(doing)
        self.progress.setRange(0, 0 if doing else 1)
        self._inside.setEnabled(not doing)
        self.add_button.setEnabled(not doing)
        self.description_button.setEnabled(not doing)


def _with_outputs(setting: Setting, outputs: Mapping[str, str]) -> Setting:
    """Return the setting of the output as a choice of those that the model has."""
    if setting.name != "output":
        return setting
    return replace(setting, facts=replace(setting.facts, values={"": AUTOMATIC, **outputs}))
