"""The sheet that asks how to write a coreset, and the messages about its outcome."""

from pathlib import Path
from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from coreset_studio.core.errors import CoresetError
from coreset_studio.core.files import reason_of
from coreset_studio.core.resources import expanded
from coreset_studio.core.results import ExportResult
from coreset_studio.core.settings import ExportSettings, Settings
from coreset_studio.core.settings.listed import Setting, settings_in
from coreset_studio.core.typed_paths import unquoted
from coreset_studio.core.words import byte_size
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.pages.setting_controls import SettingControl
from coreset_studio.desktop_app.registries import export_formats
from coreset_studio.desktop_app.widgets.card import Sheet
from coreset_studio.desktop_app.widgets.words import images, set_tone


class ExportSheet(Sheet):
    """Where to, and how.

    Signals
    -------
    chosen : (object, object, bool)
        Folder (Path), `ExportSettings`, whether an export that is there may be replaced.
    """

    chosen = Signal(object, object, bool)

    def __init__(self, settings: ExportSettings, folder: Path, n_images: int, parent: QWidget | None = None) -> None:
        super().__init__(
            "Export the coreset",
            f"Writes {images(n_images)}, coreset.csv (what was selected and why) and coreset.json (how to reproduce "
            "it).",
            "Export",
            parent,
        )
        self.folder = QLineEdit(str(folder))
        self.folder.setToolTip("A new or empty folder")
        self.folder.setAccessibleName("Folder")
        self.folder.textChanged.connect(self._check)
        choose = QPushButton("Choose…")
        choose.setToolTip("Choose a folder")
        choose.clicked.connect(self._choose_folder)
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.UNIT)
        line.addWidget(self.folder, 1)
        line.addWidget(choose)
        self.add(QLabel("Folder"))
        self.add(row)
        self._settings = settings
        self.controls: dict[str, SettingControl] = {}
        every = {setting.where: setting for setting in settings_in("export")}
        first = every.pop("export.files")
        # What belongs to a format stands below it.
        for setting in (first, *sorted(every.values(), key=lambda each: not each.owner)):
            self._add_control(setting)
        self.files = cast("QComboBox", self.controls["export.files"].widget)
        self.private = cast("QCheckBox", self.controls["export.private"].widget)
        self.overwrite = self._tick(
            "Replace an existing export", "Folders with other contents are never replaced", False
        )
        self.accepted.connect(self._emit)
        self._show_controls()
        self._check()

    def _tick(self, text: str, tip: str, on: bool) -> QCheckBox:
        box = QCheckBox(text)
        box.setChecked(on)
        box.setToolTip(tip)
        box.setAccessibleDescription(tip)
        box.toggled.connect(self._check)
        self.add(box)
        self._add_hint(tip)
        return box

    def _add_hint(self, tip: str, *, indent: bool = True) -> QLabel:
        hint = QLabel(tip)
        hint.setWordWrap(True)
        if indent:  # below a box, where its words begin
            hint.setIndent(theme.UNIT * 3)
        set_tone(hint, "muted")
        self.add(hint)
        return hint

    def _add_control(self, setting: Setting) -> None:
        control = SettingControl(setting, self)
        control.show(setting.value(Settings(export=self._settings)))
        control.changed.connect(self._change)
        control.refused.connect(self.set_problem)
        row = QWidget()
        column = QVBoxLayout(row)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.UNIT // 2)
        if control.label:
            words = QLabel(control.label)
            words.setBuddy(control.widget)
            column.addWidget(words)
        column.addWidget(control.widget)
        self.add(row)
        # Each of several formats says in its own tooltip what it is.
        control.row = (row,) if setting.names else (row, self._add_hint(setting.facts.tip, indent=not control.label))
        self.controls[setting.where] = control

    def _change(self, setting: Setting, value: object) -> None:
        try:
            self._settings = setting.put(Settings(export=self._settings), value).export
        except CoresetError as error:
            self._show_controls()
            self.set_problem(str(error))
            return
        self._show_controls()
        self._check()

    def _show_controls(self) -> None:
        """Show what is chosen, and of formats' own settings those of the one that is."""
        name = self._settings.files
        for control in self.controls.values():
            control.show(control.setting.value(Settings(export=self._settings)))
            for widget in control.row:
                widget.setVisible(control.setting.owner in ("", name))
        self.fit()

    def _entered(self) -> Path | None:
        """Return the folder that was typed or pasted, without the quotes that Explorer copies; None if empty."""
        text = unquoted(self.folder.text().strip())
        return expanded(Path(text)) if text else None

    def _check(self) -> None:
        self.set_problem(self._problem_found())

    def _problem_found(self) -> str:
        folder = self._entered()
        if folder is None:
            return "Choose a folder."
        if not folder.is_absolute():
            return "Enter the full path of the folder."
        refusal = export_formats().refusal(self._settings.files, private=self._settings.private, titles=True)
        if refusal:
            return refusal
        try:
            taken = folder.exists() and (not folder.is_dir() or next(folder.iterdir(), None) is not None)
        except OSError as error:
            return f"This folder cannot be read ({reason_of(error)}). Choose another."
        if taken and not self.overwrite.isChecked():
            return "This folder is not empty. Choose another, or replace an existing export."
        return ""

    def accept(self) -> None:
        """Export, unless what was typed last cannot be."""
        for control in self.controls.values():
            control.take_typed()
        if self.accept_button.isEnabled():
            super().accept()

    def _choose_folder(self) -> None:
        found = QFileDialog.getExistingDirectory(self, "Export into", self.folder.text())
        if found:
            self.folder.setText(found)

    def _emit(self) -> None:
        self.chosen.emit(self._entered(), self._settings, self.overwrite.isChecked())


def export_words(summary: ExportResult) -> str:
    """Return what came out of an export."""
    what = (
        f"{images(summary.n_files)}, {byte_size(summary.n_bytes)}," if _holds_images(summary.files_as) else "The lists"
    )
    return " ".join((f"{what} written to {summary.folder}.", *summary.notes))


def _holds_images(name: str) -> bool:
    formats = export_formats()
    return name not in formats or formats[name].holds_images
