"""Adding and removing a model of the user in the window."""

import json
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox
from pytestqt.qtbot import QtBot

from coreset_studio.core.features.extractors import EXTRACTORS
from coreset_studio.core.features.own_models.adding import add_model, remove_model
from coreset_studio.core.settings import FeatureSettings
from coreset_studio.core.settings.listed import settings_in
from coreset_studio.desktop_app.dialogs.question import Question
from coreset_studio.desktop_app.pages.features import FeaturesPage
from coreset_studio.desktop_app.pages.own_model_dialog import OwnModelDialog
from coreset_studio.desktop_app.pages.page import PageContext
from coreset_studio.desktop_app.pages.setting_controls import SettingControl
from tests.core.features.own_models.onnx_files import SIZE, WIDTH, model, value, written


@pytest.fixture
def dialog(process_context: PageContext, qtbot: QtBot, tmp_path: Path) -> OwnModelDialog:
    """The dialog for a small network with two outputs, read by a real engine process."""
    file = written(tmp_path, model(outputs=[value("flat", ("n", 8)), value("features", ("n", WIDTH))]))
    opened = OwnModelDialog(process_context.service, file)
    opened.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(opened)
    opened.show()
    assert not opened.add_button.isEnabled(), "nothing is known yet"
    qtbot.waitUntil(lambda: bool(opened.fields), timeout=30_000)
    return opened


def typed(widget: object, text: str) -> None:
    assert isinstance(widget, QLineEdit)
    widget.setText(text)
    widget.setModified(True)


def test_what_the_file_says_is_shown_and_the_rest_can_be_set(dialog: OwnModelDialog) -> None:
    assert dialog.about.text() == (
        f"net.onnx: input (any, 3, 32, 32), 312 parameters; outputs: flat (?, 8), features (?, {WIDTH})"
    )
    assert dialog.name.text() == "net"
    size, output, mean = (dialog.fields[name].widget for name in ("input_size", "output", "mean"))
    assert isinstance(size, QSpinBox)
    assert size.value() == SIZE
    assert isinstance(output, QComboBox)
    assert [output.itemText(row) for row in range(3)] == ["Automatic", "flat (?, 8)", f"features (?, {WIDTH})"]
    assert isinstance(mean, QLineEdit)
    assert mean.text() == "0.485, 0.456, 0.406"


@pytest.mark.slow
def test_a_model_is_checked_and_added_with_what_was_set(dialog: OwnModelDialog, qtbot: QtBot) -> None:
    dialog.name.setText("Lab net")
    typed(dialog.fields["mean"].widget, "0.5, 0.5, 0.5")
    typed(dialog.fields["source"].widget, "Lab 2026")
    output = dialog.fields["output"].widget
    assert isinstance(output, QComboBox)
    output.setCurrentIndex(2)
    with qtbot.waitSignal(dialog.model_added, timeout=60_000) as signal:
        qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
        assert dialog.busy.isVisible()
    (added,) = signal.args or ()
    assert (added.name, added.width, added.source) == ("lab-net", WIDTH, "Lab 2026")
    assert "mean 0.5, 0.5, 0.5" in added.preparation
    assert dialog.strip.kind == "good"
    assert dialog.strip.text.startswith(f"Lab net was added as the extractor lab-net: {WIDTH} features, ")
    assert not dialog.add_button.isEnabled()
    assert "lab-net" in EXTRACTORS, "in the process of the window, too"


def test_a_value_that_is_not_valid_is_named_and_taken_back(dialog: OwnModelDialog) -> None:
    mean = dialog.fields["mean"].widget
    for text in ("0.5, 0.5", "a, b, c"):
        typed(mean, text)
        dialog.fields["mean"].take_typed()
        assert dialog.strip.text == (
            f"Mean: “{text}” is not valid; expected numbers separated by commas, such as 0.485, 0.456, 0.406."
        )
    assert isinstance(mean, QLineEdit)
    assert mean.text() == "0.485, 0.456, 0.406"


@pytest.mark.slow
def test_what_is_refused_is_named_and_can_be_corrected(dialog: OwnModelDialog, qtbot: QtBot) -> None:
    size = dialog.fields["input_size"].widget
    assert isinstance(size, QSpinBox)
    size.setValue(64)
    qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.strip.kind == "bad", timeout=60_000)
    assert "its input is 32 × 32 pixels; expected 64 × 64, as set" in dialog.strip.text
    assert dialog.add_button.isEnabled()
    size.setValue(32)
    with qtbot.waitSignal(dialog.model_added, timeout=60_000):
        qtbot.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)


@pytest.mark.slow
def test_a_description_fills_the_values(dialog: OwnModelDialog, qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "wsinfer.json"
    steps = [
        {"name": "Resize", "arguments": {"size": 32}},
        {"name": "ToTensor"},
        {"name": "Normalize", "arguments": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}},
    ]
    file.write_text(json.dumps({"spec_version": "1.0", "transform": steps}), encoding="utf-8")
    dialog.read_description(str(file))
    qtbot.waitUntil(lambda: dialog.strip.text == "The values are from wsinfer.json.", timeout=30_000)
    shown = [dialog.fields[name].widget for name in ("mean", "std")]
    assert [each.text() for each in shown if isinstance(each, QLineEdit)] == ["0.1, 0.2, 0.3", "0.4, 0.5, 0.6"]


def test_a_file_that_is_no_model_is_named(process_context: PageContext, qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"PK\x03\x04")
    opened = OwnModelDialog(process_context.service, file)
    opened.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(opened)
    opened.show()
    qtbot.waitUntil(lambda: opened.strip.kind == "bad", timeout=30_000)
    assert "it is a zip archive, as PyTorch and TorchScript write; expected an ONNX file" in opened.strip.text


@pytest.mark.slow
def test_the_page_lists_a_model_with_its_state_and_removes_it(
    real_context: PageContext, qtbot: QtBot, tmp_path: Path
) -> None:
    add_model(written(tmp_path), title="Lab net")
    page = FeaturesPage(real_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    qtbot.waitUntil(lambda: "lab-net" in page.extractors.rows, timeout=60_000)
    row = page.extractors.rows["lab-net"]
    assert row.box.text() == "Lab net"
    assert row.box.isEnabled()
    assert row.state.text().startswith("unverified model, added by the user")
    assert not page.extractors.rows["colour-texture"].remove.isVisibleTo(page)
    qtbot.mouseClick(row.remove, Qt.MouseButton.LeftButton)
    (question,) = page.findChildren(Question)
    question.choose("remove")
    qtbot.waitUntil(lambda: "lab-net" not in page.extractors.rows, timeout=60_000)
    assert "lab-net" not in EXTRACTORS


def test_controls_that_were_made_before_offer_a_model_that_is_added(qtbot: QtBot, tmp_path: Path) -> None:
    setting = next(each for each in settings_in("training") if each.facts.kind == "extractor" and not each.facts.only)
    control = SettingControl(setting)
    choice = control.widget
    assert isinstance(choice, QComboBox)
    qtbot.addWidget(choice)
    control.show("colour-texture")
    add_model(written(tmp_path), title="Lab net")
    control.show("colour-texture")
    assert choice.currentData() == "colour-texture"
    assert choice.itemText(choice.findData("lab-net")) == "Lab net"
    control.show("lab-net")
    assert choice.currentText() == "Lab net"
    remove_model("lab-net")
    control.show("lab-net")
    assert choice.currentText() == "lab-net (missing)"
    control.show("colour-texture")
    assert choice.findData("lab-net") < 0


def test_a_project_names_the_model_that_is_not_on_this_computer(described_context: PageContext, qtbot: QtBot) -> None:
    model = described_context.model
    label = "Unverified model: Lab net (extractor lab-net, SHA-256 12ab) was added by the user."
    model.put_settings("features", FeatureSettings(extractors=("lab-net",)))
    model.store_result("features", model.key("features"), {"images": 150, "labels": [label]}, "features")
    page = FeaturesPage(described_context)
    qtbot.addWidget(page)
    page.show()
    page.enter()
    assert page.labels.text == label
    assert page.why_not().startswith("There is no extractor named 'lab-net'")
    assert page.why_not().endswith("add it again with `coreset model add` or on the Features page.")
    assert page.extractors.row("lab-net").text() == "lab-net (missing)"
