import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QFileDialog

from coreset_studio.desktop_app.widgets import plot_export
from coreset_studio.desktop_app.widgets.bar_rows import Bar, BarRow
from coreset_studio.desktop_app.widgets.bars import Bars
from coreset_studio.desktop_app.widgets.confusion_matrix import ConfusionMatrix
from coreset_studio.desktop_app.widgets.plot_export import PlotExportButton, as_csv, save_plot
from coreset_studio.desktop_app.widgets.scatter import Scatter


@pytest.fixture
def scatter(qtbot) -> Scatter:
    made = Scatter()
    qtbot.addWidget(made)
    made.resize(400, 300)
    rng = np.random.default_rng(0)
    made.set_points(rng.normal(size=(60, 2)), rng.integers(0, 2, 60), np.array([0, 1]), "component 1", "component 2")
    made.show()
    return made


def test_a_png_is_three_times_as_fine(scatter, tmp_path: Path) -> None:
    save_plot(scatter, tmp_path / "plot.png")
    image = QImage(str(tmp_path / "plot.png"))
    assert (image.width(), image.height()) == (1200, 900)
    colours = {image.pixel(x, y) for x in range(0, 1200, 7) for y in range(0, 900, 7)}
    assert len(colours) > 5


def test_an_svg_holds_shapes_not_an_image(scatter, tmp_path: Path) -> None:
    save_plot(scatter, tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert QSvgRenderer(str(tmp_path / "plot.svg")).isValid()
    assert text.count("<path") >= 60
    assert "<image" not in text
    assert "component 1" in text


def test_a_csv_holds_a_line_an_image(scatter, tmp_path: Path) -> None:
    save_plot(scatter, tmp_path / "plot.csv")
    with (tmp_path / "plot.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["component 1", "component 2", "cluster", "medoid"]
    assert len(rows) == 61
    assert rows[1][3] == "yes"
    assert float(rows[1][0]) == scatter._points[0, 0]


def test_bars_and_matrices_are_saved_too(qtbot, tmp_path: Path) -> None:
    bars, matrix = Bars("b", ("value",)), ConfusionMatrix()
    for widget in (bars, matrix):
        qtbot.addWidget(widget)
    bars.set_rows([BarRow("a", (Bar(2.0, "#0072b2", "2"),))])
    matrix.set_counts(("a", "b"), np.eye(2))
    for name, widget in (("bars", bars), ("matrix", matrix)):
        for suffix in ("png", "svg", "csv"):
            save_plot(widget, tmp_path / f"{name}.{suffix}")
            assert (tmp_path / f"{name}.{suffix}").stat().st_size > 10
    assert "name,value" in (tmp_path / "bars.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("suffix", ["png", "svg", "csv"])
def test_a_plot_that_is_not_drawn_leaves_the_file_as_it_was(scatter, tmp_path: Path, monkeypatch, suffix: str) -> None:
    file = tmp_path / f"plot.{suffix}"
    file.write_bytes(b"of before")

    def stopped(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(plot_export, "as_csv" if suffix == "csv" else "_draw", stopped)
    with pytest.raises(OSError, match="No space left"):
        save_plot(scatter, file)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [(file.name, b"of before")]


def test_text_is_safe_to_open_in_a_spreadsheet() -> None:
    assert as_csv((("class", "n"), [("=cmd()", -3), ("-a", 1.5), ("plain", 2)])) == (
        "class,n\n'=cmd(),-3\n'-a,1.5\nplain,2\n"
    )


def test_another_suffix_is_refused_with_a_sentence(scatter, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"saved as \.png, \.svg or \.csv"):
        save_plot(scatter, tmp_path / "plot.bmp")


def test_the_menu_asks_where_and_tells_how_it_went(qtbot, scatter, tmp_path: Path, monkeypatch) -> None:
    button = PlotExportButton(scatter)
    qtbot.addWidget(button)
    asked: list[str] = []

    def answer(_parent: object, _title: str, name: str, _kinds: str) -> tuple[str, str]:
        asked.append(name)
        return str(tmp_path / "chosen"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    actions = {action.text(): action for action in button.menu().actions()}
    with qtbot.waitSignal(button.saved) as signal:
        actions["Save data as CSV…"].trigger()
    assert asked == ["Images by cluster.csv"]
    assert signal.args == [str(tmp_path / "chosen.csv")]
    with qtbot.waitSignal(button.failed) as signal:
        button.save_to(tmp_path / "no" / "such" / "folder.csv")
    assert signal.args[0].startswith("The plot was not saved: ")
    with qtbot.waitSignal(button.failed):
        button.save_to(tmp_path / "no" / "such" / "folder.png")


def test_the_plot_is_copied(qtbot, scatter) -> None:
    button = PlotExportButton(scatter)
    qtbot.addWidget(button)
    next(action for action in button.menu().actions() if action.text() == "Copy image").trigger()
    assert QGuiApplication.clipboard().image().width() == 1200


COPY_AND_QUIT = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from coreset_studio.desktop_app.widgets.bars import Bars
from coreset_studio.desktop_app.widgets.plot_export import PlotExportButton
app = QApplication([])
plot = Bars("b", ("value",))
button = PlotExportButton(plot)
next(action for action in button.menu().actions() if action.text() == "Copy image").trigger()
QTimer.singleShot(0, app.quit)
app.exec()
print(app.clipboard().image().width() > 0)
sys.exit(0)
"""


@pytest.mark.slow
def test_the_program_quits_with_an_image_on_the_clipboard() -> None:
    done = subprocess.run([sys.executable, "-c", COPY_AND_QUIT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr


def test_nothing_is_written_where_the_question_is_cancelled(qtbot, scatter, monkeypatch) -> None:
    button = PlotExportButton(scatter)
    qtbot.addWidget(button)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    with qtbot.assertNotEmitted(button.saved):
        button.menu().actions()[0].trigger()
