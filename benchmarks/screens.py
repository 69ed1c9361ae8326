"""Screenshots of the window: every page empty, busy, full and in error, light and dark, in three sizes.

    xvfb-run -a -s "-screen 0 1920x1200x24" env QT_QPA_PLATFORM=xcb python -m benchmarks.screens out/screens [FOLDER]

Drives the real application with real engine processes: the demo, or the folder that is named, is worked through by
"Do everything" with short trainings, and each page is grabbed on the way. Nothing of the user's is touched: settings,
data and cache lie in a temporary folder. The screenshots are for looking at; nothing is asserted.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication, QWidget

from coreset_studio.core.settings import TrainingSettings
from coreset_studio.desktop_app import theme
from coreset_studio.desktop_app.application import Application, Options, make_qt_application
from coreset_studio.desktop_app.dialogs.everything_sheet import EverythingSheet
from coreset_studio.desktop_app.dialogs.weights_dialog import WeightsDialog
from coreset_studio.desktop_app.window_frame import EVERY, STAGES

SIZES = ((896, 600), (1280, 800), (1920, 1080))
THEMES: tuple[theme.Mode, ...] = ("light", "dark")
SHORT = TrainingSettings(epochs=2, min_steps=20, image_size=64)
SETTLED_S = 1.2
LONGEST_S = 1800.0


class Photographer:
    """Works through a study in the real window and takes screenshots.

    Parameters
    ----------
    out : Path
        Folder of the screenshots: ``STATE_PAGE_WIDTHxHEIGHT_THEME.png``.
    sizes : sequence of (width, height)
    """

    def __init__(self, out: Path, sizes: tuple[tuple[int, int], ...]) -> None:
        self.out, self.sizes = out, sizes
        self.app = make_qt_application(["coreset-studio"])
        out.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def application(self, path: Path | None = None, *, demo: bool = False) -> Iterator[Application]:
        """Open the window; close it without a question."""
        opened = Application(self.app, Options(path, demo))
        opened.start()
        self.turn(0.5)
        try:
            yield opened
        finally:
            opened.window.files.may_close.emit()
            opened.window.close()
            opened.close()

    def turn(self, seconds: float) -> None:
        """Let the window work for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            time.sleep(0.005)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Let the window work until `condition` holds."""
        end = time.monotonic() + LONGEST_S
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(what)
            self.turn(0.05)

    def take(self, window: QWidget, state: str, page: str, *, settle: float = SETTLED_S) -> None:
        """Grab the window in every size and theme."""
        for mode in THEMES:
            theme.apply(self.app, mode)
            for width, height in self.sizes:
                window.resize(width, height)
                self.turn(settle if mode == THEMES[0] else 0.3)
                window.grab().save(str(self.out / f"{state}_{page}_{width}x{height}_{mode}.png"))
        print(f"{state} {page}", flush=True)

    def empty_and_in_error(self, folder: Path | None) -> None:
        """Take the start page, the pages with nothing computed, and a folder that is gone."""
        with self.application(folder, demo=folder is None) as opened:
            window, model = opened.window, opened.context.model
            self.wait(lambda: model.state("dataset") == "done", "scan")
            for stage in EVERY:
                window.go_to_stage(stage)
                self.wait(lambda: not window.watch.is_running, "look")
                self.take(window, "empty", stage)
        with tempfile.TemporaryDirectory() as place, self.application() as opened:
            window = opened.window
            self.take(window, "empty", "start")
            window.helpers.show_weights()
            weights = window.findChild(WeightsDialog)
            assert weights is not None
            self.wait(lambda: bool(weights.rows), "weights")
            for mode in THEMES:
                theme.apply(self.app, mode)
                self.turn(0.3)
                weights.grab().save(str(self.out / f"full_weights_{mode}.png"))
            weights.close()
            gone = Path(place) / "gone"
            gone.mkdir()
            opened.window.files.open_path(gone)
            self.wait(lambda: opened.context.model.project.source is not None, "open")
            gone.rmdir()
            opened.context.messages.error("The images could not be read.")
            for stage in EVERY:
                window.go_to_stage(stage)
                self.take(window, "error", stage, settle=0.5)

    def full(self, folder: Path | None, until: str) -> None:
        """Do everything, and take each page while it works and when it is done."""
        with self.application(folder, demo=folder is None) as opened:
            window, model = opened.window, opened.context.model
            window.resize(1280, 800)
            self.wait(lambda: model.state("dataset") == "done", "scan")
            model.put_settings("training", SHORT)
            window.menus.actions["run_all"].trigger()
            self.wait(lambda: window.findChild(EverythingSheet) is not None, "what there is to do")
            sheet = window.findChild(EverythingSheet)
            assert sheet is not None
            self.turn(1.0)
            for mode in THEMES:
                theme.apply(self.app, mode)
                self.turn(0.3)
                sheet.grab().save(str(self.out / f"full_sheet_{mode}.png"))
            sheet.accept()
            for stage in STAGES[: STAGES.index(until) + 1]:
                self.wait(lambda stage=stage: model.state(stage) in ("running", "done"), stage)  # type: ignore[misc]
                self.turn(3.0 if stage == "compare" else 0.8)
                if model.state(stage) == "running":
                    self.take(window, "busy", stage, settle=0.1)
            self.wait(lambda: model.state(until) == "done", "everything")
            self.turn(1.0)
            for stage in EVERY:
                window.go_to_stage(stage)
                self.wait(lambda: not window.watch.is_running, "restore")
                if stage == "review":
                    window.page(stage).try_run()
                    self.take(window, "busy", stage, settle=0.1)
                    self.wait(lambda: not window.watch.is_running, "label errors")
                self.turn(1.0)
                self.take(window, "full", stage)


def main() -> int:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", help="images; default: the demo")
    parser.add_argument("--until", default="compare", choices=STAGES, help="the last step that is run")
    parser.add_argument("--quick", action="store_true", help="one size")
    parser.add_argument("--weights", type=Path, help="folder of weights that are to be there")
    parser.add_argument("--only", choices=("empty", "full"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        os.environ |= {"HOME": place, "XDG_CONFIG_HOME": place, "XDG_DATA_HOME": place}
        os.environ |= {"CORESET_CACHE": f"{place}/cache", "CORESET_DATA": f"{place}/data"}
        if arguments.weights is not None:
            Path(place, "data").mkdir()
            Path(place, "data", "weights").symlink_to(arguments.weights.resolve())
        photographer = Photographer(arguments.out, SIZES[1:2] if arguments.quick else SIZES)
        if arguments.only != "full":
            photographer.empty_and_in_error(arguments.folder)
        if arguments.only != "empty":
            photographer.full(arguments.folder, arguments.until)
        QApplication.instance().quit()  # type: ignore[union-attr]
    return 0


if __name__ == "__main__":
    sys.exit(main())
